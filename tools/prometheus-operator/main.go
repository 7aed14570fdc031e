// Reads objects of the Prometheus operator with the operator's own types, and refuses fields that these do not have: their definitions are
// installed in no cluster of the tests.
package main

import (
	"bytes"
	"fmt"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	fault := false
	for _, path := range os.Args[1:] {
		text, err := os.ReadFile(path)
		if err == nil {
			err = check(text)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			fault = true
		}
	}
	if fault {
		os.Exit(1)
	}
}

// check reads every document of a file.
func check(text []byte) error {
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var head struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal(document, &head); err != nil {
			return err
		}
		var object any
		switch head.Kind {
		case "ServiceMonitor":
			object = &monitoring.ServiceMonitor{}
		case "PrometheusRule":
			object = &monitoring.PrometheusRule{}
		default:
			return fmt.Errorf("kind %q is not one of the Prometheus operator that is known here", head.Kind)
		}
		if err := yaml.UnmarshalStrict(document, object); err != nil {
			return fmt.Errorf("%s: %w", head.Kind, err)
		}
	}
	return nil
}
