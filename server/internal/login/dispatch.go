package login

import (
	"slices"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// state is everything that decides about the next step.
type state struct {
	// purpose is what the flow is about.
	purpose purpose
	// session is who is signed in; zero for nobody.
	session account
	// first is true when a first factor waits for the second.
	first bool
	// chosen is the SID of the session that somebody signed in to, or chose, in this flow.
	chosen string
	// demands are what the purpose takes.
	demands demands
	// silent is true when no page may be shown (prompt=none).
	silent bool
	// refused is what is wrong with an app's request.
	refused *oauth.Error
	// answered is true once the client has its answer.
	answered bool
	// device is what is known about a device's request.
	device deviceState
	// gone is true when an app's request would not be accepted any more.
	gone bool
	// barred is true when the client's policy does not let the person use it.
	barred bool
	// consent is what is known about what the person has to be asked.
	consent consentState
}

// purpose is what a flow is about.
type purpose int

const (
	// toDevice: to connect a device. Nothing, the zero value, is to sign in alone.
	toDevice purpose = iota + 1
	// toApp: an app's authorization request.
	toApp
	// toErrand: a page of ours sent the person here.
	toErrand
	// toChange: to change what an app may touch.
	toChange
)

// account is who is signed in, as far as it decides.
type account struct {
	user string
	sid  string
	// provider is the name of the identity provider.
	provider string
	// at is when they were authenticated, zero where the provider does not say; signedIn is when they came in here then.
	at, signedIn time.Time
	methods      []string
	// strict is true when the provider takes nobody in without a second factor.
	strict bool
	// enrolled is what second factors there are; unknown before it is asked for.
	enrolled enrolment
}

// enrolment is which second factors somebody has.
type enrolment struct{ known, any, passkey bool }

// deviceState is what is known about a device's request.
type deviceState struct {
	request requestState
	// confirmed is true when the person went on from the page that asks, decided when they decided.
	confirmed, decided bool
}

// requestState is what is known about a device's request.
type requestState int

const (
	// requestNone: no code was given.
	requestNone requestState = iota
	// requestUnchecked: a code was given and not looked up yet.
	requestUnchecked
	// requestMissing: the code was looked up in vain.
	requestMissing
	// requestFound: there is a live request, of a client that may be served.
	requestFound
	// requestOfLostClient: there is a live request, of a client that may not.
	requestOfLostClient
)

// consentState is what is known about what a person has to be asked.
type consentState int

const (
	consentUnknown consentState = iota
	consentNeeded
	consentNotNeeded
)

// step is one page, or one thing to do that has none.
type step int

const (
	stepSignIn step = iota
	stepSelect
	stepSecondFactor
	// stepSetUp leads to the page where a second factor is set up.
	stepSetUp
	stepWelcome
	// stepReturn leads back to the page of ours that sent the browser.
	stepReturn
	stepCode
	stepCodeAgain
	stepConfirm
	stepConsent
	// stepFinish gives what needs no more asking.
	stepFinish
	// stepFail tells the client of an error.
	stepFail
	// stepGone is an app that may not be served any more, stepAnswered one that has its answer.
	stepGone
	stepAnswered
	stepDone
	// stepNotAllowed tells the person that they may not use the app.
	stepNotAllowed
)

// next decides the step, and the error where it is stepFail. Nothing else does.
func next(s state) (step, *oauth.Error) {
	switch {
	case s.purpose == toApp && s.answered:
		return stepAnswered, nil
	case s.refused != nil && (s.silent || s.session.user != ""):
		return stepFail, s.refused
	case s.first:
		return stepSecondFactor, nil
	case s.refused != nil:
		return stepSignIn, nil //nolint:nilerr // somebody has to be there before a browser is sent anywhere with an error (A14)
	}
	if at, due, err := s.authentication(); due {
		return at, err
	}
	switch s.purpose {
	case toErrand:
		return stepReturn, nil
	case toDevice:
		return s.connecting(), nil
	case toApp, toChange:
		return s.asking()
	default:
		return stepWelcome, nil
	}
}

// authentication decides whether the sign-in is what it has to be; due is true when it is not.
func (s state) authentication() (at step, due bool, err *oauth.Error) {
	d, who := s.demands, s.session
	counts := who.user != "" && d.allows(who.provider) && !who.at.Before(d.since) && !who.signedIn.Before(d.anew)
	other := counts && d.subject != "" && who.user != d.subject
	switch {
	case s.silent && (!counts || other):
		return stepFail, true, oauth.LoginRequired()
	case other && s.chosen == who.sid:
		return stepFail, true, oauth.LoginRequired() // they did sign in, and it is not whom the client expects
	case !counts && d.unproven && who.user != "":
		return stepFail, true, oauth.LoginRequired() // and signing in again would prove nothing
	case !counts || other:
		return stepSignIn, true, nil
	case d.choose && s.chosen != who.sid:
		return stepSelect, true, nil
	}
	return s.strength()
}

// strength decides whether the sign-in is as strong as it has to be.
func (s state) strength() (at step, due bool, err *oauth.Error) {
	lacks, must := s.lacks()
	if lacks == "" {
		return 0, false, nil
	}
	reachable := s.session.enrolled.reaches(lacks)
	switch {
	case !must && (s.silent || !reachable):
		return 0, false, nil
	case !slices.Contains(oauth.ACRs(), lacks), lacks == oauth.ACRPhishingResistant && s.session.enrolled.any && !reachable:
		return stepFail, true, oauth.UnmetAuthenticationRequirements()
	case s.silent:
		return stepFail, true, oauth.InteractionRequired()
	case reachable:
		return stepSecondFactor, true, nil
	default:
		return stepSetUp, true, nil
	}
}

// lacks is the class that the sign-in does not reach and has to, or, when must is false, should; empty for none.
func (s state) lacks() (acr string, must bool) {
	reached := oauth.ACROf(s.session.methods)
	need := s.demands.acr
	if need == "" && s.session.strict && s.purpose != toErrand {
		need = oauth.ACRMultiFactor
	}
	switch {
	case need != "" && !oauth.ACRSatisfies(reached, need):
		return need, true
	case s.demands.wish != "" && !oauth.ACRSatisfies(reached, s.demands.wish):
		return s.demands.wish, false
	}
	return "", false
}

// reaches reports whether the second factors of somebody reach a class.
func (e enrolment) reaches(acr string) bool {
	switch acr {
	case oauth.ACRMultiFactor:
		return e.any
	case oauth.ACRPhishingResistant:
		return e.passkey
	default:
		return false
	}
}

// connecting decides about a device's request.
func (s state) connecting() step {
	d := s.device
	switch {
	case d.decided:
		return stepDone
	case d.request == requestNone:
		return stepCode
	case d.request == requestMissing:
		return stepCodeAgain
	case d.request == requestOfLostClient:
		return stepGone
	case s.barred:
		return stepNotAllowed
	case !d.confirmed:
		return stepConfirm // always: nothing is approved without being asked (F09)
	case d.request == requestUnchecked, s.consent != consentNotNeeded:
		return stepConsent
	default:
		return stepFinish
	}
}

// asking decides about an app's request, and about changing what an app may touch.
func (s state) asking() (step, *oauth.Error) {
	switch {
	case s.gone:
		return stepGone, nil
	case s.barred && s.silent:
		return stepFail, oauth.AccessDenied()
	case s.barred:
		return stepNotAllowed, nil
	case s.consent == consentNotNeeded:
		return stepFinish, nil
	case s.consent == consentNeeded && s.silent:
		return stepFail, oauth.ConsentRequired()
	default:
		return stepConsent, nil
	}
}

// path is where a step is served; empty for a step without a page of its own. A step is served nowhere else, so that an address
// in the browser means one thing.
func (s step) path() string {
	switch s {
	case stepSignIn, stepWelcome:
		return PathLogin
	case stepSelect:
		return pathSelect
	case stepSecondFactor:
		return pathSecondFactor
	case stepCode:
		return PathDevice
	case stepConfirm, stepCodeAgain:
		return pathConfirm
	case stepConsent:
		return PathConsent
	case stepDone:
		return pathDone
	case stepNotAllowed:
		return pathNotAllowed
	default:
		return ""
	}
}
