// Package idptest is the suite that every provider of package idp passes, whatever its ways: by password, by redirect, asked again
// later, and under the expressions of its declaration.
package idptest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

// Fixture is a provider with three accounts.
type Fixture struct {
	Provider idp.PasswordProvider
	// Username and Password are of an account that may sign in; Username has at least one ASCII letter. Want is its identity.
	Username, Password string
	Want               idp.Identity
	// OtherUsername and OtherPassword are of a second account that may sign in.
	OtherUsername, OtherPassword string
	// DisabledUsername and DisabledPassword are of an account that may not.
	DisabledUsername, DisabledPassword string
}

// Password runs the suite.
func Password(t *testing.T, f Fixture) {
	ctx := t.Context()

	for name, username := range map[string]string{
		"as it is declared":       f.Username,
		"in upper case":           strings.ToUpper(f.Username),
		"in lower case":           strings.ToLower(f.Username),
		"with spaces around":      "  " + f.Username + "\t",
		"with a no-break space":   "\u00a0" + f.Username,
		"declared, a second time": f.Username,
	} {
		t.Run("signs in with the username "+name, func(t *testing.T) {
			got, err := f.Provider.Authenticate(ctx, username, f.Password)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(f.Want, got); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
		})
	}

	for name, c := range map[string]struct{ username, password string }{
		"a wrong password":                   {f.Username, f.Password + "x"},
		"another account's password":         {f.Username, f.OtherPassword},
		"a password in another case":         {f.Username, swapCase(f.Password)},
		"a password with a space after it":   {f.Username, f.Password + " "},
		"no password":                        {f.Username, ""},
		"a password of a megabyte":           {f.Username, strings.Repeat("x", 1<<20)},
		"a password with a NUL after it":     {f.Username, f.Password + "\x00"},
		"an unknown user":                    {"nobody-" + f.Username, f.Password},
		"no user":                            {"", f.Password},
		"a username of a megabyte":           {strings.Repeat("x", 1<<20), f.Password},
		"a username with a NUL after it":     {f.Username + "\x00", f.Password},
		"a username with a zero-width space": {f.Username + "\u200b", f.Password},
		"a username that is not UTF-8":       {f.Username + "\xff", f.Password},
		"a wildcard for a username":          {"*", f.Password},
		"an LDAP filter for a username":      {"*)(uid=*", f.Password},
		"a disabled account":                 {f.DisabledUsername, f.DisabledPassword},
		"a disabled account, wrong password": {f.DisabledUsername, f.DisabledPassword + "x"},
	} {
		t.Run("A34 the same answer to "+name, func(t *testing.T) {
			got, err := f.Provider.Authenticate(ctx, c.username, c.password)
			if !errors.Is(err, idp.ErrRefused) {
				t.Fatalf("error %v", err)
			}
			if err.Error() != idp.ErrRefused.Error() {
				t.Errorf("the error says more: %v", err)
			}
			if diff := cmp.Diff(idp.Identity{}, got); diff != "" {
				t.Errorf("an identity came with the error:\n%s", diff)
			}
		})
	}

	t.Run("two accounts have two subjects", func(t *testing.T) {
		other, err := f.Provider.Authenticate(ctx, f.OtherUsername, f.OtherPassword)
		if err != nil {
			t.Fatal(err)
		}
		if other.Subject == f.Want.Subject {
			t.Errorf("both have %q", other.Subject)
		}
	})

	t.Run("a request that has ended signs nobody in", func(t *testing.T) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		got, err := f.Provider.Authenticate(ended, f.Username, f.Password)
		if err == nil || errors.Is(err, idp.ErrRefused) {
			t.Fatalf("%+v, error %v", got, err)
		}
	})
}

func swapCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}
