package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/settings"
	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"
)

// readOverrides reads a ConfigMap file as Argo CD reads its argocd-cm.
func readOverrides(path string) (map[string]v1alpha1.ResourceOverride, error) {
	logrus.SetOutput(io.Discard)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var config corev1.ConfigMap
	if err := yaml.UnmarshalStrict(text, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// Argo CD looks for it in its own namespace, which the file leaves to the installation.
	config.Namespace = "argocd"
	// The settings are read through an informer of ConfigMaps, and need nothing else of a cluster.
	manager := settings.NewSettingsManager(context.Background(), fake.NewClientset(&config), config.Namespace)
	overrides, err := manager.GetResourceOverrides()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return overrides, nil
}
