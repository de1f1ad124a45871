package registration

import (
	"encoding/json"
	"time"
)

// Kind names what a document describes.
type Kind string

// The kinds of documents a server loads.
const (
	KindServer           Kind = "Server"
	KindClient           Kind = "Client"
	KindPolicy           Kind = "Policy"
	KindResource         Kind = "Resource"
	KindIdentityProvider Kind = "IdentityProvider"
	KindKeys             Kind = "Keys"
)

// Document is one of *Server, *Client, *Policy, *Resource, *IdentityProvider or *Keys.
type Document interface {
	// DocumentKind says which of the structs it is.
	DocumentKind() Kind
	// DocumentName identifies the document among those of its kind and server: for clients "namespace/name", for the
	// others the manifest's name.
	DocumentName() string
	// Validate checks every field and joins all problems, each naming its field.
	Validate() error
}

// Server holds the settings of one authorization server.
type Server struct {
	// Namespace and Name are those of the OAuthServer.
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Issuer is the issuer identifier, byte-exact (RFC 8414 section 2): https, or http on loopback.
	Issuer string `json:"issuer"`
	// DisplayName is what pages call the service.
	DisplayName string `json:"displayName,omitempty"`
	// Device configures the device authorization grant (RFC 8628).
	Device Device `json:"device"`
	// JSONRequestBodies lets token, device authorization, revocation and introspection requests be JSON objects too.
	JSONRequestBodies bool `json:"jsonRequestBodies,omitempty"`
	// TrustedProxies are networks in CIDR form whose X-Forwarded-For is believed, for limits and audit only.
	TrustedProxies []string `json:"trustedProxies,omitempty"`
	// Branding is how pages look.
	Branding Branding `json:"branding,omitzero"`
	// ServiceAccounts verifies tokens of the cluster's ServiceAccounts; nil until the operator has read the cluster's keys.
	ServiceAccounts *ServiceAccountIssuer `json:"serviceAccounts,omitempty"`
}

// ServiceAccountIssuer is who signs the tokens of a cluster's ServiceAccounts, so that they can be verified without asking the
// cluster.
type ServiceAccountIssuer struct {
	// Issuer is the iss of the tokens, byte-exact.
	Issuer string `json:"issuer"`
	// JWKS is the cluster's key set (RFC 7517 section 5), public keys only.
	JWKS json.RawMessage `json:"jwks"`
}

// Branding is how pages look. The zero value is the look of the project.
type Branding struct {
	// Logo is a data URI in base64: image/svg+xml or image/png.
	Logo string `json:"logo,omitempty"`
	// Accent and AccentDark colour buttons and links in light and in dark mode, "#rrggbb". The compile step has checked
	// their contrast with text and background.
	Accent     string `json:"accent,omitempty"`
	AccentDark string `json:"accentDark,omitempty"`
}

// Device holds the settings of RFC 8628.
type Device struct {
	// CodeTTL is how long a device code lives, at most 15 minutes.
	CodeTTL Duration `json:"codeTTL"`
	// Interval is the least time between two polls.
	Interval Duration `json:"interval"`
}

// Client is one registered OAuth client.
type Client struct {
	// Namespace, Name and UID are those of the OAuthClient. Tokens and grants are bound to UID, so that a client that is
	// deleted and made again inherits nothing.
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	// Generation of the OAuthClient this was compiled from.
	Generation int64 `json:"generation"`
	// ClientID is the client identifier (RFC 6749 section 2.2), unique per server.
	ClientID string `json:"clientID"`
	// Type is the manifest's type: Web, Browser, Native, Device or Service.
	Type string `json:"type"`
	// Display is what people are shown.
	Display Display `json:"display"`
	// RedirectURIs are matched exactly, but for the port of loopback addresses (RFC 8252 section 7.3).
	RedirectURIs []string `json:"redirectURIs,omitempty"`
	// PostLogoutRedirectURIs are matched exactly (OpenID Connect RP-Initiated Logout section 3).
	PostLogoutRedirectURIs []string `json:"postLogoutRedirectURIs,omitempty"`
	// BackChannelLogoutURI is told of logouts; empty for none.
	BackChannelLogoutURI string `json:"backChannelLogoutURI,omitempty"`
	// AllowedOrigins may call token, userinfo and revocation endpoints from a browser (CORS): of type Browser only.
	AllowedOrigins []string `json:"allowedOrigins,omitempty"`
	// Consent says when people are asked. Skip counts only while the policy allows it.
	Consent ConsentMode `json:"consent,omitempty"`
	// IDTokenAlgorithm signs its ID tokens: RS256 when empty, or ES256.
	IDTokenAlgorithm string `json:"idTokenAlgorithm,omitempty"`
	// GrantTypes are the registered names (RFC 7591 section 2).
	GrantTypes []string `json:"grantTypes"`
	// Scopes the client may ask for; also what it gets when it asks for none.
	Scopes []string `json:"scopes,omitempty"`
	// Resources are the names of the OAuthResources that declare its scopes, sorted.
	Resources []string `json:"resources,omitempty"`
	// Authentication says how it proves who it is.
	Authentication Authentication `json:"authentication"`
	// Tokens holds lifetimes.
	Tokens Tokens `json:"tokens"`
	// Suspended clients are refused everywhere.
	Suspended bool `json:"suspended,omitempty"`
	// Policy is the name of the governing policy.
	Policy string `json:"policy"`
	// CreatedAt is when the OAuthClient was made.
	CreatedAt time.Time `json:"createdAt"`
}

// ConsentMode says when people are asked for their consent.
type ConsentMode string

// The modes. Empty is Remember.
const (
	// ConsentAlways asks every time.
	ConsentAlways ConsentMode = "Always"
	// ConsentRemember asks for what is new only.
	ConsentRemember ConsentMode = "Remember"
	// ConsentSkip never asks: for the platform's own apps, where the policy allows it.
	ConsentSkip ConsentMode = "Skip"
)

// Display is what pages show of a client. All of it is text from a manifest, to be escaped.
type Display struct {
	Name      string `json:"name"`
	Publisher string `json:"publisher,omitempty"`
	Homepage  string `json:"homepage,omitempty"`
	PolicyURI string `json:"policyURI,omitempty"`
}

// AuthenticationMethod is how a client may authenticate.
type AuthenticationMethod string

// The methods, named as in OAuthGrantPolicy.spec.allow.authentication.
const (
	AuthenticationNone           AuthenticationMethod = "None"
	AuthenticationClientSecret   AuthenticationMethod = "ClientSecret"
	AuthenticationPrivateKeyJWT  AuthenticationMethod = "PrivateKeyJWT"
	AuthenticationServiceAccount AuthenticationMethod = "KubernetesServiceAccount"
)

// Authentication is how a client authenticates. A client with None alone is public. One with None and ClientSecret
// may leave its secret out, and a secret that it sends is checked.
type Authentication struct {
	Methods []AuthenticationMethod `json:"methods"`
	// Secrets holds the verifiers of its secrets, the current one first.
	Secrets []SecretHash `json:"secrets,omitempty"`
	// JWKS is the client's key set (RFC 7517 section 5), public keys only, for PrivateKeyJWT; exclusive with JWKSURI.
	JWKS json.RawMessage `json:"jwks,omitempty"`
	// JWKSURI is where the key set is fetched, for PrivateKeyJWT.
	JWKSURI string `json:"jwksURI,omitempty"`
	// Algorithms are those that assertions may have, for PrivateKeyJWT: some of ES256, EdDSA, PS256, RS256.
	Algorithms []string `json:"algorithms,omitempty"`
	// ServiceAccount is the sub of the tokens that authenticate the client, system:serviceaccount:NAMESPACE:NAME, for
	// KubernetesServiceAccount.
	ServiceAccount string `json:"serviceAccount,omitempty"`
}

// SecretHash verifies one client secret. One that is neither the first nor has an end is to become the current one: it works already,
// and is written where the app reads it once every replica honours it.
type SecretHash struct {
	// ID names the secret in status and logs.
	ID string `json:"id"`
	// SHA256 is the hash of the secret's bytes, in lower-case hex.
	SHA256 string `json:"sha256"`
	// NotAfter ends its use; zero means never.
	NotAfter time.Time `json:"notAfter,omitzero"`
	// CreatedAt is when it was made, and ReplacedAt when another became the current one: the memory of whoever rotates
	// secrets; the server does not ask for it.
	CreatedAt  time.Time `json:"createdAt,omitzero"`
	ReplacedAt time.Time `json:"replacedAt,omitzero"`
}

// Tokens holds a client's lifetimes, with defaults filled in by the compile step. A lifetime that a manifest asks for and the policy's
// limit does not allow refuses the client; a default is capped by the limit instead, whenever a token is made.
type Tokens struct {
	AccessTokenTTL Duration `json:"accessTokenTTL"`
	// RefreshTokenTTL is absolute, counted from the grant and never extended by use.
	RefreshTokenTTL Duration `json:"refreshTokenTTL"`
	// RefreshTokenIdle ends a family that was not used for so long.
	RefreshTokenIdle Duration `json:"refreshTokenIdle"`
	// AccessTokenDefault and RefreshTokenDefault are true of a lifetime (AccessTokenTTL, RefreshTokenTTL) that the manifest leaves open.
	AccessTokenDefault  bool `json:"accessTokenDefault,omitempty"`
	RefreshTokenDefault bool `json:"refreshTokenDefault,omitempty"`
}

// Policy is what an OAuthGrantPolicy allows. Its selectors are not here: which clients it governs was decided when
// they were compiled.
type Policy struct {
	Namespace string  `json:"namespace"`
	Name      string  `json:"name"`
	Priority  int32   `json:"priority,omitempty"`
	Allow     Allow   `json:"allow"`
	Require   Require `json:"require,omitzero"`
	Limits    Limits  `json:"limits"`
	// Users is a CEL expression that is true for the users who may let governed clients in; empty for everybody. See package
	// expression.
	Users string `json:"users,omitempty"`
}

// Allow lists what a governed client may have. An empty list allows nothing of its kind, but for Authentication,
// which the compile step fills in.
type Allow struct {
	GrantTypes []string `json:"grantTypes,omitempty"`
	Scopes     []string `json:"scopes,omitempty"`
	// Resources are the names of the OAuthResources that tokens may be for; every one whose scopes are allowed when empty.
	Resources []string `json:"resources,omitempty"`
	// RedirectHosts are host names, or "*." and a domain for every host below that domain. Loopback redirects need no entry.
	RedirectHosts  []string               `json:"redirectHosts,omitempty"`
	Authentication []AuthenticationMethod `json:"authentication,omitempty"`
	// IdentityProviders are the names of the providers whose users may use the client; every provider when empty.
	IdentityProviders []string `json:"identityProviders,omitempty"`
	// SkipConsent lets a client ask that people are not asked.
	SkipConsent bool `json:"skipConsent,omitempty"`
	// WithoutPKCE exempts confidential clients from PKCE (RFC 7636), for those that cannot.
	WithoutPKCE bool `json:"withoutPKCE,omitempty"`
}

// Require lists what holds whatever a client says.
type Require struct {
	// Consent, if Always, asks people every time.
	Consent ConsentMode `json:"consent,omitempty"`
	// MFA takes sign-ins with more than one factor only.
	MFA bool `json:"mfa,omitempty"`
	// DPoP binds every token to a key of the client (RFC 9449).
	DPoP bool `json:"dpop,omitempty"`
	// PushedAuthorizationRequests refuses authorization requests that were not pushed (RFC 9126).
	PushedAuthorizationRequests bool `json:"pushedAuthorizationRequests,omitempty"`
}

// Limits caps what clients may have. Zero means no cap of the policy's own, but for Clients.
type Limits struct {
	AccessTokenTTL  Duration `json:"accessTokenTTL,omitzero"`
	RefreshTokenTTL Duration `json:"refreshTokenTTL,omitzero"`
	// Clients is how many clients the policy governs at most; nil for no limit. It was decided when they were compiled.
	Clients *int32 `json:"clients,omitempty"`
	// GrantsPerUser is how many grants of one client a user can have at a time; zero for no limit.
	GrantsPerUser int32 `json:"grantsPerUser,omitempty"`
}

// Resource is an API that tokens are for.
type Resource struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Identifier is the resource indicator (RFC 8707) and the tokens' audience.
	Identifier string  `json:"identifier"`
	Title      string  `json:"title,omitempty"`
	Scopes     []Scope `json:"scopes,omitempty"`
	// ResourceServers are the clients, as "namespace/name", that may introspect tokens for this resource.
	ResourceServers []string `json:"resourceServers,omitempty"`
	// Choices is what people choose among when they let an app in; nil for nothing.
	Choices *Choices `json:"choices,omitempty"`
}

// Choices is what people choose among at consent: the result goes into authorization_details (RFC 9396).
type Choices struct {
	// Type is the type of the authorization details, such as "project".
	Type string `json:"type"`
	// Title is what the choices are called, such as "Projects".
	Title string `json:"title"`
	// URL is where the API lists what the user may choose; empty when Static is set.
	URL string `json:"url,omitempty"`
	// Static is the list itself.
	Static []Choice `json:"static,omitempty"`
}

// Choice is one thing to choose. Parents are there to group: choosing one means choosing all of its children.
type Choice struct {
	// ID is what the API calls it.
	ID    string `json:"id"`
	Title string `json:"title"`
	// Parent is the ID of another choice; empty at the top.
	Parent string `json:"parent,omitempty"`
}

// Scope is one scope of a resource, in words.
type Scope struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	// Sensitive scopes are not ticked until the user ticks them.
	Sensitive bool `json:"sensitive,omitempty"`
}

// The kinds and names of the documents.

// DocumentKind is always [KindServer].
func (*Server) DocumentKind() Kind { return KindServer }

// DocumentKind is always [KindClient].
func (*Client) DocumentKind() Kind { return KindClient }

// DocumentKind is always [KindPolicy].
func (*Policy) DocumentKind() Kind { return KindPolicy }

// DocumentKind is always [KindResource].
func (*Resource) DocumentKind() Kind { return KindResource }

// DocumentKind is always [KindIdentityProvider].
func (*IdentityProvider) DocumentKind() Kind { return KindIdentityProvider }

// DocumentKind is always [KindKeys].
func (*Keys) DocumentKind() Kind { return KindKeys }

// DocumentName is the name of the OAuthServer.
func (d *Server) DocumentName() string { return d.Name }

// DocumentName is the namespace and name of the OAuthClient, with a slash between: clients of all namespaces meet on a
// server.
func (d *Client) DocumentName() string { return d.Namespace + "/" + d.Name }

// DocumentName is the name of the OAuthGrantPolicy.
func (d *Policy) DocumentName() string { return d.Name }

// DocumentName is the name of the OAuthResource.
func (d *Resource) DocumentName() string { return d.Name }

// DocumentName is the name of the OAuthIdentityProvider.
func (d *IdentityProvider) DocumentName() string { return d.Name }

// DocumentName is the name of the OAuthServer whose keys they are.
func (d *Keys) DocumentName() string { return d.Name }
