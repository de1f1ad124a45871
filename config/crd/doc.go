// Package crd carries the generated CustomResourceDefinitions of api/v1alpha1 inside the binaries, so that
// `grantkeeper dev` and the tests install exactly what `kubectl apply -k config/crd` does.
//
// It owns the manifests in bases/, which hack/generate writes. It does not install them and does not interpret them.
package crd
