package main

import (
	cadvisorapi "github.com/google/cadvisor/lib/model"
	"k8s.io/klog/v2"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
)

// What a node claims to have, so that resource requests in examples never keep a Pod from being scheduled.
const (
	machineCores  = 64
	machineMemory = 256 << 30
)

// machine tells the kubelet about the hardware.
type machine struct {
	cadvisortest.Fake
	nodeName string
}

// MachineInfo implements cadvisor.Interface.
func (m *machine) MachineInfo(klog.Logger) (*cadvisorapi.MachineInfo, error) {
	return &cadvisorapi.MachineInfo{
		NumCores:       machineCores,
		MemoryCapacity: machineMemory,
		InstanceID:     cadvisorapi.InstanceID(m.nodeName),
	}, nil
}

// VersionInfo implements cadvisor.Interface.
func (m *machine) VersionInfo() (*cadvisorapi.VersionInfo, error) {
	return &cadvisorapi.VersionInfo{ContainerOsVersion: "Servers on loopback", KernelVersion: "unknown"}, nil
}
