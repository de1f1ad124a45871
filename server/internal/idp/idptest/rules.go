package idptest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

// Rules is a provider as it is declared, and its user.
type Rules struct {
	Factory idp.Factory
	// Declared has neither mapping nor allow.
	Declared registration.IdentityProvider
	Now      time.Time
	// SignIn signs a user in who has groups.
	SignIn func(t *testing.T, p idp.Provider) (idp.Identity, error)
	// Username is an expression over claims alone that yields the user's username.
	Username string
}

// Run runs the suite: mapping and allow hold for whatever way an identity takes.
func (f Rules) Run(t *testing.T) {
	provider := func(m registration.Mapping, allow string) idp.Provider {
		d := f.Declared
		d.Mapping, d.Allow = m, allow
		return idp.NewSet(f.Factory).Providers([]*registration.IdentityProvider{&d})[0]
	}
	plain, err := f.SignIn(t, provider(registration.Mapping{}, ""))
	if err != nil || len(plain.Groups) == 0 {
		t.Fatalf("%+v, error %v", plain, err)
	}
	mapping := registration.Mapping{
		Username: `"x-" + ` + f.Username, Name: `user.name + "!"`, Email: `"mapped@example.com"`, EmailVerified: `true`,
		Groups: `user.groups.map(g, "up:" + g)`,
	}
	mapped := func(i idp.Identity) bool {
		return i.Subject == plain.Subject && i.Username == "x-"+plain.Username && i.Name == plain.Name+"!" && i.Email == "mapped@example.com" &&
			i.EmailVerified && len(i.Groups) == len(plain.Groups) && slices.Contains(i.Groups, "up:"+plain.Groups[0])
	}
	t.Run("mapping makes the identity", func(t *testing.T) {
		p := provider(mapping, `"up:`+plain.Groups[0]+`" in user.groups`)
		got, err := f.SignIn(t, p)
		if err != nil || !mapped(got) {
			t.Fatalf("%+v, error %v", got, err)
		}
		if p.Refresh != nil {
			if got, err := p.Refresh.Refresh(t.Context(), got.Subject, got.Kept, f.Now); err != nil || !mapped(got) {
				t.Errorf("refreshed: %+v, error %v", got, err)
			}
		}
		if p.Accounts != nil {
			if got, ok := p.Accounts.Account(got.Subject); !ok || !mapped(got) {
				t.Errorf("asked again: %+v, %v", got, ok)
			}
		}
	})
	for name, allow := range map[string]string{
		"allow that is false":                  `user.username == "nobody"`,
		"allow over what is not there":         `claims.nothing_of_the_kind == "x"`,
		"allow that fails":                     `claims.size() / 0 > 1`,
		"allow that does not compile":          `user.usrname == ""`,
		"allow over what the mapping replaced": `user.email == "` + plain.Email + `" && user.email != "mapped@example.com"`,
	} {
		t.Run(name+" lets nobody in", func(t *testing.T) {
			p := provider(mapping, allow)
			got, err := f.SignIn(t, p)
			if err == nil || got.Subject != "" || name != "allow that does not compile" && !errors.Is(err, idp.ErrNotAllowed) {
				t.Errorf("%+v, error %v", got, err)
			}
			if p.Refresh != nil {
				kept, err := f.SignIn(t, provider(registration.Mapping{}, ""))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := p.Refresh.Refresh(t.Context(), kept.Subject, kept.Kept, f.Now); err == nil || got.Subject != "" {
					t.Errorf("refreshed: %+v, error %v", got, err)
				}
			}
			if p.Accounts != nil {
				if got, ok := p.Accounts.Account(plain.Subject); ok || got.Subject != "" {
					t.Errorf("asked again: %+v", got)
				}
			}
		})
	}
}
