// Package deviceconfirm is the page where people decide about a device's request (RFC 8628 sections 3.3 and 5.4): it
// shows who asks for what, where and when it was started, and the code to compare, and asks whether they started it.
package deviceconfirm

import (
	_ "embed" // the template
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed deviceconfirm.html
var source string

// Network is what kind of address a request came from.
type Network string

// The kinds.
const (
	NetworkUnknown Network = "unknown"
	// NetworkLoopback is the computer of this browser, NetworkServer the one that the server runs on.
	NetworkLoopback Network = "loopback"
	NetworkServer   Network = "server"
	NetworkPrivate  Network = "private"
	NetworkPublic   Network = "public"
)

// ProgramKind is what kind of program a request came from, as far as it says so itself.
type ProgramKind string

// The kinds.
const (
	ProgramUnknown ProgramKind = "unknown"
	ProgramCLI     ProgramKind = "cli"
	ProgramBrowser ProgramKind = "browser"
	ProgramOther   ProgramKind = "other"
)

// Data is what the page shows.
type Data struct {
	// Token ties the form to the session and to this one request, and Flow is the key of what it is a part of.
	Token, Flow string
	// Code as the device shows it.
	Code string
	// App, Publisher (may be empty) and Namespace ("namespace/name") say who asks.
	App, Publisher, Namespace string
	// Homepage and PolicyURI are https URLs, or empty.
	Homepage, PolicyURI string
	// More is true when there is more to ask on the next page: then the button says so.
	More bool
	// Scopes in words; empty when it asks for none.
	Scopes []Scope
	// Started is when the request was made, Now when it is shown.
	Started, Now time.Time
	// Address it was made from, and whether this browser has the same.
	Network     Network
	Address     string
	SameAddress bool
	// Program it was made with.
	ProgramKind ProgramKind
	Program     string
}

// Scope is one scope in words.
type Scope struct{ Title, Detail string }

// Minutes is how long ago it was started, in whole minutes.
func (d Data) Minutes() int { return max(0, int(d.Now.Sub(d.Started)/time.Minute)) }

// StartedISO is when it was started, for machines.
func (d Data) StartedISO() string { return d.Started.UTC().Format(time.RFC3339) }

// StartedTime is when it was started, for people.
func (d Data) StartedTime() string { return d.Started.UTC().Format("15:04") }

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
