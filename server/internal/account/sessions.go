package account

import (
	"errors"
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/describe"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountsessions"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

const (
	// sessionsShown keeps the page below page.MaxSize.
	sessionsShown = 15

	purposeEndSession = "end session"
	purposeSignOutAll = "sign out everywhere"
)

// showSessions lists where somebody is signed in.
func (a *Account) showSessions(v *visit) error {
	sessions, err := a.Storage.UserSessions(v.R.Context(), v.User.ID, v.Now, sessionsShown+1)
	if err != nil {
		return failed(err)
	}
	data := accountsessions.Data{Done: a.wasDone(v), More: len(sessions) > sessionsShown}
	for _, s := range sessions[:min(len(sessions), sessionsShown)] {
		row := accountsessions.Session{Since: s.SignedInAt(), This: s.SID == v.Session.SID}
		row.Kind, row.Program = describe.Program(s.Origin.UserAgent)
		row.Network, row.Address, _ = describe.Where(s.Origin.Address, v.Address)
		if row.Token, err = a.token(v, purposeEndSession, s.SID); err != nil {
			return err
		}
		data.Sessions = append(data.Sessions, row)
	}
	return a.pages.sessions.Render(v.W, http.StatusOK, v.Shell(), data)
}

// endSession signs one browser out: the one that the form's token names.
func (a *Account) endSession(v *visit) error {
	sid, err := a.check(v, purposeEndSession)
	if err != nil {
		return err
	}
	if sid == "" { // would be all of them
		return notFound(errors.New("a session without a name"))
	}
	if err := a.Storage.EndUserSession(v.R.Context(), v.User.ID, sid, v.Now, tell(v)); err != nil {
		return failed(err)
	}
	a.note(v, SessionEnded, storage.ClientRef{}, "")
	if sid == v.Session.SID {
		return a.signedOut(v)
	}
	return done(v, pathSessions, "ended")
}

// askSignOutAll asks before everything is signed out.
func (a *Account) askSignOutAll(v *visit) error {
	token, err := a.token(v, purposeSignOutAll, "")
	if err != nil {
		return err
	}
	return a.pages.confirm.Render(v.W, http.StatusOK, v.Shell(), accountconfirm.Data{
		Token: token, What: accountconfirm.SignOutAll, Action: pathSessionsAll, Back: pathSessions, Part: account.Sessions,
	})
}

// signOutAll signs every browser out.
func (a *Account) signOutAll(v *visit) error {
	if _, err := a.check(v, purposeSignOutAll); err != nil {
		return err
	}
	if err := a.Storage.EndUserSession(v.R.Context(), v.User.ID, "", v.Now, tell(v)); err != nil {
		return failed(err)
	}
	a.note(v, SessionEnded, storage.ClientRef{}, "")
	return a.signedOut(v)
}

// signedOut takes the cookies of a browser whose session has ended and shows that it has.
func (a *Account) signedOut(v *visit) error {
	v.DropCookies()
	return web.Redirect(v.Visit, a.SignedOut)
}
