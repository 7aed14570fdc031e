package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/argo/diff"
	"github.com/argoproj/argo-cd/v3/util/argo/normalizers"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// question is one object in Git and in the cluster.
type question struct {
	Desired map[string]any `json:"desired"`
	Live    map[string]any `json:"live"`
	// Predicted is what the API server would make of a server-side apply. Without it the diff is made on the client's side.
	Predicted json.RawMessage `json:"predicted"`
}

// answer is what Argo CD would show.
type answer struct {
	Modified  bool            `json:"modified"`
	Live      json.RawMessage `json:"live"`
	Predicted json.RawMessage `json:"predicted"`
}

// recorded stands for the API server: its answer was asked for before.
type recorded string

func (r recorded) Run(context.Context, *unstructured.Unstructured, string) (string, error) {
	return string(r), nil
}

func difference(overrides map[string]v1alpha1.ResourceOverride, line []byte) (any, error) {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return nil, err
	}
	isServerSide := len(asked.Predicted) > 0
	builder := diff.NewDiffConfigBuilder().
		WithDiffSettings(nil, overrides, true, normalizers.IgnoreNormalizerOpts{}).
		WithTracking("app.kubernetes.io/instance", string(v1alpha1.TrackingMethodAnnotation)).
		WithNoCache().
		WithManager("argocd-controller").
		WithServerSideDiff(isServerSide)
	if isServerSide {
		// Stricter than the default: what admission changes counts too.
		builder = builder.WithServerSideDryRunner(recorded(asked.Predicted)).WithIgnoreMutationWebhook(false)
	}
	config, err := builder.Build()
	if err != nil {
		return nil, err
	}
	live, desired := &unstructured.Unstructured{Object: asked.Live}, &unstructured.Unstructured{Object: asked.Desired}
	found, err := diff.StateDiff(live, desired, config)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", desired.GetKind(), desired.GetName(), err)
	}
	return answer{Modified: found.Modified, Live: found.NormalizedLive, Predicted: found.PredictedLive}, nil
}
