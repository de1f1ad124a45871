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
// +kubebuilder:validation:XValidation:rule=`[has(self.clientSecret), has(self.privateKeyJWT), has(self.kubernetesServiceAccount), has(self.none)].filter(x, x).size() == 1`,message="authentication takes exactly one of clientSecret, privateKeyJWT, kubernetesServiceAccount and none"
type ClientAuthentication struct {
	// clientSecret is a secret, sent by HTTP Basic or in the body (RFC 6749 section 2.3.1): generated, or the one that
	// secretRef names.
	// +optional
	ClientSecret *ClientSecretAuthentication `json:"clientSecret,omitempty"`
	// privateKeyJWT is an assertion that the client signs with a key of its own (RFC 7523 section 2.2, OpenID Connect Core
	// section 9): nothing secret is shared.
	// +optional
	PrivateKeyJWT *PrivateKeyJWTAuthentication `json:"privateKeyJWT,omitempty"`
	// kubernetesServiceAccount is the token of a ServiceAccount of the client's namespace as assertion (RFC 7523): nothing
	// to store or to rotate. For types Web and Service.
	// +optional
	KubernetesServiceAccount *ServiceAccountAuthentication `json:"kubernetesServiceAccount,omitempty"`
	// none makes the client public (RFC 6749 section 2.1).
	// +optional
	None *NoAuthentication `json:"none,omitempty"`
}

// ClientSecretAuthentication is authentication by a shared secret.
//
// +kubebuilder:validation:XValidation:rule=`!has(self.secretRef) || !has(self.optional) || !self.optional`,message="clientSecret.optional is for a generated secret; remove it, or remove secretRef",fieldPath=".optional"
type ClientSecretAuthentication struct {
	// optional lets the client leave the secret out, as a public client does; a secret that it sends must be right. Only
	// for type Device.
	// +optional
	// +kubebuilder:default=false
	Optional bool `json:"optional,omitempty"`
	// secretRef names a Secret of the client's namespace with the secret to use, written by External Secrets, Vault, SOPS or
	// you, instead of a generated one. It carries the label grantkeeper.dev/referenced: "true" and holds at least 32
	// characters of A-Z a-z 0-9 . _ ~ -. While it is not there the client waits; no other secret is made up.
	// +optional
	SecretRef *SecretKeyReference `json:"secretRef,omitempty"`
}

// PrivateKeyJWTAuthentication is where the client's public keys are; exactly one of jwks and jwksURI.
//
// +kubebuilder:validation:XValidation:rule=`has(self.jwks) != has(self.jwksURI)`,message="privateKeyJWT takes exactly one of jwks and jwksURI"
type PrivateKeyJWTAuthentication struct {
	// jwks is the key set itself (RFC 7517 section 5), public keys only.
	// +optional
	JWKS *JSONWebKeySet `json:"jwks,omitempty"`
	// jwksURI is where the server fetches the key set: https, or http on loopback. Its host has to be among the policy's
	// redirectHosts, loopback included.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self)`,message="privateKeyJWT.jwksURI must be a URI: percent-encode spaces and other alphabets, write the host as xn--…"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^(https://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])|http://(127\.0\.0\.1|\[::1\]|localhost))(:[^/?#@]*)?([/?][^#]*)?$')`,message="privateKeyJWT.jwksURI must begin with https:// and a host name in lower case (http:// is for 127.0.0.1, [::1] and localhost only), without userinfo or fragment"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)')`,message="privateKeyJWT.jwksURI must not have . or .. as a path segment; write the path that it leads to"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="privateKeyJWT.jwksURI must have a port from 1 to 65535, or none"
	JWKSURI string `json:"jwksURI,omitempty"`
	// signingAlgorithms that assertions may have (RFC 7518 section 3.1, RFC 8037): every one of them that fits the keys when
	// absent.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +listType=set
	SigningAlgorithms []AssertionAlgorithm `json:"signingAlgorithms,omitempty"`
}

// AssertionAlgorithm is an algorithm that clients may sign assertions with.
// +kubebuilder:validation:Enum=ES256;EdDSA;PS256;RS256
type AssertionAlgorithm string

// JSONWebKeySet is a set of public keys (RFC 7517 section 5).
type JSONWebKeySet struct {
	// keys of the client; several while it changes from one to the next.
	// +required
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +listType=atomic
	Keys []JSONWebKey `json:"keys"`
}

// JSONWebKey is one public key (RFC 7517 section 4, RFC 7518 section 6): EC on P-256, OKP on Ed25519, or RSA of 2048 to 4096
// bits.
//
// +kubebuilder:validation:XValidation:rule=`!has(self.d)`,message="keys: d is the private part of the key; publish the public part alone, and make a new key, because this one has been sent",fieldPath=".d"
// +kubebuilder:validation:XValidation:rule=`self.kty != 'EC' || (has(self.crv) && self.crv == 'P-256' && has(self.x) && has(self.y) && !has(self.n) && !has(self.e))`,message="keys: a key of kty EC has crv P-256, x and y, and no n and e; write \"y\" in quotes, YAML takes it for true without"
// +kubebuilder:validation:XValidation:rule=`self.kty != 'OKP' || (has(self.crv) && self.crv == 'Ed25519' && has(self.x) && !has(self.y) && !has(self.n) && !has(self.e))`,message="keys: a key of kty OKP has crv Ed25519 and x, and no y, n and e"
// +kubebuilder:validation:XValidation:rule=`self.kty != 'RSA' || (has(self.n) && has(self.e) && !has(self.crv) && !has(self.x) && !has(self.y))`,message="keys: a key of kty RSA has n and e, and no crv, x and y; write \"n\" in quotes, YAML takes it for false without"
type JSONWebKey struct {
	// kty is the type of the key.
	// +required
	// +kubebuilder:validation:Enum=EC;OKP;RSA
	Kty string `json:"kty"`
	// use is what the key is for; sig.
	// +optional
	// +kubebuilder:validation:Enum=sig
	Use string `json:"use,omitempty"`
	// alg is the algorithm that the key is for.
	// +optional
	Alg AssertionAlgorithm `json:"alg,omitempty"`
	// kid names the key in assertions.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Kid string `json:"kid,omitempty"`
	// crv is the curve of keys of EC and OKP.
	// +optional
	// +kubebuilder:validation:Enum="P-256";Ed25519
	Crv string `json:"crv,omitempty"`
	// x is the coordinate of keys of EC and the public key of OKP, base64url.
	// +optional
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_-]{43}$`
	X string `json:"x,omitempty"`
	// y is the other coordinate of keys of EC, base64url.
	// +optional
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_-]{43}$`
	Y string `json:"y,omitempty"`
	// n is the modulus of keys of RSA, 2048 to 4096 bits, base64url.
	// +optional
	// +kubebuilder:validation:Pattern=`^(([A-Za-z0-9_-]{4}){85,170}[A-Za-z0-9_-]{2,3}|([A-Za-z0-9_-]{4}){86,170})$`
	N string `json:"n,omitempty"`
	// e is the exponent of keys of RSA, base64url; mostly AQAB.
	// +optional
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9_-]{2,4}|[A-Za-z0-9_-]{6})$`
	E string `json:"e,omitempty"`
	// d is the private part, which is always refused: a manifest is no place for it.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	D string `json:"d,omitempty"`
}

// ServiceAccountAuthentication names a ServiceAccount.
type ServiceAccountAuthentication struct {
	// name of the ServiceAccount, in the client's namespace. Its tokens are those that a projected volume mounts, with the
	// issuer as audience.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="kubernetesServiceAccount.name must be the name of an object: lower-case letters, digits, - and ."
	Name string `json:"name"`
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

// SecretPreset is the set of keys that a consumer of credentials reads.
// +kubebuilder:validation:Enum=None;OAuth2Proxy;Grafana;ArgoCD;Spring;Env
type SecretPreset string

// The presets.
const (
	// SecretPresetNone writes the keys of the template alone; without a template, no Secret at all.
	SecretPresetNone SecretPreset = "None"
	// SecretPresetOAuth2Proxy is for oauth2-proxy.
	SecretPresetOAuth2Proxy SecretPreset = "OAuth2Proxy"
	// SecretPresetGrafana is for Grafana's generic OAuth.
	SecretPresetGrafana SecretPreset = "Grafana"
	// SecretPresetArgoCD is for Argo CD.
	SecretPresetArgoCD SecretPreset = "ArgoCD"
	// SecretPresetSpring is for Spring Boot and everything else that reads servicebinding.io.
	SecretPresetSpring SecretPreset = "Spring"
	// SecretPresetEnv is for programs that read environment variables.
	SecretPresetEnv SecretPreset = "Env"
)

// ClientSecretTarget is the Secret that the operator writes.
type ClientSecretTarget struct {
	// name of the Secret, in the client's namespace; the client's name and "-oauth" when absent. A Secret that the operator
	// did not make is never touched.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="secret.name must be the name of an object: lower-case letters, digits, - and ."
	Name string `json:"name,omitempty"`
	// preset is the consumer whose keys the Secret has. None writes the keys of template alone; without a template, no Secret.
	// +optional
	// +kubebuilder:default=Spring
	Preset SecretPreset `json:"preset,omitempty"`
	// template adds keys, and replaces those of the preset: Go templates over .ClientID, .ClientSecret, .Issuer and what
	// else the documentation lists. They read nothing else, and what they yield is bounded.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule=`self.all(k, k.size() <= 253 && k.matches(r'^[-._a-zA-Z0-9]+$') && k != '.' && !k.startsWith('..'))`,message="secret.template: a key has letters, digits and - _ . only, at most 253, and is not . and does not begin with .."
	Template map[string]SecretTemplate `json:"template,omitempty"`
	// metadata is what others want to find on the Secret.
	// +optional
	Metadata *SecretMetadata `json:"metadata,omitempty"`
	// rotation replaces a generated secret from time to time. It is never replaced when absent, unless you ask for it by the
	// annotation grantkeeper.dev/rotate.
	// +optional
	Rotation *SecretRotation `json:"rotation,omitempty"`
}

// SecretMetadata is metadata for a Secret.
type SecretMetadata struct {
	// labels of the Secret; none of grantkeeper.dev, and not app.kubernetes.io/managed-by.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule=`self.all(k, !format.qualifiedName().validate(k).hasValue() && !k.contains('grantkeeper.dev/') && k != 'app.kubernetes.io/managed-by')`,message="secret.metadata.labels: a key must be that of a label, and not one of the operator's own (grantkeeper.dev/…, app.kubernetes.io/managed-by)"
	// +kubebuilder:validation:XValidation:rule=`self.all(k, !format.labelValue().validate(self[k]).hasValue())`,message="secret.metadata.labels: a value must be that of a label: at most 63 letters, digits and - _ ., the first and the last a letter or digit"
	Labels map[string]LabelValue `json:"labels,omitempty"`
	// annotations of the Secret; none of grantkeeper.dev, and not kubectl.kubernetes.io/last-applied-configuration.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule=`self.all(k, !format.qualifiedName().validate(k.lowerAscii()).hasValue() && !k.contains('grantkeeper.dev/') && k != 'kubectl.kubernetes.io/last-applied-configuration')`,message="secret.metadata.annotations: a key must be that of an annotation, and not the operator's (grantkeeper.dev/…) or kubectl's own"
	Annotations map[string]AnnotationValue `json:"annotations,omitempty"`
}

// LabelValue is the value of a label.
// +kubebuilder:validation:MaxLength=63
type LabelValue string

// AnnotationValue is the value of an annotation.
// +kubebuilder:validation:MaxLength=1024
type AnnotationValue string

// SecretTemplate is a Go template.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=4096
type SecretTemplate string

// SecretRotation replaces a generated secret from time to time.
//
// +kubebuilder:validation:XValidation:rule=`![has(self.interval) ? self.interval : '2160h', has(self.overlap) ? self.overlap : '24h'].all(d, d.matches(r'^([0-9]{1,6}[hms])+$')) || duration(has(self.overlap) ? self.overlap : '24h') <= duration(has(self.interval) ? self.interval : '2160h')`,message="rotation.overlap (24h when absent) must not be longer than rotation.interval; shorten overlap or lengthen interval",fieldPath=".overlap"
// +kubebuilder:validation:XValidation:rule=`!has(self.deadline) || ![self.deadline, has(self.interval) ? self.interval : '2160h', has(self.overlap) ? self.overlap : '24h'].all(d, d.matches(r'^([0-9]{1,6}[hms])+$')) || (duration(self.deadline) >= duration(has(self.overlap) ? self.overlap : '24h') && duration(self.deadline) <= duration(has(self.interval) ? self.interval : '8760h'))`,message="rotation.deadline must not be shorter than rotation.overlap (24h when absent) or longer than rotation.interval; lengthen or shorten it",fieldPath=".deadline"
// +kubebuilder:validation:XValidation:rule=`!has(self.deadline) || (has(self.retireWhenUnused) && self.retireWhenUnused)`,message="rotation.deadline is for retireWhenUnused: true; remove it, or set that",fieldPath=".deadline"
type SecretRotation struct {
	// interval is how long a secret is the current one, from 1h to 8760h.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([0-9]{1,6}[hms])+$') && duration(self) >= duration('1h') && duration(self) <= duration('8760h')`,message="interval must be a duration from 1h to 8760h in h, m and s, such as 2160h"
	Interval metav1.Duration `json:"interval"`
	// overlap is how long the secret before goes on working beside the new one, from 5m to 2160h; 24h when absent, and at
	// most interval.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([0-9]{1,6}[hms])+$') && duration(self) >= duration('5m') && duration(self) <= duration('2160h')`,message="overlap must be a duration from 5m to 2160h in h, m and s, such as 24h"
	Overlap *metav1.Duration `json:"overlap,omitempty"`
	// retireWhenUnused lets the secret before work on after the overlap, until it was not used for as long as the overlap, or
	// until the deadline.
	// +optional
	// +kubebuilder:default=false
	RetireWhenUnused bool `json:"retireWhenUnused,omitempty"`
	// deadline ends the secret before at the latest so long after the rotation, used or not, from 5m to 8760h; as long as the
	// interval when absent, and never longer.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([0-9]{1,6}[hms])+$') && duration(self) >= duration('5m') && duration(self) <= duration('8760h')`,message="deadline must be a duration from 5m to 8760h in h, m and s, such as 720h"
	Deadline *metav1.Duration `json:"deadline,omitempty"`
}

// DeletionPolicy says what becomes of a client's credentials when the OAuthClient is deleted.
// +kubebuilder:validation:Enum=Revoke;Retain
type DeletionPolicy string

// The policies.
const (
	// DeletionRevoke deletes the Secret and ends every grant.
	DeletionRevoke DeletionPolicy = "Revoke"
	// DeletionRetain ends every grant and leaves the Secret, so that a client that is made again under the same name goes on
	// with the same client id and secret.
	DeletionRetain DeletionPolicy = "Retain"
)

// AnnotationRotate, on an OAuthClient, asks for a new client secret whenever its value changes, as in
// kubectl annotate oauthclient NAME grantkeeper.dev/rotate="$(date +%s)" --overwrite.
const AnnotationRotate = "grantkeeper.dev/rotate"

// AnnotationRotateOverlap, beside AnnotationRotate, says how long the secret before works on: a duration, such as 0s for a
// secret that has leaked.
const AnnotationRotateOverlap = "grantkeeper.dev/rotate-overlap"
