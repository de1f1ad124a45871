package compile

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

func limited(n int32) func(*v1alpha1.OAuthGrantPolicy) {
	return func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Limits = &v1alpha1.PolicyLimits{Clients: new(n)} }
}

func TestPlacesOfAPolicy(t *testing.T) {
	refused := v1alpha1.ReasonPolicyRefused
	cases := map[string]struct {
		policies []v1alpha1.OAuthGrantPolicy
		before   map[string]int
		want     []finding
		policy   string
		waiting  string
	}{
		"without a limit nobody counts":              {policies: []v1alpha1.OAuthGrantPolicy{grantPolicy("p")}, before: map[string]int{"p": 1000}, policy: "p", waiting: "[]"},
		"the last place is a place":                  {policies: []v1alpha1.OAuthGrantPolicy{grantPolicy("p", limited(3))}, before: map[string]int{"p": 2}, policy: "p", waiting: "[]"},
		"who comes after so many is refused":         {policies: []v1alpha1.OAuthGrantPolicy{grantPolicy("p", limited(3))}, before: map[string]int{"p": 3}, want: expect(refused, "metadata.name acme", "policy p allows at most 3 clients, and so many came first", "spec.limits.clients", "delete a client"), waiting: "[p]"},
		"a policy of no clients":                     {policies: []v1alpha1.OAuthGrantPolicy{grantPolicy("p", limited(0))}, want: expect(refused, "metadata.name acme", "policy p allows no clients (spec.limits.clients)"), waiting: "[p]"},
		"the next policy that accepts it governs it": {policies: []v1alpha1.OAuthGrantPolicy{grantPolicy("a", limited(1)), grantPolicy("b")}, before: map[string]int{"a": 1}, policy: "b", waiting: "[a]"},
		"who is refused for something else waits for nothing": {policies: []v1alpha1.OAuthGrantPolicy{grantPolicy("p", limited(1), func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Allow.GrantTypes = nil })}, before: map[string]int{"p": 1},
			want: []finding{{refused, []string{"spec.grantTypes"}}, {refused, []string{"spec.grantTypes"}}}, waiting: "[]"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Client(inputs(oauthClient("Device"), func(in *ClientInputs) { in.Policies, in.Before = tc.policies, tc.before }))
			checkFindings(t, tc.want, got.Findings)
			if got.Policy != tc.policy || fmt.Sprint(got.Waiting) != tc.waiting || (got.Registration != nil) != (tc.policy != "") {
				t.Errorf("policy %q, waiting %v, registered %v", got.Policy, got.Waiting, got.Registration != nil)
			}
		})
	}
}

func TestAClientThatLosesItsPlaceIsCutOff(t *testing.T) {
	in := inputs(oauthClient("Device"), func(in *ClientInputs) { in.Policies[0] = grantPolicy("partners", limited(2)) })
	in.Previous = Client(in).Registration
	if in.Previous == nil {
		t.Fatal("it has no place to lose")
	}
	in.Policies[0], in.Before = grantPolicy("partners", limited(1)), map[string]int{"partners": 1}
	got := Client(in)
	if !got.CutOff || !got.Registration.Suspended || got.Policy != "" || fmt.Sprint(got.Waiting) != "[partners]" {
		t.Errorf("got %+v", got)
	}
	in.Previous, in.Before = got.Registration, nil
	if got = Client(in); got.CutOff || got.Registration.Suspended || got.Policy != "partners" {
		t.Errorf("with a place again: %+v", got)
	}
	t.Run("and is not served again by the server alone, while another has its place", func(t *testing.T) {
		in.Previous, in.Before = got.Registration, nil
		in.Policies[0].Spec.Allow.GrantTypes = nil
		if got := Client(in); !got.CutOff || !got.Registration.Suspended {
			t.Errorf("got %+v", got)
		}
	})
}

func TestEachPolicyHasItsSay(t *testing.T) {
	got := Client(inputs(oauthClient("Device"), func(in *ClientInputs) {
		in.Policies = nil
		for i := range 12 {
			in.Policies = append(in.Policies, grantPolicy(fmt.Sprintf("p%02d", i), func(p *v1alpha1.OAuthGrantPolicy) {
				p.Spec.Allow = v1alpha1.PolicyAllow{}
				p.Spec.Allow.Authentication = []v1alpha1.AuthenticationMethod{v1alpha1.AuthenticationPrivateKeyJWT}
			}))
		}
	}))
	var want []finding
	for i := range 12 {
		p := fmt.Sprintf("policy p%02d", i)
		want = append(want, finding{v1alpha1.ReasonPolicyRefused, []string{p, "spec.grantTypes"}}, finding{v1alpha1.ReasonPolicyRefused, []string{p + " has 2 more against it"}})
	}
	checkFindings(t, want, got.Findings)
}

// TestPlacesNeverGiveAwayMoreThanThereAre compiles clients in the order of their age, as an offline check does.
func TestPlacesNeverGiveAwayMoreThanThereAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int32Range(0, 6).Draw(t, "limit")
		policies := []v1alpha1.OAuthGrantPolicy{grantPolicy("first", limited(limit))}
		if rapid.Bool().Draw(t, "another") {
			policies = append(policies, grantPolicy("second", limited(rapid.Int32Range(0, 3).Draw(t, "its limit"))))
		}
		var places Places
		governed := map[string]int32{}
		refused := false
		for i := range rapid.IntRange(0, 12).Draw(t, "clients") {
			c := oauthClient("Device", func(c *v1alpha1.OAuthClient) { c.ObjectMeta = meta("partners", fmt.Sprintf("c%02d", i), 0) })
			bad := rapid.Bool().Draw(t, "bad")
			if bad {
				c.Spec.Scopes = []string{"openid", "openid"}
			}
			got := places.Client(inputs(c, func(in *ClientInputs) { in.Policies = policies }))
			governed[got.Policy]++
			if got.Policy == "" && !bad {
				refused = true
			}
			if got.Policy == "first" && refused {
				t.Fatal("a younger client got the place of an older one")
			}
		}
		for i := range policies {
			if name, most := policies[i].Name, *policies[i].Spec.Limits.Clients; governed[name] > most {
				t.Fatalf("%s governs %d clients, at most %d", name, governed[name], most)
			}
		}
	})
}

// TestWhoIsRefusedAnywayIsToldTheSameWithAndWithoutAPlace: nobody compiles such a client again when a place is taken or free.
func TestWhoIsRefusedAnywayIsToldTheSameWithAndWithoutAPlace(t *testing.T) {
	for _, before := range []int{0, 1} {
		got := Client(inputs(oauthClient("Device"), func(in *ClientInputs) {
			in.Policies, in.Before = []v1alpha1.OAuthGrantPolicy{grantPolicy("p", limited(1), func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Allow.Scopes = []string{"nobody.declares"} })}, map[string]int{"p": before}
			in.Client.Spec.Scopes = []string{"nobody.declares"}
		}))
		checkFindings(t, expect(v1alpha1.ReasonScopeUnknown, "spec.scopes[0] nobody.declares"), got.Findings)
		if len(got.Waiting) > 0 {
			t.Errorf("it waits for %v", got.Waiting)
		}
	}
}
