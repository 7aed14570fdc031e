// Command kube-control-plane is a whole Kubernetes in one binary, for tests and the playground: the real etcd,
// kube-apiserver, kube-controller-manager, kube-scheduler and kubectl, and "node", a real kubelet whose containers are
// HTTP servers on loopback. The component is chosen by the name the binary is called by, or by the first argument.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	// Time zones for CronJobs and log lines, so that the host needs none installed.
	_ "time/tzdata"
)

// exitWithStdin names the environment variable that ties the life of a component to its standard input.
const exitWithStdin = "EXIT_WITH_STDIN"

var components = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "node"}

func main() {
	if os.Getenv(exitWithStdin) == "1" {
		go endWithStdin()
	}
	switch component() {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		run(apiserver.NewAPIServerCommand())
	case "kube-controller-manager":
		run(controllermanager.NewControllerManagerCommand())
	case "kube-scheduler":
		run(scheduler.NewSchedulerCommand())
	case "kubectl":
		run(kubectl.NewDefaultKubectlCommand())
	case "node":
		run(newNodeCommand())
	default:
		fmt.Fprintf(os.Stderr, "usage: %s COMPONENT [FLAGS], COMPONENT is one of %v\n", os.Args[0], components)
		os.Exit(2)
	}
}

// component returns what to run, and removes its name from the arguments unless the binary is called by it.
func component() string {
	name := filepath.Base(os.Args[0])
	for _, known := range components {
		if name == known {
			return name
		}
	}
	if len(os.Args) < 2 {
		return ""
	}
	os.Args = os.Args[1:]
	return os.Args[0]
}

func run(command *cobra.Command) {
	os.Exit(cli.Run(command))
}

// endWithStdin ends the process when whoever started it is gone: a pipe reaches its end also when the other side is
// killed. Nobody is left to read what a graceful stop would save, so the end is immediate.
func endWithStdin() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
