// Package oauthserver reconciles OAuthServers: their settings and keys as documents, and the workload that serves them.
//
// It owns the life of the Secret with a server's keys, which is made once and never overwritten when it cannot be read,
// and the desired objects of the workload: one pure builder per kind, in a file of its own, applied by server-side apply
// with the server as controller. A server is ready when its keys are there, its document is written and a live replica
// has loaded it. The package does not know what the replicas do with either.
package oauthserver
