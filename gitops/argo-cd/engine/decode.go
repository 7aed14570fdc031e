package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	kustomize "github.com/fluxcd/kustomize-controller/api/v1"
	notification "github.com/fluxcd/notification-controller/api/v1beta3"
	source "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// kinds makes an empty object of each kind that is known here.
var kinds = map[string]func() any{
	"argoproj.io/v1alpha1 Application":             func() any { return &v1alpha1.Application{} },
	"kustomize.toolkit.fluxcd.io/v1 Kustomization": func() any { return &kustomize.Kustomization{} },
	"notification.toolkit.fluxcd.io/v1beta3 Alert": func() any { return &notification.Alert{} },
	"source.toolkit.fluxcd.io/v1 GitRepository":    func() any { return &source.GitRepository{} },
	"source.toolkit.fluxcd.io/v1 HelmRepository":   func() any { return &source.HelmRepository{} },
	"source.toolkit.fluxcd.io/v1 OCIRepository":    func() any { return &source.OCIRepository{} },
}

// decode reads documents strictly into the tools' own types, and prints the kind and name of each.
func decode(in io.Reader, out io.Writer) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var head metav1.PartialObjectMetadata
		if err := yaml.Unmarshal(document, &head); err != nil {
			return err
		}
		if head.Kind == "" {
			continue
		}
		kind := head.APIVersion + " " + head.Kind
		empty, ok := kinds[kind]
		if !ok {
			return fmt.Errorf("%s %s: not a kind that is known here", kind, head.Name)
		}
		if err := yaml.UnmarshalStrict(document, empty()); err != nil {
			return fmt.Errorf("%s %s: %w", kind, head.Name, err)
		}
		fmt.Fprintln(out, head.Kind, head.Name)
	}
}
