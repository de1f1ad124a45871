package local

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/argon2id"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/idptest"
)

func hash(t *testing.T, password string, p argon2id.Params) string {
	t.Helper()
	h, err := argon2id.New(password, p, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func cheap() argon2id.Params { return argon2id.Params{Memory: 64, Time: 1, Threads: 1} }

func declaration(accounts ...registration.LocalAccount) *registration.IdentityProvider {
	return &registration.IdentityProvider{Namespace: "oauth", Name: "staff", UID: "uid", DisplayName: "Staff",
		Local: &registration.LocalProvider{Accounts: accounts}}
}

func TestSuite(t *testing.T) {
	p, ok := Factory(Options{})(declaration(
		registration.LocalAccount{Username: "Ada", PasswordHash: hash(t, "Analytical Engine", cheap()), Name: "Ada Lovelace",
			Email: "ada@example.com", EmailVerified: true, Groups: []string{"staff"}},
		registration.LocalAccount{Username: "grace", PasswordHash: hash(t, "nanosecond", argon2id.Params{Memory: 128, Time: 1, Threads: 2})},
		registration.LocalAccount{Username: "mallory", PasswordHash: hash(t, "let me in", cheap()), Disabled: true},
	))
	if !ok {
		t.Fatal("the factory does not know a local provider")
	}
	idptest.Password(t, idptest.Fixture{
		Provider: p.Password, Username: "Ada", Password: "Analytical Engine",
		Want: idp.Identity{Subject: "ada", Username: "Ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true,
			Groups: []string{"staff"}, Methods: []string{"pwd"}},
		OtherUsername: "GRACE", OtherPassword: "nanosecond",
		DisabledUsername: "mallory", DisabledPassword: "let me in",
	})
	for subject, want := range map[string]bool{"ada": true, "grace": true, "mallory": false, "nobody": false, "Ada": false} {
		if _, got := p.Accounts.Account(subject); got != want {
			t.Errorf("%s is active: %v", subject, got)
		}
	}
	want := idp.Identity{Subject: "ada", Username: "Ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true, Groups: []string{"staff"}}
	if got, _ := p.Accounts.Account("ada"); !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestAnotherKind(t *testing.T) {
	if _, ok := Factory(Options{})(&registration.IdentityProvider{Name: "corp"}); ok {
		t.Error("took a declaration of another kind")
	}
}

func TestTheSameNameTwice(t *testing.T) {
	p, _ := Factory(Options{})(declaration(
		registration.LocalAccount{Username: "ada", PasswordHash: hash(t, "one", cheap())},
		registration.LocalAccount{Username: "ADA", PasswordHash: hash(t, "two", cheap())},
	))
	for _, password := range []string{"one", "two"} {
		if _, err := p.Password.Authenticate(t.Context(), "ada", password); !errors.Is(err, idp.ErrRefused) {
			t.Errorf("%s: error %v", password, err)
		}
	}
}

func TestHashThatDoesNotParse(t *testing.T) {
	p, _ := Factory(Options{})(declaration(registration.LocalAccount{Username: "ada", PasswordHash: "plain"}))
	for _, password := range []string{"plain", ""} {
		if _, err := p.Password.Authenticate(t.Context(), "ada", password); !errors.Is(err, idp.ErrRefused) {
			t.Errorf("%q: error %v", password, err)
		}
	}
}

// A34 is about time; what is tested is what the time is spent on, because a stopwatch would flake.
func TestCostOfUnknownUsers(t *testing.T) {
	dear := argon2id.Params{Memory: 256, Time: 1, Threads: 1}
	p := newProvider(declaration(
		registration.LocalAccount{Username: "a", PasswordHash: hash(t, "x", dear)},
		registration.LocalAccount{Username: "b", PasswordHash: hash(t, "x", dear)},
	), nil)
	t.Run("A34 an unknown user costs what a known one costs", func(t *testing.T) {
		if got := p.costOfUnknown("nobody"); got != dear {
			t.Errorf("%+v", got)
		}
	})
	t.Run("A34 with mixed costs an unknown user costs what some account costs, and always the same", func(t *testing.T) {
		p := newProvider(declaration(
			registration.LocalAccount{Username: "a", PasswordHash: hash(t, "x", dear)},
			registration.LocalAccount{Username: "b", PasswordHash: hash(t, "x", cheap())},
		), nil)
		seen := map[argon2id.Params]int{}
		for i := range 200 {
			name := string(rune('c' + i))
			first := p.costOfUnknown(name)
			if p.costOfUnknown(name) != first {
				t.Fatal("another cost the second time")
			}
			seen[first]++
		}
		if len(seen) != 2 || seen[dear]+seen[cheap()] != 200 {
			t.Errorf("%v", seen)
		}
	})
}

func TestBoundOnMemory(t *testing.T) {
	p, _ := Factory(Options{Memory: 100})(declaration(registration.LocalAccount{Username: "ada", PasswordHash: hash(t, "x", cheap())}))
	room := p.Password.(*Provider).room
	if err := room.free.Acquire(t.Context(), 50); err != nil { // another check is under way
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := p.Password.Authenticate(ctx, "ada", "x"); done <- err }()
	cancel()
	if err := <-done; !errors.Is(err, idp.ErrBusy) || !errors.Is(err, context.Canceled) {
		t.Errorf("without room: error %v", err)
	}
	room.free.Release(50)
	if _, err := p.Password.Authenticate(t.Context(), "ada", "x"); err != nil {
		t.Errorf("with room: error %v", err)
	}
	t.Run("an account that needs more than all the room waits for all of it", func(t *testing.T) {
		p, _ := Factory(Options{Memory: 10})(declaration(registration.LocalAccount{Username: "ada", PasswordHash: hash(t, "x", cheap())}))
		if _, err := p.Password.Authenticate(t.Context(), "ada", "x"); err != nil {
			t.Error(err)
		}
	})
}

func TestRules(t *testing.T) {
	idptest.Rules{
		Factory: Factory(Options{}), Username: `claims.username`,
		Declared: *declaration(registration.LocalAccount{Username: "ada", PasswordHash: hash(t, "x", cheap()), Name: "Ada", Email: "ada@example.com",
			Groups: []string{"staff", "dev"}, Profile: registration.Profile{GivenName: "Ada"}}),
		SignIn: func(t *testing.T, p idp.Provider) (idp.Identity, error) {
			return p.Password.Authenticate(t.Context(), "ada", "x")
		},
	}.Run(t)
	t.Run("claims are the fields of the manifest", func(t *testing.T) {
		d := declaration(registration.LocalAccount{Username: "ada", PasswordHash: hash(t, "x", cheap()), Email: "ada@example.com", EmailVerified: true,
			Profile: registration.Profile{GivenName: "Ada", Address: &registration.Address{Country: "UK"}}})
		d.Allow = `claims.given_name == "Ada" && claims.emailVerified && claims.address.country == "UK" && claims.groups == [] && claims.name == ""`
		if _, ok := idp.NewSet(Factory(Options{})).Account([]*registration.IdentityProvider{d}, "uid", "ada"); !ok {
			t.Error("not let in")
		}
	})
}
