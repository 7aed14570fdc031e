package main

import (
	"context"
	"fmt"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/gitops-engine/pkg/health"
	kustomize "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/runtime/cel"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// verdict is what the tools say of one object.
type verdict struct {
	// Health is empty when Argo CD knows no health of the kind.
	Health        string `json:"health"`
	HealthMessage string `json:"healthMessage"`
	Kstatus       string `json:"kstatus"`
	// Custom is empty for kinds without expressions.
	Custom string `json:"custom"`
	// FluxFailures and FluxWarnings are empty when the conditions meet all of Flux' rules.
	FluxFailures string `json:"fluxFailures"`
	FluxWarnings string `json:"fluxWarnings"`
}

// judge asks the tools.
type judge struct {
	overrides map[string]v1alpha1.ResourceOverride
	// custom has an evaluator of a Kustomization's healthCheckExprs for each "apiVersion kind".
	custom map[string]*cel.StatusEvaluator
}

func newJudge(argocdCm, kustomization string) (*judge, error) {
	overrides, err := readOverrides(argocdCm)
	if err != nil {
		return nil, err
	}
	var flux kustomize.Kustomization
	if err := readStrict(kustomization, &flux); err != nil {
		return nil, err
	}
	custom := map[string]*cel.StatusEvaluator{}
	for _, check := range flux.Spec.HealthCheckExprs {
		evaluator, err := cel.NewStatusEvaluator(&check.HealthCheckExpressions)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kustomization, err)
		}
		custom[check.APIVersion+" "+check.Kind] = evaluator
	}
	return &judge{overrides: overrides, custom: custom}, nil
}

func (j *judge) verdict(line []byte) (any, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(line); err != nil {
		return nil, err
	}
	var said verdict
	if evaluator, ok := j.custom[object.GetAPIVersion()+" "+object.GetKind()]; ok {
		result, err := evaluator.Evaluate(context.Background(), object)
		if err != nil {
			return nil, err
		}
		said.Custom = result.Status.String()
	}
	healthStatus, err := health.GetResourceHealth(object, lua.ResourceHealthOverrides(j.overrides))
	if err != nil {
		return nil, err
	}
	if healthStatus != nil {
		said.Health, said.HealthMessage = string(healthStatus.Status), healthStatus.Message
	}
	computed, err := kstatus.Compute(object)
	if err != nil {
		return nil, err
	}
	said.Kstatus = computed.Status.String()
	failures, warnings := fluxRules(object)
	if failures != nil {
		said.FluxFailures = failures.Error()
	}
	if warnings != nil {
		said.FluxWarnings = warnings.Error()
	}
	return said, nil
}

// fluxRules judges the conditions. A status whose Ready is Unknown is one of work under way, for which Flux has rules of its own.
func fluxRules(object *unstructured.Unstructured) (failures, warnings error) {
	getter := conditions.UnstructuredGetter(object)
	checker := check.NewChecker(nil, &check.Conditions{
		NegativePolarity: []string{"Stalled", "Reconciling"},
		PositivePolarity: []string{"Ready"},
	})
	if conditions.IsUnknown(getter, "Ready") {
		checker = check.NewInProgressChecker(nil)
	}
	checker.DisableFetch = true
	return checker.Check(context.Background(), getter)
}
