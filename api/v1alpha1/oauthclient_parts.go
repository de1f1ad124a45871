package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConsentMode says when people are asked for their consent.
// +kubebuilder:validation:Enum=Always;Remember;Skip
type ConsentMode string

// The modes.
const (
	// ConsentAlways asks every time.
	ConsentAlways ConsentMode = "Always"
	// ConsentRemember asks for what is new only.
	ConsentRemember ConsentMode = "Remember"
	// ConsentSkip never asks: for the platform's own apps, where the policy allows it.
	ConsentSkip ConsentMode = "Skip"
)

// BackChannelLogout tells the app's server of logouts.
type BackChannelLogout struct {
	// uri takes the logout tokens. Its host has to be among the policy's redirectHosts, loopback included.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self)`,message="backChannelLogout.uri must be a URI: percent-encode spaces and other alphabets, write the host as xn--…"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^(https://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])|http://(127\.0\.0\.1|\[::1\]|localhost))(:[^/?#@]*)?([/?][^#]*)?$')`,message="backChannelLogout.uri must begin with https:// and a host name in lower case (http:// is for 127.0.0.1, [::1] and localhost only), without userinfo or fragment"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)')`,message="backChannelLogout.uri must not have . or .. as a path segment; write the path that it leads to"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="backChannelLogout.uri must have a port from 1 to 65535, or none"
	URI string `json:"uri"`
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

// ClientTokens configures tokens.
type ClientTokens struct {
	// accessToken sets the lifetime of access tokens.
	// +optional
	AccessToken *AccessTokenSettings `json:"accessToken,omitempty"`
	// refreshToken sets the lifetimes of refresh tokens.
	// +optional
	RefreshToken *RefreshTokenSettings `json:"refreshToken,omitempty"`
	// idToken configures ID tokens.
	// +optional
	IDToken *IDTokenSettings `json:"idToken,omitempty"`
}

// IDTokenSettings are settings of ID tokens.
type IDTokenSettings struct {
	// signingAlgorithm signs the client's ID tokens (RFC 7518 section 3.1).
	// +optional
	// +kubebuilder:default=RS256
	SigningAlgorithm SigningAlgorithm `json:"signingAlgorithm,omitempty"`
}

// SigningAlgorithm is an algorithm of signing keys.
// +kubebuilder:validation:Enum=RS256;ES256
type SigningAlgorithm string

// The algorithms.
const (
	SigningAlgorithmRS256 SigningAlgorithm = "RS256"
	SigningAlgorithmES256 SigningAlgorithm = "ES256"
)

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
