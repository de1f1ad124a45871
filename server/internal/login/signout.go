package login

import (
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/logout"
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
	if err := logout.End(l.web, v.Visit, l.Storage); err != nil {
		return err
	}
	return web.Redirect(v.Visit, PathLogout)
}
