package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AuthenticationMethod is a way for clients to authenticate.
// +kubebuilder:validation:Enum=ClientSecret;PrivateKeyJWT;KubernetesServiceAccount;None
type AuthenticationMethod string

// The methods.
const (
	AuthenticationClientSecret   AuthenticationMethod = "ClientSecret"
	AuthenticationPrivateKeyJWT  AuthenticationMethod = "PrivateKeyJWT"
	AuthenticationServiceAccount AuthenticationMethod = "KubernetesServiceAccount"
	AuthenticationNone           AuthenticationMethod = "None"
)

// OAuthGrantPolicySpec is the boundary between app teams and the platform.
//
// +kubebuilder:validation:XValidation:rule=`!has(self.require) || !has(self.require.consent) || !has(self.allow.skipConsent) || !self.allow.skipConsent`,message="require.consent: Always contradicts allow.skipConsent; remove one of them",fieldPath=".require.consent"
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
	// require lists what holds whatever a client says.
	// +optional
	Require *PolicyRequire `json:"require,omitempty"`
	// limits caps what they may have of it: lifetimes, clients, grants.
	// +optional
	Limits *PolicyLimits `json:"limits,omitempty"`
	// users is a CEL expression over user (username, name, email, emailVerified, groups) that is true for the users who may
	// let the clients in, such as 'staff' in user.groups; everybody who can sign in when absent. It is asked when somebody signs in, consents or approves
	// a device, and at every refresh. Its cost is bounded.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Users string `json:"users,omitempty"`
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
	// +kubebuilder:validation:MaxItems=4
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
	// resources that tokens may be for, OAuthResources of the policy's namespace; every one whose scopes are allowed when
	// absent.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +listType=map
	// +listMapKey=name
	Resources []ResourceReference `json:"resources,omitempty"`
	// redirectHosts that clients may redirect to: a host name, "*." and a domain for every host below it, or a private
	// scheme with its colon, such as com.example.app:, for clients of type Native. Redirects to loopback need no entry. Where
	// a server is told of logouts (backChannelLogout) has to be listed too, loopback included.
	// +optional
	// +kubebuilder:validation:MaxItems=500
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^(\*\.([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?|([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?)$') || (isIP(self) && ip.isCanonical(self)) || self.matches(r'^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$')`,message="redirectHosts: must be a host name in lower case without scheme, port and path, *. and a domain of at least two labels, as in *.acme.example, or a private scheme with a dot and its colon, as in com.example.app:"
	RedirectHosts []string `json:"redirectHosts,omitempty"`
	// authentication methods that clients may use; all when absent.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +listType=set
	Authentication []AuthenticationMethod `json:"authentication,omitempty"`
	// identityProviders whose users may use the clients, by the names of OAuthIdentityProviders; all when absent.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="identityProviders: must be the names of OAuthIdentityProviders: lower-case letters, digits, - and ."
	IdentityProviders []string `json:"identityProviders,omitempty"`
	// skipConsent lets clients have consent: Skip, so that people are not asked: for the platform's own apps.
	// +optional
	// +kubebuilder:default=false
	SkipConsent bool `json:"skipConsent,omitempty"`
	// withoutPKCE lets clients that authenticate do without PKCE (RFC 7636), for those that cannot. Public clients always
	// need it.
	// +optional
	// +kubebuilder:default=false
	WithoutPKCE bool `json:"withoutPKCE,omitempty"`
}

// PolicyRequire lists what holds whatever a client says.
type PolicyRequire struct {
	// consent, if Always, asks people every time, whatever they agreed to before.
	// +optional
	Consent RequiredConsent `json:"consent,omitempty"`
	// mfa takes sign-ins with more than one factor only.
	// +optional
	// +kubebuilder:default=false
	MFA bool `json:"mfa,omitempty"`
	// dpop binds every token to a key of the client (RFC 9449): requests without a proof are refused.
	// +optional
	// +kubebuilder:default=false
	DPoP bool `json:"dpop,omitempty"`
	// pushedAuthorizationRequests refuses authorization requests that were not pushed (RFC 9126).
	// +optional
	// +kubebuilder:default=false
	PushedAuthorizationRequests bool `json:"pushedAuthorizationRequests,omitempty"`
}

// RequiredConsent is what a policy may require of consent.
// +kubebuilder:validation:Enum=Always
type RequiredConsent string

// RequiredConsentAlways asks every time.
const RequiredConsentAlways RequiredConsent = "Always"

// PolicyLimits caps what clients may have.
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
	// clients is how many clients the policy governs at most; the ones that came later are refused. No limit when absent.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	Clients *int32 `json:"clients,omitempty"`
	// grantsPerUser is how many grants of one client a user can have at a time: one more ends the one that was not used for
	// longest. No limit when absent.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	GrantsPerUser *int32 `json:"grantsPerUser,omitempty"`
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
