package policy

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func client(change ...func(*registration.Client)) *registration.Client {
	c := &registration.Client{
		RedirectURIs:   []string{"https://reports.acme.example/cb"},
		GrantTypes:     []string{registration.GrantTypeDeviceCode, registration.GrantTypeRefreshToken},
		Scopes:         []string{"openid", "orders.read"},
		Authentication: registration.Authentication{Methods: []registration.AuthenticationMethod{registration.AuthenticationNone}},
		Tokens:         registration.Tokens{AccessTokenTTL: registration.Duration(10 * time.Minute), RefreshTokenTTL: registration.Duration(720 * time.Hour)},
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func partners(change ...func(*registration.Policy)) *registration.Policy {
	p := &registration.Policy{
		Name: "partners",
		Allow: registration.Allow{
			GrantTypes:    []string{registration.GrantTypeDeviceCode, registration.GrantTypeRefreshToken},
			Scopes:        []string{"orders.read", "openid"},
			RedirectHosts: []string{"*.acme.example"},
		},
		Limits: registration.Limits{AccessTokenTTL: registration.Duration(15 * time.Minute), RefreshTokenTTL: registration.Duration(720 * time.Hour)},
	}
	for _, f := range change {
		f(p)
	}
	return p
}

func redirects(uris ...string) func(*registration.Client) {
	return func(c *registration.Client) { c.RedirectURIs = uris }
}

func hosts(entries ...string) func(*registration.Policy) {
	return func(p *registration.Policy) { p.Allow.RedirectHosts = entries }
}

func backChannel(uri string) func(*registration.Client) {
	return func(c *registration.Client) { c.BackChannelLogoutURI = uri }
}

func origins(values ...string) func(*registration.Client) {
	return func(c *registration.Client) { c.AllowedOrigins = values }
}

func consents(mode registration.ConsentMode) func(*registration.Client) {
	return func(c *registration.Client) { c.Consent = mode }
}

func methods(m ...registration.AuthenticationMethod) func(*registration.Policy) {
	return func(p *registration.Policy) { p.Allow.Authentication = m }
}

func authenticates(m ...registration.AuthenticationMethod) func(*registration.Client) {
	return func(c *registration.Client) { c.Authentication.Methods = m }
}

func jwksURI(uri string) func(*registration.Client) {
	return func(c *registration.Client) {
		c.Authentication = registration.Authentication{Methods: []registration.AuthenticationMethod{registration.AuthenticationPrivateKeyJWT}, JWKSURI: uri}
	}
}

func resources(names ...string) func(*registration.Policy) {
	return func(p *registration.Policy) { p.Allow.Resources = names }
}

func uses(names ...string) func(*registration.Client) {
	return func(c *registration.Client) { c.Resources = names }
}

func TestAccepts(t *testing.T) {
	cases := map[string]struct {
		policy *registration.Policy
		client *registration.Client
		want   []string // field, value and rule of every finding
	}{
		"a client within the policy is accepted": {policy: partners(), client: client()},
		"a policy that allows nothing refuses everything": {
			policy: &registration.Policy{Name: "none"}, client: client(),
			want: []string{
				"spec.redirectURIs[0] https://reports.acme.example/cb spec.allow.redirectHosts",
				"spec.grantTypes[0] urn:ietf:params:oauth:grant-type:device_code spec.allow.grantTypes",
				"spec.grantTypes[1] refresh_token spec.allow.grantTypes",
				"spec.scopes[0] openid spec.allow.scopes",
				"spec.scopes[1] orders.read spec.allow.scopes",
			},
		},
		"a host that is not listed is refused, by its index": {
			policy: partners(), client: client(redirects("https://reports.acme.example/cb", "https://evil.example/cb")),
			want: []string{"spec.redirectURIs[1] https://evil.example/cb spec.allow.redirectHosts"},
		},
		"K07 the domain of a wildcard is not below itself": {
			policy: partners(), client: client(redirects("https://acme.example/cb")),
			want: []string{"spec.redirectURIs[0] https://acme.example/cb spec.allow.redirectHosts"},
		},
		"K07 a host that only ends like the domain is refused": {
			policy: partners(), client: client(redirects("https://evilacme.example/cb")),
			want: []string{"spec.redirectURIs[0] https://evilacme.example/cb spec.allow.redirectHosts"},
		},
		"K07 a host that has the domain in its path, query or port is refused": {
			policy: partners(), client: client(redirects("https://evil.example/.acme.example", "https://evil.example?.acme.example", "https://a.acme.example.evil.example/")),
			want: []string{
				"spec.redirectURIs[0] https://evil.example/.acme.example spec.allow.redirectHosts",
				"spec.redirectURIs[1] https://evil.example?.acme.example spec.allow.redirectHosts",
				"spec.redirectURIs[2] https://a.acme.example.evil.example/ spec.allow.redirectHosts",
			},
		},
		"a host far below the domain of a wildcard is accepted": {policy: partners(), client: client(redirects("https://a.b.acme.example:8443/cb"))},
		"a loopback redirect needs no entry":                    {policy: partners(func(p *registration.Policy) { p.Allow.RedirectHosts = nil }), client: client(redirects("http://127.0.0.1/cb", "http://[::1]:80/cb", "http://localhost/cb"))},
		"a redirect to a private scheme is refused":             {policy: partners(), client: client(redirects("com.acme.example:/cb")), want: []string{"spec.redirectURIs[0] com.acme.example:/cb spec.allow.redirectHosts"}},
		"a private scheme that is listed is accepted":           {policy: partners(hosts("com.acme.app:")), client: client(redirects("com.acme.app:/cb", "com.acme.app://host/cb"))},
		"K07 a private scheme is listed by its whole name": {
			policy: partners(hosts("com.acme.app:", "com.acme")), client: client(redirects("com.acme.app2:/cb", "com.acme:/cb", "x.com.acme.app:/cb")),
			want: []string{
				"spec.redirectURIs[0] com.acme.app2:/cb spec.allow.redirectHosts", "spec.redirectURIs[1] com.acme:/cb spec.allow.redirectHosts",
				"spec.redirectURIs[2] x.com.acme.app:/cb spec.allow.redirectHosts",
			},
		},
		"K07 a listed scheme is no host": {
			policy: partners(hosts("com.acme.app:")), client: client(redirects("https://com.acme.app/cb")),
			want: []string{"spec.redirectURIs[0] https://com.acme.app/cb spec.allow.redirectHosts"},
		},
		"K07 where people go when they sign out is held to the same hosts": {
			policy: partners(), client: client(func(c *registration.Client) {
				c.PostLogoutRedirectURIs = []string{"https://a.acme.example/bye", "http://localhost/bye", "https://evil.example/bye"}
			}),
			want: []string{"spec.postLogoutRedirectURIs[2] https://evil.example/bye spec.allow.redirectHosts"},
		},
		"K14 the server tells nobody of logouts who is not listed": {
			policy: partners(), client: client(backChannel("https://evil.example/logout")),
			want: []string{"spec.backChannelLogout.uri https://evil.example/logout spec.allow.redirectHosts"},
		},
		"K14 nor anything on its own machine": {
			policy: partners(), client: client(backChannel("http://127.0.0.1:9081/logout")),
			want: []string{"spec.backChannelLogout.uri http://127.0.0.1:9081/logout spec.allow.redirectHosts"},
		},
		"what is listed may be told of logouts":                   {policy: partners(), client: client(backChannel("https://a.acme.example/logout"))},
		"loopback too, where it is listed":                        {policy: partners(hosts("*.acme.example", "127.0.0.1")), client: client(backChannel("http://127.0.0.1:8080/logout"))},
		"pages on listed hosts and loopback may call":             {policy: partners(), client: client(origins("https://app.acme.example", "http://localhost:3000"))},
		"pages elsewhere may not":                                 {policy: partners(), client: client(origins("https://evil.example")), want: []string{"spec.allowedOrigins[0] https://evil.example spec.allow.redirectHosts"}},
		"K9 no client skips consent by its own word":              {policy: partners(), client: client(consents(registration.ConsentSkip)), want: []string{"spec.consent Skip spec.allow.skipConsent"}},
		"K9 a client may skip consent where it is told":           {policy: partners(func(p *registration.Policy) { p.Allow.SkipConsent = true }), client: client(consents(registration.ConsentSkip))},
		"asking always needs no leave":                            {policy: partners(), client: client(consents(registration.ConsentAlways))},
		"a private scheme with a listed host is refused too":      {policy: partners(), client: client(redirects("com.acme.example://a.acme.example/cb")), want: []string{"spec.redirectURIs[0] com.acme.example://a.acme.example/cb spec.allow.redirectHosts"}},
		"what cannot be read is refused even if the host matches": {policy: partners(), client: client(redirects("https://user@a.acme.example/cb")), want: []string{"spec.redirectURIs[0] https://user@a.acme.example/cb spec.allow.redirectHosts"}},
		"a policy without methods allows all": {policy: partners(), client: client(func(c *registration.Client) {
			c.Authentication.Methods = []registration.AuthenticationMethod{"ClientSecret", "None"}
		})},
		"every method of the client must be allowed": {
			policy: partners(func(p *registration.Policy) {
				p.Allow.Authentication = []registration.AuthenticationMethod{"ClientSecret"}
			}),
			client: client(func(c *registration.Client) {
				c.Authentication.Methods = []registration.AuthenticationMethod{"ClientSecret", "None"}
			}),
			want: []string{"spec.authentication None spec.allow.authentication"},
		},
		"each of the four methods is accepted where it is listed": {
			policy: partners(methods("ClientSecret", "PrivateKeyJWT", "KubernetesServiceAccount", "None")), client: client(authenticates("PrivateKeyJWT", "KubernetesServiceAccount", "ClientSecret", "None")),
		},
		"a secret is refused where only keys are allowed":    {policy: partners(methods("PrivateKeyJWT", "KubernetesServiceAccount")), client: client(authenticates("ClientSecret")), want: []string{"spec.authentication ClientSecret spec.allow.authentication"}},
		"keys are refused where only ServiceAccounts are":    {policy: partners(methods("KubernetesServiceAccount")), client: client(authenticates("PrivateKeyJWT")), want: []string{"spec.authentication PrivateKeyJWT spec.allow.authentication"}},
		"ServiceAccounts are refused where only secrets are": {policy: partners(methods("ClientSecret")), client: client(authenticates("KubernetesServiceAccount")), want: []string{"spec.authentication KubernetesServiceAccount spec.allow.authentication"}},
		"keys come from listed hosts":                        {policy: partners(), client: client(jwksURI("https://keys.acme.example/jwks"))},
		"K14 keys do not come from elsewhere":                {policy: partners(), client: client(jwksURI("https://evil.example/jwks")), want: []string{"spec.authentication.privateKeyJWT.jwksURI https://evil.example/jwks spec.allow.redirectHosts"}},
		"K14 nor from the server's own machine":              {policy: partners(), client: client(jwksURI("http://127.0.0.1:6443/jwks")), want: []string{"spec.authentication.privateKeyJWT.jwksURI http://127.0.0.1:6443/jwks spec.allow.redirectHosts"}},
		"without a list of resources every one is accepted":  {policy: partners(), client: client(uses("orders", "billing"))},
		"resources that are listed are accepted":             {policy: partners(resources("billing", "orders")), client: client(uses("orders"))},
		"a resource that is not listed is refused":           {policy: partners(resources("orders")), client: client(uses("billing", "orders")), want: []string{"spec.scopes billing spec.allow.resources"}},
		"scopes about the user need no resource":             {policy: partners(resources("orders")), client: client()},
		"lifetimes that nobody asked for are capped, not refused": {
			policy: partners(), client: client(func(c *registration.Client) {
				c.Tokens = registration.Tokens{
					AccessTokenTTL: registration.Duration(time.Hour), AccessTokenDefault: true,
					RefreshTokenTTL: registration.Duration(8760 * time.Hour), RefreshTokenDefault: true,
				}
			}),
		},
		"each lifetime by itself": {
			policy: partners(), client: client(func(c *registration.Client) {
				c.Tokens = registration.Tokens{
					AccessTokenTTL: registration.Duration(time.Hour), AccessTokenDefault: true, RefreshTokenTTL: registration.Duration(8760 * time.Hour),
				}
			}),
			want: []string{"spec.tokens.refreshToken.ttl 8760h spec.limits.refreshTokenTTL"},
		},
		"what only a request or all clients together can tell is not asked here": {
			policy: partners(func(p *registration.Policy) {
				p.Allow.IdentityProviders, p.Users = []string{"corp"}, "false"
				p.Require = registration.Require{Consent: registration.ConsentAlways, MFA: true, DPoP: true, PushedAuthorizationRequests: true}
				p.Limits.Clients, p.Limits.GrantsPerUser = new(int32(0)), 1
			}), client: client(),
		},
		"lifetimes as long as the limits are accepted": {
			policy: partners(), client: client(func(c *registration.Client) { c.Tokens.AccessTokenTTL = registration.Duration(15 * time.Minute) }),
		},
		"lifetimes over the limits are refused": {
			policy: partners(), client: client(func(c *registration.Client) {
				c.Tokens = registration.Tokens{AccessTokenTTL: registration.Duration(time.Hour), RefreshTokenTTL: registration.Duration(721 * time.Hour)}
			}),
			want: []string{"spec.tokens.accessToken.ttl 1h spec.limits.accessTokenTTL", "spec.tokens.refreshToken.ttl 721h spec.limits.refreshTokenTTL"},
		},
		"without limits any lifetime is accepted": {
			policy: partners(func(p *registration.Policy) { p.Limits = registration.Limits{} }),
			client: client(func(c *registration.Client) { c.Tokens.AccessTokenTTL = registration.Duration(700 * time.Hour) }),
		},
		"the lifetime of refresh tokens that a client cannot have is of no interest": {
			policy: partners(), client: client(func(c *registration.Client) {
				c.GrantTypes, c.Tokens.RefreshTokenTTL = c.GrantTypes[:1], registration.Duration(8760*time.Hour)
			}),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range Accepts(tc.policy, tc.client) {
				got = append(got, f.Field+" "+f.Value+" "+f.Rule)
				if f.Policy != tc.policy.Name || f.Fix == "" || f.Allowed == "" {
					t.Errorf("a finding without policy, fix or what is allowed: %+v", f)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFindingInWords(t *testing.T) {
	for want, tc := range map[string]struct {
		policy *registration.Policy
		client *registration.Client
	}{
		"spec.redirectURIs[1] https://evil.example/cb: policy partners allows hosts *.acme.example (spec.allow.redirectHosts); use one of these or ask the platform team to change the policy": {
			partners(), client(redirects("https://a.acme.example/cb", "https://evil.example/cb")),
		},
		"spec.consent Skip: policy partners allows no client that does not ask people (spec.allow.skipConsent); use Remember or ask the platform team to change the policy": {
			partners(), client(consents(registration.ConsentSkip)),
		},
		"spec.redirectURIs[0] com.acme.other:/cb: policy partners allows private schemes com.acme.app: (spec.allow.redirectHosts); use one of these, https or a loopback address or ask the platform team to change the policy": {
			partners(hosts("*.acme.example", "com.acme.app:")), client(redirects("com.acme.other:/cb")),
		},
		"spec.scopes[2] admin: policy partners allows no scopes (spec.allow.scopes); remove it or ask the platform team to change the policy": {
			partners(func(p *registration.Policy) { p.Allow.Scopes = nil }), client(func(c *registration.Client) { c.Scopes = []string{"", "", "admin"} }),
		},
		"spec.tokens.accessToken.ttl 1h: policy partners allows at most 15m (spec.limits.accessTokenTTL); set 15m or less or ask the platform team to change the policy": {
			partners(), client(func(c *registration.Client) { c.Tokens.AccessTokenTTL = registration.Duration(time.Hour) }),
		},
		"spec.scopes[2] admin: policy partners allows scopes s0, s1, s2, s3, s4, s5, s6, s7 and 12 more (spec.allow.scopes); use one of these or ask the platform team to change the policy": {
			partners(func(p *registration.Policy) {
				p.Allow.Scopes = nil
				for i := range 20 {
					p.Allow.Scopes = append(p.Allow.Scopes, fmt.Sprintf("s%d", i))
				}
			}), client(func(c *registration.Client) { c.Scopes = []string{"s1", "s2", "admin"} }),
		},
	} {
		findings := Accepts(tc.policy, tc.client)
		if got := findings[len(findings)-1].String(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestMatchHost(t *testing.T) {
	for _, tc := range []struct {
		entry, host string
		want        bool
	}{
		{"acme.example", "acme.example", true},
		{"acme.example", "a.acme.example", false},
		{"*.acme.example", "a.acme.example", true},
		{"*.acme.example", "a.b.acme.example", true},
		{"*.acme.example", "acme.example", false},
		{"*.acme.example", ".acme.example", false},
		{"*.acme.example", "xacme.example", false},
		{"*.acme.example", "a.acme.example.evil", false},
		{"*", "acme.example", false},
		{"", "", true}, // no entry and no host is empty; both are refused before
		{"acme.example", "", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"2001:db8::1", "2001:db8::1", true},
	} {
		if got := MatchHost(tc.entry, tc.host); got != tc.want {
			t.Errorf("%q matches %q: %v", tc.entry, tc.host, got)
		}
	}
}

// BenchmarkAccepts shows what a snapshot pays per client when it accepts it.
func BenchmarkAccepts(b *testing.B) {
	p, c := partners(), client()
	b.ReportAllocs()
	for b.Loop() {
		if len(Accepts(p, c)) > 0 {
			b.Fatal("refused")
		}
	}
}
