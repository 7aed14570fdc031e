package main

import (
	"context"
	"reflect"

	v1 "k8s.io/api/core/v1"
	clientset "k8s.io/client-go/kubernetes"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/kubelet"
)

// sendEvents makes a kubelet tell the API server what happens to its Pods, so that `kubectl describe` explains them.
//
// It is made with a recorder that drops everything, because with another one it would read the log of the machine's
// kernel, which is not for everybody to read. The parts that say something about Pods get the real recorder here.
func sendEvents(ctx context.Context, k *kubelet.Kubelet, client clientset.Interface, nodeName string) error {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typed.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(legacyscheme.Scheme, v1.EventSource{Component: "kubelet", Host: nodeName})
	for _, path := range [][]string{
		{"recorder"},
		{"containerRuntime", "recorder"},
		{"probeManager", "prober", "recorder"},
	} {
		used, err := field[record.EventRecorderLogger](reflect.ValueOf(k), path...)
		if err != nil {
			return err
		}
		*used = recorder
	}
	return nil
}
