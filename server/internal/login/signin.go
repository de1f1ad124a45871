package login

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signin"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// signInTimeout bounds one sign-in, the wait for its turn included.
const signInTimeout = 10 * time.Second

// signInForm is what was submitted before, when the page is shown again.
type signInForm struct {
	provider, username string
	problem            signin.Problem
	// about is the display name of the provider that the problem is about.
	about string
}

// enter is the way in for who just signs in, and for those that pages of ours send (web.Errand).
func (l *Login) enter(v *visit) error {
	if e, ok := l.web.Errand(v.Visit); ok {
		if err := l.begin(v, flow{Errand: &e}); err != nil {
			return err
		}
	}
	return l.show(PathLogin)(v)
}

// providers are the declared providers that can be used for what is demanded, in order. Where a sign-in has to be proven recent and
// nobody can prove it, it is all of them: the app is told only once somebody is there (A14).
func (l *Login) providers(v *visit, d demands) []idp.Provider {
	all := l.allowed(v, d)
	if d.since.IsZero() || d.unproven {
		return all
	}
	return slices.DeleteFunc(all, undated)
}

// undated reports whether a provider cannot tell when it authenticated somebody.
func undated(p idp.Provider) bool { return p.Undated }

// unproven reports whether nobody can prove what is demanded.
func (l *Login) unproven(v *visit, d demands) bool {
	return !d.since.IsZero() && !slices.ContainsFunc(l.allowed(v, d), func(p idp.Provider) bool { return !p.Undated })
}

// allowed are the declared providers that the flow's app may have users of, in order.
func (l *Login) allowed(v *visit, d demands) []idp.Provider {
	var out []idp.Provider
	for _, p := range l.Providers.Providers(v.Snapshot.IdentityProviders()) {
		if d.allows(p.Document.Name) && (p.Password != nil || p.Redirect != nil) {
			out = append(out, p)
		}
	}
	return out
}

// showSignIn renders the sign-in page. Where there is only one way, and it leads elsewhere, the browser goes there at once, but not
// twice: who comes back without having signed in is asked.
func (l *Login) showSignIn(v *visit, s *situation, status int, form signInForm) error {
	providers := l.providers(v, s.demands)
	if len(providers) == 0 {
		return web.NoSignIn()
	}
	if v.flow.Problem != "" && form.problem == "" {
		form.problem, form.about = signin.Problem(v.flow.Problem), v.flow.About
		if status = http.StatusBadRequest; form.problem == signin.Away {
			status = http.StatusServiceUnavailable
			v.W.Header().Set("Retry-After", "10")
		}
	}
	v.flow.Problem, v.flow.About = "", ""
	if p, ok := straight(v, providers); ok && form.problem == "" {
		v.flow.Straight = true
		return l.depart(v, s, p)
	}
	if err := l.saveFlow(v); err != nil {
		return err
	}
	data := signin.Data{
		Flow: v.flow.Key, ForDevice: v.flow.Device != nil, Provider: form.provider, Username: form.username,
		Problem: form.problem, About: form.about,
	}
	if s.asked.client != nil && !data.ForDevice {
		data.App = nameOf(s.asked.client)
	}
	if data.Username == "" && v.flow.Request != nil {
		data.Username = hint(v.flow.Request.LoginHint)
	}
	var err error
	if data.Token, err = l.formToken(v, purposeSignIn, token{}); err != nil {
		return err
	}
	if len(providers) < len(l.allowed(v, s.demands)) {
		for _, p := range l.allowed(v, s.demands) {
			if p.Undated {
				data.Unproven = append(data.Unproven, p.Document.DisplayName)
			}
		}
	}
	local := false
	for _, p := range providers {
		shown := signin.Provider{Name: p.Document.Name, DisplayName: p.Document.DisplayName}
		if p.Redirect != nil {
			data.Links = append(data.Links, shown)
		} else {
			data.Passwords = append(data.Passwords, shown)
		}
		local = local || p.Document.Local != nil
	}
	if local {
		if err := l.offerPasskey(v, &data); err != nil {
			return err
		}
	}
	return l.pages.signIn.Render(v.W, status, v.Shell(), data)
}

// straight is the only provider, when it is elsewhere and the browser was not sent there before.
func straight(v *visit, providers []idp.Provider) (idp.Provider, bool) {
	if len(providers) != 1 || providers[0].Redirect == nil || v.flow.Straight {
		return idp.Provider{}, false
	}
	return providers[0], true
}

// hint is a login_hint, if it can be a username.
func hint(s string) string {
	if _, ok := idp.CanonicalUsername(s); !ok {
		return ""
	}
	return s
}

// signIn takes username and password.
func (l *Login) signIn(v *visit) error {
	form := signInForm{provider: v.R.PostForm.Get("provider"), username: v.R.PostForm.Get("username")}
	if len(form.username) > idp.MaxUsername {
		form.username = ""
	}
	s, again, err := l.signingIn(v, purposeSignIn, &form)
	if again || err != nil {
		return err
	}
	password := v.R.PostForm.Get("password")
	if form.username == "" || password == "" {
		form.problem = signin.Empty
		return l.showSignIn(v, s, http.StatusBadRequest, form)
	}
	provider, ok := l.passwordProvider(v, s.demands, form.provider)
	if !ok {
		return web.NoSignIn()
	}
	identity, err := l.authenticate(v, provider, form.username, password)
	if err == nil {
		err = l.admit(v, provider, identity, v.Now)
	}
	return l.signInFailed(v, s, provider, form, err)
}

// signingIn begins to take a sign-in: it gathers what is known, and checks the form. When again is true, it has answered.
func (l *Login) signingIn(v *visit, purpose string, form *signInForm) (s *situation, again bool, err error) {
	_, stale := l.checkToken(v, purpose)
	if v.flow.Key == "" {
		if err := l.begin(v, flow{}); err != nil {
			return nil, true, err
		}
	}
	if s, err = l.gather(v, PathLogin); err != nil {
		return nil, true, err
	}
	if at, _ := next(s.state); at != stepSignIn { // in another tab, meanwhile
		return nil, true, l.serve(v, s, "")
	}
	if stale != nil {
		form.problem = signin.Stale
		return nil, true, l.showSignIn(v, s, http.StatusForbidden, *form)
	}
	return s, false, nil
}

// signInFailed answers a sign-in that may have failed: what the user can do something about is said on the page.
func (l *Login) signInFailed(v *visit, s *situation, provider idp.Provider, form signInForm, err error) error {
	refused := func(reason string, status int, problem signin.Problem) error {
		l.web.Note(v.Visit, audit.Event{Action: actionSignInRefused, Provider: provider.Document.Name, Error: reason})
		form.problem, form.about = problem, provider.Document.DisplayName
		return l.showSignIn(v, s, status, form)
	}
	f, away := new(web.PageError), new(awayError)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, idp.ErrRefused):
		return refused(reasonWrong, http.StatusBadRequest, signin.Refused)
	case errors.Is(err, idp.ErrNotAllowed):
		return refused(reasonNotAllowed, http.StatusForbidden, signin.NotAllowed)
	case errors.As(err, &away):
		l.web.Log.ErrorContext(v.R.Context(), "an identity provider cannot be reached", "provider", provider.Document.Name, "cause", away.cause)
		v.W.Header().Set("Retry-After", "10")
		return refused(reasonAway, http.StatusServiceUnavailable, signin.Away)
	case errors.As(err, &f) && f.Kind == failure.Throttled:
		l.web.Note(v.Visit, audit.Event{Action: actionSignInRefused, Provider: provider.Document.Name, Error: reasonThrottled})
	}
	return err
}

// awayError is an identity provider that cannot be reached.
type awayError struct{ cause error }

func (e *awayError) Error() string {
	return "the identity provider cannot be reached: " + e.cause.Error()
}
func (e *awayError) Unwrap() error { return e.cause }

// passwordProvider is the provider of that name, or the first one that takes passwords.
func (l *Login) passwordProvider(v *visit, d demands, name string) (found idp.Provider, ok bool) {
	for _, p := range l.providers(v, d) {
		if p.Password != nil && (!ok || p.Document.Name == name) {
			found, ok = p, true
		}
	}
	return found, ok
}

// authenticate asks a provider, within the throttle. It returns idp.ErrRefused for unknown, wrong and disabled alike,
// idp.ErrNotAllowed, an *awayError, or an error that has a page.
func (l *Login) authenticate(v *visit, provider idp.Provider, username, password string) (idp.Identity, error) {
	none := idp.Identity{}
	ctx, cancel := context.WithTimeout(v.R.Context(), signInTimeout)
	defer cancel()
	tickets, err := l.countSignIn(ctx, v, provider, username)
	if err != nil {
		return none, err
	}
	identity, err := provider.Password.Authenticate(ctx, username, password)
	if errors.Is(err, idp.ErrRefused) {
		return none, idp.ErrRefused
	}
	for _, t := range tickets { // by the request's own context: ctx may be what ended
		if err := l.web.Throttle.Succeeded(v.R.Context(), t, v.Now); err != nil {
			return none, web.Unavailable(err)
		}
	}
	switch {
	case err == nil:
		return identity, nil
	case errors.Is(err, idp.ErrNotAllowed):
		return none, err // the password was right
	case errors.Is(err, idp.ErrBusy):
		return none, web.Unavailable(err)
	default:
		return none, &awayError{err}
	}
}

// countSignIn counts a try for the address first, and then for the user: under the one spelling of the name, or, where accounts have
// several names, for the account (A34).
func (l *Login) countSignIn(ctx context.Context, v *visit, provider idp.Provider, username string) ([]web.Ticket, error) {
	user, _ := idp.CanonicalUsername(username)
	ofAddress, err := l.take(ctx, v, web.SignInGuesses(provider.Document.UID, user, v.Address)[:1]...)
	if err != nil {
		return nil, err
	}
	if provider.Resolve != nil {
		subject, err := provider.Resolve.Resolve(ctx, username)
		if err != nil {
			// Nothing was learned about the password.
			return nil, errors.Join(&awayError{err}, l.web.Throttle.Succeeded(v.R.Context(), ofAddress, v.Now))
		}
		if subject != "" {
			user = "Account " + subject // no canonical name begins like this: they are folded
		}
	}
	ofUser, err := l.take(ctx, v, web.SignInGuesses(provider.Document.UID, user, v.Address)[1:]...)
	return []web.Ticket{ofAddress, ofUser}, err
}

// take counts a try, and tells the browser what is left of its limits (RateLimit fields).
func (l *Login) take(ctx context.Context, v *visit, guesses ...web.Guess) (web.Ticket, error) {
	t, wait, err := l.web.Throttle.Take(ctx, v.Now, guesses...)
	if err != nil {
		return t, web.Unavailable(err)
	}
	web.RateLimit(v.W, guesses, t)
	if wait > 0 {
		return t, web.Throttled(wait)
	}
	return t, nil
}
