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
type OAuthClientSpec struct {
	// serverRef names the OAuthServer that serves the client. Without it, the one that carries the annotation
	// grantkeeper.dev/is-default: "true" does.
	// +optional
	ServerRef *ServerReference `json:"serverRef,omitempty"`

	// clientID is the client identifier (RFC 6749 section 2.2). It is "namespace.name" when absent.
	// +optional
	ClientID string `json:"clientID,omitempty"`

	// type picks safe defaults for grant types and authentication.
	// +required
	Type ClientType `json:"type"`

	// display is what people are shown when they are asked to let the app in.
	// +optional
	Display *ClientDisplay `json:"display,omitempty"`

	// redirectURIs are the addresses that people may be sent back to; compared byte by byte.
	// +optional
	RedirectURIs []string `json:"redirectURIs,omitempty"`

	// grantTypes are the grant types the client may use. Defaults by type: Service has client_credentials, Device has
	// urn:ietf:params:oauth:grant-type:device_code and refresh_token.
	// +optional
	GrantTypes []GrantType `json:"grantTypes,omitempty"`

	// scopes are the scopes that the client may ask for, and that it gets when it asks for none.
	// +optional
	Scopes []string `json:"scopes,omitempty"`

	// authentication is how the client proves who it is. Defaults by type: Service has a generated secret, Device none.
	// +optional
	Authentication *ClientAuthentication `json:"authentication,omitempty"`

	// tokens sets lifetimes.
	// +optional
	Tokens *ClientTokens `json:"tokens,omitempty"`

	// secret says where the client's credentials are written.
	// +optional
	Secret *ClientSecretTarget `json:"secret,omitempty"`

	// suspended refuses the client everywhere while it is true; nothing is deleted.
	// +optional
	Suspended bool `json:"suspended,omitempty"`
}

// ServerReference names an OAuthServer.
type ServerReference struct {
	// name of the OAuthServer.
	// +required
	Name string `json:"name"`
	// namespace of the OAuthServer; the client's own when absent.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// ClientDisplay is what people are shown of an app.
type ClientDisplay struct {
	// name of the app; the object's name when absent.
	// +optional
	Name string `json:"name,omitempty"`
	// publisher of the app.
	// +optional
	Publisher string `json:"publisher,omitempty"`
	// homepage of the app, https.
	// +optional
	Homepage string `json:"homepage,omitempty"`
	// policyURI is the app's privacy policy, https.
	// +optional
	PolicyURI string `json:"policyURI,omitempty"`
}

// ClientAuthentication is how a client authenticates; exactly one member.
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
	// ttl is how long an access token lives; 10m when absent.
	// +optional
	TTL *metav1.Duration `json:"ttl,omitempty"`
}

// RefreshTokenSettings are settings of refresh tokens.
type RefreshTokenSettings struct {
	// ttl is how long refresh tokens of one grant live, counted from the grant; 720h when absent.
	// +optional
	TTL *metav1.Duration `json:"ttl,omitempty"`
	// idle ends the refresh tokens of a grant that were not used for so long; 168h when absent.
	// +optional
	Idle *metav1.Duration `json:"idle,omitempty"`
}

// ClientSecretTarget is the Secret that the operator writes.
type ClientSecretTarget struct {
	// name of the Secret, in the client's namespace; the client's name and "-oauth" when absent.
	// +optional
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
	GrantTypes []string `json:"grantTypes,omitempty"`
	// binding makes the client a Provisioned Service of servicebinding.io.
	// +optional
	Binding *ClientBinding `json:"binding,omitempty"`
	// secrets lists the client's secrets by id, the current one first; never their values or hashes.
	// +optional
	Secrets []ClientSecretStatus `json:"secrets,omitempty"`
	// conditions are Ready, Accepted, SecretReady, Programmed; Reconciling and Stalled when true.
	// +optional
	// +listType=map
	// +listMapKey=type
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

// OAuthClient is one OAuth 2.0 client: an app that obtains tokens from an OAuthServer.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oac,categories=oauth
type OAuthClient struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what the app team asks for.
	// +required
	Spec OAuthClientSpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status OAuthClientStatus `json:"status,omitempty"`
}

// OAuthClientList is a list of OAuthClients.
// +kubebuilder:object:root=true
type OAuthClientList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OAuthClient `json:"items"`
}
