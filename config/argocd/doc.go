// Package argocd holds what Argo CD needs to show the health of what grantkeeper.dev declares. It owns the script and the
// ConfigMap that carries it; the conditions that it reads are the controllers'.
package argocd
