package idp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

func TestCanonicalUsername(t *testing.T) {
	for name, c := range map[string]struct {
		in, want string
		ok       bool
	}{
		"case is folded":                     {"Ada.Lovelace", "ada.lovelace", true},
		"case is folded, not lowered":        {"STRASSE", "strasse", true},
		"sharp s folds to two":               {"Straße", "strasse", true},
		"spaces around it do not count":      {" \t\u00a0ada\n", "ada", true},
		"spaces inside it do":                {"ada lovelace", "ada lovelace", true},
		"decomposed is composed":             {"Rene\u0301", "ren\u00e9", true},
		"an e-mail address is a username":    {"Ada@Example.COM", "ada@example.com", true},
		"folding does not leave it composed": {"\u1E9B\u0323", "\u1E69", true},
		"nothing":                            {"", "", false},
		"only spaces":                        {"  ", "", false},
		"a NUL":                              {"a\x00b", "", false},
		"a zero-width space":                 {"a\u200bb", "", false},
		"a right-to-left override":           {"a\u202eb", "", false},
		"not UTF-8":                          {"a\xffb", "", false},
		"too long":                           {strings.Repeat("a", idp.MaxUsername+1), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := idp.CanonicalUsername(c.in)
			if got != c.want || ok != c.ok {
				t.Errorf("%q, %v", got, ok)
			}
			if again, _ := idp.CanonicalUsername(got); again != got {
				t.Errorf("canonical %q has the canonical form %q", got, again)
			}
		})
	}
}

type accounts map[string]bool

func (a accounts) Account(subject string) (idp.Identity, bool) {
	return idp.Identity{Subject: subject, Username: "now"}, a[subject]
}

func TestSet(t *testing.T) {
	made := 0
	set := idp.NewSet(
		func(*registration.IdentityProvider) (idp.Provider, bool) { return idp.Provider{}, false },
		func(d *registration.IdentityProvider) (idp.Provider, bool) {
			made++
			return idp.Provider{Accounts: accounts{"ada": true}}, d.Local != nil
		},
	)
	local := func(n int) *registration.IdentityProvider {
		return &registration.IdentityProvider{UID: fmt.Sprint("uid", n), Local: &registration.LocalProvider{}}
	}
	foreign := &registration.IdentityProvider{UID: "foreign"}
	one, two := local(1), local(2)
	declared := []*registration.IdentityProvider{one, foreign, two}

	for range 2 {
		got := set.Providers(declared)
		if len(got) != 2 || got[0].Document != one || got[1].Document != two {
			t.Fatalf("%+v", got)
		}
	}
	if made != 4 { // one and two once; foreign is asked for each time and made never
		t.Errorf("made %d times", made)
	}
	for name, c := range map[string]struct {
		uid, subject string
		want         bool
	}{
		"an account that is there":                  {"uid1", "ada", true},
		"one that is not":                           {"uid1", "grace", false},
		"an account of a provider that is gone":     {"uid9", "ada", false},
		"an account of a provider of unknown kinds": {"foreign", "ada", false},
	} {
		if got := set.Active(declared, c.uid, c.subject); got != c.want {
			t.Errorf("%s: active is %v", name, got)
		}
		if now, ok := set.Account(declared, c.uid, c.subject); ok != c.want || ok && now.Username != "now" || !ok && now != nil {
			t.Errorf("%s: %+v, %v", name, now, ok)
		}
	}
	for n := range 100 { // declarations come and go; the set does not grow
		set.Providers([]*registration.IdentityProvider{local(n)})
	}
	if got := set.Providers([]*registration.IdentityProvider{one}); len(got) != 1 || got[0].Document != one {
		t.Errorf("%+v", got)
	}
}
