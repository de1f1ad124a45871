package login

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signin"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// signInTimeout bounds one sign-in, the wait for its turn included.
const signInTimeout = 10 * time.Second

// signInForm is what was submitted before, when the page is shown again.
type signInForm struct {
	provider, username string
	problem            signin.Problem
}

// passwordProviders are the declared providers that take passwords, by name.
func (l *Login) passwordProviders(v *visit) []idp.Provider {
	var out []idp.Provider
	for _, p := range l.Providers.Providers(v.Snapshot.IdentityProviders()) {
		if p.Password != nil {
			out = append(out, p)
		}
	}
	return out
}

// showSignIn renders the sign-in page, in a flow.
func (l *Login) showSignIn(v *visit, status int, form signInForm) error {
	declared := l.passwordProviders(v)
	if len(declared) == 0 {
		return web.NoSignIn()
	}
	if v.flow.ID == "" {
		var err error
		if v.flow, err = l.newFlow(v.flow); err != nil {
			return err
		}
	}
	if err := l.saveFlow(v); err != nil {
		return err
	}
	token, err := l.formToken(v, purposeSignIn, storage.Hash{})
	if err != nil {
		return err
	}
	data := signin.Data{Token: token, ForDevice: v.flow.Device, Provider: form.provider, Username: form.username, Problem: form.problem}
	for _, p := range declared {
		data.Providers = append(data.Providers, signin.Provider{Name: p.Document.Name, DisplayName: p.Document.DisplayName})
	}
	return l.pages.signIn.Render(v.W, status, v.Shell(), data)
}

// signIn takes username and password.
func (l *Login) signIn(v *visit) error {
	form := signInForm{provider: v.R.PostForm.Get("provider"), username: v.R.PostForm.Get("username")}
	if len(form.username) > idp.MaxUsername {
		form.username = ""
	}
	if _, err := l.checkToken(v, purposeSignIn); err != nil {
		if v.SignedIn() { // in another tab, meanwhile
			return web.Redirect(v.Visit, next(state{signedIn: true, device: v.flow.Device, request: codeGiven(v.flow), decided: v.flow.Decided}).path())
		}
		form.problem = signin.Stale
		return l.showSignIn(v, http.StatusForbidden, form)
	}
	password := v.R.PostForm.Get("password")
	if form.username == "" || password == "" {
		form.problem = signin.Empty
		return l.showSignIn(v, http.StatusBadRequest, form)
	}
	user, methods, err := l.authenticate(v, form, password)
	if errors.Is(err, idp.ErrRefused) {
		l.web.Note(v.Visit, audit.Event{Action: actionSignInRefused, Error: reasonWrong})
		form.problem = signin.Refused
		return l.showSignIn(v, http.StatusBadRequest, form)
	}
	if err != nil {
		if f := new(web.Failed); errors.As(err, &f) && f.Kind == failure.Throttled {
			l.web.Note(v.Visit, audit.Event{Action: actionSignInRefused, Error: reasonThrottled})
		}
		return err
	}
	if err := l.startSession(v, user, methods); err != nil {
		return err
	}
	l.web.Note(v.Visit, audit.Event{Action: actionSignedIn})
	s := next(state{signedIn: true, device: v.flow.Device, request: codeGiven(v.flow)})
	return web.Redirect(v.Visit, s.path())
}

func codeGiven(f flow) requestState {
	if f.Code == "" {
		return requestNone
	}
	return requestUnchecked
}

// authenticate asks the chosen provider, within the throttle, and finds or makes the account. It returns idp.ErrRefused for
// unknown, wrong and disabled alike, or an error that has a page.
func (l *Login) authenticate(v *visit, form signInForm, password string) (storage.User, []string, error) {
	none := storage.User{}
	declared := l.passwordProviders(v)
	if len(declared) == 0 {
		return none, nil, web.NoSignIn()
	}
	provider := declared[0]
	for _, p := range declared {
		if p.Document.Name == form.provider {
			provider = p
		}
	}
	ctx, cancel := context.WithTimeout(v.R.Context(), signInTimeout)
	defer cancel()
	canonical, _ := idp.CanonicalUsername(form.username)
	t, wait, err := l.web.Throttle.Take(ctx, v.Now, web.SignInGuesses(provider.Document.UID, canonical, v.Address)...)
	if err != nil {
		return none, nil, web.Unavailable(err)
	}
	if wait > 0 {
		return none, nil, web.Throttled(wait)
	}
	identity, err := provider.Password.Authenticate(ctx, form.username, password)
	switch {
	case errors.Is(err, idp.ErrRefused):
		return none, nil, idp.ErrRefused
	case err != nil:
		// Nothing was learned about the password, so it is no failure of the user's. The request's own context: ctx may be what ended.
		return none, nil, web.Unavailable(errors.Join(err, l.web.Throttle.Succeeded(v.R.Context(), t, v.Now)))
	}
	id, err := l.randomID()
	if err != nil {
		return none, nil, err
	}
	user, err := l.Storage.SignedIn(ctx, storage.User{
		ID: id, Provider: provider.Document.UID, Subject: identity.Subject, Username: identity.Username, Name: identity.Name,
		Email: identity.Email, EmailVerified: identity.EmailVerified, Groups: identity.Groups, CreatedAt: v.Now, UpdatedAt: v.Now,
	})
	switch {
	case errors.Is(err, storage.ErrRevoked):
		return none, nil, idp.ErrRefused
	case err != nil:
		return none, nil, web.Unavailable(err)
	}
	if err := l.web.Throttle.Succeeded(ctx, t, v.Now); err != nil {
		return none, nil, web.Unavailable(err)
	}
	return user, identity.Methods, nil
}

// startSession signs the browser in: a new session in place of the one before, and a new id for the flow, so that nothing
// that was planted before the sign-in is worth anything after it (A26).
func (l *Login) startSession(v *visit, user storage.User, methods []string) error {
	credential, err := oauth.NewCredential(oauth.PrefixSession, l.web.Random)
	if err != nil {
		return err
	}
	id, _ := oauth.ParseCredential(oauth.PrefixSession, credential)
	session := storage.Session{ID: id, UserID: user.ID, AuthenticatedAt: v.Now, Methods: methods, ExpiresAt: v.Now.Add(SessionTTL)}
	if err := l.Storage.CreateSession(v.R.Context(), session, v.Session.ID); err != nil {
		if errors.Is(err, storage.ErrRevoked) || errors.Is(err, storage.ErrNotFound) {
			return web.Forbidden(err) // disabled between the two writes
		}
		return web.Unavailable(err)
	}
	v.Session, v.User = session, user
	if v.flow, err = l.newFlow(v.flow); err != nil {
		return err
	}
	v.Site.SetCookie(v.W, v.Site.SessionCookie, credential, SessionTTL)
	return l.saveFlow(v)
}
