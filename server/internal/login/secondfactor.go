package login

import (
	"errors"
	"net/http"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/page/passkey"
	"github.com/grantkeeper/grantkeeper/server/internal/page/secondfactor"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signin"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// owing is who owes a second factor: whoever gave a first one in this flow, or who is signed in and has to be more certain.
// errGone when it is nobody any more.
func (l *Login) owing(v *visit) (storage.User, error) {
	first := v.flow.First
	if first == nil {
		if !v.SignedIn() {
			return storage.User{}, errGone
		}
		return v.User, nil
	}
	if v.Now.Sub(time.UnixMicro(first.Given)) > secondFactorTTL {
		return storage.User{}, errGone
	}
	user, err := l.Storage.User(v.R.Context(), first.User)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return user, errGone
	case err != nil:
		return user, web.Unavailable(err)
	case !user.DisabledAt.IsZero() || !l.Providers.Active(v.Snapshot.IdentityProviders(), user.Provider, user.Subject):
		return user, errGone
	}
	return user, nil
}

var errGone = errors.New("the first factor is too old, or its account is gone")

// startOver forgets a first factor and asks for it again.
func (l *Login) startOver(v *visit) error {
	v.flow.First, v.flow.Problem = nil, string(signin.Stale)
	return l.goTo(v, PathLogin)
}

// showSecondFactor renders the page that asks for a second factor.
func (l *Login) showSecondFactor(v *visit, s *situation, status int, problem secondfactor.Problem) error {
	user, err := l.owing(v)
	if errors.Is(err, errGone) {
		return l.startOver(v)
	}
	if err != nil {
		return err
	}
	ctx := v.R.Context()
	e, err := l.Factors.Enrolled(ctx, user.ID)
	if err != nil {
		return web.Unavailable(err)
	}
	if !e.Any() { // removed meanwhile
		return l.startOver(v)
	}
	if err := l.saveFlow(v); err != nil {
		return err
	}
	data := secondfactor.Data{Flow: v.flow.Key, Account: web.AccountName(user), Problem: problem, Switch: v.at(pathAgain)}
	if !s.first {
		data.Switch = v.switchAccount()
	}
	if lacks, _ := s.lacks(); s.first || lacks != oauth.ACRPhishingResistant {
		data.TOTP, data.Recovery = e.TOTP, e.RecoveryCodes > 0
	}
	if data.Token, err = l.formToken(v, purposeSecond, token{}); err != nil {
		return err
	}
	if e.Passkeys > 0 {
		ceremony, err := l.Factors.BeginPasskey(ctx, &user, v.Now)
		switch {
		case errors.Is(err, factor.ErrNone), errors.Is(err, factor.ErrUnsupported):
		case err != nil:
			return web.Unavailable(err)
		default:
			data.Options = ceremony.Options
			if data.PasskeyToken, err = l.formToken(v, purposeKey, token{Kept: ceremony.Kept}); err != nil {
				return err
			}
		}
	}
	return l.pages.secondFactor.Render(v.W, status, v.Shell(), data)
}

// proving begins to take a second factor. When done is true it has answered.
func (l *Login) proving(v *visit, purpose string) (s *situation, user storage.User, t token, done bool, err error) {
	if s, err = l.gather(v, pathSecondFactor); err != nil {
		return nil, user, t, true, err
	}
	t, stale := l.checkToken(v, purpose)
	if at, _ := next(s.state); at != stepSecondFactor {
		if stale != nil && v.flow.Key == "" {
			return nil, user, t, true, web.Forbidden(stale)
		}
		return nil, user, t, true, l.serve(v, s, "")
	}
	if stale != nil {
		return nil, user, t, true, l.showSecondFactor(v, s, http.StatusForbidden, secondfactor.Stale)
	}
	user, err = l.owing(v)
	if errors.Is(err, errGone) {
		return nil, user, t, true, l.startOver(v)
	}
	return s, user, t, err != nil, err
}

// proveCode takes a code of an authenticator app, or a recovery code.
func (l *Login) proveCode(v *visit) error {
	s, user, _, done, err := l.proving(v, purposeSecond)
	if done {
		return err
	}
	code := v.R.PostForm.Get("code")
	if code == "" {
		return l.showSecondFactor(v, s, http.StatusBadRequest, secondfactor.Empty)
	}
	ctx := v.R.Context()
	ticket, err := l.take(ctx, v, web.FactorGuesses(user.ID, v.Address)...)
	if err != nil {
		return l.factorRefused(v, user, err)
	}
	methods, verify := factor.MethodsTOTP(), l.Factors.VerifyTOTP
	if factor.LooksLikeRecoveryCode(code) {
		methods, verify = factor.MethodsRecovery(), l.Factors.VerifyRecoveryCode
	}
	err = verify(ctx, user.ID, code, v.Now)
	if errors.Is(err, factor.ErrWrong) {
		_ = l.factorRefused(v, user, err) // the page says it
		return l.showSecondFactor(v, s, http.StatusBadRequest, secondfactor.Wrong)
	}
	if err != nil {
		return web.Unavailable(err)
	}
	if err := l.web.Throttle.Succeeded(ctx, ticket, v.Now); err != nil {
		return web.Unavailable(err)
	}
	return l.proved(v, user, methods)
}

// provePasskey takes the answer of a passkey.
func (l *Login) provePasskey(v *visit) error {
	s, user, t, done, err := l.proving(v, purposeKey)
	if done {
		return err
	}
	whose, methods, err := l.Factors.FinishPasskey(v.R.Context(), t.Kept, []byte(v.R.PostForm.Get(passkey.Field)), v.Now)
	if err == nil && whose.ID != user.ID {
		err = factor.ErrWrong
	}
	switch {
	case errors.Is(err, factor.ErrWrong), errors.Is(err, factor.ErrCloned):
		_ = l.factorRefused(v, user, err) // the page says it
		return l.showSecondFactor(v, s, http.StatusBadRequest, secondfactor.Passkey)
	case err != nil:
		return web.Unavailable(err)
	}
	return l.proved(v, user, methods)
}

// factorRefused notes a second factor that was refused, and returns err.
func (l *Login) factorRefused(v *visit, user storage.User, err error) error {
	event := audit.Event{Action: actionFactorRefused, User: user.ID, Error: reasonWrong}
	f := new(web.PageError)
	switch {
	case errors.Is(err, factor.ErrCloned):
		event.Error = reasonCloned
	case errors.As(err, &f):
		if f.Kind != failure.Throttled {
			return err // nobody refused anything
		}
		event.Error = reasonThrottled
	}
	l.web.Note(v.Visit, event)
	return err
}

// proved goes on with who has given two factors. The time of authentication stays that of the first one: a second factor alone is
// no new sign-in.
func (l *Login) proved(v *visit, user storage.User, methods []string) error {
	session := storage.Session{
		AuthenticatedAt: v.Session.AuthenticatedAt, Methods: factor.Combine(v.Session.Methods, methods), ExpiresAt: v.Session.ExpiresAt,
	}
	event := audit.Event{Action: actionFactorProved}
	if first := v.flow.First; first != nil {
		session.AuthenticatedAt, session.Methods = time.UnixMicro(first.At), factor.Combine(first.Methods, methods)
		session.ExpiresAt = v.Now.Add(SessionTTL)
		event = audit.Event{Action: actionSignedIn, Provider: first.Provider}
	}
	if err := l.startSession(v, user, session); err != nil {
		return err
	}
	l.web.Note(v.Visit, event)
	return l.proceed(v)
}

// offerPasskey puts the button for signing in by a passkey on the page, where browsers take passkeys.
func (l *Login) offerPasskey(v *visit, data *signin.Data) error {
	ceremony, err := l.Factors.BeginPasskey(v.R.Context(), nil, v.Now)
	if errors.Is(err, factor.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return web.Unavailable(err)
	}
	data.Options = ceremony.Options
	data.PasskeyToken, err = l.formToken(v, purposePasskey, token{Kept: ceremony.Kept})
	return err
}

// signInByPasskey signs in by a passkey alone: an account of a local provider, since any other provider wants to be asked whether
// its user may still sign in.
func (l *Login) signInByPasskey(v *visit) error {
	form := signInForm{}
	t, _ := l.checkToken(v, purposePasskey)
	s, done, err := l.signingIn(v, purposePasskey, &form)
	if done || err != nil {
		return err
	}
	ctx := v.R.Context()
	// Nobody guesses a passkey. But every try costs a row and a signature to check, and there is nobody yet whose it would be.
	ticket, err := l.take(ctx, v, web.SignInGuesses("", "", v.Address)[:1]...)
	if err != nil {
		return l.factorRefused(v, storage.User{}, err)
	}
	user, methods, err := l.Factors.FinishPasskey(ctx, t.Kept, []byte(v.R.PostForm.Get(passkey.Field)), v.Now)
	document, ok := v.Snapshot.IdentityProvider(user.Provider)
	switch {
	case err != nil && !errors.Is(err, factor.ErrWrong) && !errors.Is(err, factor.ErrCloned):
		return web.Unavailable(err)
	case err != nil || !ok || document.Local == nil || !s.demands.allows(document.Name) ||
		!l.Providers.Active(v.Snapshot.IdentityProviders(), user.Provider, user.Subject):
		_ = l.factorRefused(v, user, errors.Join(factor.ErrWrong, err)) // the page says it
		form.problem = signin.Passkey
		return l.showSignIn(v, s, http.StatusBadRequest, form)
	}
	if err := l.web.Throttle.Succeeded(ctx, ticket, v.Now); err != nil {
		return web.Unavailable(err)
	}
	return l.admitUser(v, document.Name, user, methods, v.Now)
}
