package storagetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func testConsents(t *testing.T, f *fixture) {
	t.Run("a consent is found as it was written", func(t *testing.T) {
		c := consentTo(f.grant(f.user(t), f.client()))
		noError(t, f.PutConsent(f.ctx, c))
		got, err := f.Consent(f.ctx, c.UserID, c.Client.UID)
		noError(t, err)
		wantEqual(t, got, c)
	})
	t.Run("a later one takes its place and keeps the day of the first", func(t *testing.T) {
		c := consentTo(f.grant(f.user(t), f.client()))
		noError(t, f.PutConsent(f.ctx, c))
		later := c
		later.Client.ID, later.Scopes, later.Audience, later.AuthorizationDetails = "renamed", []string{"openid"}, nil, nil
		later.CreatedAt, later.UpdatedAt = f.now.Add(time.Hour), f.now.Add(time.Hour)
		noError(t, f.PutConsent(f.ctx, later))
		got, err := f.Consent(f.ctx, c.UserID, c.Client.UID)
		noError(t, err)
		later.CreatedAt = c.CreatedAt
		wantEqual(t, got, later)
	})
	t.Run("of somebody else, or to another client, there is none", func(t *testing.T) {
		c := consentTo(f.grant(f.user(t), f.client()))
		noError(t, f.PutConsent(f.ctx, c))
		_, err := f.Consent(f.ctx, f.user(t).ID, c.Client.UID)
		wantError(t, err, storage.ErrNotFound)
		_, err = f.Consent(f.ctx, c.UserID, f.client().UID)
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("who is disabled or gone consents to nothing, and what was consented to is forgotten", func(t *testing.T) {
		c := consentTo(f.grant(f.user(t), f.client()))
		noError(t, f.PutConsent(f.ctx, c))
		noError(t, f.DisableUser(f.ctx, c.UserID, f.now))
		_, err := f.Consent(f.ctx, c.UserID, c.Client.UID)
		wantError(t, err, storage.ErrNotFound)
		wantError(t, f.PutConsent(f.ctx, c), storage.ErrRevoked)
		c.UserID = "nobody"
		wantError(t, f.PutConsent(f.ctx, c), storage.ErrRevoked)
	})
	t.Run("ending a client forgets every consent to it and no other", func(t *testing.T) {
		client := f.client()
		u := f.user(t)
		gone, other := consentTo(f.grant(u, client)), consentTo(f.grant(u, f.client()))
		noError(t, errors.Join(f.PutConsent(f.ctx, gone), f.PutConsent(f.ctx, other)))
		_, err := f.RevokeClientGrants(f.ctx, client.UID, f.now)
		noError(t, err)
		_, err = f.Consent(f.ctx, u.ID, client.UID)
		wantError(t, err, storage.ErrNotFound)
		_, err = f.Consent(f.ctx, u.ID, other.Client.UID)
		noError(t, err)
	})
	testApps(t, f)
	testRevokedApps(t, f)
	testNarrowedApps(t, f)
}

func testApps(t *testing.T, f *fixture) {
	// grantAt writes a grant of that age.
	grantAt := func(t *testing.T, u storage.User, client storage.ClientRef, age time.Duration) storage.Grant {
		t.Helper()
		g := f.grant(u, client)
		g.CreatedAt = f.now.Add(-age)
		noError(t, f.CreateCode(f.ctx, f.code(g), g, nil, nil))
		return g
	}
	t.Run("an app is a consent or a live grant, with what both tell", func(t *testing.T) {
		u := f.user(t)
		both, consented, granted := f.client(), f.client(), f.client()
		oldest := grantAt(t, u, both, 2*time.Hour)
		latest := grantAt(t, u, both, time.Hour)
		consent := consentTo(latest)
		noError(t, f.PutConsent(f.ctx, consent))
		alone := consentTo(f.grant(u, consented))
		noError(t, f.PutConsent(f.ctx, alone))
		only := f.grant(u, granted)
		code := f.code(only)
		noError(t, f.CreateCode(f.ctx, code, only, nil, nil))
		used := f.now.Add(time.Second)
		_, err := f.exchange(code, used)
		noError(t, err)
		only.LastUsedAt = used

		want := []storage.App{
			{Client: both, Consent: &consent, Grants: []storage.Grant{latest, oldest}, FirstAt: oldest.CreatedAt},
			{Client: consented, Consent: &alone, FirstAt: alone.CreatedAt},
			{Client: granted, Grants: []storage.Grant{only}, FirstAt: only.CreatedAt, LastUsedAt: used},
		}
		slices.SortFunc(want, func(a, b storage.App) int { return strings.Compare(a.Client.UID, b.Client.UID) })
		got, err := f.Apps(f.ctx, u.ID, "", 10)
		noError(t, err)
		wantEqual(t, got, want)
		for _, w := range want {
			app, err := f.App(f.ctx, u.ID, w.Client.UID)
			noError(t, err)
			wantEqual(t, app, w)
		}
	})
	t.Run("pages go on after the last of the page before, and end", func(t *testing.T) {
		u := f.user(t)
		var want []string
		for range 5 {
			want = append(want, grantAt(t, u, f.client(), 0).Client.UID)
		}
		slices.Sort(want)
		var got []string
		for after, pages := "", 0; pages < 10; pages++ {
			page, err := f.Apps(f.ctx, u.ID, after, 2)
			noError(t, err)
			if len(page) == 0 {
				break
			}
			for _, app := range page {
				got = append(got, app.Client.UID)
			}
			after = page[len(page)-1].Client.UID
		}
		wantEqual(t, got, want)
		none, err := f.Apps(f.ctx, u.ID, "", 0)
		noError(t, err)
		wantEqual(t, len(none), 0)
	})
	t.Run("no more than 50 grants of an app are listed, the latest", func(t *testing.T) {
		u, client := f.user(t), f.client()
		for i := range 55 {
			grantAt(t, u, client, time.Duration(i)*time.Minute)
		}
		app, err := f.App(f.ctx, u.ID, client.UID)
		noError(t, err)
		wantEqual(t, len(app.Grants), 50)
		wantEqual(t, app.Grants[49].CreatedAt, f.now.Add(-49*time.Minute))
		wantEqual(t, app.FirstAt, f.now.Add(-54*time.Minute))
	})
	t.Run("H10 apps of somebody else, and those that have ended, are not found", func(t *testing.T) {
		u := f.user(t)
		g := grantAt(t, u, f.client(), 0)
		_, err := f.App(f.ctx, f.user(t).ID, g.Client.UID)
		wantError(t, err, storage.ErrNotFound)
		noError(t, f.RevokeGrant(f.ctx, g.ID, f.now))
		_, err = f.App(f.ctx, u.ID, g.Client.UID)
		wantError(t, err, storage.ErrNotFound)
		apps, err := f.Apps(f.ctx, u.ID, "", 10)
		noError(t, err)
		wantEqual(t, len(apps), 0)
	})
}

func testRevokedApps(t *testing.T, f *fixture) {
	t.Run("H10 revoking an app removes the consent and ends codes, families and device requests", func(t *testing.T) {
		u, client := f.user(t), f.client()
		family := f.grant(u, client)
		redeemed := f.code(family)
		consent := consentTo(family)
		noError(t, f.CreateCode(f.ctx, redeemed, family, &consent, nil))
		won, err := f.exchange(redeemed, f.now)
		noError(t, err)
		open := f.grant(u, client)
		code := f.code(open)
		noError(t, f.CreateCode(f.ctx, code, open, nil, nil))
		d := f.request(client)
		noError(t, f.CreateDevice(f.ctx, d, 10))
		noError(t, f.ApproveDevice(f.ctx, d.Code, f.grant(u, client), f.now, nil))
		kept := f.grant(u, f.client())
		noError(t, f.CreateCode(f.ctx, f.code(kept), kept, nil, nil))

		n, err := f.RevokeApp(f.ctx, u.ID, client.UID, f.now)
		noError(t, err)
		wantEqual(t, n, 3)
		_, err = f.Consent(f.ctx, u.ID, client.UID)
		wantError(t, err, storage.ErrNotFound)
		_, err = f.rotate(won.Token.Token, client, f.now)
		wantError(t, err, storage.ErrRevoked)
		_, err = f.exchange(code, f.now)
		wantError(t, err, storage.ErrRevoked)
		_, err = f.RedeemDevice(f.ctx, d.Code, client, f.now, f.first())
		wantError(t, err, storage.ErrRevoked)
		_, _, err = f.Grant(f.ctx, kept.ID)
		noError(t, err)
		_, err = f.RevokeApp(f.ctx, u.ID, client.UID, f.now)
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("H10 an app of somebody else is not found and lives on", func(t *testing.T) {
		_, g := f.coded(t)
		_, err := f.RevokeApp(f.ctx, f.user(t).ID, g.Client.UID, f.now)
		wantError(t, err, storage.ErrNotFound)
		_, _, err = f.Grant(f.ctx, g.ID)
		noError(t, err)
	})
	t.Run("a consent alone can be revoked", func(t *testing.T) {
		c := consentTo(f.grant(f.user(t), f.client()))
		noError(t, f.PutConsent(f.ctx, c))
		n, err := f.RevokeApp(f.ctx, c.UserID, c.Client.UID, f.now)
		noError(t, err)
		wantEqual(t, n, 0)
	})
	t.Run("revoking all apps ends those of the user and of nobody else", func(t *testing.T) {
		u := f.user(t)
		for range 2 {
			g := f.grant(u, f.client())
			consent := consentTo(g)
			noError(t, f.CreateCode(f.ctx, f.code(g), g, &consent, nil))
		}
		_, other := f.coded(t)
		for _, want := range []int64{2, 0} {
			n, err := f.RevokeApps(f.ctx, u.ID, f.now)
			noError(t, err)
			wantEqual(t, n, want)
			apps, err := f.Apps(f.ctx, u.ID, "", 10)
			noError(t, err)
			wantEqual(t, len(apps), 0)
		}
		_, _, err := f.Grant(f.ctx, other.ID)
		noError(t, err)
	})
}

func testNarrowedApps(t *testing.T, f *fixture) {
	setup := func(t *testing.T) (storage.Consent, storage.Grant, storage.Grant) {
		t.Helper()
		g := f.grant(f.user(t), f.client())
		g.Audience = append(g.Audience, "https://ledger.example.com")
		consent := consentTo(g)
		noError(t, f.CreateCode(f.ctx, f.code(g), g, &consent, nil))
		second := f.grant(storage.User{ID: g.UserID}, g.Client)
		second.Scopes, second.Audience, second.AuthorizationDetails = []string{"orders:read"}, []string{"https://api.example.com"}, nil
		noError(t, f.CreateCode(f.ctx, f.code(second), second, nil, nil))
		return consent, g, second
	}
	less := func(had storage.Access) (storage.Access, error) {
		if had.AuthorizationDetails != nil {
			had.AuthorizationDetails = json.RawMessage(`[]`)
		}
		return storage.Access{Scopes: had.Scopes[:1], Audience: had.Audience[:1], AuthorizationDetails: had.AuthorizationDetails}, nil
	}
	t.Run("narrowing changes the consent and every live grant, and a revoked one not", func(t *testing.T) {
		consent, first, second := setup(t)
		ended := f.grant(storage.User{ID: first.UserID}, first.Client)
		noError(t, f.CreateCode(f.ctx, f.code(ended), ended, nil, nil))
		noError(t, f.RevokeGrant(f.ctx, ended.ID, f.now))
		now := f.now.Add(time.Minute)
		var seen [][]string
		noError(t, f.NarrowApp(f.ctx, consent.UserID, consent.Client.UID, now, func(had storage.Access) (storage.Access, error) {
			seen = append(seen, had.Audience)
			return less(had)
		}))
		wantEqual(t, seen[0], consent.Audience)
		slices.SortFunc(seen[1:], func(a, b []string) int { return len(b) - len(a) })
		wantEqual(t, seen[1:], [][]string{first.Audience, second.Audience})
		app, err := f.App(f.ctx, consent.UserID, consent.Client.UID)
		noError(t, err)
		wantEqual(t, app.Consent.Scopes, []string{"openid"})
		wantEqual(t, app.Consent.Audience, consent.Audience[:1])
		wantEqual(t, app.Consent.AuthorizationDetails, json.RawMessage(`[]`))
		wantEqual(t, app.Consent.UpdatedAt, now)
		wantEqual(t, app.Consent.CreatedAt, consent.CreatedAt)
		got, _, err := f.Grant(f.ctx, first.ID)
		noError(t, err)
		first.Scopes, first.Audience, first.AuthorizationDetails = []string{"openid"}, first.Audience[:1], json.RawMessage(`[]`)
		wantEqual(t, got, first)
		got, _, err = f.Grant(f.ctx, second.ID)
		noError(t, err)
		wantEqual(t, got, second)
		got, _, err = f.Grant(f.ctx, ended.ID)
		wantError(t, err, storage.ErrRevoked)
		wantEqual(t, got.Scopes, ended.Scopes)
	})
	t.Run("claims that were asked for by name are narrowed by the scopes that stand for them", func(t *testing.T) {
		g := f.grant(f.user(t), f.client())
		g.Scopes, g.Claims = []string{"openid", "email"}, json.RawMessage(`{"acr":{},"email":{},"name":{"essential":true}}`)
		noError(t, f.CreateCode(f.ctx, f.code(g), g, nil, nil))
		var seen [][]string
		without := func(gone ...string) func(storage.Access) (storage.Access, error) {
			return func(had storage.Access) (storage.Access, error) {
				seen = append(seen, slices.Clone(had.Scopes))
				had.Scopes = slices.DeleteFunc(had.Scopes, func(s string) bool { return slices.Contains(gone, s) })
				return had, nil
			}
		}
		for i, c := range []struct {
			gone         string
			seen, scopes []string
			claims       string
		}{
			{"orders:read", []string{"openid", "email", "profile"}, []string{"openid", "email"}, string(g.Claims)},
			{"profile", []string{"openid", "email", "profile"}, []string{"openid", "email"}, `{"acr":{},"email":{}}`},
			{"email", []string{"openid", "email"}, []string{"openid"}, `{"acr":{}}`},
		} {
			noError(t, f.NarrowApp(f.ctx, g.UserID, g.Client.UID, f.now, without(c.gone)))
			wantEqual(t, seen[i], c.seen)
			got, _, err := f.Grant(f.ctx, g.ID)
			noError(t, err)
			wantEqual(t, got.Scopes, c.scopes)
			wantEqual(t, string(got.Claims), c.claims)
		}
	})
	t.Run("a grant that has nothing left ends, and one that never had anything does not", func(t *testing.T) {
		g := f.grant(f.user(t), f.client())
		noError(t, f.CreateCode(f.ctx, f.code(g), g, nil, nil))
		bare := f.grant(storage.User{ID: g.UserID}, g.Client)
		bare.Scopes, bare.Claims = nil, nil
		noError(t, f.CreateCode(f.ctx, f.code(bare), bare, nil, nil))
		noError(t, f.NarrowApp(f.ctx, g.UserID, g.Client.UID, f.now, func(storage.Access) (storage.Access, error) { return storage.Access{}, nil }))
		_, _, err := f.Grant(f.ctx, g.ID)
		wantError(t, err, storage.ErrRevoked)
		_, _, err = f.Grant(f.ctx, bare.ID)
		noError(t, err)
	})
	t.Run("an error on any of them comes back as it is and changes none", func(t *testing.T) {
		consent, first, _ := setup(t)
		mine := errors.New("mine")
		before, err := f.App(f.ctx, consent.UserID, consent.Client.UID)
		noError(t, err)
		calls := 0
		err = f.NarrowApp(f.ctx, first.UserID, first.Client.UID, f.now, func(had storage.Access) (storage.Access, error) {
			if calls++; calls == 3 {
				return storage.Access{}, mine
			}
			return less(had)
		})
		if err != mine { //nolint:errorlint // the very same
			t.Fatalf("error is %v", err)
		}
		after, err := f.App(f.ctx, consent.UserID, consent.Client.UID)
		noError(t, err)
		wantEqual(t, after, before)
	})
	t.Run("H10 what is not there, or somebody else's, is not found", func(t *testing.T) {
		_, g, _ := setup(t)
		wantError(t, f.NarrowApp(f.ctx, f.user(t).ID, g.Client.UID, f.now, less), storage.ErrNotFound)
		wantError(t, f.NarrowApp(f.ctx, g.UserID, f.client().UID, f.now, less), storage.ErrNotFound)
	})
	t.Run("nobody sees an app that is half narrowed", func(t *testing.T) {
		consent, _, _ := setup(t)
		narrow := func() error {
			details := json.RawMessage(`["` + f.id("choice") + `"]`)
			return f.NarrowApp(f.ctx, consent.UserID, consent.Client.UID, f.now, func(had storage.Access) (storage.Access, error) {
				had.AuthorizationDetails = details
				return had, nil
			})
		}
		noError(t, narrow())
		results := atOnce(8, func(i int) error {
			for range 20 {
				if i == 0 {
					if err := narrow(); err != nil {
						return err
					}
					continue
				}
				app, err := f.App(f.ctx, consent.UserID, consent.Client.UID)
				if err != nil {
					return err
				}
				for _, g := range app.Grants {
					if !bytes.Equal(g.AuthorizationDetails, app.Consent.AuthorizationDetails) {
						return errors.New("half narrowed")
					}
				}
			}
			return nil
		})
		noError(t, errors.Join(results...))
	})
}
