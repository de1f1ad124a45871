package login

import (
	"errors"
	"net/http"
	"slices"

	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/notallowed"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// bar asks the client's policy whether the person may use it. It is asked from memory, with what is known of the person now; whether
// the policy takes users of their identity provider at all, the sign-in decides.
func (l *Login) bar(v *visit, s *situation) {
	s.barred = false
	if !v.SignedIn() || s.asked.client == nil || !s.asked.client.Enabled() { // an app that is not served is gone for everybody
		return
	}
	err := grant.AllowsUser(v.R.Context(), v.Snapshot, s.asked.client, v.User)
	s.barred = err != nil
	if err != nil && !errors.Is(err, expression.ErrNotAllowed) {
		l.web.Log.ErrorContext(v.R.Context(), "nobody can tell who may use a client, so that nobody is let in", "client", s.asked.client.ClientID, "cause", err)
	}
}

// showNotAllowed renders the page that says so. The client is told when the person leaves it, and not before: another account may do.
func (l *Login) showNotAllowed(v *visit, s *situation) error {
	if err := l.saveFlow(v); err != nil {
		return err
	}
	c := s.asked.client
	data := notallowed.Data{
		Flow: v.flow.Key, App: nameOf(c), Account: web.AccountName(v.User), Other: v.switchAccount(),
		Device: s.asked.device != nil,
	}
	if s.asked.request == nil && s.asked.device == nil {
		data.Back = pathOfApp(s.asked)
		return l.pages.notAllowed.Render(v.W, http.StatusForbidden, v.Shell(), data)
	}
	var err error
	if data.Token, err = l.formToken(v, purposeBarred, aboutAsked(s.asked)); err != nil {
		return err
	}
	return l.pages.notAllowed.Render(v.W, http.StatusForbidden, v.Shell(), data)
}

// leaveNotAllowed tells the client that it was refused (access_denied), if it still is.
func (l *Login) leaveNotAllowed(v *visit) error {
	if !v.SignedIn() {
		return web.Forbidden(web.ErrNoSession)
	}
	t, err := l.checkToken(v, purposeBarred)
	if err != nil {
		return web.Forbidden(err)
	}
	s, err := l.gather(v, pathNotAllowed)
	if err != nil {
		return err
	}
	if at, _ := next(s.state); at != stepNotAllowed {
		return l.serve(v, s, pathNotAllowed)
	}
	if s.asked.request == nil && s.asked.device == nil || !slices.Equal(t.Request, aboutAsked(s.asked).Request) {
		return web.Forbidden(web.ErrToken)
	}
	return l.refuse(v, s.asked, oauth.AccessDenied())
}
