package registry

import (
	"slices"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func browser(origins ...string) clientOption {
	return func(c *registration.Client) {
		c.Type, c.AllowedOrigins = registration.TypeBrowser, origins
		c.Authentication.Methods = []registration.AuthenticationMethod{registration.AuthenticationNone}
	}
}

func TestB16WhichOriginsMayCall(t *testing.T) {
	const a, b = "https://a.example.com", "https://b.example.com"
	confidential := func(c *registration.Client) {
		c.Authentication.Methods = []registration.AuthenticationMethod{registration.AuthenticationClientSecret}
	}
	suspended := func(c *registration.Client) { c.Suspended = true }
	policy := doc("policy", grantPolicy("default", "read"))
	tests := map[string]struct {
		steps [][]Change
		want  []string
	}{
		"nobody has any":                         {steps: [][]Change{{policy, doc("x", client("x"))}}},
		"those of a browser client":              {steps: [][]Change{{policy, doc("x", client("x", browser(a)))}}, want: []string{a}},
		"those of a client of another type":      {steps: [][]Change{{policy, doc("x", client("x", browser(a), func(c *registration.Client) { c.Type = registration.TypeWeb }))}}},
		"those of a confidential client":         {steps: [][]Change{{policy, doc("x", client("x", browser(a), confidential))}}},
		"null is none":                           {steps: [][]Change{{policy, doc("x", client("x", browser("null")))}}},
		"those of a suspended client":            {steps: [][]Change{{policy, doc("x", client("x", browser(a), suspended))}}},
		"they follow an edit":                    {steps: [][]Change{{policy, doc("x", client("x", browser(a)))}, {doc("x", client("x", browser(b)))}}, want: []string{b}},
		"they end with the client":               {steps: [][]Change{{policy, doc("x", client("x", browser(a)))}, {gone("x")}}},
		"of two clients with one, one may go":    {steps: [][]Change{{policy, doc("x", client("x", browser(a))), doc("y", client("y", browser(a, b)))}, {gone("y")}}, want: []string{a}},
		"a client that its policy cuts off":      {steps: [][]Change{{policy, doc("x", client("x", browser(a)))}, {doc("policy", grantPolicy("default"))}}},
		"and when the policy lets it in again":   {steps: [][]Change{{policy, doc("x", client("x", browser(a)))}, {doc("policy", grantPolicy("default"))}, {policy}}, want: []string{a}},
		"a document that cannot be read":         {steps: [][]Change{{policy, doc("x", client("x", browser(a)))}, {bad("x")}}},
		"two documents of one client id: oldest": {steps: [][]Change{{policy, doc("x", client("x", browser(a))), doc("y", client("y", withID("x"), createdAt(epoch.AddDate(1, 0, 0)), browser(b)))}}, want: []string{a}},
	}
	for name, tt := range tests {
		t.Run("B16 "+name, func(t *testing.T) {
			r := newForTest(t)
			for i, changes := range tt.steps {
				if i == 0 {
					r.Replace(changes, "1")
					continue
				}
				before := r.Current()
				had := len(before.origins)
				r.mu.Lock()
				r.mark()
				r.state.apply(changes, "2")
				r.mu.Unlock()
				r.publish()
				if len(before.origins) != had {
					t.Error("a published snapshot changed")
				}
			}
			for _, origin := range []string{a, b, "null", ""} {
				if got := r.Current().AllowsOrigin(origin); got != slices.Contains(tt.want, origin) {
					t.Errorf("%q: %v", origin, got)
				}
			}
			if got := len(r.Current().origins); got != len(tt.want) {
				t.Errorf("%d origins are kept", got)
			}
		})
	}
	t.Run("B16 a client's own are its own", func(t *testing.T) {
		r := newForTest(t)
		r.Replace([]Change{policy, doc("x", client("x", browser(a))), doc("y", client("y", browser(b)))}, "1")
		x, _ := r.Current().Client("x")
		if !x.AllowsOrigin(a) || x.AllowsOrigin(b) || x.AllowsOrigin("") || x.AllowsOrigin("null") {
			t.Error("it answers for others")
		}
	})
}

func TestIdentityProvidersAreOrdered(t *testing.T) {
	provider := func(name string, order int32) *registration.IdentityProvider {
		return &registration.IdentityProvider{Name: name, UID: "uid-" + name, Order: order}
	}
	r := newForTest(t)
	r.Replace([]Change{doc("1", provider("b", 0)), doc("2", provider("z", -1)), doc("3", provider("a", 0)), doc("4", provider("c", -1))}, "1")
	s := r.Current()
	var names []string
	for _, p := range s.IdentityProviders() {
		names = append(names, p.Name)
		if got, ok := s.IdentityProvider(p.UID); !ok || got != p {
			t.Errorf("%s is not found by its UID", p.Name)
		}
	}
	if want := []string{"c", "z", "a", "b"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	if _, ok := s.IdentityProvider("unknown"); ok {
		t.Error("an unknown one is found")
	}
}
