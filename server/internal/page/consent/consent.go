// Package consent is the page where people decide what an app may do and what it may touch: who asks, for what in words, what
// to choose among, and where they are sent back to.
package consent

import (
	_ "embed" // the template

	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

//go:embed consent.html
var source string

// Target is where the answer goes.
type Target string

// The targets.
const (
	// Nowhere: to a device, or to nobody.
	Nowhere Target = "nowhere"
	// Host: a website; TargetName is its host.
	Host Target = "host"
	// Program: a program on this computer, whichever listens there (RFC 8252 section 8.6).
	Program Target = "program"
	// App: an app that has taken an address scheme for itself; TargetName is the scheme (RFC 8252 section 8.6).
	App Target = "app"
)

// Problem is what was wrong with the answer before.
type Problem string

// The problems, as in package consent of the server.
const (
	Nothing  Problem = "nothing"
	Unchosen Problem = "unchosen"
	TooMany  Problem = "toomany"
)

// Data is what the page shows.
type Data struct {
	// Token ties the form to the session, the flow and this one request.
	Token string
	// Action is where the form is sent, a path relative to the issuer's.
	Action string
	// Changing is true when a person changes what they let the app have before.
	Changing bool
	Problem  Problem
	// App, Publisher (may be empty) and Namespace ("namespace/name") say who asks.
	App, Publisher, Namespace string
	// Homepage and PolicyURI are https URLs, or empty.
	Homepage, PolicyURI string
	Target              Target
	TargetName          string
	// Fixed scopes come with approving, Asked ones have boxes, Allowed ones were allowed before.
	Fixed, Asked, Allowed []Scope
	// Groups are the APIs to choose at.
	Groups []Group
	// Always is true when the app asks every time.
	Always bool
	// Switch is where to sign in with another account, a path relative to the issuer's; empty for nowhere.
	Switch string
}

// Loopback reports whether the answer goes to where anybody on this computer may listen.
func (d Data) Loopback() bool { return d.Target == Program || d.Target == App }

// None reports whether the app asks for nothing that could be named.
func (d Data) None() bool { return len(d.Fixed)+len(d.Asked)+len(d.Allowed) == 0 }

// Scope is one scope in words.
type Scope struct {
	Name, Title, Detail string
	// API is the title of the API it is for; empty for none.
	API string
	// Ticked is how its box is to begin with.
	Ticked    bool
	Sensitive bool
}

// Group is one API to choose at.
type Group struct {
	// Name is unique on the page, and part of field names and ids.
	Name string
	// Title is what the choices are called, API what the API is called; API may be empty.
	Title, API string
	// Query is what was searched.
	Query string
	// Search is true when there is a box to search in.
	Search bool
	// Shown and Hidden are the hidden fields that say which boxes the page has, and what is ticked without being shown.
	Shown, Hidden string
	// ShownCount of Total are shown, HiddenCount more are ticked.
	ShownCount, HiddenCount, Total int
	Tops                           []Top
	// Wrong is true when the problem is here.
	Wrong bool
}

// Top is a box, or a parent of boxes.
type Top struct {
	Leaf
	Parent bool
	Leaves []Leaf
	// Count is how many there are, shown or not.
	Count int
}

// Leaf is one box. ID is set where the title alone does not say which one it is.
type Leaf struct {
	Key, Title, ID string
	Ticked         bool
}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return page.Parse[Data](l, source) }
