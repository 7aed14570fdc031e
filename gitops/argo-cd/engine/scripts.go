package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	applicationpkg "github.com/argoproj/argo-cd/v3/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/gitops-engine/pkg/diff"
	"github.com/argoproj/gitops-engine/pkg/health"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// requestedAt is the annotation whose value is the time of the action.
const requestedAt = "cloud.tencent.com/reconcile-requested-at"

// healthTests is a health_test.yaml file, as Argo CD's repository has them.
type healthTests struct {
	Tests []struct {
		InputPath    string              `json:"inputPath"`
		HealthStatus health.HealthStatus `json:"healthStatus"`
	} `json:"tests"`
}

// actionTests is an action_test.yaml file, as Argo CD's repository has them.
type actionTests struct {
	DiscoveryTests []struct {
		InputPath string                    `json:"inputPath"`
		Result    []v1alpha1.ResourceAction `json:"result"`
	} `json:"discoveryTests"`
	ActionTests []struct {
		Action             string `json:"action"`
		InputPath          string `json:"inputPath"`
		ExpectedOutputPath string `json:"expectedOutputPath"`
	} `json:"actionTests"`
}

// runner runs the tests of a folder. The scripts are those of the overrides, run with the libraries that these get.
type runner struct {
	vm     lua.VM
	failed []error
}

// testFolder prints a line for every test that holds, and fails when one does not.
func testFolder(overrides map[string]v1alpha1.ResourceOverride, root string) error {
	r := &runner{vm: lua.VM{ResourceOverrides: overrides}}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch entry.Name() {
		case "health_test.yaml":
			return r.healthTests(path)
		case "action_test.yaml":
			return r.actionTests(path)
		}
		return nil
	})
	return errors.Join(err, errors.Join(r.failed...))
}

func (r *runner) check(what, path string, err error) {
	if err != nil {
		r.failed = append(r.failed, fmt.Errorf("%s of %s: %w", what, path, err))
		return
	}
	fmt.Println("ok:", what, "of", path)
}

func (r *runner) healthTests(path string) error {
	var tests healthTests
	if err := readStrict(path, &tests); err != nil {
		return err
	}
	for _, test := range tests.Tests {
		input := filepath.Join(filepath.Dir(path), test.InputPath)
		r.check("health", input, r.healthTest(input, test.HealthStatus))
	}
	return nil
}

func (r *runner) healthTest(input string, expected health.HealthStatus) error {
	object, err := readObject(input)
	if err != nil {
		return err
	}
	script, useOpenLibs, err := r.vm.GetHealthScript(object)
	if err != nil {
		return err
	}
	if useOpenLibs || script == "" {
		return fmt.Errorf("script %q, open libraries: %t", script, useOpenLibs)
	}
	found, err := r.vm.ExecuteHealthLua(object, script)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(*found, expected) {
		return fmt.Errorf("found %+v, expected %+v", *found, expected)
	}
	return nil
}

func (r *runner) actionTests(path string) error {
	var tests actionTests
	if err := readStrict(path, &tests); err != nil {
		return err
	}
	for _, test := range tests.DiscoveryTests {
		input := filepath.Join(filepath.Dir(path), test.InputPath)
		r.check("discovery", input, r.discoveryTest(input, test.Result))
	}
	for _, test := range tests.ActionTests {
		input := filepath.Join(filepath.Dir(path), test.InputPath)
		expected := filepath.Join(filepath.Dir(path), test.ExpectedOutputPath)
		r.check(test.Action, input, r.actionTest(test.Action, input, expected))
	}
	return nil
}

func (r *runner) discoveryTest(input string, expected []v1alpha1.ResourceAction) error {
	object, err := readObject(input)
	if err != nil {
		return err
	}
	scripts, err := r.vm.GetResourceActionDiscovery(object)
	if err != nil {
		return err
	}
	found, err := r.vm.ExecuteResourceActionDiscovery(object, scripts)
	if err != nil {
		return err
	}
	byName := func(a, b v1alpha1.ResourceAction) int { return len(a.Name) - len(b.Name) }
	slices.SortFunc(found, byName)
	slices.SortFunc(expected, byName)
	if !reflect.DeepEqual(found, expected) {
		return fmt.Errorf("found %+v, expected %+v", found, expected)
	}
	return nil
}

func (r *runner) actionTest(name, input, output string) error {
	object, err := readObject(input)
	if err != nil {
		return err
	}
	expected, err := readObject(output)
	if err != nil {
		return err
	}
	action, err := r.vm.GetResourceAction(object, name)
	if err != nil {
		return err
	}
	impacted, err := r.vm.ExecuteResourceAction(object, action.ActionLua, []*applicationpkg.ResourceActionParameters{})
	if err != nil {
		return err
	}
	if len(impacted) != 1 || impacted[0].K8SOperation != lua.PatchOperation {
		return fmt.Errorf("it is not one patch: %+v", impacted)
	}
	found := impacted[0].UnstructuredObj
	if err := settleTime(object, found); err != nil {
		return err
	}
	// A comparison of the values would see Lua's numbers, which are all floating.
	difference, err := diff.Diff(expected, found)
	if err != nil {
		return err
	}
	if difference.Modified {
		return fmt.Errorf("found\n%s\nexpected\n%s", difference.NormalizedLive, difference.PredictedLive)
	}
	return nil
}

// settleTime replaces a request made just now by the one that the expected file has.
func settleTime(before, after *unstructured.Unstructured) error {
	annotations := after.GetAnnotations()
	asked := annotations[requestedAt]
	if asked == before.GetAnnotations()[requestedAt] {
		return nil
	}
	at, err := time.Parse(time.RFC3339, asked)
	if err != nil {
		return err
	}
	if time.Since(at).Abs() > time.Minute {
		return fmt.Errorf("it asks at %s, and it is %s", at, time.Now())
	}
	annotations[requestedAt] = "0001-01-01T00:00:00Z"
	after.SetAnnotations(annotations)
	return nil
}

func readObject(path string) (*unstructured.Unstructured, error) {
	object := map[string]any{}
	return &unstructured.Unstructured{Object: object}, readStrict(path, &object)
}

func readStrict(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
