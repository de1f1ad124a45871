package login

import (
	"errors"
	"net/http"
	"slices"

	"github.com/grantkeeper/grantkeeper/server/internal/page/selectaccount"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// switchAccount is where people go who want to go on with another account.
func (v *visit) switchAccount() string { return v.at(pathSelect) }

// selectAccount serves the page where people choose an account: when an app asks for it, and when they come from a page of the flow.
func (l *Login) selectAccount(v *visit) error {
	s, err := l.gather(v, pathSelect)
	if err != nil {
		return err
	}
	if v.flow.Key != "" {
		at, _ := next(s.state)
		from := []step{stepSelect, stepConsent, stepConfirm, stepCode, stepCodeAgain, stepSecondFactor, stepNotAllowed}
		if v.SignedIn() && !s.first && slices.Contains(from, at) {
			return l.showSelect(v, s)
		}
	}
	return l.serve(v, s, pathSelect)
}

// showSelect renders the page that asks which account to go on with.
func (l *Login) showSelect(v *visit, s *situation) error {
	if err := l.saveFlow(v); err != nil {
		return err
	}
	t, err := l.formToken(v, purposeSelect, token{})
	if err != nil {
		return err
	}
	data := selectaccount.Data{Token: t, Flow: v.flow.Key, Account: web.AccountName(v.User)}
	if s.asked.client != nil {
		data.App = nameOf(s.asked.client)
	}
	if p, ok := v.Snapshot.IdentityProvider(v.User.Provider); ok {
		data.Provider = p.DisplayName
	}
	return l.pages.selectAccount.Render(v.W, http.StatusOK, v.Shell(), data)
}

// selected takes the choice. Another account means a new sign-in, which ends the session that is there.
func (l *Login) selected(v *visit) error {
	if !v.SignedIn() {
		return web.Forbidden(web.ErrNoSession)
	}
	if _, err := l.checkToken(v, purposeSelect); err != nil {
		return web.Forbidden(err)
	}
	switch v.R.PostForm.Get("account") {
	case "this":
		v.flow.Chosen = v.Session.SID
	case "other":
		v.flow.Chosen, v.flow.Since, v.flow.Straight = "", v.Now.UnixMicro(), false
	default:
		return web.BadRequest(errors.New("neither this account nor another one was chosen"))
	}
	return l.proceed(v)
}
