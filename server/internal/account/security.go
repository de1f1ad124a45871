package account

import (
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountcodes"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountsecurity"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accounttotp"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

const (
	purposeTOTP       = "set up totp"
	purposeRemoveTOTP = "remove totp"
	purposeCodes      = "make codes"
)

// The kinds of factors in audit events.
const (
	factorTOTP    = "totp"
	factorPasskey = "passkey"
	factorCodes   = "recovery_codes"
)

// showSecurity shows the second factors.
func (a *Account) showSecurity(v *visit) error {
	enrolled, err := a.Factors.Enrolled(v.R.Context(), v.User.ID)
	if err != nil {
		return web.Unavailable(err)
	}
	passkeys, err := a.Storage.Passkeys(v.R.Context(), v.User.ID)
	if err != nil {
		return failed(err)
	}
	data := accountsecurity.Data{
		TOTP: enrolled.TOTP, RecoveryCodes: enrolled.RecoveryCodes, Flow: v.flow, Done: a.wasDone(v),
		PasskeysSupported: a.Factors.PasskeysSupported(), MorePasskeys: len(passkeys) < factor.MaxPasskeys,
	}
	for _, p := range passkeys {
		data.Passkeys = append(data.Passkeys, accountsecurity.Passkey{
			ID: base64.RawURLEncoding.EncodeToString(p.ID), Name: p.Name, Since: p.CreatedAt, LastUsed: p.LastUsedAt,
		})
	}
	return a.pages.security.Render(v.W, http.StatusOK, v.Shell(), data)
}

// back is the page of factors, in the flow.
func (v *visit) back() string {
	if v.flow == "" {
		return PathSecurity
	}
	return PathSecurity + "?flow=" + v.flow
}

// startTOTP shows the secret for an authenticator app.
func (a *Account) startTOTP(v *visit) error { return a.newTOTP(v, http.StatusOK, "") }

func (a *Account) newTOTP(v *visit, status int, problem accounttotp.Problem) error {
	t, err := a.Factors.StartTOTP(v.User, v.Site.Service, v.Now)
	if err != nil {
		return err
	}
	return a.showTOTP(v, status, t, problem)
}

func (a *Account) showTOTP(v *visit, status int, t factor.NewTOTP, problem accounttotp.Problem) error {
	token, err := a.token(v, purposeTOTP, t.Pending)
	if err != nil {
		return err
	}
	return a.pages.totp.Render(v.W, status, v.Shell(), accounttotp.Data{
		Token: token, Pending: t.Pending, Secret: t.Secret, URI: t.URI, Flow: v.flow, Problem: problem,
	})
}

// confirmTOTP takes the authenticator app into use, if it shows the right code. Wrong codes are not counted: who guesses here
// has the secret.
func (a *Account) confirmTOTP(v *visit) error {
	about, err := a.web.CheckToken(v.Visit, "account "+purposeTOTP)
	pending := v.R.PostForm.Get("pending")
	if err != nil || about != pending {
		return a.newTOTP(v, http.StatusForbidden, accounttotp.Stale)
	}
	err = a.Factors.ConfirmTOTP(v.R.Context(), v.User.ID, pending, v.R.PostForm.Get("code"), v.Now)
	if errors.Is(err, factor.ErrWrong) {
		t, err := a.Factors.ResumeTOTP(v.User, v.Site.Service, pending, v.Now)
		if err != nil {
			return a.newTOTP(v, http.StatusBadRequest, accounttotp.Stale)
		}
		return a.showTOTP(v, http.StatusBadRequest, t, accounttotp.Wrong)
	}
	if err != nil {
		return web.Unavailable(err)
	}
	return a.added(v, factorTOTP, "totpadded", factor.MethodsTOTP())
}

// added is what follows a new factor: the session has proved it, and whoever has no recovery codes gets some at once.
func (a *Account) added(v *visit, kind, what string, methods []string) error {
	a.note(v, FactorAdded, storage.ClientRef{}, kind)
	if err := a.prove(v, methods); err != nil {
		return err
	}
	enrolled, err := a.Factors.Enrolled(v.R.Context(), v.User.ID)
	if err != nil {
		return web.Unavailable(err)
	}
	if enrolled.RecoveryCodes == 0 {
		return a.showCodes(v)
	}
	return done(v, PathSecurity, what)
}

// prove writes into the session that it was also proved by these methods, so that nobody is asked for the factor that they have
// just set up. The cookie gets a new value, as with every sign-in (A26); when the session began and ends stays.
func (a *Account) prove(v *visit, methods []string) error {
	if oauth.ACRSatisfies(oauth.ACROf(v.Session.Methods), oauth.ACRMultiFactor) {
		return nil
	}
	credential, err := oauth.NewCredential(oauth.PrefixSession, a.web.Random)
	if err != nil {
		return err
	}
	session := v.Session
	session.ID, _ = oauth.ParseCredential(oauth.PrefixSession, credential)
	session.Methods = factor.Combine(session.Methods, methods)
	if err := a.Storage.CreateSession(v.R.Context(), session, v.Session.ID); err != nil {
		return failed(err)
	}
	v.Session = session
	v.Site.SetCookie(v.W, v.Site.SessionCookie, credential, session.ExpiresAt.Sub(v.Now))
	return nil
}

// askRemoveTOTP asks before the authenticator app is removed.
func (a *Account) askRemoveTOTP(v *visit) error {
	enrolled, err := a.Factors.Enrolled(v.R.Context(), v.User.ID)
	if err != nil {
		return web.Unavailable(err)
	}
	if !enrolled.TOTP {
		return notFound(factor.ErrNone)
	}
	token, err := a.token(v, purposeRemoveTOTP, "")
	if err != nil {
		return err
	}
	return a.pages.confirm.Render(v.W, http.StatusOK, v.Shell(), accountconfirm.Data{
		Token: token, What: accountconfirm.RemoveTOTP, Action: pathTOTPRemove, Back: PathSecurity, Part: account.Security,
	})
}

// removeTOTP removes it.
func (a *Account) removeTOTP(v *visit) error {
	if _, err := a.check(v, purposeRemoveTOTP); err != nil {
		return err
	}
	err := a.Factors.RemoveTOTP(v.R.Context(), v.User.ID, v.Now)
	if errors.Is(err, factor.ErrNone) {
		return notFound(err)
	}
	if err != nil {
		return web.Unavailable(err)
	}
	a.note(v, FactorRemoved, storage.ClientRef{}, factorTOTP)
	return done(v, PathSecurity, "totpremoved")
}

// askCodes asks before recovery codes are made, since those from before end.
func (a *Account) askCodes(v *visit) error {
	token, err := a.token(v, purposeCodes, "")
	if err != nil {
		return err
	}
	return a.pages.confirm.Render(v.W, http.StatusOK, v.Shell(), accountconfirm.Data{
		Token: token, What: accountconfirm.ReplaceCodes, Action: pathCodes, Back: v.back(), Part: account.Security, Flow: v.flow,
	})
}

// makeCodes makes recovery codes and shows them, in the answer to the form itself: they are kept nowhere.
func (a *Account) makeCodes(v *visit) error {
	if _, err := a.check(v, purposeCodes); err != nil {
		return err
	}
	return a.showCodes(v)
}

func (a *Account) showCodes(v *visit) error {
	codes, err := a.Factors.NewRecoveryCodes(v.R.Context(), v.User.ID, v.Now)
	if errors.Is(err, factor.ErrNone) {
		return web.Redirect(v.Visit, v.back()) // the factor is gone meanwhile
	}
	if err != nil {
		return web.Unavailable(err)
	}
	a.note(v, FactorAdded, storage.ClientRef{}, factorCodes)
	return a.pages.codes.Render(v.W, http.StatusOK, v.Shell(), accountcodes.Data{Codes: codes, Flow: v.flow})
}
