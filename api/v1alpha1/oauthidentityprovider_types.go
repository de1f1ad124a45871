package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OAuthIdentityProviderSpec is where users sign in.
//
// +kubebuilder:validation:XValidation:rule=`[has(self.oidc), has(self.google), has(self.microsoft), has(self.github), has(self.ldap), has(self.local)].filter(x, x).size() == 1`,message="spec needs exactly one of oidc, google, microsoft, github, ldap and local"
type OAuthIdentityProviderSpec struct {
	// serverRef names the OAuthServer, in the provider's namespace; the only one there when absent.
	// +optional
	ServerRef *LocalServerReference `json:"serverRef,omitempty"`
	// displayName is shown on the sign-in page; the object's name when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="displayName must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
	DisplayName string `json:"displayName,omitempty"`
	// order is the provider's place on the sign-in page: lower first, then by name.
	// +optional
	// +kubebuilder:default=0
	Order int32 `json:"order,omitempty"`
	// oidc is any OpenID provider.
	// +optional
	OIDC *OIDCProvider `json:"oidc,omitempty"`
	// google is Google, with accounts of everybody or of some domains.
	// +optional
	Google *GoogleProvider `json:"google,omitempty"`
	// microsoft is Microsoft Entra ID, one tenant or several.
	// +optional
	Microsoft *MicrosoftProvider `json:"microsoft,omitempty"`
	// github is GitHub or a GitHub Enterprise Server.
	// +optional
	GitHub *GitHubProvider `json:"github,omitempty"`
	// ldap is a directory.
	// +optional
	LDAP *LDAPProvider `json:"ldap,omitempty"`
	// local keeps accounts in a Secret.
	// +optional
	Local *LocalProvider `json:"local,omitempty"`
	// mapping says what an identity is made of; what is absent is as the kind of provider has it.
	// +optional
	Mapping *ProviderMapping `json:"mapping,omitempty"`
	// allow is a CEL expression over claims and user that has to be true for people to be let in, such as
	// claims.email.endsWith('@acme.example'); everybody when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Allow string `json:"allow,omitempty"`
}

// ProviderMapping holds CEL expressions over claims: the claims of an OpenID provider, the answer of GitHub's API, or the
// attributes of a directory entry, each a list of strings.
type ProviderMapping struct {
	// username is a string.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Username string `json:"username,omitempty"`
	// name is a string.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`
	// email is a string.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Email string `json:"email,omitempty"`
	// emailVerified is true or false.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	EmailVerified string `json:"emailVerified,omitempty"`
	// groups is a list of strings.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Groups string `json:"groups,omitempty"`
}

// OAuthIdentityProviderStatus is what became of the provider.
type OAuthIdentityProviderStatus struct {
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// type of the provider: OIDC, Google, Microsoft, GitHub, LDAP or Local.
	// +optional
	Type string `json:"type,omitempty"`
	// accounts is how many local accounts there are.
	// +optional
	Accounts *int32 `json:"accounts,omitempty"`
	// conditions are Ready, Accepted, SecretReady, Programmed; Reconciling and Stalled when true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// OAuthIdentityProvider is where users of an OAuthServer sign in.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oaip,categories=oauth
// +kubebuilder:selectablefield:JSONPath=`.spec.serverRef.name`
// +kubebuilder:printcolumn:name="Type",type=string,description="The kind of provider",JSONPath=`.status.type`
// +kubebuilder:printcolumn:name="Accounts",type=integer,description="Local accounts that it has",JSONPath=`.status.accounts`
// +kubebuilder:printcolumn:name="Ready",type=string,description="Whether it does its work now",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,description="Why it is, or is not, ready",JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,description="How long it has been there",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Server",type=string,priority=1,description="The OAuthServer that it names",JSONPath=`.spec.serverRef.name`
// +kubebuilder:printcolumn:name="Display name",type=string,priority=1,description="What the sign-in page calls it",JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Order",type=integer,priority=1,description="Its place on the sign-in page",JSONPath=`.spec.order`
// +kubebuilder:printcolumn:name="Accounts from",type=string,priority=1,description="The Secret with its accounts",JSONPath=`.spec.local.accountsSecretRef.name`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,description="The same in words",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule=`self.metadata.name.size() <= 63`,message="metadata.name must have at most 63 characters; choose a shorter name"
type OAuthIdentityProvider struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is where users sign in.
	// +required
	Spec OAuthIdentityProviderSpec `json:"spec"`
	// status is what became of it.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Accepted", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "SecretReady", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Programmed", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status OAuthIdentityProviderStatus `json:"status,omitempty"`
}

// OAuthIdentityProviderList is a list of OAuthIdentityProviders.
// +kubebuilder:object:root=true
type OAuthIdentityProviderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OAuthIdentityProvider `json:"items"`
}
