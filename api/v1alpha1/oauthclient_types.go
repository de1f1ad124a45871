package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClientType picks safe defaults for a kind of app.
// +kubebuilder:validation:Enum=Web;Browser;Native;Device;Service
type ClientType string

const (
	// ClientTypeWeb is an app with a server of its own: authorization code and refresh tokens, and a client secret.
	ClientTypeWeb ClientType = "Web"
	// ClientTypeBrowser is an app that runs in the browser: the same grant types, as a public client, with CORS.
	ClientTypeBrowser ClientType = "Browser"
	// ClientTypeNative is an app on somebody's computer or phone (RFC 8252): the same grant types, as a public client, which
	// may redirect to a private scheme.
	ClientTypeNative ClientType = "Native"
	// ClientTypeDevice is a command line or a device without a browser: the device authorization grant (RFC 8628) and
	// refresh tokens, as a public client.
	ClientTypeDevice ClientType = "Device"
	// ClientTypeService is a program that acts for itself: the client credentials grant and a client secret.
	ClientTypeService ClientType = "Service"
)

// GrantType is a grant type by its registered name (RFC 7591 section 2).
// +kubebuilder:validation:Enum=authorization_code;client_credentials;refresh_token;"urn:ietf:params:oauth:grant-type:device_code"
type GrantType string

// The grant types that a client may use.
const (
	GrantTypeAuthorizationCode GrantType = "authorization_code"
	GrantTypeClientCredentials GrantType = "client_credentials"
	GrantTypeRefreshToken      GrantType = "refresh_token"
	GrantTypeDeviceCode        GrantType = "urn:ietf:params:oauth:grant-type:device_code"
)

// OAuthClientSpec is what an app team asks for.
//
// +kubebuilder:validation:XValidation:rule=`has(self.serverRef) == has(oldSelf.serverRef) && (!has(self.serverRef) || self.serverRef == oldSelf.serverRef)`,message="serverRef is immutable, adding and removing it included; delete the OAuthClient and create it again",fieldPath=".serverRef"
// +kubebuilder:validation:XValidation:rule=`has(self.clientID) == has(oldSelf.clientID) && (!has(self.clientID) || self.clientID == oldSelf.clientID)`,message="clientID is immutable, adding and removing it included; delete the OAuthClient and create it again",fieldPath=".clientID"
// +kubebuilder:validation:XValidation:rule=`!has(self.grantTypes) || !('client_credentials' in self.grantTypes) || self.type in ['Web', 'Service']`,message="grantTypes: client_credentials is for types Web and Service, apps of the other types act for a user; remove it, or use type Service",fieldPath=".grantTypes"
// +kubebuilder:validation:XValidation:rule=`!has(self.grantTypes) || !('authorization_code' in self.grantTypes) || self.type in ['Web', 'Browser', 'Native']`,message="grantTypes: authorization_code is for types Web, Browser and Native; remove it, or change type",fieldPath=".grantTypes"
// +kubebuilder:validation:XValidation:rule=`!has(self.grantTypes) || !('refresh_token' in self.grantTypes) || self.grantTypes.exists(g, g in ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'])`,message="grantTypes: refresh_token needs a grant that begins with a user; add authorization_code or urn:ietf:params:oauth:grant-type:device_code, or remove it",fieldPath=".grantTypes"
// +kubebuilder:validation:XValidation:rule=`!('authorization_code' in (has(self.grantTypes) ? self.grantTypes : (self.type == 'Service' ? ['client_credentials'] : (self.type == 'Device' ? ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'] : ['authorization_code', 'refresh_token'])))) || (has(self.redirectURIs) && self.redirectURIs.size() > 0)`,message="redirectURIs: authorization_code needs at least one; add where people are sent back to, or choose type Device or Service",fieldPath=".redirectURIs"
// +kubebuilder:validation:XValidation:rule=`!has(self.redirectURIs) || self.redirectURIs.size() == 0 || 'authorization_code' in (has(self.grantTypes) ? self.grantTypes : (self.type == 'Service' ? ['client_credentials'] : (self.type == 'Device' ? ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'] : ['authorization_code', 'refresh_token'])))`,message="redirectURIs are for authorization_code, without which nobody is sent there; remove them, or use a type and grantTypes that have it",fieldPath=".redirectURIs"
// +kubebuilder:validation:XValidation:rule=`self.type == 'Native' || !has(self.redirectURIs) || self.redirectURIs.all(u, u.startsWith('https:') || u.startsWith('http:'))`,message="redirectURIs: a private scheme is for type Native only; use https, or type Native",fieldPath=".redirectURIs"
// +kubebuilder:validation:XValidation:rule=`self.type == 'Native' || !has(self.postLogoutRedirectURIs) || self.postLogoutRedirectURIs.all(u, u.startsWith('https:') || u.startsWith('http:'))`,message="postLogoutRedirectURIs: a private scheme is for type Native only; use https, or type Native",fieldPath=".postLogoutRedirectURIs"
// +kubebuilder:validation:XValidation:rule=`!has(self.authentication) || !(has(self.authentication.privateKeyJWT) || has(self.authentication.kubernetesServiceAccount)) || self.type in ['Web', 'Service']`,message="authentication: privateKeyJWT and kubernetesServiceAccount are for types Web and Service, which can keep a key; use none or clientSecret, or change type",fieldPath=".authentication"
// +kubebuilder:validation:XValidation:rule=`!has(self.allowedOrigins) || self.allowedOrigins.size() == 0 || self.type == 'Browser'`,message="allowedOrigins is for type Browser only, an app that calls the server from a page; remove it, or use type Browser",fieldPath=".allowedOrigins"
// +kubebuilder:validation:XValidation:rule=`!has(self.authentication) || !has(self.authentication.none) || !('client_credentials' in (has(self.grantTypes) ? self.grantTypes : (self.type == 'Service' ? ['client_credentials'] : (self.type == 'Device' ? ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'] : ['authorization_code', 'refresh_token']))))`,message="authentication.none makes a public client, which must not use client_credentials (RFC 6749 section 4.4); use clientSecret, or type Device",fieldPath=".authentication"
// +kubebuilder:validation:XValidation:rule=`!has(self.authentication) || !has(self.authentication.clientSecret) || !(self.type in ['Browser', 'Native'])`,message="authentication.clientSecret is not for types Browser and Native, whose users could read it (RFC 8252 section 8.5); remove it, or use type Web",fieldPath=".authentication.clientSecret"
// +kubebuilder:validation:XValidation:rule=`!has(self.authentication) || !has(self.authentication.clientSecret) || !has(self.authentication.clientSecret.optional) || !self.authentication.clientSecret.optional || self.type == 'Device'`,message="authentication.clientSecret.optional is for type Device only; remove it",fieldPath=".authentication.clientSecret.optional"
// +kubebuilder:validation:XValidation:rule=`!has(self.scopes) || (has(self.grantTypes) ? self.grantTypes : (self.type == 'Service' ? ['client_credentials'] : (self.type == 'Device' ? ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'] : ['authorization_code', 'refresh_token']))).exists(g, g in ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code']) || !self.scopes.exists(s, s in ['openid', 'profile', 'email', 'address', 'phone', 'groups', 'offline_access'])`,message="scopes: openid, profile, email, address, phone, groups and offline_access speak of a user and need a grant that begins with one; remove them, or use another type",fieldPath=".scopes"
// +kubebuilder:validation:XValidation:rule=`!has(self.secret) || !has(self.secret.preset) || self.secret.preset != 'None' || has(self.secret.template) || (has(self.authentication) ? !has(self.authentication.clientSecret) || has(self.authentication.clientSecret.secretRef) : !(self.type in ['Web', 'Service']))`,message="secret.preset None leaves the generated secret with nobody to read it; add secret.template, choose another preset, or authenticate by secretRef, privateKeyJWT or kubernetesServiceAccount",fieldPath=".secret.preset"
// +kubebuilder:validation:XValidation:rule=`!has(self.secret) || !has(self.secret.rotation) || (has(self.authentication) ? has(self.authentication.clientSecret) : self.type in ['Web', 'Service'])`,message="secret.rotation is for a client that has a client secret, and this one has none; remove it",fieldPath=".secret.rotation"
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

	// type picks safe defaults for grant types and authentication. Web is an app with a server of its own, Browser runs in
	// a browser, Native on a computer or a phone, Device has no browser, Service acts for itself.
	// +optional
	// +kubebuilder:default=Web
	Type ClientType `json:"type,omitempty"`

	// display is what people are shown when they are asked to let the app in.
	// +optional
	Display *ClientDisplay `json:"display,omitempty"`

	// redirectURIs are the addresses that people may be sent back to; compared byte by byte, but for the port of http on
	// loopback (RFC 8252 section 7.3). Each is https, http on loopback, or, for type Native, has a private scheme with a dot
	// (section 7.1). The grant type authorization_code needs at least one.
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

	// postLogoutRedirectURIs are the addresses that people may be sent back to when the app has signed them out; compared
	// byte by byte. The same addresses may be there as in redirectURIs.
	// +optional
	// +kubebuilder:validation:MaxItems=20
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self)`,message="postLogoutRedirectURIs: use the characters of a URI only: no space, control character or backslash; percent-encode the rest, write the host as xn--…"
	// +kubebuilder:validation:items:XValidation:rule=`!self.contains('#')`,message="postLogoutRedirectURIs: remove the fragment (#), which browsers never send"
	// +kubebuilder:validation:items:XValidation:rule=`!self.contains('*')`,message="postLogoutRedirectURIs: wildcards do not exist; list every address"
	// +kubebuilder:validation:items:XValidation:rule=`!self.matches(r'^[^/?#]*//[^/?#]*@')`,message="postLogoutRedirectURIs: remove the userinfo (the part before @)"
	// +kubebuilder:validation:items:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)')`,message="postLogoutRedirectURIs: remove path segments . and .., which browsers resolve before they compare"
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^(https://([^/?#]*@)?(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])|http://([^/?#]*@)?(127\.0\.0\.1|\[::1\]|localhost))(:[^/?#@]*)?([/?#].*)?$') || self.matches(r'^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:/')`,message="postLogoutRedirectURIs: begin with https:// and a host name in lower case, http:// on 127.0.0.1, [::1] or localhost, or a private scheme with a dot, as in com.example.app:/callback"
	// +kubebuilder:validation:items:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="postLogoutRedirectURIs: the port must be from 1 to 65535, or left out"
	PostLogoutRedirectURIs []string `json:"postLogoutRedirectURIs,omitempty"`

	// backChannelLogout tells the app's server when somebody is signed out (OpenID Connect Back-Channel Logout).
	// +optional
	BackChannelLogout *BackChannelLogout `json:"backChannelLogout,omitempty"`

	// allowedOrigins are the origins of the pages that may call the server (CORS), for type Browser: https, or http on
	// loopback, with a host and a port if it is not the usual one.
	// +optional
	// +kubebuilder:validation:MaxItems=20
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=267
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^(https://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])|http://(127\.0\.0\.1|\[::1\]|localhost))(:[0-9]+)?$')`,message="allowedOrigins: must be https:// and a host in lower case, with a port or none, and nothing else, not even a slash; http:// is for 127.0.0.1, [::1] and localhost only"
	// +kubebuilder:validation:items:XValidation:rule=`(!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')) && !self.matches(r'^(https://[^/]*:443|http://[^/]*:80)$')`,message="allowedOrigins: the port must be from 1 to 65535; leave out 443 of https and 80 of http, as browsers do"
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`

	// consent says when people are asked: Always, Remember (for what is new only), or Skip, where the policy allows it.
	// +optional
	// +kubebuilder:default=Remember
	Consent ConsentMode `json:"consent,omitempty"`

	// grantTypes are the grant types the client may use. Defaults by type: Web, Browser and Native have authorization_code
	// and refresh_token, Device has urn:ietf:params:oauth:grant-type:device_code and refresh_token, Service has
	// client_credentials.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +listType=set
	GrantTypes []GrantType `json:"grantTypes,omitempty"`

	// scopes are the scopes that the client may ask for, and that it gets when it asks for none: those of OAuthResources,
	// and, for a grant that begins with a user, openid, profile, email, address, phone, groups and offline_access.
	// +optional
	// +kubebuilder:validation:MaxItems=100
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^[!#-\[\]-~]+$')`,message="scopes: a scope has visible ASCII characters only, without space, double quote or backslash (RFC 6749 section 3.3)"
	Scopes []string `json:"scopes,omitempty"`

	// authentication is how the client proves who it is; exactly one member. Defaults by type: Web and Service have a
	// generated secret, Browser, Native and Device none. privateKeyJWT and kubernetesServiceAccount are for Web and Service.
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

	// deletionPolicy says what becomes of the Secret when the OAuthClient is deleted: Revoke deletes it, Retain leaves it, for
	// a client that is made again under the same name. Every grant ends either way.
	// +optional
	// +kubebuilder:default=Revoke
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
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
	// rotateRequest is the value of the annotation grantkeeper.dev/rotate that was last done.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	RotateRequest string `json:"rotateRequest,omitempty"`
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
	// lastUsed is when an older one was last used, to the minute, as the servers report it; absent when it was not used since
	// it was replaced.
	// +optional
	LastUsed *metav1.Time `json:"lastUsed,omitempty"`
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
// +kubebuilder:printcolumn:name="Type",type=string,description="Web, Browser, Native, Device or Service",JSONPath=`.spec.type`
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
// +kubebuilder:validation:XValidation:rule=`!has(self.spec.authentication) || !has(self.spec.authentication.clientSecret) || !has(self.spec.authentication.clientSecret.secretRef) || (has(self.spec.secret) && has(self.spec.secret.preset) && self.spec.secret.preset == 'None' && !has(self.spec.secret.template)) || self.spec.authentication.clientSecret.secretRef.name != (has(self.spec.secret) && has(self.spec.secret.name) ? self.spec.secret.name : self.metadata.name + '-oauth')`,message="authentication.clientSecret.secretRef.name is the Secret that the operator writes for this client; name another, or set secret.name",fieldPath=".spec.authentication.clientSecret.secretRef.name"
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
