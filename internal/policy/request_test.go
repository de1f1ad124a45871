package policy

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func TestA11OnlyAPolicyExemptsFromPKCEAndOnlyConfidentialClients(t *testing.T) {
	none, secret := registration.AuthenticationNone, registration.AuthenticationClientSecret
	for what, tc := range map[string]struct {
		exempt  bool
		methods []registration.AuthenticationMethod
		want    bool
	}{
		"a confidential client":                        {false, []registration.AuthenticationMethod{secret}, true},
		"a public client":                              {false, []registration.AuthenticationMethod{none}, true},
		"a confidential client, exempted":              {true, []registration.AuthenticationMethod{secret}, false},
		"a public client, exempted":                    {true, []registration.AuthenticationMethod{none}, true},
		"a client that may leave its secret out, same": {true, []registration.AuthenticationMethod{none, secret}, true},
	} {
		p := &registration.Policy{Allow: registration.Allow{WithoutPKCE: tc.exempt}}
		c := &registration.Client{Authentication: registration.Authentication{Methods: tc.methods}}
		if got := NeedsPKCE(p, c); got != tc.want {
			t.Errorf("%s needs PKCE: %v", what, got)
		}
	}
}

func TestConsent(t *testing.T) {
	const always, remember, skip = registration.ConsentAlways, registration.ConsentRemember, registration.ConsentSkip
	for _, tc := range []struct {
		client, required registration.ConsentMode
		allowed          bool
		want             registration.ConsentMode
	}{
		{"", "", false, remember},
		{remember, "", false, remember},
		{always, "", true, always},
		{skip, "", true, skip},
		{skip, "", false, remember}, // K9: what a client claims is nothing without the policy
		{skip, always, true, always},
		{remember, always, false, always},
		{"Never", "", true, remember},
	} {
		p := &registration.Policy{Allow: registration.Allow{SkipConsent: tc.allowed}, Require: registration.Require{Consent: tc.required}}
		if got := Consent(p, &registration.Client{Consent: tc.client}); got != tc.want {
			t.Errorf("client %q, required %q, allowed %v: %s, want %s", tc.client, tc.required, tc.allowed, got, tc.want)
		}
	}
}

func TestAllowsProvider(t *testing.T) {
	all, one := &registration.Policy{}, &registration.Policy{Allow: registration.Allow{IdentityProviders: []string{"corp"}}}
	if !AllowsProvider(all, "local") || !AllowsProvider(one, "corp") {
		t.Error("a provider that is allowed is refused")
	}
	if AllowsProvider(one, "local") || AllowsProvider(one, "") || AllowsProvider(one, "Corp") {
		t.Error("A35: a provider that is not listed is allowed")
	}
}

func TestNeedsMFA(t *testing.T) {
	if NeedsMFA(&registration.Policy{}) || !NeedsMFA(&registration.Policy{Require: registration.Require{MFA: true}}) {
		t.Error("a second factor is needed when the policy says so, and not otherwise")
	}
}
