package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kubernetes/pkg/kubelet"
	"k8s.io/kubernetes/pkg/kubelet/status"
	kubetypes "k8s.io/kubernetes/pkg/kubelet/types"
	httpprobe "k8s.io/kubernetes/pkg/probe/http"
)

// dialTwins makes a kubelet dial the loopback twin of a Pod where it would dial the Pod: in probes and in the HTTP hooks
// of containers.
//
// The kubelet offers no other way to do this and keep its real prober, whose results reach the status and the restart
// of containers through parts that are private. So private fields are replaced here, by name, before it runs. The
// Kubernetes version is pinned; a field that is gone is an error at start.
func dialTwins(k *kubelet.Kubelet) error {
	self := reflect.ValueOf(k)
	statuses, err := field[status.Manager](self, "probeManager", "statusManager")
	if err != nil {
		return err
	}
	*statuses = twinStatuses{*statuses}
	hooks, err := field[kubetypes.HTTPDoer](self, "containerRuntime", "runner", "httpDoer")
	if err != nil {
		return err
	}
	*hooks = hookClient()
	return nil
}

// nodeStatusSetter fills in one part of the status of a Node.
type nodeStatusSetter = func(context.Context, *v1.Node) error

// claimAddress makes a kubelet report an address that no interface of the machine has. The setter that it replaces would
// refuse such an address, and without one would ask the DNS for the node's name.
func claimAddress(k *kubelet.Kubelet, address, hostname string) error {
	setters, err := field[[]nodeStatusSetter](reflect.ValueOf(k), "setNodeStatusFuncs")
	if err != nil {
		return err
	}
	index := slices.IndexFunc(*setters, func(setter nodeStatusSetter) bool {
		return strings.Contains(runtime.FuncForPC(reflect.ValueOf(setter).Pointer()).Name(), "nodestatus.NodeAddress")
	})
	if index < 0 {
		return errors.New("the kubelet does not set the address of its node: this Kubernetes version needs another way")
	}
	(*setters)[index] = func(_ context.Context, node *v1.Node) error {
		node.Status.Addresses = []v1.NodeAddress{
			{Type: v1.NodeInternalIP, Address: address},
			{Type: v1.NodeHostName, Address: hostname},
		}
		return nil
	}
	return nil
}

// field returns a pointer to a private field, found by following the names from a pointer to a struct.
func field[T any](from reflect.Value, names ...string) (*T, error) {
	for _, name := range names {
		for from.Kind() == reflect.Interface || from.Kind() == reflect.Pointer {
			from = from.Elem()
		}
		if from.Kind() != reflect.Struct || !from.FieldByName(name).IsValid() {
			return nil, fmt.Errorf("%s has no field %q: this Kubernetes version needs another way", from.Type(), name)
		}
		from = from.FieldByName(name)
		from = reflect.NewAt(from.Type(), unsafe.Pointer(from.UnsafeAddr())).Elem()
	}
	pointer, ok := from.Addr().Interface().(*T)
	if !ok {
		return nil, fmt.Errorf("field %q is a %s", names[len(names)-1], from.Type())
	}
	return pointer, nil
}

// twinStatuses are the statuses of Pods as the prober sees them: with the address that it can dial.
type twinStatuses struct{ status.Manager }

// GetPodStatus implements status.Manager.
func (s twinStatuses) GetPodStatus(uid types.UID) (v1.PodStatus, bool) {
	found, ok := s.Manager.GetPodStatus(uid)
	found.PodIP = twin(found.PodIP)
	return found, ok
}

// hookClient sends the HTTP requests of postStart and preStop hooks.
func hookClient() *http.Client {
	dialer := &net.Dialer{}
	return &http.Client{
		Transport: &http.Transport{
			// As the kubelet's own: it cannot know the certificate of a container.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, twin(address))
			},
		},
		CheckRedirect: httpprobe.RedirectChecker(false),
	}
}
