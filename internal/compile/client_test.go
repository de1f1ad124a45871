package compile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func with(change func(*v1alpha1.OAuthClientSpec)) func(*v1alpha1.OAuthClient) {
	return func(c *v1alpha1.OAuthClient) { change(&c.Spec) }
}

func optionalSecret(s *v1alpha1.OAuthClientSpec) {
	s.Authentication = &v1alpha1.ClientAuthentication{ClientSecret: &v1alpha1.ClientSecretAuthentication{Optional: true}}
}

func TestClientRefused(t *testing.T) {
	const invalid, refused = v1alpha1.ReasonInvalid, v1alpha1.ReasonPolicyRefused
	type spec = v1alpha1.OAuthClientSpec
	cases := map[string]struct {
		service, device, web func(*spec) // one of them
		inputs               func(*ClientInputs)
		want                 []finding
	}{
		"an unknown type":          {service: func(s *spec) { s.Type = "Desktop" }, want: []finding{{invalid, []string{"spec.type Desktop", "Web, Browser, Native, Device, Service"}}}},
		"a client id with a colon": {service: func(s *spec) { s.ClientID = "a:b" }, want: expect(invalid, "spec.clientID a:b", "letters, digits")},
		"an unknown grant type":    {service: func(s *spec) { s.GrantTypes = []v1alpha1.GrantType{"password"} }, want: expect(invalid, "spec.grantTypes[0] password", "client_credentials")},
		"a grant type twice": {device: func(s *spec) {
			s.GrantTypes = []v1alpha1.GrantType{v1alpha1.GrantTypeDeviceCode, v1alpha1.GrantTypeDeviceCode}
		}, want: expect(invalid, "spec.grantTypes[1]", "twice")},
		"a refresh token without a user":          {device: func(s *spec) { s.GrantTypes = []v1alpha1.GrantType{"refresh_token"} }, want: expect(invalid, "spec.grantTypes[0] refresh_token", "add authorization_code or urn:ietf:params:oauth:grant-type:device_code")},
		"E01 client credentials when public":      {device: func(s *spec) { s.GrantTypes = []v1alpha1.GrantType{"client_credentials"} }, want: expect(invalid, "spec.grantTypes[0] client_credentials", "type Service")},
		"E01 client credentials, secret optional": {device: func(s *spec) { optionalSecret(s); s.GrantTypes = []v1alpha1.GrantType{"client_credentials"} }, want: expect(invalid, "spec.grantTypes[0]", "type Service")},
		"a service that is public":                {service: func(s *spec) { s.Authentication = &v1alpha1.ClientAuthentication{None: &v1alpha1.NoAuthentication{}} }, want: expect(invalid, "spec.grantTypes (default of type Service) client_credentials", "authentication.clientSecret")},
		"two ways to authenticate": {device: func(s *spec) {
			s.Authentication = &v1alpha1.ClientAuthentication{None: &v1alpha1.NoAuthentication{}, ClientSecret: &v1alpha1.ClientSecretAuthentication{}}
		}, want: expect(invalid, "spec.authentication", "exactly one")},
		"no way to authenticate":                          {device: func(s *spec) { s.Authentication = &v1alpha1.ClientAuthentication{} }, want: expect(invalid, "spec.authentication", "exactly one")},
		"an optional secret of a service":                 {service: optionalSecret, want: expect(invalid, "spec.authentication.clientSecret.optional", "type Device")},
		"K13 a redirect by plain http":                    {web: func(s *spec) { s.RedirectURIs = []string{"https://a.acme.example/", "http://a.acme.example/cb"} }, want: expect(invalid, "spec.redirectURIs[1] http://a.acme.example/cb", "must be https")},
		"K13 a redirect with credentials is not repeated": {web: func(s *spec) { s.RedirectURIs = []string{"https://u:hunter2@a.acme.example/cb"} }, want: expect(invalid, "spec.redirectURIs[0] https://REDACTED@a.acme.example/cb", "userinfo")},
		"K13 more than 20 redirects":                      {web: func(s *spec) { s.RedirectURIs = make([]string, 21) }, want: expect(invalid, "spec.redirectURIs", "at most 20")},
		"a redirect with a line end":                      {web: func(s *spec) { s.RedirectURIs = []string{"https://a.acme.example/\n\x1b[31m"} }, want: expect(invalid, `spec.redirectURIs[0] "https://a.acme.example/\n\x1b[31m"`)},
		"A29 a name that is read backwards":               {device: func(s *spec) { s.Display = &v1alpha1.ClientDisplay{Name: "knaB\u202e"} }, want: expect(invalid, `spec.display.name "knaB\u202e"`, "U+202E")},
		"A29 an invisible publisher":                      {device: func(s *spec) { s.Display = &v1alpha1.ClientDisplay{Publisher: "A\u200bB"} }, want: expect(invalid, "spec.display.publisher", "U+200B")},
		"a homepage that is a script": {device: func(s *spec) {
			s.Display = &v1alpha1.ClientDisplay{Homepage: "javascript:alert(1)", PolicyURI: "http://acme.example"}
		}, want: []finding{{invalid, []string{"spec.display.homepage"}}, {invalid, []string{"spec.display.policyURI"}}}},
		"a scope with a space":              {device: func(s *spec) { s.Scopes = []string{"orders.read orders.write"} }, want: expect(invalid, "spec.scopes[0]", "RFC 6749")},
		"a scope twice":                     {device: func(s *spec) { s.Scopes = []string{"openid", "openid"} }, want: expect(invalid, "spec.scopes[1] openid", "twice")},
		"E01 openid without a user":         {service: func(s *spec) { s.Scopes = []string{"orders.read", "openid"} }, want: expect(invalid, "spec.scopes[1] openid", "about a user")},
		"E01 offline_access without a user": {service: func(s *spec) { s.Scopes = []string{"offline_access"} }, want: expect(invalid, "spec.scopes[0] offline_access", "about a user")},
		"an access token that lives a second": {service: func(s *spec) {
			s.Tokens = &v1alpha1.ClientTokens{AccessToken: &v1alpha1.AccessTokenSettings{TTL: duration(time.Second)}}
		}, want: expect(invalid, "spec.tokens.accessToken.ttl 1s", "from 1m to 720h")},
		"an access token that lives for zero": {service: func(s *spec) {
			s.Tokens = &v1alpha1.ClientTokens{AccessToken: &v1alpha1.AccessTokenSettings{TTL: duration(0)}}
		}, want: expect(invalid, "spec.tokens.accessToken.ttl 0s")},
		"refresh tokens that live too long": {device: func(s *spec) {
			s.Tokens = &v1alpha1.ClientTokens{RefreshToken: &v1alpha1.RefreshTokenSettings{TTL: duration(9000 * time.Hour), Idle: duration(-1)}}
		}, want: []finding{{invalid, []string{"spec.tokens.refreshToken.ttl 9000h"}}, {invalid, []string{"spec.tokens.refreshToken.idle"}}}},
		"an idle time that has no effect": {device: func(s *spec) {
			s.Tokens = &v1alpha1.ClientTokens{RefreshToken: &v1alpha1.RefreshTokenSettings{TTL: duration(time.Hour), Idle: duration(2 * time.Hour)}}
		}, want: expect(invalid, "spec.tokens.refreshToken.idle 2h", "not be longer than ttl (1h)")},
		"a Secret name that is none":          {service: func(s *spec) { s.Secret = &v1alpha1.ClientSecretTarget{Name: "My Secret"} }, want: expect(invalid, "spec.secret.name My Secret")},
		"a Secret name kept for the operator": {service: func(s *spec) { s.Secret = &v1alpha1.ClientSecretTarget{Name: "gk-client-0"} }, want: expect(invalid, "spec.secret.name gk-client-0", "kept for the operator")},
		"several problems are found together": {service: func(s *spec) { s.ClientID, s.Scopes = "a b", []string{"unknown"} }, want: []finding{
			{invalid, []string{"spec.clientID a b"}}, {v1alpha1.ReasonScopeUnknown, []string{"spec.scopes[0] unknown"}},
		}},

		"a scope that no resource declares": {service: func(s *spec) { s.Scopes = []string{"orders.read", "orders.delete"} }, inputs: func(in *ClientInputs) {
			in.Policies[0].Spec.Allow.Scopes = append(in.Policies[0].Spec.Allow.Scopes, "orders.delete")
		}, want: expect(v1alpha1.ReasonScopeUnknown, "spec.scopes[1] orders.delete", "oauth-system/main")},
		"a scope of a resource of another namespace": {service: func(s *spec) { s.Scopes = []string{"orders.read"} }, inputs: func(in *ClientInputs) { in.Resources[0].Namespace = "elsewhere" }, want: expect(v1alpha1.ReasonScopeUnknown, "spec.scopes[0] orders.read")},
		"a scope of a resource that is not accepted": {service: func(s *spec) { s.Scopes = []string{"orders.read"} }, inputs: func(in *ClientInputs) { in.Resources[0].Spec.Identifier = "orders" }, want: expect(v1alpha1.ReasonScopeUnknown, "spec.scopes[0] orders.read")},
		"a scope of a resource of another server": {service: func(s *spec) { s.Scopes = []string{"orders.read"} }, inputs: func(in *ClientInputs) {
			in.Servers = append(in.Servers, server(func(s *v1alpha1.OAuthServer) {
				s.Name, s.Annotations, s.Spec.Issuer = "other", nil, "https://other.example.com"
			}))
			in.Resources[0].Spec.ServerRef = &v1alpha1.LocalServerReference{Name: "other"}
			in.Policies[0].Spec.ServerRef = &v1alpha1.LocalServerReference{Name: "main"}
		}, want: expect(v1alpha1.ReasonScopeUnknown, "spec.scopes[0] orders.read")},

		"no server of that name": {service: func(s *spec) { s.ServerRef = &v1alpha1.ServerReference{Name: "main"} }, want: expect(v1alpha1.ReasonServerNotFound, "spec.serverRef partners/main")},
		"no default server":      {service: func(*spec) {}, inputs: func(in *ClientInputs) { in.Servers[0].Annotations = nil }, want: expect(v1alpha1.ReasonServerNotFound, "spec.serverRef", "no OAuthServer is the default", `grantkeeper.dev/is-default: "true"`)},
		"two default servers": {service: func(*spec) {}, inputs: func(in *ClientInputs) {
			in.Servers = append(in.Servers, server(func(s *v1alpha1.OAuthServer) { s.Name = "b" }))
		}, want: expect(v1alpha1.ReasonServerNotFound, "oauth-system/b, oauth-system/main")},
		"a namespace that may not attach": {service: func(*spec) {}, inputs: func(in *ClientInputs) {
			in.Servers[0].Spec.Clients = &v1alpha1.ServerClients{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"oauth": "on"}}}
		}, want: expect(v1alpha1.ReasonServerRefused, "metadata.namespace partners", "oauth-system/main", "spec.clients.namespaceSelector")},
		"a server's selector that cannot be read lets nobody in": {service: func(*spec) {}, inputs: func(in *ClientInputs) {
			in.Servers[0].Spec.Clients = &v1alpha1.ServerClients{NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}}
		}, want: expect(v1alpha1.ReasonServerRefused, "metadata.namespace partners")},

		"no policy at all":                            {service: func(*spec) {}, inputs: func(in *ClientInputs) { in.Policies = nil }, want: expect(v1alpha1.ReasonNoPolicy, "partners", "oauth-system/main", "ask the platform team")},
		"a policy of another namespace":               {service: func(*spec) {}, inputs: func(in *ClientInputs) { in.Policies[0].Namespace = "partners" }, want: expect(v1alpha1.ReasonNoPolicy)},
		"a policy whose labels do not match":          {service: func(*spec) {}, inputs: func(in *ClientInputs) { in.NamespaceLabels = nil }, want: expect(v1alpha1.ReasonNoPolicy)},
		"a policy without namespaceSelector is local": {service: func(*spec) {}, inputs: func(in *ClientInputs) { in.Policies[0].Spec.Clients.NamespaceSelector = nil }, want: expect(v1alpha1.ReasonNoPolicy)},
		"a policy that selects other clients": {service: func(*spec) {}, inputs: func(in *ClientInputs) {
			in.Policies[0].Spec.Clients.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
		}, want: expect(v1alpha1.ReasonNoPolicy)},
		"a policy that is not valid accepts nothing": {service: func(*spec) {}, inputs: func(in *ClientInputs) { in.Policies[0].Spec.Allow.RedirectHosts = []string{"*"} }, want: expect(refused, "policy partners", "not valid itself")},
		"K07 a redirect to a host of somebody else": {web: func(s *spec) { s.RedirectURIs = []string{"https://a.acme.example/", "https://evil.example/cb"} }, want: expect(refused,
			"spec.redirectURIs[1] https://evil.example/cb: policy partners allows hosts *.acme.example (spec.allow.redirectHosts); use one of these or ask the platform team to change the policy")},
		"a default grant type that the policy refuses": {device: func(*spec) {}, inputs: func(in *ClientInputs) {
			in.Policies[0].Spec.Allow.GrantTypes = []v1alpha1.GrantType{"client_credentials"}
		}, want: []finding{
			{refused, []string{"spec.grantTypes (default of type Device) urn:ietf:params:oauth:grant-type:device_code: policy partners allows grant types client_credentials (spec.allow.grantTypes)"}},
			{refused, []string{"spec.grantTypes (default of type Device) refresh_token"}},
		}},
		"a default authentication that the policy refuses": {device: func(*spec) {}, inputs: func(in *ClientInputs) {
			in.Policies[0].Spec.Allow.Authentication = []v1alpha1.AuthenticationMethod{"ClientSecret"}
		}, want: expect(refused, "spec.authentication (default of type Device) None", "spec.allow.authentication")},
		"a lifetime over the policy's limit": {service: func(s *spec) {
			s.Tokens = &v1alpha1.ClientTokens{AccessToken: &v1alpha1.AccessTokenSettings{TTL: duration(time.Hour)}}
		}, inputs: func(in *ClientInputs) {
			in.Policies[0].Spec.Limits = &v1alpha1.PolicyLimits{AccessTokenTTL: duration(15 * time.Minute)}
		},
			want: expect(refused, "spec.tokens.accessToken.ttl 1h: policy partners allows at most 15m (spec.limits.accessTokenTTL)")},
		"two harmless policies do not add up": {service: func(s *spec) { s.Scopes = []string{"orders.read", "orders.write"} }, inputs: func(in *ClientInputs) {
			in.Policies = []v1alpha1.OAuthGrantPolicy{
				grantPolicy("b", func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Allow.Scopes = []string{"orders.write"} }),
				grantPolicy("a", func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Allow.Scopes = []string{"orders.read"} }),
			}
		}, want: []finding{{refused, []string{"spec.scopes[1] orders.write: policy a"}}, {refused, []string{"spec.scopes[0] orders.read: policy b"}}}},
		"an older client with the same id": {service: func(s *spec) { s.ClientID = "acme" }, inputs: func(in *ClientInputs) {
			rival := oauthClient("Device", func(c *v1alpha1.OAuthClient) { c.ObjectMeta = meta("elsewhere", "x", 5); c.Spec.ClientID = "acme" })
			in.Rivals = []Rival{rivalOf(rival)}
		}, want: expect(v1alpha1.ReasonClientIDConflict, "spec.clientID acme", "elsewhere/x", "choose another")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := oauthClient("Service")
			change := tc.service
			if change == nil {
				c, change = oauthClient("Device"), tc.device
			}
			if tc.web != nil {
				c, change = oauthClient("Web", redirects("https://a.acme.example/cb")), tc.web
			}
			change(&c.Spec)
			in := inputs(c)
			if tc.inputs != nil {
				tc.inputs(&in)
			}
			got := Client(in)
			checkFindings(t, tc.want, got.Findings)
			if got.Registration != nil || got.Current || got.Policy != "" {
				t.Errorf("it is registered all the same: %+v", got)
			}
			if got.ClientID == "" {
				t.Error("the result has no client id")
			}
		})
	}
	t.Run("a manifest with very many problems has its status bounded", func(t *testing.T) {
		c := oauthClient("Device", with(func(s *spec) {
			for i := range 90 {
				s.Scopes = append(s.Scopes, fmt.Sprintf("unknown-%d", i))
			}
		}))
		got := Client(inputs(c)).Findings
		if len(got) != maxFindings || !strings.Contains(got[maxFindings-1].Message, "more of this kind") {
			t.Errorf("%d findings, the last %+v", len(got), got[len(got)-1])
		}
		checkMessages(t, got)
	})
}

func TestClientAccepted(t *testing.T) {
	type spec = v1alpha1.OAuthClientSpec
	cases := map[string]struct {
		client *v1alpha1.OAuthClient
		inputs func(*ClientInputs)
		check  func(*registration.Client) any
		want   any
	}{
		"the client id is derived from namespace and name": {client: oauthClient("Service"), check: func(c *registration.Client) any { return c.ClientID }, want: "partners.acme"},
		"a service has client credentials and a secret": {client: oauthClient("Service"), check: func(c *registration.Client) any {
			return fmt.Sprint(c.GrantTypes, c.Authentication.Methods, len(c.Authentication.Secrets))
		}, want: "[client_credentials] [ClientSecret] 1"},
		"a device has its grant, refresh tokens, no secret": {client: oauthClient("Device"), check: func(c *registration.Client) any {
			return fmt.Sprint(c.GrantTypes, c.Authentication.Methods, len(c.Authentication.Secrets))
		},
			want: "[urn:ietf:params:oauth:grant-type:device_code refresh_token] [None] 0"},
		"an optional secret adds a method": {client: oauthClient("Device", with(optionalSecret)), check: func(c *registration.Client) any {
			return fmt.Sprint(c.Authentication.Methods, len(c.Authentication.Secrets))
		}, want: "[None ClientSecret] 1"},
		"lifetimes have defaults": {client: oauthClient("Device"), check: func(c *registration.Client) any { return c.Tokens }, want: defaults(lifetimes(10*time.Minute, 720*time.Hour, 168*time.Hour), true, true)},
		"the defaults are there whatever the limits of the policy, which cap them later": {client: oauthClient("Device"), inputs: func(in *ClientInputs) {
			in.Policies[0].Spec.Limits = &v1alpha1.PolicyLimits{AccessTokenTTL: duration(5 * time.Minute), RefreshTokenTTL: duration(24 * time.Hour)}
		}, check: func(c *registration.Client) any { return c.Tokens }, want: defaults(lifetimes(10*time.Minute, 720*time.Hour, 168*time.Hour), true, true)},
		"a declared lifetime within the limit stays": {client: oauthClient("Device", with(func(s *spec) {
			s.Tokens = &v1alpha1.ClientTokens{AccessToken: &v1alpha1.AccessTokenSettings{TTL: duration(720 * time.Hour)}, RefreshToken: &v1alpha1.RefreshTokenSettings{Idle: duration(time.Hour)}}
		})), check: func(c *registration.Client) any { return c.Tokens }, want: defaults(lifetimes(720*time.Hour, 720*time.Hour, time.Hour), false, true)},
		"the resources of its scopes, each once": {client: oauthClient("Device", with(func(s *spec) { s.Scopes = []string{"orders.write", "openid", "bills.read", "orders.read"} })), inputs: func(in *ClientInputs) {
			in.Resources = append(in.Resources, resource("bills"), resource("unused"))
			in.Policies[0].Spec.Allow.Scopes = append(in.Policies[0].Spec.Allow.Scopes, "bills.read")
		}, check: func(c *registration.Client) any { return strings.Join(c.Resources, " ") }, want: "bills orders"},
		"scopes about the user are of no resource":       {client: oauthClient("Device", with(func(s *spec) { s.Scopes = []string{"openid"} })), check: func(c *registration.Client) any { return len(c.Resources) }, want: 0},
		"a suspended client stays registered, suspended": {client: oauthClient("Service", with(func(s *spec) { s.Suspended = true })), check: func(c *registration.Client) any { return c.Suspended }, want: true},
		"the display name is the object's by default":    {client: oauthClient("Service"), check: func(c *registration.Client) any { return c.Display.Name }, want: "acme"},
		"loopback redirects need no entry":               {client: oauthClient("Native", redirects("http://127.0.0.1/cb")), check: func(c *registration.Client) any { return len(c.RedirectURIs) }, want: 1},
		"the policy of higher priority governs": {client: oauthClient("Service"), inputs: func(in *ClientInputs) {
			in.Policies = append(in.Policies, grantPolicy("zz", func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Priority = 1 }))
		}, check: func(c *registration.Client) any { return c.Policy }, want: "zz"},
		"among equals the first by name governs": {client: oauthClient("Service"), inputs: func(in *ClientInputs) { in.Policies = append(in.Policies, grantPolicy("a")) },
			check: func(c *registration.Client) any { return c.Policy }, want: "a"},
		"a policy that refuses leaves it to the next": {client: oauthClient("Service"), inputs: func(in *ClientInputs) {
			in.Policies = append(in.Policies, grantPolicy("a", func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Allow.GrantTypes = nil }))
		}, check: func(c *registration.Client) any { return c.Policy }, want: "partners"},
		"an empty namespaceSelector is every namespace": {client: oauthClient("Service"), inputs: func(in *ClientInputs) {
			in.NamespaceLabels, in.Policies[0].Spec.Clients.NamespaceSelector = nil, &metav1.LabelSelector{}
		}, check: func(c *registration.Client) any { return c.Policy }, want: "partners"},
		"a named server wins over the default": {client: oauthClient("Service", with(func(s *spec) { s.ServerRef = &v1alpha1.ServerReference{Namespace: "oauth-system", Name: "b"} })), inputs: func(in *ClientInputs) {
			in.Servers = append(in.Servers, server(func(s *v1alpha1.OAuthServer) { s.Name, s.Annotations = "b", nil }))
			in.Policies[0].Spec.ServerRef = &v1alpha1.LocalServerReference{Name: "b"}
		}, check: func(c *registration.Client) any { return c.Policy }, want: "partners"},
		"a younger rival does not matter": {client: oauthClient("Service", with(func(s *spec) { s.ClientID = "acme" })), inputs: func(in *ClientInputs) {
			in.Rivals = []Rival{fresh(oauthClient("Device", func(c *v1alpha1.OAuthClient) { c.ObjectMeta = meta("a", "a", 11); c.Spec.ClientID = "acme" }))}
		}, check: func(c *registration.Client) any { return c.ClientID }, want: "acme"},
		"a rival of the same age that comes later by name does not matter": {client: oauthClient("Service", with(func(s *spec) { s.ClientID = "acme" })), inputs: func(in *ClientInputs) {
			in.Rivals = []Rival{fresh(oauthClient("Device", func(c *v1alpha1.OAuthClient) { c.ObjectMeta = meta("q", "a", 10); c.Spec.ClientID = "acme" }))}
		}, check: func(c *registration.Client) any { return c.ClientID }, want: "acme"},
		"a rival on another server, with another id, or the object itself does not matter": {client: oauthClient("Service", with(func(s *spec) { s.ClientID = "acme" })), inputs: func(in *ClientInputs) {
			in.Servers = append(in.Servers, server(func(s *v1alpha1.OAuthServer) { s.Name, s.Annotations = "b", nil }))
			in.Policies[0].Spec.ServerRef = &v1alpha1.LocalServerReference{Name: "main"}
			in.Rivals = []Rival{
				rivalOf(oauthClient("Device", func(c *v1alpha1.OAuthClient) {
					c.ObjectMeta = meta("a", "a", 1)
					c.Spec.ClientID = "acme"
					c.Spec.ServerRef = &v1alpha1.ServerReference{Name: "b", Namespace: "oauth-system"}
				})),
				rivalOf(oauthClient("Device", func(c *v1alpha1.OAuthClient) { c.ObjectMeta = meta("a", "b", 1); c.Spec.ClientID = "other" })),
				rivalOf(oauthClient("Service", with(func(s *spec) { s.ClientID = "acme" }))),
			}
		}, check: func(c *registration.Client) any { return c.ClientID }, want: "acme"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			in := inputs(tc.client)
			if tc.inputs != nil {
				tc.inputs(&in)
			}
			got := Client(in)
			checkFindings(t, nil, got.Findings)
			if got.Registration == nil || !got.Current || got.Policy != got.Registration.Policy || got.Server == nil {
				t.Fatalf("got %+v", got)
			}
			if diff := cmp.Diff(tc.want, tc.check(got.Registration)); diff != "" {
				t.Error(diff)
			}
			if err := got.Registration.Validate(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(got.GrantTypes, got.Registration.GrantTypes); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a client whose secret is not made yet is accepted and not registered", func(t *testing.T) {
		got := Client(inputs(oauthClient("Service"), func(in *ClientInputs) { in.Secrets = nil }))
		if len(got.Findings) > 0 || got.Registration != nil || got.Current || got.Policy != "partners" {
			t.Errorf("got %+v", got)
		}
	})
}

func lifetimes(access, refresh, idle time.Duration) registration.Tokens {
	return registration.Tokens{AccessTokenTTL: registration.Duration(access), RefreshTokenTTL: registration.Duration(refresh), RefreshTokenIdle: registration.Duration(idle)}
}

func defaults(t registration.Tokens, access, refresh bool) registration.Tokens {
	t.AccessTokenDefault, t.RefreshTokenDefault = access, refresh
	return t
}

func TestLastKnownGood(t *testing.T) {
	type spec = v1alpha1.OAuthClientSpec
	original := oauthClient("Device", with(func(s *spec) { optionalSecret(s); s.Scopes = []string{"openid"} }))
	previous := Client(inputs(original)).Registration
	if previous == nil {
		t.Fatal("the original is not accepted")
	}
	badEdit := func(s *spec) { optionalSecret(s); s.Scopes = []string{"openid", "admin"} }
	newSecret := registration.SecretHash{ID: "0", SHA256: strings.Repeat("0", 64)}
	cases := map[string]struct {
		edit   func(*v1alpha1.OAuthClient)
		inputs func(*ClientInputs)
		served func(want *registration.Client) // nil: nothing is served
		cutOff bool                            // it is not served any more, and what was served is kept: suspended, unless the policy is there to refuse it
	}{
		"an edit that is refused leaves what was accepted": {edit: with(badEdit), served: func(*registration.Client) {}},
		"so does one that is not even valid":               {edit: with(func(s *spec) { optionalSecret(s); s.RedirectURIs = []string{"x"} }), served: func(*registration.Client) {}},
		"a new secret counts at once":                      {edit: with(badEdit), inputs: func(in *ClientInputs) { in.Secrets = []registration.SecretHash{newSecret} }, served: func(c *registration.Client) { c.Authentication.Secrets = []registration.SecretHash{newSecret} }},
		"a suspension counts at once":                      {edit: with(func(s *spec) { badEdit(s); s.Suspended = true }), served: func(c *registration.Client) { c.Suspended = true }},
		"a refused edit that drops the secret keeps it":    {edit: with(func(s *spec) { s.Scopes = []string{"admin"} }), inputs: func(in *ClientInputs) { in.Secrets = nil }, served: func(*registration.Client) {}},
		"another policy may take over":                     {edit: with(badEdit), inputs: func(in *ClientInputs) { in.Policies = []v1alpha1.OAuthGrantPolicy{grantPolicy("other")} }, served: func(c *registration.Client) { c.Policy = "other" }},
		"a policy that was tightened ends it, by itself":   {edit: with(badEdit), inputs: func(in *ClientInputs) { in.Policies[0].Spec.Allow.Scopes = nil }, cutOff: true, served: func(*registration.Client) {}},
		"a policy that was deleted ends it":                {edit: with(badEdit), inputs: func(in *ClientInputs) { in.Policies = nil }, cutOff: true},
		"a policy that became invalid ends it":             {edit: with(badEdit), inputs: func(in *ClientInputs) { in.Policies[0].Spec.Allow.Scopes = []string{"openid", " "} }, cutOff: true},
		"without an edit a tightened policy ends it too":   {edit: func(c *v1alpha1.OAuthClient) { original.DeepCopyInto(c) }, inputs: func(in *ClientInputs) { in.Policies[0].Spec.Allow.Scopes = nil }, cutOff: true, served: func(*registration.Client) {}},
		"another policy that refuses it does not end it by itself": {edit: with(badEdit), inputs: func(in *ClientInputs) {
			in.Policies = []v1alpha1.OAuthGrantPolicy{grantPolicy("other")}
			in.Policies[0].Spec.Allow.Scopes = nil
		}, cutOff: true},
		"a namespace that may not attach any more ends it": {edit: with(badEdit), inputs: func(in *ClientInputs) {
			in.Servers[0].Spec.Clients = &v1alpha1.ServerClients{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"oauth": "on"}}}
		}, cutOff: true},
		"a server that is gone ends it":            {edit: with(badEdit), inputs: func(in *ClientInputs) { in.Servers = nil }},
		"K5 an object made again inherits nothing": {edit: func(c *v1alpha1.OAuthClient) { badEdit(&c.Spec); c.UID = "another" }},
		"another client id inherits nothing":       {edit: with(func(s *spec) { badEdit(s); s.ClientID = "another" })},
		"a registration of another object is none": {edit: func(c *v1alpha1.OAuthClient) {
			badEdit(&c.Spec)
			c.Name = "another"
			c.Spec.ClientID = previous.ClientID
		}},
		"an older client with the same id ends it": {edit: with(badEdit), inputs: func(in *ClientInputs) {
			in.Rivals = []Rival{rivalOf(oauthClient("Device", func(c *v1alpha1.OAuthClient) { c.ObjectMeta = meta("a", "a", 1); c.Spec.ClientID = "partners.acme" }))}
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := oauthClient("Device", tc.edit)
			c.Generation = 3
			in := inputs(c)
			in.Previous, in.Secrets = previous, previous.Authentication.Secrets
			if tc.inputs != nil {
				tc.inputs(&in)
			}
			before := *previous
			got := Client(in)
			if len(got.Findings) == 0 || got.Current {
				t.Fatalf("the edit was accepted: %+v", got)
			}
			checkMessages(t, got.Findings)
			if !cmp.Equal(before, *previous) {
				t.Error("the previous registration was changed in place")
			}
			if tc.cutOff && tc.served == nil {
				tc.served = func(c *registration.Client) { c.Suspended = true }
			}
			if got.CutOff != tc.cutOff {
				t.Errorf("cut off: %v", got.CutOff)
			}
			if tc.served == nil {
				if got.Registration != nil || got.Policy != "" {
					t.Errorf("still served: %v, policy %s", got.Registration, got.Policy)
				}
				return
			}
			want := *previous
			tc.served(&want)
			if got.Registration == nil || !cmp.Equal(want, *got.Registration) {
				t.Fatalf("got %#v", got.Registration)
			}
			if got.CutOff {
				want.Policy = "" // none governs it
			}
			if got.Policy != want.Policy || got.Registration.Generation != 2 || got.Registration.Validate() != nil {
				t.Errorf("policy %s, generation %d", got.Policy, got.Registration.Generation)
			}
		})
	}
	t.Run("a scope whose resource is gone stays with those who had it, as the policies still allow it", func(t *testing.T) {
		c := oauthClient("Device", with(func(s *spec) { s.Scopes = []string{"orders.read"} }))
		in := inputs(c)
		in.Previous = Client(in).Registration
		in.Resources = nil
		got := Client(in)
		checkFindings(t, expect(v1alpha1.ReasonScopeUnknown, "spec.scopes[0] orders.read"), got.Findings)
		if got.Registration == nil || len(policy.Accepts(&registration.Policy{}, got.Registration)) == 0 {
			t.Errorf("got %v", got.Registration)
		}
	})
}

func TestLastKnownGoodKeys(t *testing.T) {
	type spec = v1alpha1.OAuthClientSpec
	key := func(kid, x string) v1alpha1.JSONWebKey {
		return v1alpha1.JSONWebKey{Kty: "OKP", Crv: "Ed25519", Kid: kid, X: x}
	}
	old, leaked := key("old", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), key("leaked", "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik")
	signs := func(s *spec, keys ...v1alpha1.JSONWebKey) {
		s.Authentication = &v1alpha1.ClientAuthentication{PrivateKeyJWT: &v1alpha1.PrivateKeyJWTAuthentication{JWKS: &v1alpha1.JSONWebKeySet{Keys: keys}}}
	}
	in := inputs(oauthClient("Service", with(func(s *spec) { signs(s, old, leaked) })))
	in.Previous = Client(in).Registration
	if in.Previous == nil {
		t.Fatal("the original is not accepted")
	}
	for name, tc := range map[string]struct {
		edit func(*spec)
		keys string
	}{
		"a key that is withdrawn is withdrawn at once":          {func(s *spec) { signs(s, old) }, "old"},
		"a new key counts at once":                              {func(s *spec) { signs(s, key("new", old.X)) }, "new"},
		"keys that are not in order leave those that were":      {func(s *spec) { signs(s, key("bad", "x")) }, "old leaked"},
		"another way to authenticate leaves the keys that were": {func(s *spec) { s.Authentication = nil }, "old leaked"},
		"keys from an address leave those that were": {func(s *spec) {
			signs(s)
			s.Authentication.PrivateKeyJWT.JWKS, s.Authentication.PrivateKeyJWT.JWKSURI = nil, "https://evil.example/jwks"
		}, "old leaked"},
		"keys beside a client secret, which is nothing, leave both": {func(s *spec) { signs(s, old); s.Authentication.ClientSecret = &v1alpha1.ClientSecretAuthentication{} }, "old leaked"},
	} {
		t.Run(name, func(t *testing.T) {
			c := oauthClient("Service", with(func(s *spec) { s.Scopes = []string{"admin"}; tc.edit(s) }))
			edited := in
			edited.Client = c
			got := Client(edited)
			if got.Current || got.CutOff || got.Registration == nil {
				t.Fatalf("got %+v", got)
			}
			var set v1alpha1.JSONWebKeySet
			if err := json.Unmarshal(got.Registration.Authentication.JWKS, &set); err != nil {
				t.Fatal(err)
			}
			var kids []string
			for _, k := range set.Keys {
				kids = append(kids, k.Kid)
			}
			if strings.Join(kids, " ") != tc.keys || !slices.Contains(got.Registration.Authentication.Algorithms, "EdDSA") {
				t.Errorf("it is served with the keys %v", kids)
			}
			if len(in.Previous.Scopes) > 0 || got.Registration.Scopes != nil && got.Registration.Scopes[0] == "admin" {
				t.Error("more than the keys was taken from the refused edit")
			}
		})
	}
}

// rivalOf is a client in the namespace that the policies of the tests select, registered.
func rivalOf(c *v1alpha1.OAuthClient) Rival {
	return Rival{Client: *c, NamespaceLabels: inputs(c).NamespaceLabels, Registered: true}
}

// fresh is one that is not registered.
func fresh(c *v1alpha1.OAuthClient) Rival {
	r := rivalOf(c)
	r.Registered = false
	return r
}

func TestWhoHoldsAClientID(t *testing.T) {
	me := func(age int) *v1alpha1.OAuthClient {
		return oauthClient("Service", func(c *v1alpha1.OAuthClient) { c.ObjectMeta = meta("partners", "acme", age); c.Spec.ClientID = "acme" })
	}
	other := func(age int, registered bool, change ...func(*Rival)) Rival {
		r := rivalOf(oauthClient("Service", func(c *v1alpha1.OAuthClient) { c.ObjectMeta = meta("rivals", "acme", age); c.Spec.ClientID = "acme" }))
		r.Registered = registered
		for _, f := range change {
			f(&r)
		}
		return r
	}
	unaccepted := func(r *Rival) { r.Client.Spec.Scopes = []string{"admin"} }
	unselected := func(r *Rival) { r.NamespaceLabels = nil }
	cases := map[string]struct {
		rival      Rival
		registered bool
		conflict   bool
	}{
		"of two who are new, the older one has it":                              {rival: other(1, false), conflict: true},
		"of two who are new, the younger one waits":                             {rival: other(20, false)},
		"of two who are registered, the older one keeps it":                     {rival: other(1, true), registered: true, conflict: true},
		"of two who are registered, the younger one loses it":                   {rival: other(20, true), registered: true},
		"who is registered keeps it against an older one that is not":           {rival: other(1, false), registered: true},
		"who is new does not get it from a younger one that is registered":      {rival: other(20, true), conflict: true},
		"an older manifest that no policy accepts takes nothing":                {rival: other(1, false, unaccepted)},
		"an older manifest of a namespace that no policy selects takes nothing": {rival: other(1, false, unselected)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			in := inputs(me(10))
			if tc.registered {
				in.Previous = Client(in).Registration
				if in.Previous == nil {
					t.Fatal("not registered")
				}
			}
			in.Rivals = []Rival{tc.rival}
			got := Client(in)
			if conflict := len(got.Findings) > 0 && got.Findings[0].Reason == v1alpha1.ReasonClientIDConflict; conflict != tc.conflict || (got.Registration == nil) != tc.conflict {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAClientStaysWithItsServer(t *testing.T) {
	a := server()
	b := server(func(s *v1alpha1.OAuthServer) { s.Name = "b" })
	plain := func(s v1alpha1.OAuthServer) v1alpha1.OAuthServer { s.Annotations = nil; return s }
	cases := map[string]struct {
		was     string
		servers []v1alpha1.OAuthServer
		want    string
	}{
		"a second default changes nothing for those who have a server": {"oauth-system/main", []v1alpha1.OAuthServer{a, b}, "main"},
		"no default either":                                  {"oauth-system/main", []v1alpha1.OAuthServer{plain(a), plain(b)}, "main"},
		"another default, alone, takes them over":            {"oauth-system/main", []v1alpha1.OAuthServer{plain(a), b}, "b"},
		"a server that is gone keeps nobody":                 {"oauth-system/gone", []v1alpha1.OAuthServer{a, b}, ""},
		"who has none yet has to be told which":              {"", []v1alpha1.OAuthServer{a, b}, ""},
		"who has none yet has to be told which, without any": {"", []v1alpha1.OAuthServer{plain(a)}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := oauthClient("Service")
			c.Spec.ServerRef, c.Status.Server = nil, tc.was
			got, finding := ServerOf(c, tc.servers)
			if (got == nil) != (finding != nil) || (got == nil) != (tc.want == "") || got != nil && got.Name != tc.want {
				t.Errorf("got %v, %v", got, finding)
			}
		})
	}
}
