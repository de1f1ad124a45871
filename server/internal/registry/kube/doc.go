// Package kube is a registry source that reads documents from the Secrets of one namespace: those that are labelled for
// one server and of the type that holds a registration.
//
// It owns following the API server: listing, watching, catching up after an outage, keeping order. It needs to get, list and
// watch Secrets in that namespace and nothing else. What is in the documents, and what is done with them, belongs to the
// registry.
package kube
