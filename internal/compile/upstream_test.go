package compile

import (
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func TestUpstreams(t *testing.T) {
	const invalid, notFound, bad = v1alpha1.ReasonInvalid, v1alpha1.ReasonSecretNotFound, v1alpha1.ReasonSecretInvalid
	type spec = v1alpha1.OAuthIdentityProviderSpec
	oidc := func(s *spec) {
		secret := ref()
		s.OIDC = &v1alpha1.OIDCProvider{Issuer: "https://idp.acme.example", ClientSecretRef: &secret}
	}
	github := func(s *spec) { s.GitHub = &v1alpha1.GitHubProvider{ClientSecretRef: ref()} }
	google := func(s *spec) { s.Google = &v1alpha1.GoogleProvider{ClientSecretRef: ref()} }
	ldap := func(s *spec) { s.LDAP = directory() }
	without := func(key string) func(map[string][]byte) { return func(d map[string][]byte) { delete(d, key) } }
	set := func(key, value string) func(map[string][]byte) {
		return func(d map[string][]byte) { d[key] = []byte(value) }
	}
	cases := map[string]struct {
		base, change func(*spec)
		secret       *corev1.Secret
		want         []finding
	}{
		"the smallest of each: oidc":         {base: oidc},
		"the smallest of each: google":       {base: google},
		"the smallest of each: github":       {base: github},
		"the smallest of each: ldap":         {base: ldap},
		"two kinds":                          {base: oidc, change: github, want: expect(invalid, "spec: must have exactly one of oidc, google, microsoft, github, ldap and local")},
		"a Secret that comes late":           {base: oidc, secret: &corev1.Secret{}, want: expect(notFound, "spec.oidc.clientSecretRef.name corp-idp", `grantkeeper.dev/referenced: "true"`, "oauth-system")},
		"K3 a Secret that did not opt in":    {base: google, secret: func() *corev1.Secret { s := upstreamSecret(); s.Labels = nil; return s }(), want: expect(notFound, "spec.google.clientSecretRef.name corp-idp")},
		"K3 a Secret of another namespace":   {base: ldap, secret: func() *corev1.Secret { s := upstreamSecret(); s.Namespace = "elsewhere"; return s }(), want: expect(notFound, "spec.ldap.bindSecretRef.name corp-idp")},
		"a Secret without client id":         {base: github, secret: upstreamSecret(without("client-id")), want: expect(bad, "Secret corp-idp: has no key client-id; add it")},
		"a Secret without client secret":     {base: github, secret: upstreamSecret(without("client-secret")), want: expect(bad, "Secret corp-idp: has no key client-secret; add it")},
		"a client secret with a line end":    {base: oidc, secret: upstreamSecret(set("client-secret", "hunter2\n")), want: expect(bad, "Secret corp-idp key client-secret", "without spaces or line ends")},
		"an empty client secret":             {base: oidc, secret: upstreamSecret(set("client-secret", "")), want: expect(bad, "Secret corp-idp key client-secret", "1 to 1024")},
		"a client id with a space":           {base: oidc, secret: upstreamSecret(set("client-id", "hunter2 x")), want: expect(bad, "Secret corp-idp key client-id")},
		"a key of another name":              {base: oidc, change: func(s *spec) { s.OIDC.ClientSecretRef.Key = "oidc-secret" }, secret: upstreamSecret(set("oidc-secret", "tiger3"))},
		"a key of another name, missing":     {base: oidc, change: func(s *spec) { s.OIDC.ClientSecretRef.Key = "oidc-secret" }, want: expect(bad, "Secret corp-idp: has no key oidc-secret; add it")},
		"a client id in the manifest":        {base: oidc, change: func(s *spec) { s.OIDC.ClientID = "grantkeeper" }, secret: upstreamSecret(without("client-id"))},
		"a public client upstream":           {base: oidc, change: func(s *spec) { s.OIDC.ClientID, s.OIDC.ClientSecretRef = "grantkeeper", nil }, secret: &corev1.Secret{}},
		"no client id anywhere":              {base: oidc, change: func(s *spec) { s.OIDC.ClientSecretRef = nil }, want: expect(invalid, "spec.oidc.clientID", "client-id")},
		"an issuer by plain http":            {base: oidc, change: func(s *spec) { s.OIDC.Issuer = "http://idp.acme.example" }, want: expect(invalid, "spec.oidc.issuer", "must be https")},
		"an issuer on loopback":              {base: oidc, change: func(s *spec) { s.OIDC.Issuer = "http://127.0.0.1:9090" }},
		"a scope that is none":               {base: oidc, change: func(s *spec) { s.OIDC.Scopes = []string{"a b"} }, want: expect(invalid, "spec.oidc.scopes[1]")},
		"certificates that are none":         {base: oidc, change: func(s *spec) { s.OIDC.CABundle = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" }, want: expect(invalid, "spec.oidc.caBundle", "PEM")},
		"a tenant that is none":              {base: microsoft("acme"), want: expect(invalid, "spec.microsoft.tenant acme", "common, organizations or consumers")},
		"tenants of one tenant":              {base: microsoft("consumers", "72f988bf-86f1-41af-91ab-2d7cd011db47"), want: expect(invalid, "spec.microsoft.tenants")},
		"a tenant by name among many":        {base: microsoft("common", "acme.example"), want: expect(invalid, "spec.microsoft.tenants[0]", "in lower case")},
		"a domain that is none":              {base: google, change: func(s *spec) { s.Google.HostedDomains = []string{"acme"} }, want: expect(invalid, "spec.google.hostedDomains[0]", "domain with a dot")},
		"an API of GitHub alone":             {base: github, change: func(s *spec) { s.GitHub.APIURL = "https://api.acme.example" }, want: expect(invalid, "spec.github.apiURL https://api.acme.example", "set both or neither")},
		"an organization that is a path":     {base: github, change: func(s *spec) { s.GitHub.Organizations = []string{"acme/dev"} }, want: expect(invalid, "spec.github.organizations[0]")},
		"passwords in the clear":             {base: ldap, change: func(s *spec) { s.LDAP.URL = "ldap://ldap.acme.example" }, want: expect(invalid, "spec.ldap.url", "startTLS")},
		"an anonymous search":                {base: ldap, change: func(s *spec) { s.LDAP.BindSecretRef = nil }, secret: &corev1.Secret{}},
		"A33 a search without a password":    {base: ldap, secret: upstreamSecret(set("bind-password", "")), want: expect(bad, "Secret corp-idp key bind-password", "must not be empty")},
		"a password with a line end":         {base: ldap, secret: upstreamSecret(set("bind-password", "tiger3\n")), want: expect(bad, "Secret corp-idp key bind-password", "line end")},
		"a searcher that has no name":        {base: ldap, secret: upstreamSecret(without("bind-dn")), want: expect(bad, "Secret corp-idp: has no key bind-dn; add it")},
		"a searcher that is no name":         {base: ldap, secret: upstreamSecret(set("bind-dn", "hunter2")), want: expect(bad, "Secret corp-idp key bind-dn", "RFC 4514")},
		"a base that is no name":             {base: ldap, change: func(s *spec) { s.LDAP.Users.BaseDN = "people" }, want: expect(invalid, "spec.ldap.users.baseDN", "RFC 4514")},
		"a filter that nobody can read":      {base: ldap, change: func(s *spec) { s.LDAP.Users.Filter = "(&(uid={username})x)" }, want: expect(invalid, "spec.ldap.users.filter", "RFC 4515")},
		"a filter that asks for nobody":      {base: ldap, change: func(s *spec) { s.LDAP.Users.Filter = "(uid=ada)" }, want: expect(invalid, "spec.ldap.users.filter", "{username}")},
		"an attribute that is none":          {base: ldap, change: func(s *spec) { s.LDAP.Users.Attributes = &v1alpha1.LDAPAttributes{Email: "e mail"} }, want: expect(invalid, "spec.ldap.users.attributes.email")},
		"groups below nothing":               {base: ldap, change: func(s *spec) { s.LDAP.Groups.BaseDN = "x" }, want: expect(invalid, "spec.ldap.groups.baseDN")},
		"an expression that is not finished": {base: oidc, change: func(s *spec) { s.Allow = "claims.email ==" }, want: expect(invalid, "spec.allow: ")},
		"an expression of another type":      {base: oidc, change: func(s *spec) { s.Allow = "user.email" }, want: expect(invalid, "spec.allow: ", "bool")},
		"two expressions that are wrong": {base: oidc, change: func(s *spec) {
			s.Mapping = &v1alpha1.ProviderMapping{Groups: "true", Username: "nobody.name"}
		}, want: []finding{{invalid, []string{"spec.mapping.username: "}}, {invalid, []string{"spec.mapping.groups: "}}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			secret := tc.secret
			if secret == nil {
				secret = upstreamSecret()
			}
			p := upstreamProvider(tc.base)
			if tc.change != nil {
				tc.change(&p.Spec)
			}
			d, findings := IdentityProvider(p, []v1alpha1.OAuthServer{server()}, secret)
			checkFindings(t, tc.want, findings)
			if (d == nil) != (len(tc.want) > 0) {
				t.Errorf("the document is %v", d)
			}
		})
	}
}

func TestMicrosoftTenants(t *testing.T) {
	const id = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	for tenant, want := range map[string]registration.OIDCProvider{
		id:             {Issuer: "https://login.microsoftonline.com/" + id + "/v2.0"},
		"consumers":    {Issuer: "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"},
		"common":       {Issuer: "https://login.microsoftonline.com/{tenantid}/v2.0", MultiTenant: true, DiscoveryURL: "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"},
		"acme.example": {Issuer: "https://login.microsoftonline.com/{tenantid}/v2.0", MultiTenant: true, DiscoveryURL: "https://login.microsoftonline.com/acme.example/v2.0/.well-known/openid-configuration"},
	} {
		d, findings := IdentityProvider(upstreamProvider(microsoft(tenant)), []v1alpha1.OAuthServer{server()}, upstreamSecret())
		checkFindings(t, nil, findings)
		if d.OIDC.Issuer != want.Issuer || d.OIDC.MultiTenant != want.MultiTenant || d.OIDC.DiscoveryURL != want.DiscoveryURL {
			t.Errorf("%s: issuer %s, many %v, metadata %s", tenant, d.OIDC.Issuer, d.OIDC.MultiTenant, d.OIDC.DiscoveryURL)
		}
	}
}

func TestProviderTypeAndSecret(t *testing.T) {
	all := map[string]func(*v1alpha1.OAuthIdentityProviderSpec){
		ProviderOIDC: func(s *v1alpha1.OAuthIdentityProviderSpec) {
			secret := ref()
			s.OIDC = &v1alpha1.OIDCProvider{ClientSecretRef: &secret}
		},
		ProviderGoogle: func(s *v1alpha1.OAuthIdentityProviderSpec) {
			s.Google = &v1alpha1.GoogleProvider{ClientSecretRef: ref()}
		},
		ProviderMicrosoft: microsoft("common"),
		ProviderGitHub: func(s *v1alpha1.OAuthIdentityProviderSpec) {
			s.GitHub = &v1alpha1.GitHubProvider{ClientSecretRef: ref()}
		},
		ProviderLDAP: func(s *v1alpha1.OAuthIdentityProviderSpec) { s.LDAP = directory() },
		ProviderLocal: func(s *v1alpha1.OAuthIdentityProviderSpec) {
			s.Local = &v1alpha1.LocalProvider{AccountsSecretRef: v1alpha1.SecretReference{Name: "corp-idp"}}
		},
	}
	for want, change := range all {
		p := upstreamProvider(change)
		if got := ProviderType(&p.Spec); got != want {
			t.Errorf("got %q, want %s", got, want)
		}
		if got := ReferencedSecret(&p.Spec); got != "corp-idp" {
			t.Errorf("%s reads the Secret %q", want, got)
		}
	}
	none := upstreamProvider(func(s *v1alpha1.OAuthIdentityProviderSpec) { s.LDAP = &v1alpha1.LDAPProvider{} })
	if got := ReferencedSecret(&none.Spec); got != "" {
		t.Errorf("an anonymous search reads the Secret %q", got)
	}
	several := upstreamProvider()
	for _, change := range maps.All(all) {
		change(&several.Spec)
	}
	if got := ProviderType(&several.Spec); got != "" {
		t.Errorf("everything at once is %s", got)
	}
}

func TestAccountsOfPeople(t *testing.T) {
	good := "passwordHash: " + passwordHash + "\n"
	full := good + `profile:
  given_name: Ada
  phone_number: "+44 20 7946 0958"
  phone_number_verified: true
  birthdate: "1815-12-10"
  address: {formatted: "12 St James's Square\nLondon", country: UK}
`
	p := provider(func(p *v1alpha1.OAuthIdentityProvider) { p.Spec.Local.SecondFactor = v1alpha1.SecondFactorRequired })
	d, findings := IdentityProvider(p, []v1alpha1.OAuthServer{server()}, accountsSecret(map[string]string{"ada": full}))
	checkFindings(t, nil, findings)
	if a := d.Local.Accounts[0]; !d.Local.SecondFactor || a.Profile.GivenName != "Ada" || a.Profile.Address.Formatted != "12 St James's Square\nLondon" || a.Profile.Birthdate != "1815-12-10" {
		t.Errorf("got %t, %+v", d.Local.SecondFactor, a.Profile)
	}
	for what, tc := range map[string]struct{ yaml, want string }{
		"a claim that does not exist": {good + "profile: {hunter2: x}\n", "must be YAML with"},
		"a claim in another case":     {good + "profile: {givenName: Ada}\n", "must be YAML with"},
		"a date that is none":         {good + "profile: {birthdate: hunter2}\n", "key ada field profile.birthdate"},
		"a picture that is a script":  {good + "profile: {picture: 'javascript:hunter2'}\n", "key ada field profile.picture"},
	} {
		t.Run(what, func(t *testing.T) {
			_, findings := IdentityProvider(p, []v1alpha1.OAuthServer{server()}, accountsSecret(map[string]string{"ada": tc.yaml}))
			checkFindings(t, expect(v1alpha1.ReasonSecretInvalid, tc.want), findings)
		})
	}
	p.Spec.Local.SecondFactor = "required"
	if _, findings := IdentityProvider(p, []v1alpha1.OAuthServer{server()}, accountsSecret(nil)); len(findings) != 1 || !strings.Contains(findings[0].Message, "spec.local.secondFactor") {
		t.Errorf("got %v", findings)
	}
}
