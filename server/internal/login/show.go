package login

import (
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/devicecode"
	"github.com/grantkeeper/grantkeeper/server/internal/page/devicedone"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signedin"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// show serves the steps of a path: it gathers what is known, asks the dispatcher, and renders the step or sends the browser
// to where the step is served.
func (l *Login) show(path string) func(*visit) error {
	return func(v *visit) error {
		s, err := l.gather(v, path)
		if err != nil {
			return err
		}
		return l.serve(v, s, path)
	}
}

// proceed takes the browser to the step that is due now, or takes the step when it has no page.
func (l *Login) proceed(v *visit) error { return l.show("")(v) }

// serve renders the step that is due, if it is served at path, or sends the browser to where it is.
func (l *Login) serve(v *visit, s *situation, path string) error {
	at, fail := next(s.state)
	to, here := at.path(), v.flow.Key != ""
	switch {
	case at == stepWelcome && !here && path != PathLogin:
		return web.Redirect(v.Visit, PathLogin)
	case at == stepSignIn && v.linked:
		if p, ok := straight(v, l.providers(v, s.demands)); ok {
			v.flow.Straight = true
			return l.depart(v, s, p)
		}
		return l.goTo(v, to)
	case to != "" && (to != path || !here && at != stepWelcome):
		return l.goTo(v, to)
	}
	switch at {
	case stepSignIn:
		return l.showSignIn(v, s, http.StatusOK, signInForm{})
	case stepSelect:
		return l.showSelect(v, s)
	case stepSecondFactor:
		return l.showSecondFactor(v, s, http.StatusOK, "")
	case stepSetUp:
		if err := l.saveFlow(v); err != nil { // it may take a while there
			return err
		}
		return web.Redirect(v.Visit, v.at(pathSecurity))
	case stepWelcome:
		return l.pages.signedIn.Render(v.W, http.StatusOK, v.Shell(), signedin.Data{})
	case stepReturn:
		return web.Redirect(v.Visit, v.flow.Errand.Path)
	case stepCode:
		return l.showCode(v, http.StatusOK, devicecode.Data{})
	case stepCodeAgain:
		return l.showCode(v, http.StatusBadRequest, devicecode.Data{Problem: devicecode.Unknown, Code: oauth.DisplayUserCode(v.flow.Device.Code)})
	case stepConfirm:
		return l.showConfirm(v, s)
	case stepConsent:
		if err := l.saveFlow(v); err != nil {
			return err
		}
		return l.showConsent(v, http.StatusOK, s.asked)
	case stepFinish:
		return l.finish(v, s.asked, s.given)
	case stepFail:
		return l.refuse(v, s.asked, fail)
	case stepAnswered:
		return web.Answered()
	case stepNotAllowed:
		return l.showNotAllowed(v, s)
	case stepDone:
		d := v.flow.Device
		return l.pages.done.Render(v.W, http.StatusOK, v.Shell(), devicedone.Data{Approved: d.Approved, App: d.App})
	default:
		return web.ClientGone(s.owner)
	}
}

// goTo sends the browser to a page of its flow. Who has none and needs one gets one.
func (l *Login) goTo(v *visit, path string) error {
	if v.flow.Key == "" {
		if err := l.begin(v, flow{}); err != nil {
			return err
		}
	}
	if err := l.saveFlow(v); err != nil {
		return err
	}
	return web.Redirect(v.Visit, v.at(path))
}
