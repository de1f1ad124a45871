// Package scale measures the whole on one machine with as many clients as the project is made for: a real etcd and
// kube-apiserver, the operator's and the server's programs as processes of their own under the rights that they ship with,
// and a load of OAuthClients that are applied at once.
//
// `make bench` runs it in full and prints times, memory and writes. As a test it runs small and asserts only what no busy
// machine can change: that every client becomes Ready, that an edit of a policy is followed, and that nothing is written
// while nothing happens. Who wrote what is counted from the API server's audit log, so that it is exact.
package scale
