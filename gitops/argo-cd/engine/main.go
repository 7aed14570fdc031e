// Engine runs health checks, resource actions and diffs by Argo CD's own code, and computes what kstatus and Flux' condition
// checks say of the same objects. Tests of this project build and feed it; it talks to no cluster.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

const usage = `usage:
  engine test ARGOCD_CM FOLDER   run the health_test.yaml and action_test.yaml files below FOLDER
  engine judge ARGOCD_CM KUSTOMIZATION
                                 one object as JSON per line in, one verdict per line out
  engine diff ARGOCD_CM          one {"desired", "live", "predicted"} per line in, one {"modified", …} per line out
  engine decode                  YAML documents in; fails for what Argo CD's or Flux' own types do not know`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 3 && arguments[0] == "test":
		overrides, err := readOverrides(arguments[1])
		if err != nil {
			return err
		}
		return testFolder(overrides, arguments[2])
	case len(arguments) == 3 && arguments[0] == "judge":
		judge, err := newJudge(arguments[1], arguments[2])
		if err != nil {
			return err
		}
		return eachLine(os.Stdin, os.Stdout, judge.verdict)
	case len(arguments) == 2 && arguments[0] == "diff":
		overrides, err := readOverrides(arguments[1])
		if err != nil {
			return err
		}
		return eachLine(os.Stdin, os.Stdout, func(line []byte) (any, error) { return difference(overrides, line) })
	case len(arguments) == 1 && arguments[0] == "decode":
		return decode(os.Stdin, os.Stdout)
	default:
		return fmt.Errorf("%s", usage)
	}
}

// eachLine answers every line with one line.
func eachLine(in io.Reader, out io.Writer, answer func([]byte) (any, error)) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	encoder := json.NewEncoder(out)
	for number := 1; lines.Scan(); number++ {
		result, err := answer(lines.Bytes())
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if err := encoder.Encode(result); err != nil {
			return err
		}
	}
	return lines.Err()
}
