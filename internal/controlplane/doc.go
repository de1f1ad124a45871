// Package controlplane runs a real etcd and a real kube-apiserver on loopback, for one user of one machine, with data that
// outlives them.
//
// It owns the two processes: their certificates, flags, logs, and that they end when this process does, however it
// ends. Certificates are made anew at each start and their authorities' keys are never written, so that an old copy of the
// kubeconfig opens nothing. There is no kubelet, scheduler or controller manager: nothing runs pods or collects garbage.
//
// It does not build the binaries (hack/control-plane does), does not know our kinds beyond installing the
// CustomResourceDefinitions it is handed, and is not envtest: that forgets its data, and leaves its processes behind when it is killed.
package controlplane
