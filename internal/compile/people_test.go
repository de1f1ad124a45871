package compile

import (
	"encoding/base64"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const sampleLogo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>`

func logo(svg string) string {
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg))
}

// peopleDocuments are the golden documents of what people meet.
func peopleDocuments(servers []v1alpha1.OAuthServer) map[string]func() (registration.Document, []Finding) {
	client := func(c *v1alpha1.OAuthClient, change func(*v1alpha1.OAuthGrantPolicy)) func() (registration.Document, []Finding) {
		return func() (registration.Document, []Finding) {
			got := Client(inputs(c, func(in *ClientInputs) { change(&in.Policies[0]) }))
			return got.Registration, got.Findings
		}
	}
	documents := map[string]func() (registration.Document, []Finding){
		"client-web": client(oauthClient("", redirects("https://reports.acme.example/cb"), func(c *v1alpha1.OAuthClient) {
			c.Spec.PostLogoutRedirectURIs = []string{"https://reports.acme.example/bye"}
			c.Spec.BackChannelLogout = &v1alpha1.BackChannelLogout{URI: "https://reports.acme.example/logout"}
			c.Spec.Consent = v1alpha1.ConsentSkip
			c.Spec.Tokens = &v1alpha1.ClientTokens{IDToken: &v1alpha1.IDTokenSettings{SigningAlgorithm: v1alpha1.SigningAlgorithmES256}}
		}), func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Allow.SkipConsent = true }),
		"client-browser": client(oauthClient("Browser", redirects("https://app.acme.example/cb"), func(c *v1alpha1.OAuthClient) {
			c.Spec.AllowedOrigins = []string{"https://app.acme.example", "http://localhost:3000"}
		}), func(*v1alpha1.OAuthGrantPolicy) {}),
		"client-native": client(oauthClient("Native", redirects("http://127.0.0.1/cb", "com.acme.app:/cb")),
			func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Allow.RedirectHosts = []string{"com.acme.app:"} }),
		"server-branded": func() (registration.Document, []Finding) {
			s := server(func(s *v1alpha1.OAuthServer) {
				s.Spec.Branding = &v1alpha1.ServerBranding{Logo: logo(sampleLogo), Accent: "#175e54", AccentDark: "#5cc9b5"}
			})
			d, f := Server(&s, nil)
			return d, f
		},
		"policy-people": func() (registration.Document, []Finding) {
			p := grantPolicy("partners", func(p *v1alpha1.OAuthGrantPolicy) {
				p.Spec.Allow.IdentityProviders = []string{"corp"}
				p.Spec.Allow.WithoutPKCE = true
				p.Spec.Require = &v1alpha1.PolicyRequire{Consent: v1alpha1.RequiredConsentAlways, MFA: true}
			})
			d, f := Policy(&p, servers)
			return d, f
		},
		"policy-whole": func() (registration.Document, []Finding) {
			p := grantPolicy("partners", func(p *v1alpha1.OAuthGrantPolicy) {
				p.Spec.Allow.Resources = []v1alpha1.ResourceReference{{Name: "orders"}}
				p.Spec.Require = &v1alpha1.PolicyRequire{DPoP: true, PushedAuthorizationRequests: true}
				p.Spec.Limits = &v1alpha1.PolicyLimits{Clients: new(int32(50)), GrantsPerUser: new(int32(20))}
				p.Spec.Users = "'staff' in user.groups"
			})
			d, f := Policy(&p, servers)
			return d, f
		},
		"resource-choices": func() (registration.Document, []Finding) {
			r := resource("orders", choices(v1alpha1.ChoicesSource{Static: []v1alpha1.ResourceChoice{{ID: "o1", Title: "Acme"}, {ID: "p1", Title: "Shop", Parent: "o1"}}}))
			r.Spec.Scopes[1].Sensitive = true
			d, f := Resource(&r, servers, nil)
			return d, f
		},
		"resource-asked": func() (registration.Document, []Finding) {
			r := resource("orders", choices(v1alpha1.ChoicesSource{URL: "https://api.example.com/.oauth/choices"}))
			d, f := Resource(&r, servers, nil)
			return d, f
		},
	}
	for name, change := range map[string]func(*v1alpha1.OAuthIdentityProviderSpec){
		"google": func(s *v1alpha1.OAuthIdentityProviderSpec) {
			s.Google = &v1alpha1.GoogleProvider{ClientSecretRef: ref(), HostedDomains: []string{"acme.example"}}
		},
		"microsoft":      microsoft("72f988bf-86f1-41af-91ab-2d7cd011db47"),
		"microsoft-many": microsoft("common", "72f988bf-86f1-41af-91ab-2d7cd011db47"),
		"github": func(s *v1alpha1.OAuthIdentityProviderSpec) {
			s.GitHub = &v1alpha1.GitHubProvider{ClientSecretRef: ref(), Organizations: []string{"acme"}}
		},
		"ldap": func(s *v1alpha1.OAuthIdentityProviderSpec) { s.LDAP = directory() },
		"oidc": func(s *v1alpha1.OAuthIdentityProviderSpec) {
			secret := ref()
			s.OIDC = &v1alpha1.OIDCProvider{Issuer: "https://idp.acme.example/", ClientID: "grantkeeper", ClientSecretRef: &secret, Scopes: []string{"email"}}
			s.Order, s.DisplayName = 5, "Acme SSO"
			s.Mapping = &v1alpha1.ProviderMapping{Username: "claims.upn", Name: "claims.name", Email: "claims.mail", EmailVerified: "true", Groups: "claims.groups.filter(g, g.startsWith('app-'))"}
			s.Allow = "claims.email.endsWith('@acme.example')"
		},
	} {
		documents["identityprovider-"+name] = func() (registration.Document, []Finding) {
			d, f := IdentityProvider(upstreamProvider(change), servers, upstreamSecret())
			return d, f
		}
	}
	return documents
}

func choices(source v1alpha1.ChoicesSource) func(*v1alpha1.OAuthResource) {
	return func(r *v1alpha1.OAuthResource) {
		r.Spec.Choices = &v1alpha1.ResourceChoices{Type: "project", Title: "Projects", Source: source}
	}
}

func ref() v1alpha1.SecretKeyReference { return v1alpha1.SecretKeyReference{Name: "corp-idp"} }

func microsoft(tenant string, tenants ...string) func(*v1alpha1.OAuthIdentityProviderSpec) {
	return func(s *v1alpha1.OAuthIdentityProviderSpec) {
		s.Microsoft = &v1alpha1.MicrosoftProvider{Tenant: tenant, Tenants: tenants, ClientSecretRef: ref()}
	}
}

func directory() *v1alpha1.LDAPProvider {
	return &v1alpha1.LDAPProvider{
		URL: "ldaps://ldap.acme.example", BindSecretRef: &v1alpha1.SecretReference{Name: "corp-idp"},
		Users:  v1alpha1.LDAPUsers{BaseDN: "ou=people,dc=acme,dc=example"},
		Groups: &v1alpha1.LDAPGroups{BaseDN: "ou=groups,dc=acme,dc=example"},
	}
}

func upstreamProvider(change ...func(*v1alpha1.OAuthIdentityProviderSpec)) *v1alpha1.OAuthIdentityProvider {
	p := &v1alpha1.OAuthIdentityProvider{ObjectMeta: meta("oauth-system", "corp", 1)}
	for _, f := range change {
		f(&p.Spec)
	}
	return p
}

// upstreamSecret holds hunter2 and tiger3, which no finding may repeat.
func upstreamSecret(change ...func(map[string][]byte)) *corev1.Secret {
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "oauth-system", Name: "corp-idp", Labels: map[string]string{v1alpha1.LabelReferenced: "true"}},
		Data: map[string][]byte{
			"client-id": []byte("grantkeeper"), "client-secret": []byte("hunter2"),
			"bind-dn": []byte("cn=reader,dc=acme,dc=example"), "bind-password": []byte("tiger3 with spaces"),
		},
	}
	for _, f := range change {
		f(s.Data)
	}
	return s
}

func TestPeopleClients(t *testing.T) {
	const invalid, refused = v1alpha1.ReasonInvalid, v1alpha1.ReasonPolicyRefused
	type spec = v1alpha1.OAuthClientSpec
	web := func(s *spec) { s.Type, s.RedirectURIs = "Web", []string{"https://a.acme.example/cb"} }
	native := func(s *spec) { s.Type, s.RedirectURIs = "Native", []string{"http://127.0.0.1/cb"} }
	browser := func(s *spec) { s.Type, s.RedirectURIs = "Browser", []string{"https://a.acme.example/cb"} }
	secret := &v1alpha1.ClientAuthentication{ClientSecret: &v1alpha1.ClientSecretAuthentication{}}
	cases := map[string]struct {
		base, change func(*spec)
		policy       func(*v1alpha1.PolicyAllow)
		want         []finding
	}{
		"a web app with nothing but redirects": {base: web},
		"a web app without redirects":          {base: web, change: func(s *spec) { s.RedirectURIs = nil }, want: expect(invalid, "spec.redirectURIs: must have at least one entry", "type Device or Service")},
		"a service with redirects": {base: web, change: func(s *spec) { s.Type = "Service" },
			want: expect(invalid, "spec.redirectURIs: must be empty without the grant type authorization_code", "remove it")},
		"a device that wants codes in the browser": {base: web, change: func(s *spec) { s.Type, s.GrantTypes = "Device", []v1alpha1.GrantType{"authorization_code"} },
			want: expect(invalid, "spec.grantTypes[0] authorization_code", "Web, Browser and Native")},
		"a web app with every grant": {base: web, change: func(s *spec) {
			s.GrantTypes = []v1alpha1.GrantType{"authorization_code", "refresh_token", "client_credentials", v1alpha1.GrantTypeDeviceCode}
		}},
		"a native app that acts for itself":   {base: native, change: func(s *spec) { s.GrantTypes = []v1alpha1.GrantType{"authorization_code", "client_credentials"} }, want: expect(invalid, "spec.grantTypes[1] client_credentials", "type Native acts for a user")},
		"a native app with a secret":          {base: native, change: func(s *spec) { s.Authentication = secret }, want: expect(invalid, "spec.authentication.clientSecret", "RFC 8252 section 8.5", "type Web")},
		"a browser app with a secret":         {base: browser, change: func(s *spec) { s.Authentication = secret }, want: expect(invalid, "spec.authentication.clientSecret", "type Browser")},
		"a public web app":                    {base: web, change: func(s *spec) { s.Authentication = &v1alpha1.ClientAuthentication{None: &v1alpha1.NoAuthentication{}} }},
		"a private scheme of a web app":       {base: web, change: func(s *spec) { s.RedirectURIs[0] = "com.acme.app:/cb" }, want: expect(invalid, "spec.redirectURIs[0] com.acme.app:/cb", "type Native only")},
		"A29 a private scheme nobody allowed": {base: native, change: func(s *spec) { s.RedirectURIs[0] = "com.acme.app:/cb" }, want: expect(refused, "spec.redirectURIs[0] com.acme.app:/cb: policy partners allows no private schemes (spec.allow.redirectHosts)")},
		"a private scheme that is allowed":    {base: native, change: func(s *spec) { s.RedirectURIs[0] = "com.acme.app:/cb" }, policy: func(a *v1alpha1.PolicyAllow) { a.RedirectHosts = []string{"com.acme.app:"} }},
		"a claimed https address, native":     {base: native, change: func(s *spec) { s.RedirectURIs[0] = "https://a.acme.example/app" }},
		"K7 signed out to somebody else":      {base: web, change: func(s *spec) { s.PostLogoutRedirectURIs = []string{"https://evil.example/bye"} }, want: expect(refused, "spec.postLogoutRedirectURIs[0] https://evil.example/bye")},
		"signed out to a private scheme":      {base: web, change: func(s *spec) { s.PostLogoutRedirectURIs = []string{"com.acme.app:/bye"} }, want: expect(invalid, "spec.postLogoutRedirectURIs[0] com.acme.app:/bye")},
		"K14 logouts told by plain http":      {base: web, change: func(s *spec) { s.BackChannelLogout = &v1alpha1.BackChannelLogout{URI: "http://a.acme.example/logout"} }, want: expect(invalid, "spec.backChannelLogout.uri http://a.acme.example/logout", "https")},
		"logouts told nowhere":                {base: web, change: func(s *spec) { s.BackChannelLogout = &v1alpha1.BackChannelLogout{} }, want: expect(invalid, "spec.backChannelLogout.uri")},
		"K14 logouts told on our own machine": {base: web, change: func(s *spec) { s.BackChannelLogout = &v1alpha1.BackChannelLogout{URI: "http://localhost:9081/x"} }, want: expect(refused, "spec.backChannelLogout.uri http://localhost:9081/x")},
		"origins of a web app":                {base: web, change: func(s *spec) { s.AllowedOrigins = []string{"https://a.acme.example"} }, want: expect(invalid, "spec.allowedOrigins", "type is Browser")},
		"B16 the origin null":                 {base: browser, change: func(s *spec) { s.AllowedOrigins = []string{"null"} }, want: expect(invalid, "spec.allowedOrigins[0] null")},
		"an origin of somebody else":          {base: browser, change: func(s *spec) { s.AllowedOrigins = []string{"https://evil.example"} }, want: expect(refused, "spec.allowedOrigins[0] https://evil.example")},
		"K9 consent that is skipped unasked":  {base: web, change: func(s *spec) { s.Consent = "Skip" }, want: expect(refused, "spec.consent Skip: policy partners", "spec.allow.skipConsent", "use Remember")},
		"K9 consent that may be skipped":      {base: web, change: func(s *spec) { s.Consent = "Skip" }, policy: func(a *v1alpha1.PolicyAllow) { a.SkipConsent = true }},
		"a consent that does not exist":       {base: web, change: func(s *spec) { s.Consent = "Never" }, want: expect(invalid, "spec.consent Never", "Always, Remember, Skip")},
		"B07 ID tokens signed with the secret": {base: web, change: func(s *spec) {
			s.Tokens = &v1alpha1.ClientTokens{IDToken: &v1alpha1.IDTokenSettings{SigningAlgorithm: "HS256"}}
		}, want: expect(invalid, "spec.tokens.idToken.signingAlgorithm HS256", "RS256 or ES256")},
		"a default that the policy refuses":     {base: web, policy: func(a *v1alpha1.PolicyAllow) { a.GrantTypes = []v1alpha1.GrantType{"authorization_code"} }, want: expect(refused, "spec.grantTypes (default of type Web) refresh_token")},
		"an optional secret is for devices":     {base: web, change: optionalSecret, want: expect(invalid, "spec.authentication.clientSecret.optional", "type Device")},
		"address and phone speak of a user too": {base: func(s *spec) { s.Type = "Service" }, change: func(s *spec) { s.Scopes = []string{"address", "phone"} }, want: []finding{{invalid, []string{"spec.scopes[0] address", "authorization_code or"}}, {invalid, []string{"spec.scopes[1] phone"}}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := oauthClient("")
			tc.base(&c.Spec)
			if tc.change != nil {
				tc.change(&c.Spec)
			}
			in := inputs(c)
			if tc.policy != nil {
				tc.policy(&in.Policies[0].Spec.Allow)
			}
			got := Client(in)
			checkFindings(t, tc.want, got.Findings)
			if (got.Registration != nil) != (len(tc.want) == 0) {
				t.Errorf("got %+v", got)
			}
		})
	}
	t.Run("a manifest without type is a web app", func(t *testing.T) {
		c := oauthClient("", redirects("https://a.acme.example/cb"))
		got := Client(inputs(c))
		if !NeedsSecret(c) || got.Registration == nil || got.Registration.Type != registration.TypeWeb ||
			!cmp.Equal(got.GrantTypes, []string{"authorization_code", "refresh_token"}) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("K9 what was skipped is asked again when the policy takes it back", func(t *testing.T) {
		c := oauthClient("", redirects("https://a.acme.example/cb"), with(func(s *spec) { s.Consent = "Skip" }))
		in := inputs(c, func(in *ClientInputs) { in.Policies[0].Spec.Allow.SkipConsent = true })
		in.Previous = Client(in).Registration
		in.Policies[0].Spec.Allow.SkipConsent = false
		got := Client(in)
		if !got.CutOff || !refusedByItsPolicy(in, got.Registration) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestPeoplePlatform(t *testing.T) {
	const invalid = v1alpha1.ReasonInvalid
	servers := []v1alpha1.OAuthServer{server()}
	policies := map[string]struct {
		change func(*v1alpha1.OAuthGrantPolicySpec)
		want   []finding
	}{
		"providers by their names":        {change: func(s *v1alpha1.OAuthGrantPolicySpec) { s.Allow.IdentityProviders = []string{"corp", "local"} }},
		"a provider that is no name":      {change: func(s *v1alpha1.OAuthGrantPolicySpec) { s.Allow.IdentityProviders = []string{"Corp"} }, want: expect(invalid, "spec.allow.identityProviders[0] Corp")},
		"a provider twice":                {change: func(s *v1alpha1.OAuthGrantPolicySpec) { s.Allow.IdentityProviders = []string{"a", "a"} }, want: expect(invalid, "spec.allow.identityProviders[1] a", "twice")},
		"a consent that cannot be needed": {change: func(s *v1alpha1.OAuthGrantPolicySpec) { s.Require = &v1alpha1.PolicyRequire{Consent: "Skip"} }, want: expect(invalid, "spec.require.consent Skip", "Always")},
		"always asked and never asked": {change: func(s *v1alpha1.OAuthGrantPolicySpec) {
			s.Allow.SkipConsent, s.Require = true, &v1alpha1.PolicyRequire{Consent: "Always"}
		}, want: expect(invalid, "spec.require.consent Always", "contradicts allow.skipConsent")},
		"a scheme that is nobody's": {change: func(s *v1alpha1.OAuthGrantPolicySpec) { s.Allow.RedirectHosts = []string{"myapp:"} }, want: expect(invalid, "spec.allow.redirectHosts[0] myapp:", "private scheme with a dot")},
	}
	for name, tc := range policies {
		t.Run(name, func(t *testing.T) {
			p := grantPolicy("partners", func(p *v1alpha1.OAuthGrantPolicy) { tc.change(&p.Spec) })
			_, findings := Policy(&p, servers)
			checkFindings(t, tc.want, findings)
		})
	}
	static := func(entries ...v1alpha1.ResourceChoice) v1alpha1.ChoicesSource {
		return v1alpha1.ChoicesSource{Static: entries}
	}
	resources := map[string]struct {
		source v1alpha1.ChoicesSource
		want   []finding
	}{
		"an address":          {source: v1alpha1.ChoicesSource{URL: "http://127.0.0.1:8080/choices"}},
		"by plain http":       {source: v1alpha1.ChoicesSource{URL: "http://api.example.com/choices"}, want: expect(invalid, "spec.choices.source.url", "must be https")},
		"K6 credentials":      {source: v1alpha1.ChoicesSource{URL: "https://a:hunter2@api.example.com/"}, want: expect(invalid, "spec.choices.source.url", "userinfo")},
		"nothing":             {want: expect(invalid, "spec.choices.source", "exactly one of url and static")},
		"both":                {source: v1alpha1.ChoicesSource{URL: "https://api.example.com", Static: []v1alpha1.ResourceChoice{{ID: "a", Title: "A"}}}, want: expect(invalid, "spec.choices.source", "exactly one")},
		"an id twice":         {source: static(v1alpha1.ResourceChoice{ID: "a", Title: "A"}, v1alpha1.ResourceChoice{ID: "a", Title: "B"}), want: expect(invalid, "spec.choices.source.static[1].id", "twice")},
		"an unknown parent":   {source: static(v1alpha1.ResourceChoice{ID: "a", Title: "A", Parent: "b"}), want: expect(invalid, "spec.choices.source.static[0].parent", "the id of another entry")},
		"a parent of parents": {source: static(v1alpha1.ResourceChoice{ID: "a", Title: "A"}, v1alpha1.ResourceChoice{ID: "b", Title: "B", Parent: "a"}, v1alpha1.ResourceChoice{ID: "c", Title: "C", Parent: "b"}), want: expect(invalid, "spec.choices.source.static[2].parent", "two levels")},
		"a circle": {source: static(v1alpha1.ResourceChoice{ID: "a", Title: "A", Parent: "b"}, v1alpha1.ResourceChoice{ID: "b", Title: "B", Parent: "a"}),
			want: []finding{{invalid, []string{"static[0].parent"}}, {invalid, []string{"static[1].parent"}}}},
	}
	for name, tc := range resources {
		t.Run("choices: "+name, func(t *testing.T) {
			r := resource("orders", choices(tc.source))
			_, findings := Resource(&r, servers, nil)
			checkFindings(t, tc.want, findings)
		})
	}
	for name, tc := range map[string]struct {
		branding v1alpha1.ServerBranding
		want     []finding
	}{
		"an accent that people cannot read":     {v1alpha1.ServerBranding{Accent: "#ffcc00"}, expect(invalid, "spec.branding.accent #ffcc00: has a contrast of 1.51:1 with the background #ffffff", "at least 4.5:1", "choose a darker colour")},
		"a dark accent that people cannot read": {v1alpha1.ServerBranding{AccentDark: "#175e54"}, expect(invalid, "spec.branding.accentDark #175e54: has a contrast of 2.22:1 with the background #191d23", "choose a lighter colour")},
		"a colour by its name":                  {v1alpha1.ServerBranding{Accent: "teal"}, expect(invalid, "spec.branding.accent teal", "six hexadecimal digits")},
		"a picture that runs":                   {v1alpha1.ServerBranding{Logo: logo(`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`)}, expect(invalid, "spec.branding.logo", "script")},
		"colours that are just dark and light":  {v1alpha1.ServerBranding{Accent: "#767676", AccentDark: "#8a8a8a"}, nil},
		"nothing at all":                        {v1alpha1.ServerBranding{}, nil},
	} {
		t.Run("branding: "+name, func(t *testing.T) {
			s := server(func(s *v1alpha1.OAuthServer) { s.Spec.Branding = &tc.branding })
			_, findings := Server(&s, nil)
			checkFindings(t, tc.want, findings)
		})
	}
}

func TestProvidersThatAPolicyNames(t *testing.T) {
	other := server(func(s *v1alpha1.OAuthServer) { s.Name = "other" })
	provider := func(namespace, name, server string) v1alpha1.OAuthIdentityProvider {
		p := v1alpha1.OAuthIdentityProvider{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		if server != "" {
			p.Spec.ServerRef = &v1alpha1.LocalServerReference{Name: server}
		}
		return p
	}
	for name, c := range map[string]struct {
		names     []string
		providers []v1alpha1.OAuthIdentityProvider
		servers   int
		want      []string
	}{
		"none":                           {nil, nil, 1, nil},
		"all are there":                  {[]string{"corp", "local"}, []v1alpha1.OAuthIdentityProvider{provider("oauth-system", "local", ""), provider("oauth-system", "corp", "main")}, 1, nil},
		"some are not, in their order":   {[]string{"z", "corp", "a"}, []v1alpha1.OAuthIdentityProvider{provider("oauth-system", "corp", "")}, 1, []string{"z", "a"}},
		"one of another server":          {[]string{"corp"}, []v1alpha1.OAuthIdentityProvider{provider("oauth-system", "corp", "other")}, 2, []string{"corp"}},
		"one of another namespace":       {[]string{"corp"}, []v1alpha1.OAuthIdentityProvider{provider("elsewhere", "corp", "")}, 1, []string{"corp"}},
		"one that belongs to no server":  {[]string{"corp"}, []v1alpha1.OAuthIdentityProvider{provider("oauth-system", "corp", "gone")}, 1, []string{"corp"}},
		"of a policy without any server": {[]string{"corp"}, nil, 0, nil},
		"one that could be of several":   {[]string{"corp"}, []v1alpha1.OAuthIdentityProvider{provider("oauth-system", "corp", "")}, 2, []string{"corp"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := grantPolicy("partners", func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Allow.IdentityProviders = c.names })
			p.Spec.ServerRef = &v1alpha1.LocalServerReference{Name: "main"}
			got := UnknownProviders(&p, c.providers, []v1alpha1.OAuthServer{server(), other}[:c.servers])
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
