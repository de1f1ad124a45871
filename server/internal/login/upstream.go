package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signin"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// upstreamTTL is how long somebody may take at an identity provider (A31).
const upstreamTTL = 15 * time.Minute

// leaveFor sends the browser to an identity provider. It is a link and not a form: browsers would hold the policy of our page
// against every redirect that the provider makes.
func (l *Login) leaveFor(v *visit) error {
	v.linked = true
	if v.flow.Key == "" {
		return web.Redirect(v.Visit, PathLogin)
	}
	s, err := l.gather(v, PathLogin)
	if err != nil {
		return err
	}
	if at, _ := next(s.state); at != stepSignIn {
		return l.serve(v, s, "")
	}
	name := v.R.PathValue("provider")
	providers := l.providers(v, s.demands)
	i := slices.IndexFunc(providers, func(p idp.Provider) bool { return p.Redirect != nil && p.Document.Name == name })
	if i < 0 { // gone since the page was shown, or not for this app
		return l.goTo(v, PathLogin)
	}
	return l.depart(v, s, providers[i])
}

// depart begins a sign-in at an identity provider.
func (l *Login) depart(v *visit, s *situation, p idp.Provider) error {
	random, err := l.randomID()
	if err != nil {
		return err
	}
	u := &upstream{Provider: p.Document.UID, State: random, Began: v.Now.UnixMicro()}
	r := idp.BeginRequest{
		CallbackURL: v.Snapshot.Server().Issuer + PathCallback + p.Document.Name, State: v.flow.Key + "." + random, Now: v.Now,
	}
	if request := v.flow.Request; request != nil {
		r.LoginHint, r.UILocales = request.LoginHint, request.UILocales
	}
	if since := later(s.demands.since, s.demands.anew); !since.IsZero() {
		// Nothing that happened before the flow began is recent enough: it has to happen now.
		if began := time.UnixMicro(v.flow.Began); !since.Before(began) {
			r.Fresh, u.Fresh = true, true
		} else {
			age := v.Now.Sub(since)
			r.MaxAge = &age
		}
	}
	ctx, cancel := context.WithTimeout(v.R.Context(), signInTimeout)
	defer cancel()
	location, pending, err := p.Redirect.Begin(ctx, r)
	if err != nil {
		return l.signInFailed(v, s, p, signInForm{}, &awayError{err})
	}
	u.Pending, v.flow.Upstream = pending, u
	if err := l.saveFlow(v); err != nil {
		return err
	}
	if v.linked {
		return web.Leave(v.Visit, location)
	}
	return l.web.Forward(v.Visit, location, p.Document.DisplayName)
}

// notOurs is an answer of an identity provider that does not belong to a sign-in of this browser, or no longer (A31).
func notOurs(why string) error {
	return &web.PageError{Status: http.StatusBadRequest, Kind: failure.Forbidden, Cause: errors.New("callback: " + why)}
}

// comeBack takes the browser back from an identity provider.
func (l *Login) comeBack(v *visit) error {
	query := v.R.URL.Query()
	key, random, _ := strings.Cut(query.Get("state"), ".")
	f, err := l.openFlow(v, key)
	if err != nil || len(query["state"]) != 1 {
		return notOurs("the state is not this browser's")
	}
	v.flow, v.stored = f, true
	l.settle(v)
	u := f.Upstream
	switch {
	case u == nil || subtle.ConstantTimeCompare([]byte(u.State), []byte(random)) != 1:
		return notOurs("the state is not that of the sign-in under way")
	case v.Now.Sub(time.UnixMicro(u.Began)) > upstreamTTL:
		return notOurs("it comes too late")
	}
	v.flow.Upstream = nil
	s, err := l.gather(v, PathLogin)
	if err != nil {
		return err
	}
	name := v.R.PathValue("provider")
	providers := l.providers(v, s.demands)
	i := slices.IndexFunc(providers, func(p idp.Provider) bool {
		return p.Redirect != nil && p.Document.Name == name && p.Document.UID == u.Provider
	})
	if i < 0 {
		return notOurs("it comes from another identity provider")
	}
	return l.arrive(v, providers[i], u)
}

// authenticatedAt is when somebody was authenticated at an identity provider; zero when it does not say. One that was asked for a
// new authentication has proven that there was one since, and its clock counts in whole seconds: ours is the one that apps go by.
func authenticatedAt(v *visit, u *upstream, i idp.Identity) time.Time {
	if !i.AuthenticatedAt.IsZero() && (u.Fresh || i.AuthenticatedAt.After(v.Now)) {
		return v.Now
	}
	return i.AuthenticatedAt
}

// arrive finishes a sign-in at an identity provider. What went wrong there is said on the sign-in page.
func (l *Login) arrive(v *visit, p idp.Provider, u *upstream) error {
	ctx, cancel := context.WithTimeout(v.R.Context(), signInTimeout)
	defer cancel()
	identity, err := p.Redirect.Finish(ctx, u.Pending, v.R.URL.Query(), v.Now)
	if err == nil {
		err = l.admit(v, p, identity, authenticatedAt(v, u, identity))
	}
	reason, problem := reasonAway, signin.Away
	switch {
	case err == nil:
		return nil
	case errors.Is(err, idp.ErrRefused), errors.Is(err, idp.ErrNotAllowed):
		reason, problem = reasonNotAllowed, signin.NotAllowed
	case errors.Is(err, idp.ErrDenied):
		reason, problem = reasonDenied, signin.Denied
	case errors.Is(err, idp.ErrCallback):
		reason, problem = reasonCallback, signin.Callback
	case errors.As(err, new(*web.PageError)):
		return err
	}
	l.web.Note(v.Visit, audit.Event{Action: actionSignInRefused, Provider: p.Document.Name, Error: reason, Cause: err})
	v.flow.Problem, v.flow.About = string(problem), p.Document.DisplayName
	return l.goTo(v, PathLogin)
}
