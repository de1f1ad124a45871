package server

import (
	"crypto/rand"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// browser signs the user in and returns what makes a request one of that browser.
func (w *world) browser() option {
	w.t.Helper()
	credential, err := oauth.NewCredential(oauth.PrefixSession, rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	id, _ := oauth.ParseCredential(oauth.PrefixSession, credential)
	now := w.now()
	err = w.server.storage.CreateSession(w.t.Context(), storage.Session{
		ID: id, SID: rand.Text(), UserID: w.user.ID, AuthenticatedAt: now, Methods: []string{"pwd"}, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}, storage.Hash{})
	if err != nil {
		w.t.Fatal(err)
	}
	cookie := web.SiteOf(w.server.registry.Current().Server()).SessionCookie
	return func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: cookie, Value: credential})
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
}

var formToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// submit opens a page and sends its last form.
func (w *world) submit(page, action string, browser option, pairs ...string) answer {
	w.t.Helper()
	shown := w.send(http.MethodGet, page, "", "", browser)
	all := formToken.FindAllStringSubmatch(shown.body, -1)
	if shown.status != http.StatusOK || all == nil {
		w.t.Fatalf("%s: %d %s", page, shown.status, shown.body)
	}
	return w.post(action, append([]string{"token", html.UnescapeString(all[len(all)-1][1])}, pairs...), browser)
}

// TestH10WhatTheAccountPagesEnd looks at the endpoints after the pages.
func TestH10WhatTheAccountPagesEnd(t *testing.T) {
	for name, end := range map[string]func(w *world, browser option) answer{
		"D07 consent revoked: one app": func(w *world, browser option) answer {
			c, _ := w.server.registry.Current().Client(cliID)
			path := "/account/revoke?app=" + c.UID
			return w.submit(path, path, browser)
		},
		"D07 consent revoked: all apps": func(w *world, browser option) answer {
			return w.submit("/account/revoke", "/account/revoke", browser)
		},
		"D07 the user's data is erased": func(w *world, browser option) answer {
			return w.submit("/account/data", "/account/data/erase", browser, "sure", "yes")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			browser := w.browser()
			first, second := w.login(cliID), w.login(cliID)
			waiting := w.device(cliID)
			w.approve(waiting.text("device_code"))
			undecided := w.device(cliID)
			if a := end(w, browser); a.status != http.StatusSeeOther && a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
			for _, tokens := range []answer{first, second} {
				want(t, w.refresh(cliID, tokens.text("refresh_token")), 400, "invalid_grant")
				if w.active(tokens.text("access_token")) {
					t.Error("H05 the access token is still active")
				}
				a := w.send(http.MethodGet, "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+tokens.text("access_token")))
				if a.status != http.StatusUnauthorized {
					t.Errorf("userinfo: %d", a.status)
				}
			}
			want(t, w.poll(cliID, waiting.text("device_code")), 400, "invalid_grant")
			want(t, w.poll(cliID, undecided.text("device_code")), 400, "authorization_pending")
			for _, secret := range []string{first.text("refresh_token"), first.text("access_token")} {
				if strings.Contains(w.log.String(), secret) {
					t.Error("I10 a token is in the log")
				}
			}
		})
	}
}
