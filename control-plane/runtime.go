package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	v1 "k8s.io/api/core/v1"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	apitest "k8s.io/cri-api/pkg/apis/testing"
)

const (
	runtimeName    = "loopback"
	runtimeVersion = "1.0.0"
	// The only one that the kubelet takes.
	runtimeAPIVersion = "0.1.0"
)

// loopbackRuntime is a container runtime (CRI) without containers. A sandbox is an address, a container is a set of
// servers on the loopback twin of that address. The calls that no Pod here needs are left to the embedded fake.
type loopbackRuntime struct {
	*apitest.FakeRuntimeService
	nodeName  string
	addresses *addressPool
	// pods finds a Pod as the API server has it now. It is set before the kubelet runs.
	pods func(namespace, name string) (*v1.Pod, bool)

	mu         sync.Mutex
	sandboxes  map[string]*sandbox
	containers map[string]*container
}

var _ internalapi.RuntimeService = &loopbackRuntime{}

// sandbox is the network of a Pod.
type sandbox struct {
	status runtimeapi.PodSandboxStatus
	// address is what the containers listen on (its twin). Empty once it was given back.
	address string
	pod     *podView
}

func newRuntime(addresses *addressPool, nodeName string) *loopbackRuntime {
	return &loopbackRuntime{
		FakeRuntimeService: apitest.NewFakeRuntimeService(),
		nodeName:           nodeName,
		addresses:          addresses,
		sandboxes:          map[string]*sandbox{},
		containers:         map[string]*container{},
	}
}

// newID returns an identifier in the form that container runtimes use.
func newID() string {
	var bytes [32]byte
	_, _ = rand.Read(bytes[:]) // never fails, see its documentation
	return hex.EncodeToString(bytes[:])
}

func notFound(what, id string) error {
	return status.Errorf(codes.NotFound, "%s %s not found", what, id)
}

// Version implements cri.RuntimeService.
func (r *loopbackRuntime) Version(context.Context, string) (*runtimeapi.VersionResponse, error) {
	return &runtimeapi.VersionResponse{
		Version: runtimeAPIVersion, RuntimeName: runtimeName, RuntimeVersion: runtimeVersion, RuntimeApiVersion: "v1",
	}, nil
}

// Status implements cri.RuntimeService.
func (r *loopbackRuntime) Status(context.Context, bool) (*runtimeapi.StatusResponse, error) {
	return &runtimeapi.StatusResponse{Status: &runtimeapi.RuntimeStatus{Conditions: []*runtimeapi.RuntimeCondition{
		{Type: runtimeapi.RuntimeReady, Status: true},
		{Type: runtimeapi.NetworkReady, Status: true},
	}}}, nil
}

// RunPodSandbox implements cri.RuntimeService: a Pod gets its address here, before any of its containers exists.
func (r *loopbackRuntime) RunPodSandbox(_ context.Context, c *runtimeapi.PodSandboxConfig, handler string) (string, error) {
	s := &sandbox{pod: r.viewOf(c.Metadata), status: runtimeapi.PodSandboxStatus{
		Id:             newID(),
		Metadata:       c.Metadata,
		State:          runtimeapi.PodSandboxState_SANDBOX_READY,
		CreatedAt:      time.Now().UnixNano(),
		Network:        &runtimeapi.PodSandboxNetworkStatus{},
		Labels:         c.Labels,
		Annotations:    c.Annotations,
		RuntimeHandler: handler,
	}}
	options := c.GetLinux().GetSecurityContext().GetNamespaceOptions()
	s.status.Linux = &runtimeapi.LinuxPodSandboxStatus{Namespaces: &runtimeapi.Namespace{Options: options}}
	if options.GetNetwork() == runtimeapi.NamespaceMode_NODE {
		// No address of its own: the kubelet reports that of the node.
		s.address = nodeAddress(r.addresses.subnet)
	} else {
		asked := s.pod.behaviour()
		address, err := r.addresses.take(asked.address)
		if err != nil {
			return "", err
		}
		s.address, s.status.Network.Ip = address, address
		if asked.ipv6 {
			s.status.Network.AdditionalIps = []*runtimeapi.PodIP{{Ip: ipv6(address)}}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sandboxes[s.status.Id] = s
	return s.status.Id, nil
}

// StopPodSandbox implements cri.RuntimeService: what still runs is killed, and the address is free again.
func (r *loopbackRuntime) StopPodSandbox(_ context.Context, id string) error {
	r.mu.Lock()
	s, ok := r.sandboxes[id]
	if !ok {
		r.mu.Unlock()
		return nil
	}
	var running []*container
	for _, c := range r.containers {
		if c.sandbox == s {
			running = append(running, c)
		}
	}
	r.mu.Unlock()
	for _, c := range running {
		c.stop(0)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.status.State = runtimeapi.PodSandboxState_SANDBOX_NOTREADY
	if s.status.Network.Ip != "" && s.address != "" {
		r.addresses.giveBack(s.address)
	}
	s.address = ""
	return nil
}

// RemovePodSandbox implements cri.RuntimeService.
func (r *loopbackRuntime) RemovePodSandbox(ctx context.Context, id string) error {
	if err := r.StopPodSandbox(ctx, id); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.containers, func(_ string, c *container) bool { return c.sandbox.status.Id == id })
	delete(r.sandboxes, id)
	return nil
}

// PodSandboxStatus implements cri.RuntimeService.
func (r *loopbackRuntime) PodSandboxStatus(_ context.Context, id string, _ bool) (*runtimeapi.PodSandboxStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.sandboxes[id]
	if !ok {
		return nil, notFound("sandbox", id)
	}
	copied := &runtimeapi.PodSandboxStatus{
		Id: s.status.Id, Metadata: s.status.Metadata, State: s.status.State, CreatedAt: s.status.CreatedAt,
		Network: s.status.Network, Linux: s.status.Linux, Labels: s.status.Labels, Annotations: s.status.Annotations,
		RuntimeHandler: s.status.RuntimeHandler,
	}
	return &runtimeapi.PodSandboxStatusResponse{Status: copied}, nil
}

// ListPodSandbox implements cri.RuntimeService.
func (r *loopbackRuntime) ListPodSandbox(_ context.Context, filter *runtimeapi.PodSandboxFilter) ([]*runtimeapi.PodSandbox, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*runtimeapi.PodSandbox
	for id, s := range r.sandboxes {
		if filter.GetId() != "" && filter.GetId() != id ||
			filter.GetState() != nil && filter.GetState().State != s.status.State ||
			!hasLabels(s.status.Labels, filter.GetLabelSelector()) {
			continue
		}
		found = append(found, &runtimeapi.PodSandbox{
			Id: id, Metadata: s.status.Metadata, State: s.status.State, CreatedAt: s.status.CreatedAt,
			Labels: s.status.Labels, Annotations: s.status.Annotations, RuntimeHandler: s.status.RuntimeHandler,
		})
	}
	return found, nil
}

func hasLabels(labels, wanted map[string]string) bool {
	for key, value := range wanted {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// killAll ends every container, for the end of the node.
func (r *loopbackRuntime) killAll() {
	r.mu.Lock()
	all := slices.Collect(maps.Values(r.containers))
	r.mu.Unlock()
	for _, c := range all {
		c.stop(0)
	}
}

// viewOf returns the Pod of a sandbox.
func (r *loopbackRuntime) viewOf(metadata *runtimeapi.PodSandboxMetadata) *podView {
	return &podView{runtime: r, namespace: metadata.Namespace, name: metadata.Name, uid: metadata.Uid}
}

// podView is a Pod as it is now: annotations may be changed while its containers run.
type podView struct {
	runtime              *loopbackRuntime
	namespace, name, uid string

	mu   sync.Mutex
	last *v1.Pod
}

// current returns the Pod as the API server has it, or as it was when last seen, or an empty one.
func (p *podView) current() *v1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found, ok := p.runtime.pods(p.namespace, p.name); ok && string(found.UID) == p.uid {
		p.last = found
	}
	if p.last == nil {
		return &v1.Pod{}
	}
	return p.last
}

// behaviour returns what the annotations ask for now.
func (p *podView) behaviour() behaviour {
	return behaviourOf(p.current())
}

func (p *podView) String() string {
	return fmt.Sprintf("%s/%s", p.namespace, p.name)
}
