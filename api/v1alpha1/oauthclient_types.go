package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClientType picks safe defaults for a kind of app.
// +kubebuilder:validation:Enum=Service;Device
type ClientType string

const (
	// ClientTypeService is a program that acts for itself: the client credentials grant and a client secret.
	ClientTypeService ClientType = "Service"
	// ClientTypeDevice is a command line or a device without a browser: the device authorization grant (RFC 8628) and
	// refresh tokens, as a public client.
	ClientTypeDevice ClientType = "Device"
)

// GrantType is a grant type by its registered name (RFC 7591 section 2).
// +kubebuilder:validation:Enum=client_credentials;refresh_token;"urn:ietf:params:oauth:grant-type:device_code"
type GrantType string

// The grant types that a client may use.
const (
	GrantTypeClientCredentials GrantType = "client_credentials"
	GrantTypeRefreshToken      GrantType = "refresh_token"
	GrantTypeDeviceCode        GrantType = "urn:ietf:params:oauth:grant-type:device_code"
)

// OAuthClientSpec is what an app team asks for.
//
// +kubebuilder:validation:XValidation:rule=`has(self.serverRef) == has(oldSelf.serverRef) && (!has(self.serverRef) || self.serverRef == oldSelf.serverRef)`,message="serverRef is immutable, adding and removing it included; delete the OAuthClient and create it again",fieldPath=".serverRef"
// +kubebuilder:validation:XValidation:rule=`has(self.clientID) == has(oldSelf.clientID) && (!has(self.clientID) || self.clientID == oldSelf.clientID)`,message="clientID is immutable, adding and removing it included; delete the OAuthClient and create it again",fieldPath=".clientID"
// +kubebuilder:validation:XValidation:rule=`self.type != 'Device' || !has(self.grantTypes) || !('client_credentials' in self.grantTypes)`,message="grantTypes of a client of type Device must not have client_credentials: a device acts for a user; use type Service",fieldPath=".grantTypes"
// +kubebuilder:validation:XValidation:rule=`!has(self.grantTypes) || !('refresh_token' in self.grantTypes) || 'urn:ietf:params:oauth:grant-type:device_code' in self.grantTypes`,message="grantTypes: refresh_token needs a grant that begins with a user; add urn:ietf:params:oauth:grant-type:device_code, or remove it",fieldPath=".grantTypes"
// +kubebuilder:validation:XValidation:rule=`!has(self.authentication) || !has(self.authentication.none) || !('client_credentials' in (has(self.grantTypes) ? self.grantTypes : (self.type == 'Service' ? ['client_credentials'] : ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'])))`,message="authentication.none makes a public client, which must not use client_credentials (RFC 6749 section 4.4); use clientSecret, or type Device",fieldPath=".authentication"
// +kubebuilder:validation:XValidation:rule=`!has(self.authentication) || !has(self.authentication.clientSecret) || !has(self.authentication.clientSecret.optional) || !self.authentication.clientSecret.optional || self.type == 'Device'`,message="authentication.clientSecret.optional is for type Device only; remove it",fieldPath=".authentication.clientSecret.optional"
// +kubebuilder:validation:XValidation:rule=`!has(self.scopes) || 'urn:ietf:params:oauth:grant-type:device_code' in (has(self.grantTypes) ? self.grantTypes : (self.type == 'Service' ? ['client_credentials'] : ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'])) || !self.scopes.exists(s, s in ['openid', 'profile', 'email', 'groups', 'offline_access'])`,message="scopes: openid, profile, email, groups and offline_access speak of a user and need a grant that begins with one; remove them, or use type Device",fieldPath=".scopes"
type OAuthClientSpec struct {
	// serverRef names the OAuthServer that serves the client. Without it, the one that carries the annotation
	// grantkeeper.dev/is-default: "true" does. Immutable.
	// +optional
	ServerRef *ServerReference `json:"serverRef,omitempty"`

	// clientID is the client identifier (RFC 6749 section 2.2), unique per server: letters, digits and . _ ~ -, the first a
	// letter or digit. It is "namespace.name" when absent. Immutable.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[A-Za-z0-9][A-Za-z0-9._~-]*$')`,message="clientID must begin with a letter or digit and have letters, digits and . _ ~ - only"
	ClientID string `json:"clientID,omitempty"`

	// type picks safe defaults for grant types and authentication.
	// +required
	Type ClientType `json:"type"`

	// display is what people are shown when they are asked to let the app in.
	// +optional
	Display *ClientDisplay `json:"display,omitempty"`

	// redirectURIs are the addresses that people may be sent back to; compared byte by byte. Each is https, http on
	// loopback (RFC 8252 section 7.3), or has a private scheme with a dot (section 7.1).
	// +optional
	// +kubebuilder:validation:MaxItems=20
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self)`,message="redirectURIs: use the characters of a URI only: no space, control character or backslash; percent-encode the rest, write the host as xn--…"
	// +kubebuilder:validation:items:XValidation:rule=`!self.contains('#')`,message="redirectURIs: remove the fragment (#), which browsers never send"
	// +kubebuilder:validation:items:XValidation:rule=`!self.contains('*')`,message="redirectURIs: wildcards do not exist; list every address"
	// +kubebuilder:validation:items:XValidation:rule=`!self.matches(r'^[^/?#]*//[^/?#]*@')`,message="redirectURIs: remove the userinfo (the part before @)"
	// +kubebuilder:validation:items:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)')`,message="redirectURIs: remove path segments . and .., which browsers resolve before they compare"
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^(https://([^/?#]*@)?(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])|http://([^/?#]*@)?(127\.0\.0\.1|\[::1\]|localhost))(:[^/?#@]*)?([/?#].*)?$') || self.matches(r'^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/')`,message="redirectURIs: begin with https:// and a host name in lower case, http:// on 127.0.0.1, [::1] or localhost, or a private scheme with a dot, as in com.example.app:/callback"
	// +kubebuilder:validation:items:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="redirectURIs: the port must be from 1 to 65535, or left out"
	RedirectURIs []string `json:"redirectURIs,omitempty"`

	// grantTypes are the grant types the client may use. Defaults by type: Service has client_credentials, Device has
	// urn:ietf:params:oauth:grant-type:device_code and refresh_token.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +listType=set
	GrantTypes []GrantType `json:"grantTypes,omitempty"`

	// scopes are the scopes that the client may ask for, and that it gets when it asks for none: those of OAuthResources,
	// and, for a grant that begins with a user, openid, profile, email, groups and offline_access.
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^[!#-\[\]-~]+$')`,message="scopes: a scope has visible ASCII characters only, without space, double quote or backslash (RFC 6749 section 3.3)"
	Scopes []string `json:"scopes,omitempty"`

	// authentication is how the client proves who it is; exactly one member. Defaults by type: Service has a generated
	// secret, Device none.
	// +optional
	Authentication *ClientAuthentication `json:"authentication,omitempty"`

	// tokens sets lifetimes. What is absent has its default, or the policy's limit where that is shorter.
	// +optional
	Tokens *ClientTokens `json:"tokens,omitempty"`

	// secret says where the client's credentials are written.
	// +optional
	Secret *ClientSecretTarget `json:"secret,omitempty"`

	// suspended refuses the client everywhere while it is true; nothing is deleted.
	// +optional
	// +kubebuilder:default=false
	Suspended bool `json:"suspended,omitempty"`
}

// ServerReference names an OAuthServer.
type ServerReference struct {
	// name of the OAuthServer.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="serverRef.name must be the name of an object: lower-case letters, digits, - and ."
	Name string `json:"name"`
	// namespace of the OAuthServer; the client's own when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')`,message="serverRef.namespace must be the name of a namespace: lower-case letters, digits and -"
	Namespace string `json:"namespace,omitempty"`
}

// ClientDisplay is what people are shown of an app.
type ClientDisplay struct {
	// name of the app; the object's name when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="display.name must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
	Name string `json:"name,omitempty"`
	// publisher of the app.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="display.publisher must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
	Publisher string `json:"publisher,omitempty"`
	// homepage of the app, https.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self) && !self.endsWith('#')`,message="display.homepage must be a URI: percent-encode spaces and other alphabets, write the host as xn--…, leave out a # that nothing follows"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^https://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])(:[^/?#@]*)?([/?#].*)?$')`,message="display.homepage must begin with https:// and a host name in lower case, without userinfo"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)')`,message="display.homepage must not have . or .. as a path segment; write the path that it leads to"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="display.homepage must have a port from 1 to 65535, or none"
	Homepage string `json:"homepage,omitempty"`
	// policyURI is the app's privacy policy, https.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self) && !self.endsWith('#')`,message="display.policyURI must be a URI: percent-encode spaces and other alphabets, write the host as xn--…, leave out a # that nothing follows"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^https://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])(:[^/?#@]*)?([/?#].*)?$')`,message="display.policyURI must begin with https:// and a host name in lower case, without userinfo"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)')`,message="display.policyURI must not have . or .. as a path segment; write the path that it leads to"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="display.policyURI must have a port from 1 to 65535, or none"
	PolicyURI string `json:"policyURI,omitempty"`
}

// ClientAuthentication is how a client authenticates; exactly one member.
//
// +kubebuilder:validation:XValidation:rule=`has(self.clientSecret) != has(self.none)`,message="authentication takes exactly one of clientSecret and none"
type ClientAuthentication struct {
	// clientSecret is a generated secret, sent by HTTP Basic or in the body (RFC 6749 section 2.3.1).
	// +optional
	ClientSecret *ClientSecretAuthentication `json:"clientSecret,omitempty"`
	// none makes the client public (RFC 6749 section 2.1).
	// +optional
	None *NoAuthentication `json:"none,omitempty"`
}

// ClientSecretAuthentication is authentication by a shared secret.
type ClientSecretAuthentication struct {
	// optional lets the client leave the secret out, as a public client does; a secret that it sends must be right. Only
	// for type Device.
	// +optional
	// +kubebuilder:default=false
	Optional bool `json:"optional,omitempty"`
}

// NoAuthentication has no settings.
type NoAuthentication struct{}

// ClientTokens sets lifetimes of tokens.
type ClientTokens struct {
	// accessToken sets the lifetime of access tokens.
	// +optional
	AccessToken *AccessTokenSettings `json:"accessToken,omitempty"`
	// refreshToken sets the lifetimes of refresh tokens.
	// +optional
	RefreshToken *RefreshTokenSettings `json:"refreshToken,omitempty"`
}

// AccessTokenSettings are settings of access tokens.
type AccessTokenSettings struct {
	// ttl is how long an access token lives, from 1m to 720h; 10m when absent.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([0-9]{1,6}[hms])+$') && duration(self) >= duration('1m') && duration(self) <= duration('720h')`,message="ttl must be a duration from 1m to 720h in h, m and s, such as 10m"
	TTL *metav1.Duration `json:"ttl,omitempty"`
}

// RefreshTokenSettings are settings of refresh tokens.
//
// +kubebuilder:validation:XValidation:rule=`!has(self.idle) || !self.idle.matches(r'^([0-9]{1,6}[hms])+$') || (has(self.ttl) && !self.ttl.matches(r'^([0-9]{1,6}[hms])+$')) || duration(self.idle) <= (has(self.ttl) ? duration(self.ttl) : duration('720h'))`,message="idle must not be longer than ttl (720h when absent); shorten idle or lengthen ttl",fieldPath=".idle"
type RefreshTokenSettings struct {
	// ttl is how long refresh tokens of one grant live, counted from the grant and never extended by use, from 5m to
	// 8760h; 720h when absent.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([0-9]{1,6}[hms])+$') && duration(self) >= duration('5m') && duration(self) <= duration('8760h')`,message="ttl must be a duration from 5m to 8760h in h, m and s, such as 720h"
	TTL *metav1.Duration `json:"ttl,omitempty"`
	// idle ends the refresh tokens of a grant that were not used for so long; from 5m, and at most ttl; 168h when absent,
	// or ttl where that is shorter.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([0-9]{1,6}[hms])+$') && duration(self) >= duration('5m') && duration(self) <= duration('8760h')`,message="idle must be a duration from 5m to 8760h in h, m and s, such as 168h"
	Idle *metav1.Duration `json:"idle,omitempty"`
}

// ClientSecretTarget is the Secret that the operator writes.
type ClientSecretTarget struct {
	// name of the Secret, in the client's namespace; the client's name and "-oauth" when absent. A Secret that the operator
	// did not make is never touched.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="secret.name must be the name of an object: lower-case letters, digits, - and ."
	Name string `json:"name,omitempty"`
}

// OAuthClientStatus is what became of the client.
type OAuthClientStatus struct {
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// clientID is the client identifier in force.
	// +optional
	ClientID string `json:"clientID,omitempty"`
	// issuer is the issuer that serves the client.
	// +optional
	Issuer string `json:"issuer,omitempty"`
	// server is the namespace and name of the OAuthServer.
	// +optional
	Server string `json:"server,omitempty"`
	// policy is the governing OAuthGrantPolicy.
	// +optional
	Policy string `json:"policy,omitempty"`
	// grantTypes in force, defaults included.
	// +optional
	// +listType=atomic
	GrantTypes []string `json:"grantTypes,omitempty"`
	// binding makes the client a Provisioned Service of servicebinding.io.
	// +optional
	Binding *ClientBinding `json:"binding,omitempty"`
	// secrets lists the client's secrets by id, the current one first; never their values or hashes.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=16
	Secrets []ClientSecretStatus `json:"secrets,omitempty"`
	// conditions are Ready, Accepted, SecretReady, Programmed; Reconciling and Stalled when true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ClientBinding names the Secret with the client's credentials.
type ClientBinding struct {
	// name of the Secret.
	// +required
	Name string `json:"name"`
}

// ClientSecretStatus describes one secret of the client.
type ClientSecretStatus struct {
	// id of the secret.
	// +required
	ID string `json:"id"`
	// createdAt is when it was made.
	// +required
	CreatedAt metav1.Time `json:"createdAt"`
	// current is true for the one in the Secret.
	// +optional
	Current bool `json:"current,omitempty"`
	// retiresAt is when an older one ends.
	// +optional
	RetiresAt *metav1.Time `json:"retiresAt,omitempty"`
}

// OAuthClient is one OAuth 2.0 client: an app that obtains tokens from an OAuthServer. Its credentials are written to a
// Secret beside it. What it may have is up to the OAuthGrantPolicy that governs it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oac,categories=oauth
// +kubebuilder:selectablefield:JSONPath=`.spec.serverRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.clientID`
// +kubebuilder:selectablefield:JSONPath=`.spec.type`
// +kubebuilder:selectablefield:JSONPath=`.status.clientID`
// +kubebuilder:printcolumn:name="Client ID",type=string,description="The client identifier in force",JSONPath=`.status.clientID`
// +kubebuilder:printcolumn:name="Type",type=string,description="Service or Device",JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Server",type=string,description="The OAuthServer that serves it",JSONPath=`.status.server`
// +kubebuilder:printcolumn:name="Policy",type=string,description="The governing OAuthGrantPolicy",JSONPath=`.status.policy`
// +kubebuilder:printcolumn:name="Secret",type=string,description="The Secret with its credentials",JSONPath=`.status.binding.name`
// +kubebuilder:printcolumn:name="Ready",type=string,description="Whether it does its work now",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,description="Why it is, or is not, ready",JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,description="How long it has been there",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Grants",type=string,priority=1,description="The grant types in force",JSONPath=`.status.grantTypes`
// +kubebuilder:printcolumn:name="Redirects",type=string,priority=1,description="Where people may be sent back to",JSONPath=`.spec.redirectURIs`
// +kubebuilder:printcolumn:name="Secret-Age",type=date,priority=1,description="How long ago the current secret was made",JSONPath=`.status.secrets[?(@.current==true)].createdAt`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,description="The same in words",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule=`self.metadata.name.size() <= 63`,message="metadata.name must have at most 63 characters; choose a shorter name"
type OAuthClient struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what the app team asks for.
	// +required
	Spec OAuthClientSpec `json:"spec"`
	// status is what became of it.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Accepted", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "SecretReady", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Programmed", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status OAuthClientStatus `json:"status,omitempty"`
}

// OAuthClientList is a list of OAuthClients.
// +kubebuilder:object:root=true
type OAuthClientList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OAuthClient `json:"items"`
}
