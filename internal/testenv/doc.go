// Package testenv starts the real control plane that tests run against: etcd and kube-apiserver of the pinned versions,
// with the kinds of this project installed. If KUBEBUILDER_ASSETS names no folder it has hack/control-plane build one,
// so that no test needs to be skipped.
//
// It owns where the binaries come from and how the API server is set up. It does not start controllers or the
// authorization server; suites do that. Only tests import it.
package testenv
