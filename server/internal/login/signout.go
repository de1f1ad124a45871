package login

import (
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signedout"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signout"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// askSignOut asks before it signs out: a GET changes nothing (I07).
func (l *Login) askSignOut(v *visit) error {
	if !v.SignedIn() {
		return l.pages.signedOut.Render(v.W, http.StatusOK, v.Shell(), signedout.Data{})
	}
	token, err := l.web.FormToken(v.Visit, purposeSignOut, "")
	if err != nil {
		return err
	}
	return l.pages.signOut.Render(v.W, http.StatusOK, v.Shell(), signout.Data{Token: token})
}

// signOut ends the session.
func (l *Login) signOut(v *visit) error {
	if !v.SignedIn() {
		return web.Redirect(v.Visit, PathLogout)
	}
	if _, err := l.web.CheckToken(v.Visit, purposeSignOut); err != nil {
		return web.Forbidden(err)
	}
	if err := l.Storage.EndSession(v.R.Context(), v.Session.ID); err != nil {
		return web.Unavailable(err)
	}
	l.web.Note(v.Visit, audit.Event{Action: actionSignedOut})
	v.Site.SetCookie(v.W, v.Site.SessionCookie, "", 0)
	v.Site.SetCookie(v.W, v.Site.FlowCookie, "", 0)
	return web.Redirect(v.Visit, PathLogout)
}
