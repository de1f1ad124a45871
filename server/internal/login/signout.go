package login

import (
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signedout"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signout"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// askSignOut asks before it signs out: a GET changes nothing (I07).
func (l *Login) askSignOut(v *visit) error {
	if !v.signedIn() {
		return l.pages.signedOut.Render(v.w, http.StatusOK, v.shell(), signedout.Data{})
	}
	token, err := l.formToken(v, purposeSignOut, storage.Hash{})
	if err != nil {
		return err
	}
	return l.pages.signOut.Render(v.w, http.StatusOK, v.shell(), signout.Data{Token: token})
}

// signOut ends the session.
func (l *Login) signOut(v *visit) error {
	if !v.signedIn() {
		return redirect(v, PathLogout)
	}
	if _, err := l.checkToken(v, purposeSignOut); err != nil {
		return forbidden(err)
	}
	if err := l.Storage.EndSession(v.r.Context(), v.session.ID); err != nil {
		return unavailable(err)
	}
	l.note(v, audit.Event{Action: actionSignedOut})
	v.site.setCookie(v.w, v.site.sessionCookie, "", 0)
	v.site.setCookie(v.w, v.site.flowCookie, "", 0)
	return redirect(v, PathLogout)
}
