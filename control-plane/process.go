package main

import (
	"context"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
)

// process is the life of a container: start late, serve, stop on a signal, be killed, or crash.
type process struct {
	pod     *podView
	servers *servers
	// initial is how the Pod was annotated at the start.
	initial behaviour

	// term is closed by the first SIGTERM.
	term     chan struct{}
	termOnce sync.Once
	// alive ends with SIGKILL, and when the process has ended.
	alive context.Context
	kill  context.CancelFunc
	// done is closed after the end.
	done chan struct{}
}

// newProcess makes a process that listens already, unless the Pod asks for a delay.
func newProcess(pod *podView, spec v1.Container, address, nodeName string) (*process, error) {
	alive, kill := context.WithCancel(context.Background())
	p := &process{
		pod:     pod,
		servers: newServers(pod, spec, address, nodeName, time.Now()),
		initial: pod.behaviour(),
		term:    make(chan struct{}),
		alive:   alive,
		kill:    kill,
		done:    make(chan struct{}),
	}
	if p.initial.startDelay > 0 {
		return p, nil
	}
	if err := p.servers.listen(); err != nil {
		p.servers.kill()
		kill()
		return nil, err
	}
	return p, nil
}

// start lets the process live and returns; finish is called once, at the end.
func (p *process) start(finish func(exit)) {
	go func() {
		e := p.run()
		p.servers.kill()
		p.kill()
		finish(e)
		close(p.done)
	}()
}

// run serves to the end and tells how it came.
func (p *process) run() exit {
	if p.initial.startDelay > 0 {
		select {
		case <-time.After(p.initial.startDelay):
		case <-p.term:
			return exit{code: exitOK, reason: "Completed"}
		case <-p.alive.Done():
			return exit{code: exitKilled, reason: "Error"}
		}
		if err := p.servers.listen(); err != nil {
			return exit{code: exitError, reason: "Error", message: err.Error()}
		}
	}
	select {
	case <-after(p.initial.crashAfter):
		return exit{code: exitError, reason: "Error", message: "crashed as annotated"}
	case <-after(p.initial.exitAfter):
		return exit{code: exitOK, reason: "Completed"}
	case <-p.alive.Done():
		return exit{code: exitKilled, reason: "Error"}
	case <-p.term:
		return p.shutDown()
	}
}

// shutDown does what a program does that was told to stop, in the way that the Pod asks for at this moment.
func (p *process) shutDown() exit {
	b := p.pod.behaviour()
	if b.ignoreSigterm {
		<-p.alive.Done()
		return exit{code: exitKilled, reason: "Error"}
	}
	if b.drain > 0 {
		select {
		case <-time.After(b.drain):
		case <-p.alive.Done():
		}
	}
	p.servers.finish(p.alive)
	if p.alive.Err() != nil {
		return exit{code: exitKilled, reason: "Error"}
	}
	return exit{code: exitOK, reason: "Completed"}
}

// after returns a channel that fires after a while; for no duration, never.
func after(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}

// terminate sends SIGTERM, then SIGKILL when the grace period is over, and returns when the process has ended.
func (p *process) terminate(grace time.Duration) {
	if grace > 0 {
		p.termOnce.Do(func() { close(p.term) })
		select {
		case <-p.done:
		case <-time.After(grace):
		}
	}
	p.kill()
	<-p.done
}
