package idptest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

// Refresh is a provider that can be asked about an account later, and the account there.
type Refresh struct {
	Provider idp.Refresher
	Now      time.Time
	// SignIn signs the account in and returns its identity, with at least one group.
	SignIn func(t *testing.T) idp.Identity
	// RemoveGroup takes the account out of a group. Lock locks it, Unlock undoes that.
	RemoveGroup  func(t *testing.T, group string)
	Lock, Unlock func(t *testing.T)
	// Down takes the upstream away, and returns how to bring it back.
	Down func(t *testing.T) (up func())
}

// Run runs the suite. It ends with the account unlocked, and out of one group.
func (f Refresh) Run(t *testing.T) {
	fromSignIn := cmpopts.IgnoreFields(idp.Identity{}, "Claims", "Kept", "Methods", "AuthenticatedAt")
	refresh := func(t *testing.T, i idp.Identity) (idp.Identity, error) {
		t.Helper()
		got, err := f.Provider.Refresh(t.Context(), i.Subject, i.Kept, f.Now)
		if err != nil && !cmp.Equal(idp.Identity{}, got) {
			t.Errorf("an identity came with the error %v", err)
		}
		return got, err
	}
	t.Run("D11 what is still true", func(t *testing.T) {
		identity := f.SignIn(t)
		for range 3 { // each with what the one before keeps
			got, err := refresh(t, identity)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(identity, got, fromSignIn); diff != "" {
				t.Errorf("identity (-signed in +refreshed):\n%s", diff)
			}
			identity = got
		}
	})
	t.Run("D11 a group that was removed is gone", func(t *testing.T) {
		identity := f.SignIn(t)
		gone := identity.Groups[0]
		f.RemoveGroup(t, gone)
		got, err := refresh(t, identity)
		if err != nil || slices.Contains(got.Groups, gone) {
			t.Errorf("groups %q, error %v", got.Groups, err)
		}
	})
	t.Run("D11 an account that was locked is refused", func(t *testing.T) {
		identity := f.SignIn(t)
		f.Lock(t)
		_, err := refresh(t, identity)
		f.Unlock(t)
		if !errors.Is(err, idp.ErrRefused) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("D11 an account of another subject is refused", func(t *testing.T) {
		identity := f.SignIn(t)
		identity.Subject += "0"
		if _, err := refresh(t, identity); err == nil {
			t.Error("taken for it")
		}
	})
	t.Run("fault 28 the upstream is away", func(t *testing.T) {
		identity := f.SignIn(t)
		up := f.Down(t)
		_, err := refresh(t, identity)
		up()
		if err == nil || sentinel(err) {
			t.Errorf("error %v", err)
		}
		if _, err := refresh(t, identity); err != nil {
			t.Errorf("back again: error %v", err)
		}
	})
	t.Run("a request that has ended", func(t *testing.T) {
		identity := f.SignIn(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.Provider.Refresh(ctx, identity.Subject, identity.Kept, f.Now); err == nil || sentinel(err) {
			t.Errorf("error %v", err)
		}
	})
}
