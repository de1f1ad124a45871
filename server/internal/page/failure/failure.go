// Package failure is the page for everything that went wrong: what happened, what to do, and the request's id to find it
// in the log by. It never shows a cause.
package failure

import (
	_ "embed" // the template
	"strings"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed failure.html
var source string

// Kind is what went wrong.
type Kind string

// The kinds, each with its texts under "failure.".
const (
	// Forbidden: a form that was not sent from our page in this browser.
	Forbidden Kind = "forbidden"
	// BadRequest: a request that cannot be read.
	BadRequest Kind = "badrequest"
	// Throttled: too many tries; Minutes says how long to wait.
	Throttled Kind = "throttled"
	// Unavailable: storage, settings or keys are out of reach.
	Unavailable Kind = "unavailable"
	// Internal: everything that was not foreseen.
	Internal Kind = "internal"
	// NoSignIn: no identity provider is declared.
	NoSignIn Kind = "nosignin"
	// ClientGone: the client was deleted, suspended, cut off or changed; Owner says whose it is.
	ClientGone Kind = "clientgone"
	// UnknownApp: an authorization request of no app that is known here.
	UnknownApp Kind = "unknownapp"
	// WrongAddress: an authorization request that leads to an address that is not registered for the app; Owner says whose it is.
	WrongAddress Kind = "wrongaddress"
	// Answered: the app's or device's request was decided before, or has expired.
	Answered Kind = "answered"
	// BadReturn: an app asked for a sign-out that leads to an address that is not registered; Owner says whose it is.
	BadReturn Kind = "badreturn"
	// NotFound: something that is not there, or is somebody else's.
	NotFound Kind = "notfound"
	// APIAway: an API does not say what there is to choose.
	APIAway Kind = "apiaway"
)

// Data is what the page shows.
type Data struct {
	Kind      Kind
	RequestID string
	// Minutes to wait, with Throttled.
	Minutes int
	// Owner of the app, "namespace/name"; may be empty.
	Owner string
	// Again is where the page leads back to, a path relative to the issuer's; the sign-in when empty.
	Again string
}

// AgainText is the key of what the link to Again says.
func (d Data) AgainText() string {
	switch {
	case d.Again == "/device":
		return "failure.again"
	case strings.HasPrefix(d.Again, "/login/again"):
		return "failure.startagain"
	default:
		return "failure.back"
	}
}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
