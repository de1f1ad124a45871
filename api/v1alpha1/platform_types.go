package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LocalServerReference names an OAuthServer of the same namespace.
type LocalServerReference struct {
	// name of the OAuthServer.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="serverRef.name must be the name of an object: lower-case letters, digits, - and ."
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
	// priority orders the policies that match a client: higher first, then by name. The first that accepts the whole
	// client governs it; policies are never combined.
	// +optional
	// +kubebuilder:default=0
	Priority int32 `json:"priority,omitempty"`
	// clients selects the clients that the policy may govern.
	// +required
	Clients PolicyClients `json:"clients"`
	// allow lists what they may have; what is not listed is refused.
	// +required
	Allow PolicyAllow `json:"allow"`
	// limits caps the lifetimes that they may set. A client that sets none gets at most these.
	// +optional
	Limits *PolicyLimits `json:"limits,omitempty"`
}

// PolicyClients selects clients. Both selectors must match.
type PolicyClients struct {
	// namespaceSelector selects namespaces by their labels; an empty selector ({}) is every namespace, absent is the policy's own.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? has(e.values) && e.values.size() > 0 : e.operator in ['Exists', 'DoesNotExist'] && (!has(e.values) || e.values.size() == 0))`,message="namespaceSelector.matchExpressions: operator must be In or NotIn with values, or Exists or DoesNotExist without"
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// selector selects OAuthClients by their labels; all when absent.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? has(e.values) && e.values.size() > 0 : e.operator in ['Exists', 'DoesNotExist'] && (!has(e.values) || e.values.size() == 0))`,message="selector.matchExpressions: operator must be In or NotIn with values, or Exists or DoesNotExist without"
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// PolicyAllow lists what governed clients may have.
type PolicyAllow struct {
	// grantTypes that clients may use.
	// +optional
	// +kubebuilder:validation:MaxItems=3
	// +listType=set
	GrantTypes []GrantType `json:"grantTypes,omitempty"`
	// scopes that clients may have, by their exact names.
	// +optional
	// +kubebuilder:validation:MaxItems=500
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^[!#-\[\]-~]+$')`,message="scopes: a scope has visible ASCII characters only, without space, double quote or backslash (RFC 6749 section 3.3)"
	Scopes []string `json:"scopes,omitempty"`
	// redirectHosts that clients may redirect to: a host name, or "*." and a domain for every host below it. Redirects
	// to loopback need no entry.
	// +optional
	// +kubebuilder:validation:MaxItems=500
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^(\*\.([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?|([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?)$') || (isIP(self) && ip.isCanonical(self))`,message="redirectHosts: must be a host name in lower case without scheme, port and path, or *. and a domain of at least two labels, as in *.acme.example"
	RedirectHosts []string `json:"redirectHosts,omitempty"`
	// authentication methods that clients may use; all when absent.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +listType=set
	Authentication []AuthenticationMethod `json:"authentication,omitempty"`
}

// PolicyLimits caps lifetimes.
type PolicyLimits struct {
	// accessTokenTTL is the longest lifetime of an access token, from 1m to 720h; no limit of its own when absent.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([0-9]{1,6}[hms])+$') && duration(self) >= duration('1m') && duration(self) <= duration('720h')`,message="accessTokenTTL must be a duration from 1m to 720h in h, m and s, such as 15m"
	AccessTokenTTL *metav1.Duration `json:"accessTokenTTL,omitempty"`
	// refreshTokenTTL is the longest lifetime of the refresh tokens of a grant, from 5m to 8760h; no limit of its own when
	// absent.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([0-9]{1,6}[hms])+$') && duration(self) >= duration('5m') && duration(self) <= duration('8760h')`,message="refreshTokenTTL must be a duration from 5m to 8760h in h, m and s, such as 720h"
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
	// +kubebuilder:validation:MaxItems=16
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
// +kubebuilder:selectablefield:JSONPath=`.spec.serverRef.name`
// +kubebuilder:printcolumn:name="Priority",type=integer,description="Higher is asked first",JSONPath=`.spec.priority`
// +kubebuilder:printcolumn:name="Accepted",type=integer,description="Clients that it governs",JSONPath=`.status.clients.accepted`
// +kubebuilder:printcolumn:name="Refused",type=integer,description="Clients that it matches and no policy accepts",JSONPath=`.status.clients.refused`
// +kubebuilder:printcolumn:name="Ready",type=string,description="Whether it does its work now",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,description="Why it is, or is not, ready",JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,description="How long it has been there",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Server",type=string,priority=1,description="The OAuthServer that it names",JSONPath=`.spec.serverRef.name`
// +kubebuilder:printcolumn:name="Grants",type=string,priority=1,description="The grant types that it allows",JSONPath=`.spec.allow.grantTypes`
// +kubebuilder:printcolumn:name="Hosts",type=string,priority=1,description="The hosts that clients may redirect to",JSONPath=`.spec.allow.redirectHosts`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,description="The same in words",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule=`self.metadata.name.size() <= 63`,message="metadata.name must have at most 63 characters; choose a shorter name"
type OAuthGrantPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the boundary.
	// +required
	Spec OAuthGrantPolicySpec `json:"spec"`
	// status is what became of it.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Accepted", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Programmed", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
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
	// identifier is the resource indicator (RFC 8707) and the audience of tokens: an absolute URI without query or
	// fragment, unique per server. Immutable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self == oldSelf`,message="identifier is immutable, because tokens carry it; delete the OAuthResource and create it again"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self)`,message="identifier must be a URI: percent-encode spaces and other alphabets, write the host as xn--…"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z][a-z0-9+.-]*:(/|%2[Ff])*[^/%]')`,message="identifier must be absolute and begin with a scheme in lower case, such as https://api.example.com or urn:example:api"
	// +kubebuilder:validation:XValidation:rule=`!self.contains('?') && !self.contains('#')`,message="identifier must not have a query or a fragment (RFC 8707 section 2); remove everything from ? or # on"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?:') || self.matches(r'^https?://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])(:[^/?#@]*)?([/?#].*)?$')`,message="identifier with http or https must name a host in lower case, without userinfo"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)') && !self.matches(r'^[^/?#]*//[^/?#]*@')`,message="identifier must have neither . nor .. as a path segment, and no userinfo"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="identifier must have a port from 1 to 65535, or none"
	Identifier string `json:"identifier"`
	// title of the API, shown to people; the identifier when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="title must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
	Title string `json:"title,omitempty"`
	// scopes of the API. A name belongs to one OAuthResource of a server only.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=200
	Scopes []ResourceScope `json:"scopes,omitempty"`
	// resourceServers are the OAuthClients that serve the API: they may ask whether a token for it is good (RFC 7662).
	// They need a client secret.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	ResourceServers []ClientReference `json:"resourceServers,omitempty"`
}

// ClientReference names an OAuthClient.
type ClientReference struct {
	// name of the OAuthClient.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="resourceServers: name must be the name of an object: lower-case letters, digits, - and ."
	Name string `json:"name"`
	// namespace of the OAuthClient; the resource's own when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')`,message="resourceServers: namespace must be the name of a namespace: lower-case letters, digits and -"
	Namespace string `json:"namespace,omitempty"`
}

// ResourceScope is one scope, in words.
type ResourceScope struct {
	// name is the scope token (RFC 6749 section 3.3), such as orders.read; not one of OpenID Connect.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[!#-\[\]-~]+$')`,message="name: a scope has visible ASCII characters only, without space, double quote or backslash (RFC 6749 section 3.3)"
	// +kubebuilder:validation:XValidation:rule=`!(self in ['openid', 'profile', 'email', 'groups', 'offline_access'])`,message="name must not be a scope of OpenID Connect (openid, profile, email, groups, offline_access), which belongs to no resource"
	Name string `json:"name"`
	// title says what it allows, as shown to people ("Read your orders").
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="title must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
	Title string `json:"title"`
	// description says more.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="description must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
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
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// OAuthResource is an API that tokens are for: its identifier and its scopes.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oar,categories=oauth
// +kubebuilder:selectablefield:JSONPath=`.spec.serverRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.identifier`
// +kubebuilder:printcolumn:name="Identifier",type=string,description="The audience of tokens",JSONPath=`.spec.identifier`
// +kubebuilder:printcolumn:name="Ready",type=string,description="Whether it does its work now",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,description="Why it is, or is not, ready",JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,description="How long it has been there",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Server",type=string,priority=1,description="The OAuthServer that it names",JSONPath=`.spec.serverRef.name`
// +kubebuilder:printcolumn:name="Title",type=string,priority=1,description="What people are shown",JSONPath=`.spec.title`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,description="The same in words",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule=`self.metadata.name.size() <= 63`,message="metadata.name must have at most 63 characters; choose a shorter name"
type OAuthResource struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the API.
	// +required
	Spec OAuthResourceSpec `json:"spec"`
	// status is what became of it.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Accepted", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Programmed", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
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
//
// +kubebuilder:validation:XValidation:rule=`has(self.local)`,message="spec needs exactly one provider; set local"
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
	// local keeps accounts in a Secret. It is the only kind of provider so far.
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
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="name must be the name of an object: lower-case letters, digits, - and ."
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
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// OAuthIdentityProvider is where users of an OAuthServer sign in.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oaip,categories=oauth
// +kubebuilder:selectablefield:JSONPath=`.spec.serverRef.name`
// +kubebuilder:printcolumn:name="Accounts",type=integer,description="Local accounts that it has",JSONPath=`.status.accounts`
// +kubebuilder:printcolumn:name="Ready",type=string,description="Whether it does its work now",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,description="Why it is, or is not, ready",JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,description="How long it has been there",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Server",type=string,priority=1,description="The OAuthServer that it names",JSONPath=`.spec.serverRef.name`
// +kubebuilder:printcolumn:name="Display name",type=string,priority=1,description="What the sign-in page calls it",JSONPath=`.spec.displayName`
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
