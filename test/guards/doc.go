// Package guards installs config/ on a real kube-apiserver, runs the real operator and server with the credentials of their own
// ServiceAccounts, and plays those who try to get more: a tenant who may create routes, and whoever took the operator's pod
// over. Each test is named after the rule of the threat model, or the convention, that it holds.
//
// It owns what config/ promises: rights, admission policies, namespaced mode. What operator and server do with their rights is
// tested with them. Cluster runs such an installation for other tests, too.
package guards
