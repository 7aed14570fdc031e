package main

import (
	"context"
	"reflect"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
	"k8s.io/kubernetes/pkg/kubelet"
	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
	"k8s.io/kubernetes/pkg/kubelet/status"
	utilpod "k8s.io/kubernetes/pkg/util/pod"
)

// orderStatuses makes a kubelet say that a sandbox is ready before it starts containers in it.
//
// The kubelet's own way is a goroutine beside the start: it reads the status of the Pod, changes one condition and
// writes all of it back. Containers here run within a millisecond, so the status of the running Pod may be written in
// between and be lost. The Pod then counts as Pending until the kubelet looks at it again, 60 to 90 s later. That way
// came with https://github.com/kubernetes/kubernetes/pull/134660, and its feature gate is locked.
func orderStatuses(k *kubelet.Kubelet) error {
	self := reflect.ValueOf(k)
	statuses, err := field[status.Manager](self, "statusManager")
	if err != nil {
		return err
	}
	helper, err := field[kubecontainer.RuntimeHelper](self, "containerRuntime", "runtimeHelper")
	if err != nil {
		return err
	}
	*helper = orderedHelper{RuntimeHelper: *helper, statuses: *statuses}
	return nil
}

// orderedHelper is what the kubelet's side of the runtime asks of the rest of the kubelet.
type orderedHelper struct {
	kubecontainer.RuntimeHelper
	statuses status.Manager
}

// OnPodSandboxReady implements kubecontainer.RuntimeHelper: as the kubelet does, but done when this returns.
func (h orderedHelper) OnPodSandboxReady(ctx context.Context, pod *v1.Pod) error {
	found, ok := h.statuses.GetPodStatus(pod.UID)
	if !ok {
		found = pod.Status
	}
	const ready = v1.PodReadyToStartContainers
	changed := found.DeepCopy()
	changed.Conditions = utilpod.ReplaceOrAppendPodCondition(changed.Conditions, &v1.PodCondition{
		Type:               ready,
		Status:             v1.ConditionTrue,
		ObservedGeneration: podutil.CalculatePodConditionObservedGeneration(changed, pod.Generation, ready),
	})
	h.statuses.SetPodStatus(klog.FromContext(ctx), pod, *changed)
	return nil
}
