package account

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// refresh uses a refresh token as the endpoint does.
func (f *fixture) refresh(token storage.Hash, client storage.ClientRef) error {
	_, err := f.db.Rotate(f.Context(), token, client, f.clock(), 10*time.Second, func(current storage.RefreshToken) (storage.RefreshToken, error) {
		next := current
		if _, err := rand.Read(next.Token[:]); err != nil {
			return next, err
		}
		next.Generation++
		return next, nil
	}, func(storage.RefreshToken, storage.Grant, storage.User) error { return nil })
	return err
}

func TestH10(t *testing.T) {
	t.Run("H10 the page says what apps may do, what was chosen, since when", func(t *testing.T) {
		f := newFixture(t, options{})
		p := f.signedIn(f.ada)
		p.get("/account").want(http.StatusOK, "No app has access", "The one called ada (ada)")
		f.authorize(f.ada, acme(), details("p1", "p3"))
		f.authorize(f.grace, other(), details("p2"))
		f.advance(48 * time.Hour)
		p = f.signedIn(f.ada)
		p.get("/account").want(http.StatusOK, "Acme CLI", "Acme GmbH", "partners/acme").without("Other CLI")
		p.get("/account/app?app="+acmeUID).want(http.StatusOK, "Acme CLI", "Acme GmbH", "partners/acme", "https://acme.example", "4 May 2026", "Connections 1",
			"Know who you are", "Read your orders", "Change your orders", "Projects", "Apollo Space agency", "Mercury").without("Gemini", "javascript:")
	})

	t.Run("H10 revoke: consent removed, all families and device grants dead", func(t *testing.T) {
		f := newFixture(t, options{})
		g, token := f.authorize(f.ada, acme(), details("p1"))
		g2, token2 := f.authorize(f.ada, acme(), details("p1"))
		_, kept := f.authorize(f.ada, other(), nil)
		_, graces := f.authorize(f.grace, acme(), details("p1"))
		p := f.signedIn(f.ada)
		ask := p.get("/account/revoke?app="+acmeUID).want(http.StatusOK, "Take back the access of Acme CLI?")
		if _, err := f.db.App(t.Context(), f.ada.ID, acmeUID); err != nil {
			t.Fatalf("asking took it back: %v", err)
		}
		p.follow(p.post("/account/revoke?app="+acmeUID, url.Values{"token": ask.tokens()[:1]})).want(http.StatusOK, "The app has no access any more", "Other CLI").without("Acme CLI")
		if _, err := f.db.Consent(t.Context(), f.ada.ID, acmeUID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the consent: %v; the next authorization must ask", err)
		}
		for _, id := range []string{g.ID, g2.ID} {
			if _, _, err := f.db.Grant(t.Context(), id); !errors.Is(err, storage.ErrRevoked) {
				t.Errorf("a grant: %v", err)
			}
		}
		for _, h := range []storage.Hash{token, token2} {
			if err := f.refresh(h, acme()); !errors.Is(err, storage.ErrRevoked) {
				t.Errorf("D07 consent revoked: refreshing: %v", err)
			}
		}
		if err := f.refresh(kept, other()); err != nil {
			t.Errorf("another app of hers: %v", err)
		}
		if err := f.refresh(graces, acme()); err != nil {
			t.Errorf("the same app of somebody else: %v", err)
		}
		p.get("/account/app?app=" + acmeUID).want(http.StatusNotFound)
		events := f.audited("grant.revoked")
		if len(events) != 1 || events[0]["user"] != f.ada.ID || events[0]["client"] != "acme" || events[0]["namespace"] != "partners" || events[0]["address"] != "203.0.113.9" {
			t.Errorf("K21 %v", events)
		}
	})

	t.Run("H10 revoke all: every app, and nobody else's", func(t *testing.T) {
		f := newFixture(t, options{})
		_, one := f.authorize(f.ada, acme(), nil)
		_, two := f.authorize(f.ada, other(), nil)
		_, graces := f.authorize(f.grace, acme(), nil)
		p := f.signedIn(f.ada)
		ask := p.get("/account/revoke").want(http.StatusOK, "Take back the access of all apps?")
		p.follow(p.post("/account/revoke", url.Values{"token": ask.tokens()})).want(http.StatusOK, "No app has access any more")
		for token, client := range map[storage.Hash]storage.ClientRef{one: acme(), two: other()} {
			if err := f.refresh(token, client); !errors.Is(err, storage.ErrRevoked) {
				t.Errorf("%s: %v", client.ID, err)
			}
		}
		if err := f.refresh(graces, acme()); err != nil {
			t.Errorf("somebody else's: %v", err)
		}
		if got := len(f.audited("grant.revoked")); got != 2 {
			t.Errorf("K21 %d events", got)
		}
	})

	t.Run("H10 another user's app, session or passkey is as unknown as none", func(t *testing.T) {
		f := newFixture(t, options{})
		_, token := f.authorize(f.grace, acme(), nil)
		f.authorize(f.ada, other(), nil)
		grace, p := f.signedIn(f.grace), f.signedIn(f.ada)
		for _, path := range []string{"/account/app?app=" + acmeUID, "/account/revoke?app=" + acmeUID, "/account/app?app=nothing", "/account/app", "/account/security/passkey/remove?passkey=AAAA"} {
			p.get(path).want(http.StatusNotFound, "This is not there")
		}
		own := p.get("/account/revoke?app=" + otherUID).tokens()
		p.post("/account/revoke?app="+acmeUID, url.Values{"token": own}).want(http.StatusNotFound)
		p.post("/account/app", url.Values{"token": own, "app": {acmeUID}}).want(http.StatusNotFound)
		foreign := grace.get("/account/sessions").tokens()
		p.post("/account/sessions", url.Values{"token": foreign[:1]}).want(http.StatusForbidden)
		grace.get("/account").want(http.StatusOK, "Acme CLI")
		if err := f.refresh(token, acme()); err != nil {
			t.Errorf("hers: %v", err)
		}
	})

	t.Run("A24 a form about one app takes nothing from another", func(t *testing.T) {
		f := newFixture(t, options{})
		_, token := f.authorize(f.ada, acme(), nil)
		f.authorize(f.ada, other(), nil)
		p := f.signedIn(f.ada)
		about := p.get("/account/revoke?app=" + otherUID).tokens()
		p.post("/account/revoke?app="+acmeUID, url.Values{"token": about}).want(http.StatusForbidden)
		p.post("/account/revoke", url.Values{"token": about}).want(http.StatusForbidden)
		if err := f.refresh(token, acme()); err != nil {
			t.Error(err)
		}
	})

	t.Run("a list of more than twenty goes on on another page", func(t *testing.T) {
		f := newFixture(t, options{})
		for i := range 25 {
			f.authorize(f.ada, storage.ClientRef{ID: "gone-" + string(rune('a'+i)), UID: "uid-" + string(rune('a'+i))}, nil)
		}
		p := f.signedIn(f.ada)
		first := p.get("/account").want(http.StatusOK, "gone-a", "gone-t", "No longer registered here", "Show more").without("gone-u")
		p.get("/account?after=uid-t").want(http.StatusOK, "gone-u", "gone-y", "Back to the first").without("gone-t", "Show more")
		if !strings.Contains(first.body, "/account?after=uid-t") {
			t.Error("the link to the next page is missing")
		}
	})
}

func TestNarrow(t *testing.T) {
	t.Run("what is unticked is gone from the consent and all grants at once", func(t *testing.T) {
		f := newFixture(t, options{})
		g, _ := f.authorize(f.ada, acme(), details("p1", "p2", "p3"))
		g2, _ := f.authorize(f.ada, acme(), details("p2", "p3"))
		p := f.signedIn(f.ada)
		a := p.get("/account/app?app=" + acmeUID)
		form := url.Values{"token": a.tokens()[:1], "app": {acmeUID}, "scope": {"0", "1", "2"}, "choice": {"0", "2"}}
		p.follow(p.post("/account/app", form)).want(http.StatusOK, "Saved", "Mercury", "Apollo", "Read your orders").without("Gemini", "Change your orders")
		for id, want := range map[string]json.RawMessage{g.ID: details("p1", "p3"), g2.ID: details("p3")} {
			got, _, err := f.db.Grant(t.Context(), id)
			if err != nil || string(got.AuthorizationDetails) != string(want) || slices.Contains(got.Scopes, "orders.write") || len(got.Scopes) != 3 {
				t.Errorf("%v: %s %v, want %s", err, got.AuthorizationDetails, got.Scopes, want)
			}
		}
		c, err := f.db.Consent(t.Context(), f.ada.ID, acmeUID)
		if err != nil || string(c.AuthorizationDetails) != string(details("p3")) || len(c.Scopes) != 3 {
			t.Errorf("%v: %s %v", err, c.AuthorizationDetails, c.Scopes)
		}
		if got := f.audited("grant.narrowed"); len(got) != 1 || got[0]["user"] != f.ada.ID {
			t.Errorf("K21 %v", got)
		}
	})

	t.Run("a form never gives anything", func(t *testing.T) {
		f := newFixture(t, options{})
		g, _ := f.authorize(f.ada, acme(), details("p1", "p2"))
		p := f.signedIn(f.ada)
		a := p.get("/account/app?app=" + acmeUID)
		all := url.Values{"token": a.tokens()[:1], "app": {acmeUID}, "scope": {"0", "1", "2", "3", "4", "admin"}, "choice": {"0", "1", "99", "p3"}}
		p.post("/account/app", all).want(http.StatusSeeOther)
		got, _, err := f.db.Grant(t.Context(), g.ID)
		if err != nil || string(got.AuthorizationDetails) != string(details("p1", "p2")) || len(got.Scopes) != 4 {
			t.Errorf("%v: %s %v", err, got.AuthorizationDetails, got.Scopes)
		}
		none := url.Values{"token": a.tokens()[:1], "app": {acmeUID}, "scope": {"0", "2"}} // a scope of the API, and nothing chosen
		p.post("/account/app", none).want(http.StatusBadRequest, "Leave at least one thing ticked")
		none = url.Values{"token": a.tokens()[:1], "app": {acmeUID}, "choice": {"0"}}
		p.post("/account/app", none).want(http.StatusBadRequest, "Leave at least one thing ticked")
	})

	t.Run("a page from before a change is stale", func(t *testing.T) {
		f := newFixture(t, options{})
		f.authorize(f.ada, acme(), details("p1", "p2"))
		p := f.signedIn(f.ada)
		a := p.get("/account/app?app=" + acmeUID)
		g, _ := f.authorize(f.ada, acme(), details("p3"))
		form := url.Values{"token": a.tokens()[:1], "app": {acmeUID}, "scope": {"0", "1", "2"}, "choice": {"0"}}
		p.post("/account/app", form).want(http.StatusConflict, "changed meanwhile", "Mercury")
		got, _, err := f.db.Grant(t.Context(), g.ID)
		if err != nil || len(got.Scopes) != 4 {
			t.Errorf("%v, %v", got.Scopes, err)
		}
	})
}

func TestNarrower(t *testing.T) {
	f := newFixture(t, options{})
	all := []string{"openid", "orders.read", "orders.write"}
	set := func(names ...string) map[string]bool {
		out := map[string]bool{}
		for _, n := range names {
			out[n] = true
		}
		return out
	}
	p1 := key(readChosen(details("p1"))[0])
	for name, c := range map[string]struct {
		details      json.RawMessage
		scopes, keys map[string]bool
		wantScopes   []string
		wantDetails  json.RawMessage
	}{
		"nothing is taken":      {details("p1"), nil, nil, all, details("p1")},
		"one of several things": {details("p1", "p2"), nil, set(p1), all, details("p2")},
		"a scope":               {details("p1"), set("orders.write"), nil, all[:2], details("p1")},
		"with the last thing at an API its scopes go":           {details("p1"), nil, set(p1), all[:1], nil},
		"with the last scope of an API what was chosen goes":    {details("p1"), set("orders.read", "orders.write"), nil, all[:1], nil},
		"where nothing was chosen, taking a thing is nothing":   {nil, nil, set(p1), all, nil},
		"what is not there cannot be taken, nor does it appear": {details("p2"), set("admin"), set(p1), all, details("p2")},
	} {
		got, err := narrower(f.registry.Current(), c.scopes, c.keys)(storage.Access{Scopes: all, Audience: []string{api}, AuthorizationDetails: c.details})
		if err != nil || !slices.Equal(got.Scopes, c.wantScopes) || string(got.AuthorizationDetails) != string(c.wantDetails) {
			t.Errorf("%s: %+v, %v; want %v %s", name, got, err, c.wantScopes, c.wantDetails)
		}
		if kept := len(c.wantScopes) > 1; slices.Contains(got.Audience, api) != kept || len(got.Audience) != 1 {
			t.Errorf("%s: audience %v", name, got.Audience)
		}
	}
}

func TestAccessCountsClaimsAskedByName(t *testing.T) {
	app := storage.App{Grants: []storage.Grant{
		{Scopes: []string{"openid"}, Claims: json.RawMessage(`{"email":{"essential":true},"auth_time":{}}`)},
		{Scopes: []string{"openid", "orders.read"}},
	}}
	want := []string{"openid", "email", "orders.read"}
	if got := accessOf(app).scopes; !slices.Equal(got, want) {
		t.Errorf("people see, and can take back, %v; want %v", got, want)
	}
	if !slices.Equal(app.Grants[0].Scopes, []string{"openid"}) {
		t.Error("the grant was changed")
	}
}
