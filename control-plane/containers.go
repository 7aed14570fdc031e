package main

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Exit codes as a shell reports them.
const (
	exitOK      = 0
	exitError   = 1
	exitKilled  = 137
	exitMissing = 127
)

// container is one container as the runtime reports it. The fields of its status are guarded by the runtime's lock.
type container struct {
	runtime *loopbackRuntime
	sandbox *sandbox
	config  *runtimeapi.ContainerConfig
	id      string
	created time.Time
	state   runtimeapi.ContainerState
	started time.Time
	ended   time.Time
	exit    exit
	// process is what runs; nil before the start.
	process *process
}

// exit says how a container ended.
type exit struct {
	code    int32
	reason  string
	message string
}

// CreateContainer implements cri.RuntimeService.
func (r *loopbackRuntime) CreateContainer(_ context.Context, sandboxID string, c *runtimeapi.ContainerConfig, _ *runtimeapi.PodSandboxConfig) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.sandboxes[sandboxID]
	if !ok {
		return "", notFound("sandbox", sandboxID)
	}
	created := &container{
		runtime: r, sandbox: s, config: c, id: newID(), created: time.Now(), state: runtimeapi.ContainerState_CONTAINER_CREATED,
	}
	r.containers[created.id] = created
	return created.id, nil
}

// StartContainer implements cri.RuntimeService. A container that serves at once (no start delay) listens when this
// returns, so that "running" and "can be connected to" are the same; that it cannot listen is the error. Init containers
// have nothing to do and succeed.
func (r *loopbackRuntime) StartContainer(_ context.Context, id string) error {
	r.mu.Lock()
	c, ok := r.containers[id]
	if !ok {
		r.mu.Unlock()
		return notFound("container", id)
	}
	pod, address := c.sandbox.pod, c.sandbox.address
	r.mu.Unlock()
	spec, initial := specOf(pod.current(), c.config.Metadata.Name)
	if initial {
		c.begin(nil)
		c.finish(exit{code: exitOK, reason: "Completed"})
		return nil
	}
	p, err := newProcess(pod, spec, address, r.nodeName)
	if err != nil {
		return err
	}
	c.begin(p)
	p.start(c.finish)
	return nil
}

// begin records that the container runs.
func (c *container) begin(p *process) {
	c.runtime.mu.Lock()
	defer c.runtime.mu.Unlock()
	c.state, c.started, c.process = runtimeapi.ContainerState_CONTAINER_RUNNING, time.Now(), p
}

// specOf finds a container by name, and tells whether it is one that must end before the others start.
func specOf(pod *v1.Pod, name string) (v1.Container, bool) {
	for _, c := range pod.Spec.InitContainers {
		if c.Name == name {
			return c, c.RestartPolicy == nil || *c.RestartPolicy != v1.ContainerRestartPolicyAlways
		}
	}
	for _, c := range pod.Spec.Containers {
		if c.Name == name {
			return c, false
		}
	}
	return v1.Container{Name: name}, false
}

// StopContainer implements cri.RuntimeService: SIGTERM, and SIGKILL when the grace period (seconds) is over. It returns
// when the container has ended.
func (r *loopbackRuntime) StopContainer(_ context.Context, id string, grace int64) error {
	r.mu.Lock()
	c, ok := r.containers[id]
	r.mu.Unlock()
	if ok {
		c.stop(time.Duration(grace) * time.Second)
	}
	return nil
}

// RemoveContainer implements cri.RuntimeService.
func (r *loopbackRuntime) RemoveContainer(ctx context.Context, id string) error {
	if err := r.StopContainer(ctx, id, 0); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.containers, id)
	return nil
}

// stop ends the container and waits until it has ended.
func (c *container) stop(grace time.Duration) {
	c.runtime.mu.Lock()
	process := c.process
	c.runtime.mu.Unlock()
	if process != nil {
		process.terminate(grace)
	}
}

// finish records the end of the container.
func (c *container) finish(e exit) {
	c.runtime.mu.Lock()
	defer c.runtime.mu.Unlock()
	c.state, c.ended, c.exit = runtimeapi.ContainerState_CONTAINER_EXITED, time.Now(), e
}

// ListContainers implements cri.RuntimeService.
func (r *loopbackRuntime) ListContainers(_ context.Context, filter *runtimeapi.ContainerFilter) ([]*runtimeapi.Container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*runtimeapi.Container
	for id, c := range r.containers {
		if filter.GetId() != "" && filter.GetId() != id ||
			filter.GetPodSandboxId() != "" && filter.GetPodSandboxId() != c.sandbox.status.Id ||
			filter.GetState() != nil && filter.GetState().State != c.state ||
			!hasLabels(c.config.Labels, filter.GetLabelSelector()) {
			continue
		}
		found = append(found, &runtimeapi.Container{
			Id: id, PodSandboxId: c.sandbox.status.Id, Metadata: c.config.Metadata, Image: c.config.Image,
			ImageRef: c.config.Image.GetImage(), ImageId: c.config.Image.GetImage(), State: c.state,
			CreatedAt: c.created.UnixNano(), Labels: c.config.Labels, Annotations: c.config.Annotations,
		})
	}
	return found, nil
}

// ContainerStatus implements cri.RuntimeService.
func (r *loopbackRuntime) ContainerStatus(_ context.Context, id string, _ bool) (*runtimeapi.ContainerStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.containers[id]
	if !ok {
		return nil, notFound("container", id)
	}
	s := &runtimeapi.ContainerStatus{
		Id: id, Metadata: c.config.Metadata, State: c.state, CreatedAt: c.created.UnixNano(), Image: c.config.Image,
		ImageRef: c.config.Image.GetImage(), ImageId: c.config.Image.GetImage(),
		Labels: c.config.Labels, Annotations: c.config.Annotations, LogPath: c.config.LogPath,
	}
	if !c.started.IsZero() {
		s.StartedAt = c.started.UnixNano()
	}
	if c.state == runtimeapi.ContainerState_CONTAINER_EXITED {
		s.FinishedAt, s.ExitCode, s.Reason, s.Message = c.ended.UnixNano(), c.exit.code, c.exit.reason, c.exit.message
	}
	return &runtimeapi.ContainerStatusResponse{Status: s}, nil
}

// UpdateContainerResources implements cri.RuntimeService.
func (r *loopbackRuntime) UpdateContainerResources(context.Context, string, *runtimeapi.ContainerResources) error {
	return nil
}
