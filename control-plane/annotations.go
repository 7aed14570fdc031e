package main

import (
	"cmp"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
)

// annotationPrefix begins the annotations by which a Pod says how its containers behave. Durations are written as 3s or
// 200ms; what cannot be read counts as absent.
const annotationPrefix = "loopback.tke-direct-access.dev/"

// behaviour is what the annotations of a Pod ask for. Each holds for all containers of the Pod. Those marked (live) are
// read again for each request, so `kubectl annotate` changes a running Pod; the others are read when a container
// starts or is told to stop.
type behaviour struct {
	// address: the Pod gets this address, which must be in 10.0.0.0/8 and free; until it is free, the Pod waits.
	// Default: the next free one of the node.
	address string
	// ipv6: "true" gives the Pod an IPv6 address, too: fd00:: with its IPv4 address in the last four bytes.
	ipv6 bool
	// version (live): what the servers call their version. Default: the label "version", else the hash that the
	// Deployment, StatefulSet or DaemonSet has put on the Pod.
	version string
	// start-delay: this long after the start of a container nothing listens on its ports.
	startDelay time.Duration
	// ready-delay (live): this long after the start of a container every answer is 503.
	readyDelay time.Duration
	// response-delay (live): each answer takes this long.
	responseDelay time.Duration
	// fail-health (live): "true" makes every answer a 500 and the command "healthy" fail. Paths, with commas between
	// them, do so for these paths only (and not for the command).
	failHealth string
	// ignore-sigterm: "true" keeps a container serving until it is killed at the end of the grace period.
	ignoreSigterm bool
	// drain: a container that is told to stop goes on serving this long, then finishes what is in flight and exits.
	// Default 0: it stops accepting at once and finishes what is in flight.
	drain time.Duration
	// crash-after: a container exits with code 1 this long after its start. exit-after: likewise with code 0.
	crashAfter, exitAfter time.Duration
}

func behaviourOf(pod *v1.Pod) behaviour {
	text := func(name string) string { return pod.Annotations[annotationPrefix+name] }
	duration := func(name string) time.Duration {
		d, err := time.ParseDuration(text(name))
		if err != nil || d < 0 {
			return 0
		}
		return d
	}
	return behaviour{
		address: text("address"),
		ipv6:    text("ipv6") == "true",
		version: cmp.Or(text("version"), pod.Labels["version"], pod.Labels["pod-template-hash"],
			pod.Labels["controller-revision-hash"]),
		startDelay:    duration("start-delay"),
		readyDelay:    duration("ready-delay"),
		responseDelay: duration("response-delay"),
		failHealth:    text("fail-health"),
		ignoreSigterm: text("ignore-sigterm") == "true",
		drain:         duration("drain"),
		crashAfter:    duration("crash-after"),
		exitAfter:     duration("exit-after"),
	}
}

// isHealthy tells whether the command "healthy" succeeds.
func (b behaviour) isHealthy() bool {
	return b.failHealth != "true"
}

// fails tells whether a request for a path is answered with an error.
func (b behaviour) fails(path string) bool {
	if b.failHealth == "true" {
		return true
	}
	for _, failing := range strings.Split(b.failHealth, ",") {
		if failing != "" && strings.TrimSpace(failing) == path {
			return true
		}
	}
	return false
}
