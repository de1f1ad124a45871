package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LocalServerReference names an OAuthServer of the same namespace.
type LocalServerReference struct {
	// name of the OAuthServer.
	// +required
	Name string `json:"name"`
}

// AuthenticationMethod is a way for clients to authenticate.
// +kubebuilder:validation:Enum=ClientSecret;None
type AuthenticationMethod string

// The methods.
const (
	AuthenticationClientSecret AuthenticationMethod = "ClientSecret"
	AuthenticationNone         AuthenticationMethod = "None"
)

// OAuthGrantPolicySpec is the boundary between app teams and the platform.
type OAuthGrantPolicySpec struct {
	// serverRef names the OAuthServer, in the policy's namespace; the only one there when absent.
	// +optional
	ServerRef *LocalServerReference `json:"serverRef,omitempty"`
	// priority orders the policies that match a client: higher first, then by name.
	// +optional
	Priority int32 `json:"priority,omitempty"`
	// clients selects the clients that the policy may govern.
	// +required
	Clients PolicyClients `json:"clients"`
	// allow lists what they may have; what is not listed is refused.
	// +required
	Allow PolicyAllow `json:"allow"`
	// limits caps what they may set.
	// +optional
	Limits *PolicyLimits `json:"limits,omitempty"`
}

// PolicyClients selects clients. Both selectors must match.
type PolicyClients struct {
	// namespaceSelector selects namespaces by their labels; an empty selector ({}) is every namespace, absent is the policy's own.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// selector selects OAuthClients by their labels; all when absent.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// PolicyAllow lists what governed clients may have.
type PolicyAllow struct {
	// grantTypes that clients may use.
	// +optional
	GrantTypes []GrantType `json:"grantTypes,omitempty"`
	// scopes that clients may ask for.
	// +optional
	Scopes []string `json:"scopes,omitempty"`
	// redirectHosts that clients may redirect to: a host name, or "*." and a domain for every host below it. Redirects
	// to loopback need no entry.
	// +optional
	RedirectHosts []string `json:"redirectHosts,omitempty"`
	// authentication methods that clients may use; all when absent.
	// +optional
	Authentication []AuthenticationMethod `json:"authentication,omitempty"`
}

// PolicyLimits caps lifetimes.
type PolicyLimits struct {
	// accessTokenTTL is the longest lifetime of an access token.
	// +optional
	AccessTokenTTL *metav1.Duration `json:"accessTokenTTL,omitempty"`
	// refreshTokenTTL is the longest lifetime of the refresh tokens of a grant.
	// +optional
	RefreshTokenTTL *metav1.Duration `json:"refreshTokenTTL,omitempty"`
}

// OAuthGrantPolicyStatus is what became of the policy.
type OAuthGrantPolicyStatus struct {
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// clients counts the clients that the policy's selectors match.
	// +optional
	Clients *PolicyClientCounts `json:"clients,omitempty"`
	// conditions are Ready, Accepted, Programmed; Reconciling and Stalled when true.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// PolicyClientCounts counts clients.
type PolicyClientCounts struct {
	// accepted is how many clients the policy governs.
	Accepted int32 `json:"accepted"`
	// refused is how many clients its selectors match that no policy accepts.
	Refused int32 `json:"refused"`
}

// OAuthGrantPolicy says what the OAuthClients that it selects may have. Exactly one policy governs a client; a client
// that no policy accepts whole is refused.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oagp,categories=oauth
type OAuthGrantPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the boundary.
	// +required
	Spec OAuthGrantPolicySpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status OAuthGrantPolicyStatus `json:"status,omitempty"`
}

// OAuthGrantPolicyList is a list of OAuthGrantPolicies.
// +kubebuilder:object:root=true
type OAuthGrantPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OAuthGrantPolicy `json:"items"`
}

// OAuthResourceSpec is an API that tokens are for.
type OAuthResourceSpec struct {
	// serverRef names the OAuthServer, in the resource's namespace; the only one there when absent.
	// +optional
	ServerRef *LocalServerReference `json:"serverRef,omitempty"`
	// identifier is the resource indicator (RFC 8707) and the audience of tokens.
	// +required
	Identifier string `json:"identifier"`
	// title of the API, shown to people; the identifier when absent.
	// +optional
	Title string `json:"title,omitempty"`
	// scopes of the API.
	// +optional
	// +listType=map
	// +listMapKey=name
	Scopes []ResourceScope `json:"scopes,omitempty"`
}

// ResourceScope is one scope, in words.
type ResourceScope struct {
	// name is the scope token (RFC 6749 section 3.3).
	// +required
	Name string `json:"name"`
	// title says what it allows, as shown to people ("Read your orders").
	// +required
	Title string `json:"title"`
	// description says more.
	// +optional
	Description string `json:"description,omitempty"`
}

// OAuthResourceStatus is what became of the resource.
type OAuthResourceStatus struct {
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Accepted, Programmed; Reconciling and Stalled when true.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// OAuthResource is an API that tokens are for: its identifier and its scopes.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oar,categories=oauth
type OAuthResource struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the API.
	// +required
	Spec OAuthResourceSpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status OAuthResourceStatus `json:"status,omitempty"`
}

// OAuthResourceList is a list of OAuthResources.
// +kubebuilder:object:root=true
type OAuthResourceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OAuthResource `json:"items"`
}

// OAuthIdentityProviderSpec is where users sign in.
type OAuthIdentityProviderSpec struct {
	// serverRef names the OAuthServer, in the provider's namespace; the only one there when absent.
	// +optional
	ServerRef *LocalServerReference `json:"serverRef,omitempty"`
	// displayName is shown on the sign-in page; the object's name when absent.
	// +optional
	DisplayName string `json:"displayName,omitempty"`
	// local keeps accounts in a Secret.
	// +optional
	Local *LocalProvider `json:"local,omitempty"`
}

// LocalProvider keeps accounts in a Secret.
type LocalProvider struct {
	// accountsSecretRef names a Secret of the same namespace that carries the label
	// grantkeeper.dev/referenced: "true". Each key is a username; each value is YAML with passwordHash (argon2id, PHC
	// string format), and optionally name, email, emailVerified, groups and disabled.
	// +required
	AccountsSecretRef SecretReference `json:"accountsSecretRef"`
}

// SecretReference names a Secret of the same namespace.
type SecretReference struct {
	// name of the Secret.
	// +required
	Name string `json:"name"`
}

// LabelReferenced, with the value "true", opts a Secret in to being read by the operator because a manifest names it.
const LabelReferenced = "grantkeeper.dev/referenced"

// OAuthIdentityProviderStatus is what became of the provider.
type OAuthIdentityProviderStatus struct {
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// accounts is how many local accounts there are.
	// +optional
	Accounts *int32 `json:"accounts,omitempty"`
	// conditions are Ready, Accepted, SecretReady, Programmed; Reconciling and Stalled when true.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// OAuthIdentityProvider is where users of an OAuthServer sign in.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oaip,categories=oauth
type OAuthIdentityProvider struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is where users sign in.
	// +required
	Spec OAuthIdentityProviderSpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status OAuthIdentityProviderStatus `json:"status,omitempty"`
}

// OAuthIdentityProviderList is a list of OAuthIdentityProviders.
// +kubebuilder:object:root=true
type OAuthIdentityProviderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OAuthIdentityProvider `json:"items"`
}
