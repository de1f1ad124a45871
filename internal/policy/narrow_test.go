package policy

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var (
	someMethods = []registration.AuthenticationMethod{
		registration.AuthenticationClientSecret, registration.AuthenticationPrivateKeyJWT, registration.AuthenticationServiceAccount, registration.AuthenticationNone,
	}
	someAddresses = []string{"https://a.acme.example/", "https://acme.example/", "http://localhost/", "com.example.app:/", "https://b.example/", "not a uri"}
	someConsents  = []registration.ConsentMode{"", registration.ConsentAlways, registration.ConsentSkip}
)

func pick[T comparable](t *rapid.T, label string, from ...T) []T {
	return rapid.SliceOfDistinct(rapid.SampledFrom(from), rapid.ID[T]).Draw(t, label)
}

func drawLifetime(t *rapid.T, label string) registration.Duration {
	return registration.Duration(time.Duration(rapid.IntRange(1, 20).Draw(t, label)) * time.Minute)
}

func drawClient(t *rapid.T) *registration.Client {
	return &registration.Client{
		RedirectURIs:           pick(t, "redirects", someAddresses...),
		PostLogoutRedirectURIs: pick(t, "after sign-out", someAddresses...),
		BackChannelLogoutURI:   rapid.SampledFrom(append(someAddresses, "")).Draw(t, "back channel"),
		AllowedOrigins:         pick(t, "origins", "https://a.acme.example", "https://b.example"),
		Consent:                rapid.SampledFrom(someConsents).Draw(t, "consent"),
		GrantTypes:             pick(t, "grants", registration.GrantTypeClientCredentials, registration.GrantTypeRefreshToken),
		Scopes:                 pick(t, "scopes", "a", "b", "c"),
		Resources:              pick(t, "resources", "x", "y", "z"),
		Authentication: registration.Authentication{
			Methods: pick(t, "methods", someMethods...),
			JWKSURI: rapid.SampledFrom(append(someAddresses, "")).Draw(t, "jwksURI"),
		},
		Tokens: registration.Tokens{
			AccessTokenTTL: drawLifetime(t, "access"), AccessTokenDefault: rapid.Bool().Draw(t, "access by default"),
			RefreshTokenTTL: drawLifetime(t, "refresh"), RefreshTokenDefault: rapid.Bool().Draw(t, "refresh by default"),
			RefreshTokenIdle: drawLifetime(t, "idle"),
		},
	}
}

func drawPolicy(t *rapid.T) *registration.Policy {
	p := &registration.Policy{
		Name: "p",
		Allow: registration.Allow{
			GrantTypes:        pick(t, "allowed grants", registration.GrantTypeClientCredentials, registration.GrantTypeRefreshToken),
			Scopes:            pick(t, "allowed scopes", "a", "b", "c"),
			Resources:         pick(t, "allowed resources", "x", "y", "z"),
			RedirectHosts:     pick(t, "hosts", "*.acme.example", "acme.example", "b.example", "com.example.app:", "localhost"),
			Authentication:    pick(t, "allowed methods", someMethods...),
			IdentityProviders: pick(t, "providers", "corp", "local"),
			SkipConsent:       rapid.Bool().Draw(t, "skip"),
			WithoutPKCE:       rapid.Bool().Draw(t, "without PKCE"),
		},
	}
	if rapid.Bool().Draw(t, "limited") {
		p.Limits.AccessTokenTTL, p.Limits.RefreshTokenTTL = drawLifetime(t, "access limit"), drawLifetime(t, "refresh limit")
	}
	return p
}

// shorter takes something out of a list, or nothing. A list that means everything when it is empty is never emptied, and may be filled.
func shorter[T comparable](t *rapid.T, label string, list []T, emptyIsAll bool, one T) []T {
	if emptyIsAll && len(list) == 0 {
		if rapid.Bool().Draw(t, label+" listed") {
			return []T{one}
		}
		return nil
	}
	least := 0
	if emptyIsAll {
		least = 1
	}
	return slices.Clone(list)[:rapid.IntRange(least, len(list)).Draw(t, label+" left")]
}

func lower(t *rapid.T, label string, limit registration.Duration) registration.Duration {
	switch d := drawLifetime(t, label); {
	case limit == 0 && rapid.Bool().Draw(t, label+" unset"):
		return 0
	case limit == 0:
		return d
	default:
		return min(limit, d)
	}
}

// narrowed is a policy that allows less, or the same, in every respect.
func narrowed(t *rapid.T, p *registration.Policy) *registration.Policy {
	n := *p
	n.Allow.GrantTypes = shorter(t, "grants", p.Allow.GrantTypes, false, "")
	n.Allow.Scopes = shorter(t, "scopes", p.Allow.Scopes, false, "")
	n.Allow.Resources = shorter(t, "resources", p.Allow.Resources, true, "x")
	n.Allow.RedirectHosts = shorter(t, "hosts", p.Allow.RedirectHosts, false, "")
	n.Allow.Authentication = shorter(t, "methods", p.Allow.Authentication, true, registration.AuthenticationClientSecret)
	n.Allow.IdentityProviders = shorter(t, "providers", p.Allow.IdentityProviders, true, "corp")
	n.Allow.SkipConsent = p.Allow.SkipConsent && rapid.Bool().Draw(t, "skip stays")
	n.Allow.WithoutPKCE = p.Allow.WithoutPKCE && rapid.Bool().Draw(t, "without PKCE stays")
	n.Require.MFA = p.Require.MFA || rapid.Bool().Draw(t, "mfa")
	n.Limits.AccessTokenTTL = lower(t, "lower access", p.Limits.AccessTokenTTL)
	n.Limits.RefreshTokenTTL = lower(t, "lower refresh", p.Limits.RefreshTokenTTL)
	return &n
}

// TestK07NarrowerPoliciesNeverAcceptMore checks what every refusal rests on: the answer depends on nothing but the inputs, and a policy
// that allows less in any respect never lets more through, neither a client nor a request.
func TestK07NarrowerPoliciesNeverAcceptMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, wide := drawClient(t), drawPolicy(t)
		narrow := narrowed(t, wide)
		before, after := Accepts(wide, c), Accepts(narrow, c)
		if diff := cmp.Diff(before, Accepts(wide, c)); diff != "" {
			t.Fatal(diff)
		}
		refused := map[string]bool{}
		for _, f := range after {
			refused[f.Field+" "+f.Value+" "+f.Rule] = true
		}
		for _, f := range before {
			if !refused[f.Field+" "+f.Value+" "+f.Rule] {
				t.Fatalf("the narrower policy has nothing against %s %s any more", f.Field, f.Value)
			}
		}
		for _, name := range []string{"", "x", "y", "z"} {
			if AllowsResource(narrow, name) && !AllowsResource(wide, name) {
				t.Fatalf("the narrower policy allows the resource %q", name)
			}
		}
		for _, name := range []string{"corp", "local", "other"} {
			if AllowsProvider(narrow, name) && !AllowsProvider(wide, name) {
				t.Fatalf("the narrower policy lets users of %s in", name)
			}
		}
		if NeedsPKCE(wide, c) && !NeedsPKCE(narrow, c) || NeedsMFA(wide) && !NeedsMFA(narrow) {
			t.Fatal("the narrower policy requires less")
		}
		if Consent(narrow, c) == registration.ConsentSkip && Consent(wide, c) != registration.ConsentSkip {
			t.Fatal("the narrower policy asks people less")
		}
		shortened, was := Lifetimes(narrow, c), Lifetimes(wide, c)
		if shortened.AccessTokenTTL > was.AccessTokenTTL || shortened.RefreshTokenTTL > was.RefreshTokenTTL || shortened.RefreshTokenIdle > was.RefreshTokenIdle {
			t.Fatalf("tokens live longer under the narrower policy: %+v, before %+v", shortened, was)
		}
	})
}

func TestLifetimes(t *testing.T) {
	minutes := func(n int) registration.Duration { return registration.Duration(time.Duration(n) * time.Minute) }
	for name, tc := range map[string]struct {
		limits registration.Limits
		client registration.Tokens
		want   [3]registration.Duration // access, refresh, idle
	}{
		"without limits they are the client's":         {registration.Limits{}, registration.Tokens{AccessTokenTTL: minutes(10), RefreshTokenTTL: minutes(60), RefreshTokenIdle: minutes(30), AccessTokenDefault: true}, [3]registration.Duration{minutes(10), minutes(60), minutes(30)}},
		"defaults are capped":                          {registration.Limits{AccessTokenTTL: minutes(5), RefreshTokenTTL: minutes(20)}, registration.Tokens{AccessTokenTTL: minutes(10), RefreshTokenTTL: minutes(60), RefreshTokenIdle: minutes(30), AccessTokenDefault: true, RefreshTokenDefault: true}, [3]registration.Duration{minutes(5), minutes(20), minutes(20)}},
		"defaults below the limits stay":               {registration.Limits{AccessTokenTTL: minutes(50), RefreshTokenTTL: minutes(90)}, registration.Tokens{AccessTokenTTL: minutes(10), RefreshTokenTTL: minutes(60), RefreshTokenIdle: minutes(30), AccessTokenDefault: true, RefreshTokenDefault: true}, [3]registration.Duration{minutes(10), minutes(60), minutes(30)}},
		"what was asked for is never changed silently": {registration.Limits{AccessTokenTTL: minutes(5), RefreshTokenTTL: minutes(20)}, registration.Tokens{AccessTokenTTL: minutes(10), RefreshTokenTTL: minutes(60), RefreshTokenIdle: minutes(30)}, [3]registration.Duration{minutes(10), minutes(60), minutes(30)}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Lifetimes(&registration.Policy{Limits: tc.limits}, &registration.Client{Tokens: tc.client})
			if diff := cmp.Diff(tc.want, [3]registration.Duration{got.AccessTokenTTL, got.RefreshTokenTTL, got.RefreshTokenIdle}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAllowsResource(t *testing.T) {
	all, one := &registration.Policy{}, &registration.Policy{Allow: registration.Allow{Resources: []string{"orders"}}}
	if !AllowsResource(all, "billing") || !AllowsResource(one, "orders") {
		t.Error("a resource that is allowed is refused")
	}
	if AllowsResource(one, "billing") || AllowsResource(one, "") || AllowsResource(one, "Orders") {
		t.Error("a resource that is not listed is allowed")
	}
}
