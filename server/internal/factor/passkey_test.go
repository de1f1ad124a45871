package factor_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/factor/factortest"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const origin = "https://login.example.com:8443"

// register adds a passkey and returns the methods that it proved.
func (f *fixture) register(a *factortest.Authenticator, u storage.User, name string) []string {
	f.Helper()
	c, err := f.factors.BeginPasskeyRegistration(f.Context(), u, f.clock())
	if err != nil {
		f.Fatal(err)
	}
	methods, err := f.factors.FinishPasskeyRegistration(f.Context(), u, c.Kept, a.Create(c.Options), name, f.clock())
	if err != nil {
		f.Fatal(err)
	}
	return methods
}

// prove asks for a passkey; u is nil for whoever it belongs to.
func (f *fixture) prove(a *factortest.Authenticator, u *storage.User) (storage.User, []string, error) {
	f.Helper()
	c, err := f.factors.BeginPasskey(f.Context(), u, f.clock())
	if err != nil {
		f.Fatal(err)
	}
	return f.factors.FinishPasskey(f.Context(), c.Kept, a.Get(c.Options), f.clock())
}

func TestPasskey(t *testing.T) {
	t.Run("registered, then the second and the only factor", func(t *testing.T) {
		f := newFixture(t, issuer)
		a := factortest.New(t, origin)
		if got := f.register(a, f.ada, "  My\n laptop "); !slices.Equal(got, []string{"hwk", "mfa"}) {
			t.Errorf("registering proved %v", got)
		}
		rows, err := f.db.Passkeys(t.Context(), f.ada.ID)
		if err != nil || len(rows) != 1 || rows[0].Name != "My laptop" {
			t.Fatalf("%+v, %v", rows, err)
		}
		if e, err := f.factors.Enrolled(t.Context(), f.ada.ID); err != nil || e.Passkeys != 1 || !e.Any() {
			t.Errorf("%+v, %v", e, err)
		}
		for name, u := range map[string]*storage.User{"second": &f.ada, "only": nil} {
			got, methods, err := f.prove(a, u)
			if err != nil || got.ID != f.ada.ID || !slices.Equal(methods, []string{"hwk", "mfa"}) {
				t.Errorf("%s: %q by %v, %v", name, got.ID, methods, err)
			}
		}
		rows, err = f.db.Passkeys(t.Context(), f.ada.ID)
		if err != nil || rows[0].SignCount != 2 || !rows[0].LastUsedAt.Equal(f.clock()) {
			t.Errorf("after two uses: %+v, %v", rows, err)
		}
		is(t, "remove somebody else's", f.factors.RemovePasskey(t.Context(), f.grace.ID, rows[0].ID, f.clock()), factor.ErrNone)
		is(t, "remove it", f.factors.RemovePasskey(t.Context(), f.ada.ID, rows[0].ID, f.clock()), nil)
		_, _, err = f.prove(a, nil)
		is(t, "after it was removed", err, factor.ErrWrong)
		_, err = f.factors.BeginPasskey(t.Context(), &f.ada, f.clock())
		is(t, "of a user without one", err, factor.ErrNone)
	})

	t.Run("one that does not verify its user is a second factor only", func(t *testing.T) {
		f := newFixture(t, issuer)
		a := factortest.New(t, origin)
		a.Verifies, a.Synced = false, true
		f.register(a, f.ada, "key")
		_, methods, err := f.prove(a, &f.ada)
		if err != nil || !slices.Equal(methods, []string{"swk"}) {
			t.Errorf("as the second: %v, %v", methods, err)
		}
		_, _, err = f.prove(a, nil)
		is(t, "as the only one", err, factor.ErrWrong)
	})

	t.Run("a counter that runs backwards is a copy", func(t *testing.T) {
		f := newFixture(t, issuer)
		a := factortest.New(t, origin)
		a.Counter = 7
		f.register(a, f.ada, "key")
		a.Counter = 5 // the copy's
		u, _, err := f.prove(a, nil)
		is(t, "the copy", err, factor.ErrCloned)
		if u.ID != f.ada.ID {
			t.Errorf("whose it is, for the audit log: %q", u.ID)
		}
		a.Counter = 7
		_, _, err = f.prove(a, nil)
		is(t, "the original", err, nil)
	})

	t.Run("what does not fit is refused", func(t *testing.T) {
		f := newFixture(t, issuer)
		a, b := factortest.New(t, origin), factortest.New(t, origin)
		a.Synced = true // no counter, so that it is the challenge that counts once
		f.register(a, f.ada, "key")
		f.register(b, f.grace, "key")

		c, err := f.factors.BeginPasskey(t.Context(), nil, f.clock())
		if err != nil {
			t.Fatal(err)
		}
		answer := a.Get(c.Options)
		finish := func(kept, answer []byte) error {
			_, _, err := f.factors.FinishPasskey(t.Context(), kept, answer, f.clock())
			return err
		}
		is(t, "the first time", finish(c.Kept, answer), nil)
		is(t, "the same answer again", finish(c.Kept, answer), factor.ErrWrong)

		other, err := f.factors.BeginPasskey(t.Context(), nil, f.clock())
		if err != nil {
			t.Fatal(err)
		}
		is(t, "an answer to another challenge", finish(other.Kept, answer), factor.ErrWrong)

		c, err = f.factors.BeginPasskey(t.Context(), nil, f.clock())
		if err != nil {
			t.Fatal(err)
		}
		a.Origin = "https://login.example.com.attacker.example"
		is(t, "an answer given at another origin", finish(c.Kept, a.Get(c.Options)), factor.ErrWrong)
		a.Origin = origin

		c, err = f.factors.BeginPasskey(t.Context(), &f.ada, f.clock())
		if err != nil {
			t.Fatal(err)
		}
		whole, err := f.factors.BeginPasskey(t.Context(), nil, f.clock())
		if err != nil {
			t.Fatal(err)
		}
		challenge := between(t, c.Options, `"challenge":"`)
		asked := strings.Replace(whole.Options, between(t, whole.Options, `"challenge":"`), challenge, 1)
		is(t, "another user's passkey as the second factor", finish(c.Kept, b.Get(asked)), factor.ErrWrong)

		c, err = f.factors.BeginPasskey(t.Context(), nil, f.clock())
		if err != nil {
			t.Fatal(err)
		}
		forged := bytes.Replace(a.Get(c.Options), []byte(`"signature":"ME`), []byte(`"signature":"MF`), 1)
		is(t, "a forged signature", finish(c.Kept, forged), factor.ErrWrong)
		is(t, "no JSON", finish(c.Kept, []byte("{")), factor.ErrWrong)

		c, err = f.factors.BeginPasskey(t.Context(), nil, f.clock())
		if err != nil {
			t.Fatal(err)
		}
		late := a.Get(c.Options)
		f.advance(factor.CeremonyTTL)
		is(t, "too late", finish(c.Kept, late), factor.ErrWrong)

		c, err = f.factors.BeginPasskeyRegistration(t.Context(), f.ada, f.clock())
		if err != nil {
			t.Fatal(err)
		}
		fresh := factortest.New(t, origin)
		made := fresh.Create(c.Options)
		_, err = f.factors.FinishPasskeyRegistration(t.Context(), f.grace, c.Kept, made, "", f.clock())
		is(t, "a passkey made for another user", err, factor.ErrWrong)
		c, err = f.factors.BeginPasskey(t.Context(), nil, f.clock())
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.factors.FinishPasskeyRegistration(t.Context(), f.ada, c.Kept, made, "", f.clock())
		is(t, "a sign-in's challenge for a registration", err, factor.ErrWrong)
	})

	t.Run("a disabled user's is refused", func(t *testing.T) {
		f := newFixture(t, issuer)
		a := factortest.New(t, origin)
		f.register(a, f.ada, "key")
		if err := f.db.DisableUser(t.Context(), f.ada.ID, f.clock()); err != nil {
			t.Fatal(err)
		}
		_, _, err := f.prove(a, nil)
		is(t, "disabled", err, factor.ErrWrong)
	})

	t.Run("there is an end to how many there may be", func(t *testing.T) {
		f := newFixture(t, issuer)
		for range factor.MaxPasskeys {
			f.register(factortest.New(t, origin), f.ada, "key")
		}
		_, err := f.factors.BeginPasskeyRegistration(t.Context(), f.ada, f.clock())
		is(t, "one more", err, factor.ErrLimit)
	})

	t.Run("an issuer without a host name has none", func(t *testing.T) {
		for at, want := range map[string]bool{issuer: true, "http://localhost:8080": true, "http://127.0.0.1:8080": false, "http://[::1]:8080": false} {
			f := newFixture(t, at)
			if got := f.factors.PasskeysSupported(); got != want {
				t.Errorf("%s: %v", at, got)
			}
			if _, err := f.factors.BeginPasskey(t.Context(), nil, f.clock()); (err == nil) != want {
				t.Errorf("%s: %v", at, err)
			}
		}
	})
}

// between is the JSON string after a prefix.
func between(t *testing.T, s, prefix string) string {
	t.Helper()
	_, rest, ok := strings.Cut(s, prefix)
	value, _, ended := strings.Cut(rest, `"`)
	if !ok || !ended {
		t.Fatalf("no %s in %s", prefix, s)
	}
	return value
}
