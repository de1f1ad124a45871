// Package v1alpha1 holds the kinds of the grantkeeper.dev API group: OAuthServer, OAuthClient, OAuthGrantPolicy,
// OAuthResource and OAuthIdentityProvider.
//
// It is the only public Go API of the project. It owns the shape of manifests: fields, defaults, the validation that an
// API server enforces (OpenAPI and CEL), printer columns, condition types and reasons. It does not decide anything; what
// a manifest means is in internal/compile. It imports apimachinery only.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package="../applyconfiguration"
// +groupName=grantkeeper.dev
package v1alpha1
