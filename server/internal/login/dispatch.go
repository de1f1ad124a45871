package login

// state is everything that decides about the next step.
type state struct {
	// signedIn is true when there is a session.
	signedIn bool
	// device is true when the browser is on the way to connect a device.
	device bool
	// request is what is known about the device's request.
	request requestState
	// decided is true once the user has decided.
	decided bool
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

// step is one page.
type step int

const (
	stepSignIn step = iota
	stepWelcome
	stepCode
	stepCodeAgain
	stepConfirm
	stepRefuse
	stepDone
)

// next decides the step. Nothing else does.
func next(s state) step {
	switch {
	case !s.signedIn:
		return stepSignIn // before any code is looked at, so that guessing takes an account (F07)
	case s.decided:
		return stepDone
	case !s.device:
		return stepWelcome
	case s.request == requestUnchecked, s.request == requestFound:
		return stepConfirm // always: nothing is approved without being asked (F09)
	case s.request == requestOfLostClient:
		return stepRefuse
	case s.request == requestMissing:
		return stepCodeAgain
	default:
		return stepCode
	}
}

// path is where a step is served. A step is served nowhere else, so that an address in the browser means one thing.
func (s step) path() string {
	switch s {
	case stepSignIn, stepWelcome:
		return PathLogin
	case stepCode:
		return PathDevice
	case stepDone:
		return pathDone
	default:
		return pathConfirm
	}
}
