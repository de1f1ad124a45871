package registration

// IdentityProvider is where users sign in. Exactly one of OIDC, GitHub, LDAP and Local is set.
type IdentityProvider struct {
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	UID         string `json:"uid"`
	DisplayName string `json:"displayName"`
	// Order is its place on the sign-in page: ascending, then by name.
	Order int32 `json:"order,omitempty"`
	// OIDC is an OpenID provider; those with presets (Google, Microsoft) too.
	OIDC *OIDCProvider `json:"oidc,omitempty"`
	// GitHub signs in with GitHub's OAuth apps.
	GitHub *GitHubProvider `json:"github,omitempty"`
	// LDAP is a directory.
	LDAP *LDAPProvider `json:"ldap,omitempty"`
	// Local holds accounts kept in a Secret.
	Local *LocalProvider `json:"local,omitempty"`
	// Mapping says what an identity is made of; empty expressions keep what the kind of provider does by itself.
	Mapping Mapping `json:"mapping,omitzero"`
	// Allow is a CEL expression over claims and user that must be true; empty lets everyone in.
	Allow string `json:"allow,omitempty"`
}

// Mapping holds CEL expressions over claims, which are the claims of an OpenID provider, the answer of GitHub's API, or the
// attributes of a directory entry (each a list of strings).
type Mapping struct {
	Username      string `json:"username,omitempty"`
	Name          string `json:"name,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified string `json:"emailVerified,omitempty"`
	Groups        string `json:"groups,omitempty"`
}

// OIDCProvider is an OpenID provider upstream.
type OIDCProvider struct {
	// Issuer is the issuer identifier; discovery is below it. With MultiTenant it has the place {tenantid} in it, as
	// Microsoft's has.
	Issuer string `json:"issuer"`
	// DiscoveryURL is where the metadata is when it is not below Issuer (MultiTenant).
	DiscoveryURL string `json:"discoveryURL,omitempty"`
	// MultiTenant takes tokens of any issuer that Issuer stands for: {tenantid} is the token's tid, which Tenants limits.
	MultiTenant bool     `json:"multiTenant,omitempty"`
	Tenants     []string `json:"tenants,omitempty"`
	// HostedDomains are the values of Google's hd claim that are let in; every one when empty.
	HostedDomains []string `json:"hostedDomains,omitempty"`
	ClientID      string   `json:"clientID"`
	ClientSecret  string   `json:"clientSecret,omitempty"`
	// Scopes to ask for, openid among them.
	Scopes []string `json:"scopes"`
	// CABundle holds certificates in PEM that are trusted instead of the system's.
	CABundle string `json:"caBundle,omitempty"`
}

// GitHubProvider is GitHub, or a GitHub Enterprise Server.
type GitHubProvider struct {
	// URL is the web address, https://github.com by default; APIURL the API's, https://api.github.com.
	URL          string `json:"url"`
	APIURL       string `json:"apiURL"`
	ClientID     string `json:"clientID"`
	ClientSecret string `json:"clientSecret"`
	// Organizations whose members are let in; everyone when empty. Teams become groups, "org/team".
	Organizations []string `json:"organizations,omitempty"`
	CABundle      string   `json:"caBundle,omitempty"`
}

// LDAPProvider is a directory (RFC 4511).
type LDAPProvider struct {
	// URL is ldaps://host[:port], or ldap://host[:port], which needs StartTLS but on loopback.
	URL      string `json:"url"`
	StartTLS bool   `json:"startTLS,omitempty"`
	CABundle string `json:"caBundle,omitempty"`
	// BindDN and BindPassword search; both empty for an anonymous search.
	BindDN       string `json:"bindDN,omitempty"`
	BindPassword string `json:"bindPassword,omitempty"`
	// Users finds an account: the filter has the place {username}, which is escaped (RFC 4515).
	Users LDAPUsers `json:"users"`
	// Groups finds the groups of an account; nil for none.
	Groups *LDAPGroups `json:"groups,omitempty"`
}

// LDAPUsers finds accounts.
type LDAPUsers struct {
	BaseDN string `json:"baseDN"`
	Filter string `json:"filter"`
	// The attributes: Subject is stable and unique, entryUUID by default.
	Subject  string `json:"subject"`
	Username string `json:"username"`
	Name     string `json:"name"`
	Email    string `json:"email"`
}

// LDAPGroups finds groups: the filter has the place {dn} or {username}.
type LDAPGroups struct {
	BaseDN string `json:"baseDN"`
	Filter string `json:"filter"`
	// Name is the attribute with the group's name.
	Name string `json:"name"`
}

// LocalProvider is a list of accounts.
type LocalProvider struct {
	Accounts []LocalAccount `json:"accounts,omitempty"`
	// SecondFactor, if true, takes nobody in without a second factor: who has none is led to set one up.
	SecondFactor bool `json:"secondFactor,omitempty"`
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
	// Profile holds the other standard claims.
	Profile  Profile `json:"profile,omitzero"`
	Disabled bool    `json:"disabled,omitempty"`
}

// Profile holds the standard claims of OpenID Connect Core section 5.1 that have no field of their own, by their names there.
type Profile struct {
	GivenName           string   `json:"given_name,omitempty"`
	FamilyName          string   `json:"family_name,omitempty"`
	MiddleName          string   `json:"middle_name,omitempty"`
	Nickname            string   `json:"nickname,omitempty"`
	Profile             string   `json:"profile,omitempty"`
	Picture             string   `json:"picture,omitempty"`
	Website             string   `json:"website,omitempty"`
	Gender              string   `json:"gender,omitempty"`
	Birthdate           string   `json:"birthdate,omitempty"`
	Zoneinfo            string   `json:"zoneinfo,omitempty"`
	Locale              string   `json:"locale,omitempty"`
	PhoneNumber         string   `json:"phone_number,omitempty"`
	PhoneNumberVerified bool     `json:"phone_number_verified,omitempty"`
	Address             *Address `json:"address,omitempty"`
}

// Address is the address claim (OpenID Connect Core section 5.1.1).
type Address struct {
	Formatted     string `json:"formatted,omitempty"`
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
}
