package v1alpha1

// OIDCProvider is an OpenID provider upstream.
//
// +kubebuilder:validation:XValidation:rule=`has(self.clientID) || has(self.clientSecretRef)`,message="oidc needs clientID, or clientSecretRef with a Secret that has the key client-id"
type OIDCProvider struct {
	// issuer is the issuer identifier, exactly as the provider's discovery document has it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self)`,message="issuer must be a URI: percent-encode spaces and other alphabets, write the host as xn--…"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^(https://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])|http://(127\.0\.0\.1|\[::1\]|localhost))(:[^/?#@]*)?(/[^?#]*)?$')`,message="issuer must begin with https:// and a host name in lower case (http:// is for 127.0.0.1, [::1] and localhost only), without userinfo, query or fragment"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)')`,message="issuer must not have . or .. as a path segment; write the path that it leads to"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="issuer must have a port from 1 to 65535, or none"
	Issuer string `json:"issuer"`
	// clientID is the client id there; the key client-id of the Secret when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[!-~]+$')`,message="clientID must have visible ASCII characters only, without spaces"
	ClientID string `json:"clientID,omitempty"`
	// clientSecretRef names a Secret of the same namespace that carries the label grantkeeper.dev/referenced: "true", with
	// the client secret, and the client id under client-id if clientID is absent. Without it, this server is a public client
	// there.
	// +optional
	ClientSecretRef *SecretKeyReference `json:"clientSecretRef,omitempty"`
	// scopes to ask for; openid is always one of them. openid, profile and email when absent.
	// +optional
	// +kubebuilder:validation:MaxItems=50
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^[!#-\[\]-~]+$')`,message="scopes: a scope has visible ASCII characters only, without space, double quote or backslash (RFC 6749 section 3.3)"
	Scopes []string `json:"scopes,omitempty"`
	// caBundle holds certificates in PEM that are trusted instead of the system's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	// +kubebuilder:validation:XValidation:rule=`self.contains('-----BEGIN CERTIFICATE-----') && !self.contains('PRIVATE KEY')`,message="caBundle must be certificates in PEM (-----BEGIN CERTIFICATE-----), and no private key"
	CABundle string `json:"caBundle,omitempty"`
}

// GoogleProvider is Google.
type GoogleProvider struct {
	// clientID is the client id there; the key client-id of the Secret when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[!-~]+$')`,message="clientID must have visible ASCII characters only, without spaces"
	ClientID string `json:"clientID,omitempty"`
	// clientSecretRef names a Secret of the same namespace that carries the label grantkeeper.dev/referenced: "true", with
	// the client secret, and the client id under client-id if clientID is absent.
	// +required
	ClientSecretRef SecretKeyReference `json:"clientSecretRef"`
	// hostedDomains are the Google Workspace domains whose accounts are let in; every account when absent.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')`,message="hostedDomains: must be a domain in lower case, such as acme.example"
	HostedDomains []string `json:"hostedDomains,omitempty"`
}

// MicrosoftProvider is Microsoft Entra ID.
//
// +kubebuilder:validation:XValidation:rule=`!has(self.tenants) || self.tenant in ['common', 'organizations']`,message="tenants is for the tenants common and organizations; remove it",fieldPath=".tenants"
type MicrosoftProvider struct {
	// tenant whose accounts are let in: its id or a domain of it, organizations for work and school accounts of every tenant,
	// consumers for personal accounts, or common for both.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self in ['common', 'organizations', 'consumers'] || self.matches(r'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') || self.matches(r'^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')`,message="tenant must be the id of a tenant in lower case, a domain of it, common, organizations or consumers"
	Tenant string `json:"tenant"`
	// tenants are the ids of the tenants that are let in, with tenant: common or organizations; every tenant when absent.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=36
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')`,message="tenants: must be the id of a tenant in lower case, such as 72f988bf-86f1-41af-91ab-2d7cd011db47"
	Tenants []string `json:"tenants,omitempty"`
	// clientID is the client id there; the key client-id of the Secret when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[!-~]+$')`,message="clientID must have visible ASCII characters only, without spaces"
	ClientID string `json:"clientID,omitempty"`
	// clientSecretRef names a Secret of the same namespace that carries the label grantkeeper.dev/referenced: "true", with
	// the client secret, and the client id under client-id if clientID is absent.
	// +required
	ClientSecretRef SecretKeyReference `json:"clientSecretRef"`
}

// GitHubProvider is GitHub, or a GitHub Enterprise Server.
//
// +kubebuilder:validation:XValidation:rule=`!has(self.apiURL) || has(self.url)`,message="apiURL goes with url, the address of a GitHub Enterprise Server; set both or neither",fieldPath=".apiURL"
type GitHubProvider struct {
	// url is the address of a GitHub Enterprise Server; https://github.com when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self)`,message="url must be a URI: percent-encode spaces and other alphabets, write the host as xn--…"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^(https://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])|http://(127\.0\.0\.1|\[::1\]|localhost))(:[^/?#@]*)?(/[^?#]*)?$')`,message="url must begin with https:// and a host name in lower case (http:// is for 127.0.0.1, [::1] and localhost only), without userinfo, query or fragment"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)')`,message="url must not have . or .. as a path segment; write the path that it leads to"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="url must have a port from 1 to 65535, or none"
	URL string `json:"url,omitempty"`
	// apiURL is the address of its API; url and /api/v3 when absent, and https://api.github.com for GitHub itself.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self)`,message="apiURL must be a URI: percent-encode spaces and other alphabets, write the host as xn--…"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^(https://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])|http://(127\.0\.0\.1|\[::1\]|localhost))(:[^/?#@]*)?(/[^?#]*)?$')`,message="apiURL must begin with https:// and a host name in lower case (http:// is for 127.0.0.1, [::1] and localhost only), without userinfo, query or fragment"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)')`,message="apiURL must not have . or .. as a path segment; write the path that it leads to"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="apiURL must have a port from 1 to 65535, or none"
	APIURL string `json:"apiURL,omitempty"`
	// clientID is the client id there; the key client-id of the Secret when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[!-~]+$')`,message="clientID must have visible ASCII characters only, without spaces"
	ClientID string `json:"clientID,omitempty"`
	// clientSecretRef names a Secret of the same namespace that carries the label grantkeeper.dev/referenced: "true", with
	// the client secret, and the client id under client-id if clientID is absent.
	// +required
	ClientSecretRef SecretKeyReference `json:"clientSecretRef"`
	// organizations whose members are let in; everybody when absent. Their teams become groups, "org/team".
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=39
	// +kubebuilder:validation:items:XValidation:rule=`self.matches(r'^[A-Za-z0-9]([-A-Za-z0-9_]*[A-Za-z0-9])?$')`,message="organizations: must be the name of an organization on GitHub: letters, digits and -"
	Organizations []string `json:"organizations,omitempty"`
	// caBundle holds certificates in PEM that are trusted instead of the system's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	// +kubebuilder:validation:XValidation:rule=`self.contains('-----BEGIN CERTIFICATE-----') && !self.contains('PRIVATE KEY')`,message="caBundle must be certificates in PEM (-----BEGIN CERTIFICATE-----), and no private key"
	CABundle string `json:"caBundle,omitempty"`
}

// LDAPProvider is a directory (RFC 4511).
//
// +kubebuilder:validation:XValidation:rule=`!self.url.startsWith('ldap://') || (has(self.startTLS) && self.startTLS) || self.url.matches(r'^ldap://(127[.]0[.]0[.]1|\[::1\]|localhost)(:[0-9]+)?$')`,message="url with ldap:// sends passwords in the clear; use ldaps://, or set startTLS",fieldPath=".url"
// +kubebuilder:validation:XValidation:rule=`!self.url.startsWith('ldaps://') || !has(self.startTLS) || !self.startTLS`,message="startTLS is for ldap:// alone, ldaps:// is encrypted from the start; remove it",fieldPath=".startTLS"
type LDAPProvider struct {
	// url is ldaps://host, or ldap://host with startTLS, and a port if it is not the usual one.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^ldaps?://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?$')`,message="url must be ldaps:// or ldap:// and a host in lower case, with a port from 1 to 65535 or none, and nothing else"
	URL string `json:"url"`
	// startTLS encrypts an ldap:// connection before anything else is sent (RFC 4511 section 4.14).
	// +optional
	// +kubebuilder:default=false
	StartTLS bool `json:"startTLS,omitempty"`
	// caBundle holds certificates in PEM that are trusted instead of the system's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	// +kubebuilder:validation:XValidation:rule=`self.contains('-----BEGIN CERTIFICATE-----') && !self.contains('PRIVATE KEY')`,message="caBundle must be certificates in PEM (-----BEGIN CERTIFICATE-----), and no private key"
	CABundle string `json:"caBundle,omitempty"`
	// bindSecretRef names a Secret of the same namespace that carries the label grantkeeper.dev/referenced: "true", with the
	// keys bind-dn and bind-password of the account that searches; the search is anonymous when absent.
	// +optional
	BindSecretRef *SecretReference `json:"bindSecretRef,omitempty"`
	// users says how accounts are found.
	// +required
	Users LDAPUsers `json:"users"`
	// groups says how the groups of an account are found; none when absent.
	// +optional
	Groups *LDAPGroups `json:"groups,omitempty"`
}

// LDAPUsers finds accounts.
type LDAPUsers struct {
	// baseDN is the entry below which users are searched, such as ou=users,dc=acme,dc=example.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[^=,]+=')`,message="baseDN must be a distinguished name, such as dc=acme,dc=example"
	BaseDN string `json:"baseDN"`
	// filter finds the entry of who signs in (RFC 4515); {username} stands for what they typed, escaped.
	// +optional
	// +kubebuilder:default="(uid={username})"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.startsWith('(') && self.endsWith(')') && self.contains('{username}')`,message="filter must be an LDAP filter in parentheses with {username} in it, such as (uid={username})"
	Filter string `json:"filter,omitempty"`
	// attributes names the attributes of an account's entry.
	// +optional
	// +kubebuilder:default={}
	Attributes *LDAPAttributes `json:"attributes,omitempty"`
}

// LDAPAttributes names the attributes of an account's entry.
type LDAPAttributes struct {
	// subject is stable and unique, and what an account is known by.
	// +optional
	// +kubebuilder:default="entryUUID"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([a-zA-Z][-a-zA-Z0-9]*|[0-9]+([.][0-9]+)+)$')`,message="subject must be the name of an attribute: letters, digits and -, or an object identifier in dots"
	Subject string `json:"subject,omitempty"`
	// username is what people sign in as.
	// +optional
	// +kubebuilder:default="uid"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([a-zA-Z][-a-zA-Z0-9]*|[0-9]+([.][0-9]+)+)$')`,message="username must be the name of an attribute: letters, digits and -, or an object identifier in dots"
	Username string `json:"username,omitempty"`
	// name is what people are called.
	// +optional
	// +kubebuilder:default="cn"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([a-zA-Z][-a-zA-Z0-9]*|[0-9]+([.][0-9]+)+)$')`,message="name must be the name of an attribute: letters, digits and -, or an object identifier in dots"
	Name string `json:"name,omitempty"`
	// email is the e-mail address.
	// +optional
	// +kubebuilder:default="mail"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([a-zA-Z][-a-zA-Z0-9]*|[0-9]+([.][0-9]+)+)$')`,message="email must be the name of an attribute: letters, digits and -, or an object identifier in dots"
	Email string `json:"email,omitempty"`
}

// LDAPGroups finds the groups of an account.
type LDAPGroups struct {
	// baseDN is the entry below which groups are searched, such as ou=groups,dc=acme,dc=example.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[^=,]+=')`,message="baseDN must be a distinguished name, such as dc=acme,dc=example"
	BaseDN string `json:"baseDN"`
	// filter finds the groups (RFC 4515); {dn} stands for the name of the account's entry, {username} for its username.
	// +optional
	// +kubebuilder:default="(member={dn})"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.startsWith('(') && self.endsWith(')') && (self.contains('{dn}') || self.contains('{username}'))`,message="filter must be an LDAP filter in parentheses with {dn} or {username} in it, such as (member={dn})"
	Filter string `json:"filter,omitempty"`
	// name is the attribute with the group's name.
	// +optional
	// +kubebuilder:default="cn"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([a-zA-Z][-a-zA-Z0-9]*|[0-9]+([.][0-9]+)+)$')`,message="name must be the name of an attribute: letters, digits and -, or an object identifier in dots"
	Name string `json:"name,omitempty"`
}

// LocalProvider keeps accounts in a Secret.
type LocalProvider struct {
	// accountsSecretRef names a Secret of the same namespace that carries the label
	// grantkeeper.dev/referenced: "true". Each key is a username; each value is YAML with passwordHash (argon2id, PHC
	// string format), and optionally name, email, emailVerified, groups, profile and disabled.
	// +required
	AccountsSecretRef SecretReference `json:"accountsSecretRef"`
	// secondFactor, if Required, takes nobody in without a second factor: who has none is led to set one up.
	// +optional
	// +kubebuilder:default=Optional
	SecondFactor SecondFactor `json:"secondFactor,omitempty"`
}

// SecondFactor says whether local accounts need a second factor.
// +kubebuilder:validation:Enum=Optional;Required
type SecondFactor string

// The values.
const (
	// SecondFactorOptional leaves it to the account.
	SecondFactorOptional SecondFactor = "Optional"
	// SecondFactorRequired asks everybody.
	SecondFactorRequired SecondFactor = "Required"
)
