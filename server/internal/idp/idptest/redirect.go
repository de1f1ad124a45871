package idptest

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

// Redirect is a provider that sends the browser away, and what happens there.
type Redirect struct {
	Provider idp.Redirector
	Now      time.Time
	// SignIn is the user at the upstream: it follows a location, signs the account of Want in, and returns what the browser
	// comes back with. Deny is a user who does not want to.
	SignIn, Deny func(t *testing.T, location string) url.Values
	// Want is the identity, without Claims and Kept.
	Want idp.Identity
	// Down takes the upstream away, and returns how to bring it back.
	Down func(t *testing.T) (up func())
}

const callback = "https://issuer.example/login/callback"

func (f Redirect) begin(t *testing.T) (string, idp.Pending) {
	t.Helper()
	location, kept, err := f.Provider.Begin(t.Context(), idp.BeginRequest{CallbackURL: callback, State: "the state", Now: f.Now})
	if err != nil {
		t.Fatal(err)
	}
	return location, kept
}

// sentinels are the errors that say something about the user; being out of reach is none of them.
func sentinel(err error) bool {
	for _, s := range []error{idp.ErrCallback, idp.ErrDenied, idp.ErrNotAllowed, idp.ErrRefused, idp.ErrUnknown} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// Run runs the suite.
func (f Redirect) Run(t *testing.T) {
	finish := func(t *testing.T, kept idp.Pending, back url.Values) (idp.Identity, error) {
		t.Helper()
		got, err := f.Provider.Finish(t.Context(), kept, back, f.Now)
		if err != nil && !cmp.Equal(idp.Identity{}, got) {
			t.Errorf("an identity came with the error %v", err)
		}
		return got, err
	}

	t.Run("signs in", func(t *testing.T) {
		location, kept := f.begin(t)
		u, err := url.Parse(location)
		if err != nil || u.Query().Get("state") != "the state" || u.Query().Get("redirect_uri") != callback {
			t.Errorf("location %s, error %v", location, err)
		}
		if u.Query().Get("code_challenge_method") != "S256" || u.Query().Get("code_challenge") == "" || kept.Verifier == "" {
			t.Errorf("no PKCE in %s", location)
		}
		got, err := finish(t, kept, f.SignIn(t, location))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(f.Want, got, cmpopts.IgnoreFields(idp.Identity{}, "Claims", "Kept")); diff != "" {
			t.Errorf("identity (-want +got):\n%s", diff)
		}
	})
	t.Run("no two sign-ins have the same secrets", func(t *testing.T) {
		_, one := f.begin(t)
		_, two := f.begin(t)
		if one.Verifier == two.Verifier || one.Nonce != "" && one.Nonce == two.Nonce {
			t.Errorf("%+v and %+v", one, two)
		}
	})
	t.Run("A31 the answer to another sign-in is refused", func(t *testing.T) {
		location, _ := f.begin(t)
		_, other := f.begin(t)
		if _, err := finish(t, other, f.SignIn(t, location)); !errors.Is(err, idp.ErrCallback) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("A31 an answer is taken once", func(t *testing.T) {
		location, kept := f.begin(t)
		back := f.SignIn(t, location)
		if _, err := finish(t, kept, back); err != nil {
			t.Fatal(err)
		}
		if _, err := finish(t, kept, back); !errors.Is(err, idp.ErrCallback) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a user who does not sign in", func(t *testing.T) {
		location, kept := f.begin(t)
		if _, err := finish(t, kept, f.Deny(t, location)); !errors.Is(err, idp.ErrDenied) {
			t.Errorf("error %v", err)
		}
	})
	for name, change := range map[string]func(url.Values){
		"A31 a code of nobody's":       func(v url.Values) { v.Set("code", "made-up") },
		"A31 no code":                  func(v url.Values) { v.Del("code") },
		"A31 two codes":                func(v url.Values) { v.Add("code", "another") },
		"A31 an error twice":           func(v url.Values) { v["error"] = []string{"a", "b"} },
		"A31 an empty code":            func(v url.Values) { v.Set("code", "") },
		"A31 a code of a megabyte":     func(v url.Values) { v.Set("code", string(make([]byte, 1<<20))) },
		"A31 a code with a line break": func(v url.Values) { v.Set("code", v.Get("code")+"\r\nX: y") },
	} {
		t.Run(name, func(t *testing.T) {
			location, kept := f.begin(t)
			back := f.SignIn(t, location)
			change(back)
			if _, err := finish(t, kept, back); err == nil || errors.Is(err, idp.ErrDenied) {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("an error of the upstream is not the user's", func(t *testing.T) {
		_, kept := f.begin(t)
		if _, err := finish(t, kept, f.withIssuer(t, url.Values{"error": {"server_error"}})); err == nil || sentinel(err) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a request that has ended signs nobody in", func(t *testing.T) {
		location, kept := f.begin(t)
		back := f.SignIn(t, location)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := f.Provider.Finish(ctx, kept, back, f.Now); err == nil || sentinel(err) {
			t.Errorf("%+v, error %v", got, err)
		}
	})
	t.Run("fault 28 the upstream is away", func(t *testing.T) {
		location, kept := f.begin(t)
		back := f.SignIn(t, location)
		up := f.Down(t)
		_, err := finish(t, kept, back)
		up()
		if err == nil || sentinel(err) {
			t.Errorf("error %v", err)
		}
		location, kept = f.begin(t)
		if _, err := finish(t, kept, f.SignIn(t, location)); err != nil {
			t.Errorf("back again: error %v", err)
		}
	})
}

// withIssuer adds the iss of an answer of the upstream, where it sends one.
func (f Redirect) withIssuer(t *testing.T, v url.Values) url.Values {
	t.Helper()
	location, _ := f.begin(t)
	if iss := f.Deny(t, location).Get("iss"); iss != "" {
		v.Set("iss", iss)
	}
	return v
}
