package oidc

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

func TestGoogle(t *testing.T) {
	u := newUpstream(t, start())
	d := declared(u)
	d.HostedDomains = []string{"acme.example"}
	for name, c := range map[string]struct {
		hd      any
		refused bool
	}{
		"a domain that is let in":    {"acme.example", false},
		"in another case":            {"ACME.example", false},
		"another domain":             {"evil.example", true},
		"a personal account":         {nil, true},
		"a domain that ends like it": {"xacme.example", true},
		"a list with the domain":     {[]string{"acme.example"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			u.claims = func(m map[string]any) { m["hd"] = c.hd }
			_, err := signIn(t, u, provider(t, d))
			if c.refused != errors.Is(err, idp.ErrNotAllowed) || !c.refused && err != nil {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("Google is asked for a refresh token in its own way", func(t *testing.T) {
		p := &Provider{declared: &registration.OIDCProvider{Issuer: google, ClientID: clientID, Scopes: []string{"openid", "email", "offline_access"}, HostedDomains: []string{"acme.example"}},
			random: rand.Reader}
		p.metadata = cache{good: &metadata{Issuer: google, AuthorizationEndpoint: google + "/o/oauth2/v2/auth"}, due: start().Add(time.Hour)}
		location, _, err := p.Begin(t.Context(), idp.BeginRequest{Now: start()})
		if err != nil {
			t.Fatal(err)
		}
		at, _ := url.Parse(location)
		if q := at.Query(); q.Get("scope") != "openid email" || q.Get("access_type") != "offline" || q.Get("hd") != "acme.example" {
			t.Error(location)
		}
	})
}

func TestTenants(t *testing.T) {
	for name, c := range map[string]struct {
		tenants  []string
		metadata string // its tenant; the pattern when empty
		iss, tid string // of the token
		iat      any
		want     error
	}{
		"any tenant":                            {iss: tenantA, tid: tenantA},
		"a tenant that is let in":               {tenants: []string{tenantA}, iss: tenantA, tid: tenantA},
		"a tenant that is not":                  {tenants: []string{tenantA}, iss: tenantB, tid: tenantB, want: idp.ErrNotAllowed},
		"A32 an issuer that is not of the tid":  {iss: tenantB, tid: tenantA, want: idp.ErrCallback},
		"A32 no tid":                            {iss: tenantA, want: idp.ErrCallback},
		"A32 the pattern itself":                {iss: registration.TenantPlace, tid: registration.TenantPlace, want: idp.ErrCallback},
		"A32 a tid that is a path":              {iss: "x/../" + tenantA, tid: "x/../" + tenantA, want: idp.ErrCallback},
		"metadata of one tenant":                {metadata: tenantA, iss: tenantA, tid: tenantA},
		"A32 metadata of one tenant, another's": {metadata: tenantA, iss: tenantB, tid: tenantB, want: idp.ErrCallback},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t, start())
			d := declared(u)
			d.Issuer, d.MultiTenant, d.Tenants = u.issuer()+"/"+registration.TenantPlace+"/v2.0", true, c.tenants
			d.DiscoveryURL = u.issuer() + "/.well-known/openid-configuration"
			of := func(tenant string) string { return strings.Replace(d.Issuer, registration.TenantPlace, tenant, 1) }
			u.metadata = func(m map[string]any) {
				m["authorization_response_iss_parameter_supported"] = false
				if m["issuer"] = d.Issuer; c.metadata != "" {
					m["issuer"] = of(c.metadata)
				}
			}
			u.claims = func(m map[string]any) {
				if m["iss"] = of(c.iss); c.tid != "" {
					m["tid"] = c.tid
				}
			}
			p := provider(t, d)
			location, kept, err := p.Begin(t.Context(), idp.BeginRequest{Now: start(), CallbackURL: "https://issuer.example/cb", State: "s"})
			if err != nil {
				t.Fatal(err)
			}
			back := u.authorize(t, location, true)
			back.Del("iss")
			got, err := p.Finish(t.Context(), kept, back, start())
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v", err)
			}
			if c.want != nil {
				return
			}
			if got.Subject != tenantA+"/248289761001" {
				t.Errorf("subject %q", got.Subject)
			}
			for _, u.noID = range []bool{true, false} {
				if again, err := p.Refresh(t.Context(), got.Subject, got.Kept, start()); err != nil || again.Subject != got.Subject {
					t.Errorf("refreshed: %+v, error %v", again, err)
				} else {
					got = again
				}
			}
		})
	}
}

func TestKept(t *testing.T) {
	for name, c := range map[string]struct {
		scopes []string
		change func(*upstream)
		kept   bool
	}{
		"offline_access":                    {[]string{"openid", "offline_access"}, func(*upstream) {}, true},
		"no offline_access":                 {[]string{"openid"}, func(*upstream) {}, false},
		"no refresh token":                  {[]string{"openid", "offline_access"}, func(u *upstream) { u.answer = func(a map[string]any) { delete(a, "refresh_token") } }, false},
		"no userinfo to ask about anything": {[]string{"openid", "offline_access"}, func(u *upstream) { u.metadata = func(m map[string]any) { delete(m, "userinfo_endpoint") } }, false},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t, start())
			c.change(u)
			d := declared(u)
			d.Scopes = c.scopes
			p := provider(t, d)
			got, err := signIn(t, u, p)
			if err != nil || c.kept != (got.Kept != nil) {
				t.Fatalf("kept %q, error %v", got.Kept, err)
			}
			if _, err := p.Refresh(t.Context(), got.Subject, got.Kept, start()); c.kept != (err == nil) || !c.kept && !errors.Is(err, idp.ErrUnknown) {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("nobody is asked with one from when offline_access was declared", func(t *testing.T) {
		u := newUpstream(t, start())
		got, err := signIn(t, u, provider(t, declared(u)))
		if err != nil {
			t.Fatal(err)
		}
		d := declared(u)
		d.Scopes = []string{"openid"}
		if _, err := provider(t, d).Refresh(t.Context(), got.Subject, got.Kept, start()); !errors.Is(err, idp.ErrUnknown) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a refresh token that is not replaced is kept", func(t *testing.T) {
		u := newUpstream(t, start())
		p := provider(t, declared(u))
		got, err := signIn(t, u, p)
		if err != nil {
			t.Fatal(err)
		}
		u.answer = func(a map[string]any) { delete(a, "refresh_token") }
		again, err := p.Refresh(t.Context(), got.Subject, got.Kept, start())
		if err != nil || !bytes.Equal(again.Kept, got.Kept) {
			t.Errorf("%q after %q, error %v", again.Kept, got.Kept, err)
		}
	})
}

func TestClaims(t *testing.T) {
	t.Run("A36 verified is said of one address", func(t *testing.T) {
		u := newUpstream(t, start())
		u.claims = func(m map[string]any) { m["email"] = "root@example.com" }
		got, err := signIn(t, u, provider(t, declared(u)))
		if err != nil || got.Email != "root@example.com" || got.EmailVerified {
			t.Errorf("%s, %v, error %v", got.Email, got.EmailVerified, err)
		}
	})
	t.Run("claims of the wrong types cost nothing but themselves", func(t *testing.T) {
		var claims map[string]any
		if err := json.Unmarshal([]byte(`{"sub":"1","preferred_username":["x"],"email":"a@b.example","email_verified":"true","name":7,
			"given_name":"Ada","groups":"one","amr":{"a":1},"address":"here","auth_time":"x","locale":{}}`), &claims); err != nil {
			t.Fatal(err)
		}
		want := idp.Identity{Subject: "1", Username: "a@b.example", Name: "Ada", Email: "a@b.example", EmailVerified: true, Groups: []string{"one"},
			Profile: registration.Profile{GivenName: "Ada"}, Claims: claims}
		if diff := cmp.Diff(want, identityOf("1", claims)); diff != "" {
			t.Error(diff)
		}
	})
}
