package registration

import "time"

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
	// Type is the manifest's type: Service or Device.
	Type string `json:"type"`
	// Display is what people are shown.
	Display Display `json:"display"`
	// RedirectURIs are matched exactly.
	RedirectURIs []string `json:"redirectURIs,omitempty"`
	// GrantTypes are the registered names (RFC 7591 section 2).
	GrantTypes []string `json:"grantTypes"`
	// Scopes the client may ask for; also what it gets when it asks for none.
	Scopes []string `json:"scopes,omitempty"`
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
	AuthenticationNone         AuthenticationMethod = "None"
	AuthenticationClientSecret AuthenticationMethod = "ClientSecret"
)

// Authentication is how a client authenticates. A client with None alone is public. One with None and ClientSecret
// may leave its secret out, and a secret that it sends is checked.
type Authentication struct {
	Methods []AuthenticationMethod `json:"methods"`
	// Secrets holds the verifiers of its secrets, the current one first.
	Secrets []SecretHash `json:"secrets,omitempty"`
}

// SecretHash verifies one client secret.
type SecretHash struct {
	// ID names the secret in status and logs.
	ID string `json:"id"`
	// SHA256 is the hash of the secret's bytes, in lower-case hex.
	SHA256 string `json:"sha256"`
	// NotAfter ends its use; zero means never.
	NotAfter time.Time `json:"notAfter,omitzero"`
}

// Tokens holds a client's lifetimes, with defaults filled in by the compile step.
type Tokens struct {
	AccessTokenTTL Duration `json:"accessTokenTTL"`
	// RefreshTokenTTL is absolute, counted from the grant and never extended by use.
	RefreshTokenTTL Duration `json:"refreshTokenTTL"`
	// RefreshTokenIdle ends a family that was not used for so long.
	RefreshTokenIdle Duration `json:"refreshTokenIdle"`
}

// Policy is what an OAuthGrantPolicy allows. Its selectors are not here: which clients it governs was decided when
// they were compiled.
type Policy struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Priority  int32  `json:"priority,omitempty"`
	Allow     Allow  `json:"allow"`
	Limits    Limits `json:"limits"`
}

// Allow lists what a governed client may have. An empty list allows nothing of its kind, but for Authentication,
// which the compile step fills in.
type Allow struct {
	GrantTypes []string `json:"grantTypes,omitempty"`
	Scopes     []string `json:"scopes,omitempty"`
	// RedirectHosts are host names, or "*." and a domain for every host below that domain. Loopback redirects need no entry.
	RedirectHosts  []string               `json:"redirectHosts,omitempty"`
	Authentication []AuthenticationMethod `json:"authentication,omitempty"`
}

// Limits caps lifetimes. Zero means no cap of the policy's own.
type Limits struct {
	AccessTokenTTL  Duration `json:"accessTokenTTL,omitzero"`
	RefreshTokenTTL Duration `json:"refreshTokenTTL,omitzero"`
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
}

// Scope is one scope of a resource, in words.
type Scope struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

// IdentityProvider is where users sign in.
type IdentityProvider struct {
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	UID         string `json:"uid"`
	DisplayName string `json:"displayName"`
	// Local holds accounts kept in a Secret.
	Local *LocalProvider `json:"local,omitempty"`
}

// LocalProvider is a list of accounts.
type LocalProvider struct {
	Accounts []LocalAccount `json:"accounts,omitempty"`
}

// LocalAccount is one account. Username is its key, compared without regard to case.
type LocalAccount struct {
	Username string `json:"username"`
	// PasswordHash is argon2id in the PHC string format.
	PasswordHash  string   `json:"passwordHash"`
	Name          string   `json:"name,omitempty"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"emailVerified,omitempty"`
	Groups        []string `json:"groups,omitempty"`
	Disabled      bool     `json:"disabled,omitempty"`
}

// KeyState is where a key is in its life.
type KeyState string

// A key is published while it is next, signs while it is active, and is published until the longest token that it
// signed has expired while it is retired.
const (
	KeyNext    KeyState = "Next"
	KeyActive  KeyState = "Active"
	KeyRetired KeyState = "Retired"
)

// Keys is a server's private material.
type Keys struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Signing holds at most one active key per algorithm.
	Signing []SigningKey `json:"signing"`
	// Sealing are AEAD keys for what the browser keeps; the first seals, all open.
	Sealing []SymmetricKey `json:"sealing"`
	// Derivation keys derive the successors of refresh tokens; the first is used for new families.
	Derivation []SymmetricKey `json:"derivation"`
}

// SigningKey is one key pair.
type SigningKey struct {
	// ID is the JWK thumbprint (RFC 7638), used as kid.
	ID string `json:"id"`
	// Algorithm is ES256 or RS256 (RFC 7518 section 3.1).
	Algorithm string   `json:"algorithm"`
	State     KeyState `json:"state"`
	// PKCS8 is the private key, DER.
	PKCS8     []byte    `json:"pkcs8"`
	CreatedAt time.Time `json:"createdAt"`
	// ActiveAt and RetiredAt are when it entered the state; zero before.
	ActiveAt  time.Time `json:"activeAt,omitzero"`
	RetiredAt time.Time `json:"retiredAt,omitzero"`
}

// SymmetricKey is 256 random bits.
type SymmetricKey struct {
	ID        string    `json:"id"`
	Key       []byte    `json:"key"`
	CreatedAt time.Time `json:"createdAt"`
	// ActiveAt is when it came first; zero before.
	ActiveAt time.Time `json:"activeAt,omitzero"`
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
