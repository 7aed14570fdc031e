package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	genericapiserver "k8s.io/apiserver/pkg/server"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/capabilities"
	"k8s.io/kubernetes/pkg/kubelet"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubemark"
)

// nodeOptions are the flags of the node component.
type nodeOptions struct {
	name       string
	kubeconfig string
	// subnet is the second octet of the addresses of this node and its Pods: 10.<subnet>.0.0/16.
	subnet uint8
	// root is the folder for everything that the kubelet writes.
	root    string
	maxPods int
}

func newNodeCommand() *cobra.Command {
	o := nodeOptions{}
	command := &cobra.Command{
		Use:           "node",
		Short:         "A real kubelet whose containers are HTTP servers on loopback",
		SilenceUsage:  true,
		SilenceErrors: false,
		Args:          cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return o.run(genericapiserver.SetupSignalContext())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.name, "node-name", "node-1", "name of the Node")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "how to reach the API server")
	flags.Uint8Var(&o.subnet, "subnet", 1, "second octet of the addresses: Pods are 10.SUBNET.x.y, served on 127.SUBNET.x.y")
	flags.StringVar(&o.root, "root", "", "folder for what the kubelet writes; default: a new temporary folder, removed at the end")
	flags.IntVar(&o.maxPods, "max-pods", 1000, "how many Pods the node takes")
	return command
}

// run serves until the context ends, which SIGTERM and SIGINT bring about.
func (o *nodeOptions) run(ctx context.Context) error {
	remove, err := o.prepareRoot()
	if err != nil {
		return err
	}
	defer remove()
	runtime := newRuntime(newAddressPool(o.subnet), o.name)
	defer runtime.killAll()
	k, deps, err := o.newKubelet(ctx, runtime)
	if err != nil {
		return err
	}
	if err := dialTwins(k); err != nil {
		return err
	}
	if err := claimAddress(k, nodeAddress(o.subnet), o.name); err != nil {
		return err
	}
	if err := orderStatuses(k); err != nil {
		return err
	}
	runtime.pods = k.GetPodByName
	if err := sendEvents(ctx, k, deps.KubeClient, o.name); err != nil {
		return err
	}
	k.BirthCry()
	k.StartGarbageCollection(ctx)
	go k.Run(ctx, deps.PodConfig.Updates())
	<-ctx.Done()
	return nil
}

// prepareRoot makes the folder of the kubelet and returns what removes it again, which is nothing for a folder given.
// Temporary folders that Kubernetes code makes go there, too.
func (o *nodeOptions) prepareRoot() (func(), error) {
	remove := func() {}
	if o.root == "" {
		root, err := os.MkdirTemp("", "loopback-node-")
		if err != nil {
			return remove, err
		}
		o.root = root
		remove = func() { _ = os.RemoveAll(root) }
	}
	temporary := filepath.Join(o.root, "tmp")
	if err := os.MkdirAll(temporary, 0o700); err != nil {
		return remove, err
	}
	return remove, os.Setenv("TMPDIR", temporary)
}

// newKubelet makes a kubelet with a stubbed machine (cgroups, mounts, disks) and our container runtime. It does what
// the kubelet's own command does, except that the kubelet is handed out before it runs.
func (o *nodeOptions) newKubelet(ctx context.Context, runtime *loopbackRuntime) (*kubelet.Kubelet, *kubelet.Dependencies, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	// Negative: no limit on the client's side. The API server and its fairness are on the same machine.
	config.QPS = -1
	client, err := clientset.NewForConfig(config)
	if err != nil {
		return nil, nil, err
	}
	flags, c, err := o.kubeletConfig()
	if err != nil {
		return nil, nil, err
	}
	hollow := kubemark.NewHollowKubelet(
		flags, c, client, client, &machine{nodeName: o.name}, imageService{}, runtime, cm.NewStubContainerManager())
	deps := hollow.KubeletDeps
	// Absent, the kubelet makes its real prober.
	deps.ProbeManager = nil
	capabilities.Initialize(capabilities.Capabilities{AllowPrivileged: true})
	k, err := kubelet.NewMainKubelet(ctx, c, deps, &flags.ContainerRuntimeOptions, o.name, types.NodeName(o.name),
		nil, c.ProviderID, flags.CloudProvider, flags.CertDirectory,
		flags.RootDirectory, c.PodLogsDir, "", "", c.RegisterNode, c.RegisterWithTaints, c.AllowedUnsafeSysctls,
		flags.ExperimentalMounterPath, c.KernelMemcgNotification, flags.ExperimentalNodeAllocatableIgnoreEvictionThreshold,
		flags.MinimumGCAge, flags.MaxPerPodContainerCount, flags.MaxContainerCount, flags.NodeLabels,
		c.NodeStatusMaxImages, c.SeccompDefault)
	if err != nil {
		return nil, nil, fmt.Errorf("make the kubelet: %w", err)
	}
	if deps.PodConfig == nil {
		return nil, nil, errors.New("the kubelet has no source of Pods")
	}
	return k, deps, nil
}

// kubeletConfig is the default configuration without what needs a machine.
func (o *nodeOptions) kubeletConfig() (*options.KubeletFlags, *kubeletconfig.KubeletConfiguration, error) {
	flags := options.NewKubeletFlags()
	c, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, nil, err
	}
	flags.RootDirectory = filepath.Join(o.root, "kubelet")
	flags.HostnameOverride = o.name
	c.PodLogsDir = filepath.Join(o.root, "logs")
	// A container that ended is of no more use: there are no logs to read.
	flags.MinimumGCAge.Duration = 0
	flags.MaxPerPodContainerCount = 1
	c.MaxPods = int32(o.maxPods)
	c.ProviderID = "loopback://" + o.name
	c.EnableServer = false
	c.Port, c.ReadOnlyPort = 0, 0
	// Images are never really pulled: no limit, and not one after the other.
	c.RegistryPullQPS, c.RegistryBurst, c.SerializeImagePulls = 0, 0, false
	// The machine is a stub: nothing can run short, and there is nothing to divide or to configure.
	c.EvictionHard = nil
	c.LocalStorageCapacityIsolation = false
	c.CgroupsPerQOS = false
	c.EnforceNodeAllocatable = nil
	c.EnableControllerAttachDetach = false
	c.ResolverConfig = ""
	return flags, c, nil
}
