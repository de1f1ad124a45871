// Package kustomize renders a folder with a kustomization as `kustomize build` does, from this machine's files alone.
//
// It owns keeping kustomize from the network and from other programs: a kustomization that needs one of them is refused, and the
// error says how to render it beforehand. What is rendered is read by internal/manifest.
package kustomize
