package main

import (
	"context"
	"fmt"
	"strings"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// missingTag is the tag of images that cannot be pulled, for tests of a rollout that hangs.
const missingTag = ":missing"

// imageService is a registry that has every image, except those tagged "missing". Nothing is ever stored: what an
// image would run is always the HTTP server of this runtime.
type imageService struct{}

// ListImages implements cri.ImageManagerService.
func (imageService) ListImages(context.Context, *runtimeapi.ImageFilter) ([]*runtimeapi.Image, error) {
	return nil, nil
}

// ImageStatus implements cri.ImageManagerService: an image without status is not on the node.
func (imageService) ImageStatus(_ context.Context, image *runtimeapi.ImageSpec, _ bool) (*runtimeapi.ImageStatusResponse, error) {
	if strings.HasSuffix(image.Image, missingTag) {
		return &runtimeapi.ImageStatusResponse{}, nil
	}
	return &runtimeapi.ImageStatusResponse{Image: &runtimeapi.Image{
		Id: image.Image, RepoTags: []string{image.Image}, Size: 1, Spec: image,
	}}, nil
}

// PullImage implements cri.ImageManagerService.
func (imageService) PullImage(_ context.Context, image *runtimeapi.ImageSpec, _ *runtimeapi.AuthConfig, _ *runtimeapi.PodSandboxConfig) (string, error) {
	if strings.HasSuffix(image.Image, missingTag) {
		return "", fmt.Errorf("image %q is not in the registry", image.Image)
	}
	return image.Image, nil
}

// RemoveImage implements cri.ImageManagerService.
func (imageService) RemoveImage(context.Context, *runtimeapi.ImageSpec) error { return nil }

// ImageFsInfo implements cri.ImageManagerService.
func (imageService) ImageFsInfo(context.Context) (*runtimeapi.ImageFsInfoResponse, error) {
	return &runtimeapi.ImageFsInfoResponse{}, nil
}

// Close implements cri.ImageManagerService.
func (imageService) Close(context.Context) error { return nil }
