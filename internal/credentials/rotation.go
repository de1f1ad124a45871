package credentials

import (
	"io"
	"slices"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const (
	// DefaultOverlap is how long the secret before works on when the manifest does not say.
	DefaultOverlap = 24 * time.Hour
	// Grace is how long a secret is honoured after it was replaced because its Secret was deleted or edited, so that an app that
	// still runs with it is not cut off before it has read the new one.
	Grace = 10 * time.Minute
	// mostLooks is how often, in the time that an older secret has, its use is looked at.
	mostLooks = 24
	// The bounds of how long passes between two looks.
	leastLook = time.Minute
	mostLook  = time.Hour
)

// Rotation is how secrets of a client follow each other.
type Rotation struct {
	// Interval is how long a generated secret is the current one; zero for ever.
	Interval time.Duration
	// Overlap is how long the secret before works on.
	Overlap time.Duration
	// WhenUnused lets it work on after the overlap, until it was not used for as long as the overlap.
	WhenUnused bool
	// Deadline ends it all the same; only with WhenUnused.
	Deadline time.Duration
}

// end is when a secret that is replaced now ends by itself.
func (r Rotation) end(now time.Time) time.Time {
	if r.WhenUnused {
		return now.Add(max(r.Deadline, r.Overlap))
	}
	return now.Add(r.Overlap)
}

// Held is the client secret in the Secret from which the app reads it.
type Held struct {
	// ID of it; empty when there is no Secret, or none that holds what the operator wrote.
	ID string
	// Value is empty where it cannot be read back, as one that the app team brought.
	Value string
	// CreatedAt, BeforeEnds and Request are what the Secret says of it; see [Written].
	CreatedAt  time.Time
	BeforeEnds time.Time
	Request    string
}

// State is everything that decides about the secrets of a client that has one.
type State struct {
	// Registered are the verifiers in force, the current one first; none when the client is not registered.
	Registered []registration.SecretHash
	Held       Held
	// Inbound is the secret that the app team brings; empty for a generated one.
	Inbound string
	// Unwritten is true when no Secret is written: the app team has the secret from elsewhere.
	Unwritten bool
	// Staged is the secret that was made for a rotation and that nobody has yet; empty when this process knows of none.
	Staged string
	// Honoured is true when every live replica honours every secret that is registered.
	Honoured bool
	// Request is what the manifest asks for now, see [Request], and RequestOverlap how long the secret before works on then; nil
	// for as long as ever.
	Request        string
	RequestOverlap *time.Duration
	Rotation       Rotation
	// LastUsed says when a secret that is not the current one was last used, zero for never; known is false when that cannot be
	// told, because a replica did not report.
	LastUsed func(id string) (at time.Time, known bool)
}

// Cause says why there is another secret.
type Cause string

// The causes. None is that the secret is what it was.
const (
	CauseNone      Cause = ""
	CauseFirst     Cause = "First"
	CauseRepaired  Cause = "Repaired"
	CauseScheduled Cause = "Scheduled"
	CauseRequested Cause = "Requested"
	CauseInbound   Cause = "Inbound"
	CauseGenerated Cause = "Generated"
	CauseResumed   Cause = "Resumed"
)

// RetiredSecret is a secret that is not honoured any more.
type RetiredSecret struct {
	ID string
	// Unused is true when it ended early because nobody used it.
	Unused bool
}

// Decision is what the secrets of a client are to be.
type Decision struct {
	// Value is what the Secret is to hold. It is empty when the Secret is to be left as it is.
	Value string
	// Write is what the Secret says of it. Namespace, Secret, Client and Data are the caller's.
	Write Written
	// Hashes are what is to be registered, the current one first.
	Hashes []registration.SecretHash
	// Staged is a secret that is registered and handed out to nobody yet: to be given back as [State.Staged].
	Staged string
	// Cause says why Value is new; of one that is only staged there is none yet.
	Cause Cause
	// Retired are those that were registered and are not any more.
	Retired []RetiredSecret
	// Wake is when to look again although nothing has changed; zero for never.
	Wake time.Time
}

// Decide works out what the secrets of a client are to be. It is pure but for random, which makes at most one secret.
//
// A new secret is registered first and handed out once every replica honours it, so that nobody reads one that does not work
// yet; the one before works on. What is registered and was never handed out is forgotten when the process is: another one
// takes its place, so that however often somebody else begins anew, one new secret is handed out. Where the app has no secret
// that works (the first one, or after its Secret was deleted or edited) the Secret is written at once.
func Decide(s State, now time.Time, random io.Reader) (Decision, error) {
	now = now.UTC()
	x := decider{State: s, now: now, random: random}
	if x.unknown() {
		x.Held.ID = ""
	}
	return x.decide()
}

type decider struct {
	State
	now    time.Time
	random io.Reader
	d      Decision
}

func (x *decider) decide() (Decision, error) {
	cause := x.cause()
	switch {
	case cause == CauseNone:
		x.keep()
		return x.d, nil
	case x.Held.ID == "" || x.Unwritten:
		value, err := x.another("")
		if err != nil {
			return Decision{}, err
		}
		x.replace(value, cause)
		return x.d, nil
	}
	staged := x.Staged
	if x.Inbound != "" {
		staged = x.Inbound
	}
	if pending := x.pending(); staged != "" && pending != nil && pending.SHA256 == Hash(staged).SHA256 && x.Honoured {
		x.replace(staged, cause)
		return x.d, nil
	}
	value, err := x.another(staged)
	if err != nil {
		return Decision{}, err
	}
	x.stage(value)
	return x.d, nil
}

// another is the secret to come: the one that the app team brings, the one that is staged, or a new one.
func (x *decider) another(staged string) (string, error) {
	switch {
	case x.Inbound != "":
		return x.Inbound, nil
	case staged != "":
		return staged, nil
	}
	return Generate(x.random)
}

// cause says what calls for another secret.
func (x *decider) cause() Cause {
	if x.Inbound != "" {
		id, current := Hash(x.Inbound).ID, x.Held.ID
		if current == "" && len(x.Registered) > 0 {
			current = x.Registered[0].ID
		}
		switch current {
		case "":
			return CauseFirst
		case id:
			return CauseNone
		}
		return CauseInbound
	}
	switch {
	case x.Held.ID == "" && len(x.Registered) == 0:
		return CauseFirst
	case x.Held.ID == "":
		return CauseRepaired
	case x.Held.Value == "":
		return CauseGenerated
	case x.Request != "" && x.Request != x.Held.Request:
		return CauseRequested
	case x.Rotation.Interval > 0 && !x.now.Before(x.due()):
		return CauseScheduled
	}
	return CauseNone
}

// due is when the current secret has been so for its interval.
func (x *decider) due() time.Time { return x.current().CreatedAt.Add(x.Rotation.Interval) }

// current is the verifier of the secret that the app has.
func (x *decider) current() registration.SecretHash {
	h := registration.SecretHash{ID: x.Held.ID}
	switch {
	case x.Inbound != "" && x.Held.ID == "":
		h = Hash(x.Inbound)
	case x.Held.Value != "":
		h = Hash(x.Held.Value)
	}
	h.CreatedAt = x.Held.CreatedAt
	for _, r := range x.Registered {
		if r.ID == h.ID {
			// The registration is not for app teams to edit.
			h.SHA256 = r.SHA256
			if !r.CreatedAt.IsZero() {
				h.CreatedAt = r.CreatedAt
			}
		}
	}
	if h.SHA256 == "" && x.Inbound != "" && Hash(x.Inbound).ID == h.ID {
		h.SHA256 = Hash(x.Inbound).SHA256
	}
	if h.CreatedAt.IsZero() {
		h.CreatedAt = x.now
	}
	return h
}

// unknown reports whether what the Secret holds is nothing that could go on: it can neither be read nor is it registered.
func (x *decider) unknown() bool {
	if x.Held.Value != "" || x.Inbound != "" && Hash(x.Inbound).ID == x.Held.ID {
		return false
	}
	return !slices.ContainsFunc(x.Registered, func(h registration.SecretHash) bool { return h.ID == x.Held.ID })
}

// pending is the verifier of a secret that is registered and not handed out, or nil.
func (x *decider) pending() *registration.SecretHash {
	for i := range x.Registered {
		if i > 0 && x.Registered[i].NotAfter.IsZero() {
			return &x.Registered[i]
		}
	}
	return nil
}

// keep leaves the secret as it is. When it is not the one that is registered as the current one, then somebody wrote it and did not
// come to register it: that is done now.
func (x *decider) keep() {
	first := x.current()
	if p := x.pending(); p != nil && p.ID == first.ID && !x.Held.CreatedAt.IsZero() {
		first.CreatedAt = x.Held.CreatedAt
	}
	end := x.now.Add(Grace)
	if len(x.Registered) > 0 && x.Registered[0].ID != first.ID {
		x.d.Cause = CauseResumed
		if !x.Held.BeforeEnds.IsZero() {
			end = x.Held.BeforeEnds
		}
	}
	x.d.Value = x.Held.Value
	if x.Inbound != "" {
		x.d.Value = x.Inbound
	}
	x.d.Write = Written{ID: first.ID, CreatedAt: first.CreatedAt, BeforeEnds: x.Held.BeforeEnds, Request: x.Held.Request}
	if x.d.Cause == CauseResumed && x.RequestOverlap != nil && x.Held.Request == x.Request && !x.Held.BeforeEnds.IsZero() {
		x.shorten(end)
	}
	x.succeed(first, end)
	if x.Inbound == "" && x.Rotation.Interval > 0 {
		x.wake(x.due())
	}
}

// replace makes another secret the current one.
func (x *decider) replace(value string, cause Cause) {
	first := Hash(value)
	first.CreatedAt = x.now
	end := x.Rotation.end(x.now)
	switch {
	case cause == CauseRepaired:
		end = x.now.Add(Grace)
	case cause == CauseRequested && x.RequestOverlap != nil:
		end = x.now.Add(*x.RequestOverlap)
		x.shorten(end)
	}
	request := x.Held.Request
	if x.Request != "" && x.Inbound == "" {
		request = x.Request
	}
	x.d.Value, x.d.Cause = value, cause
	x.d.Write = Written{ID: first.ID, CreatedAt: x.now, Request: request}
	if len(x.Registered) > 0 {
		x.d.Write.BeforeEnds = end
	}
	x.succeed(first, end)
	if x.Inbound == "" && x.Rotation.Interval > 0 {
		x.wake(x.now.Add(x.Rotation.Interval))
	}
}

// stage has another secret registered beside the current one, which stays.
func (x *decider) stage(value string) {
	x.keep()
	if x.Inbound != "" {
		// What the Secret holds is an older one, which is not at hand any more.
		x.d.Value = ""
	}
	x.d.Staged, x.d.Wake = value, time.Time{}
	next := Hash(value)
	next.CreatedAt = x.now
	if p := x.pending(); p != nil && p.ID == next.ID {
		next.CreatedAt = p.CreatedAt
	}
	rest := x.d.Hashes[1:]
	if len(rest) > registration.MaxSecrets-2 {
		x.d.Retired = append(x.d.Retired, RetiredSecret{ID: rest[len(rest)-1].ID})
		rest = rest[:len(rest)-1]
	}
	x.d.Hashes = slices.Concat(x.d.Hashes[:1], []registration.SecretHash{next}, rest)
	for _, h := range rest {
		x.wake(h.NotAfter)
	}
}

// shorten ends those that were replaced before no later either: who asks for an overlap of their own does so because a secret has
// leaked, and which of those that work that is, is not known here.
func (x *decider) shorten(end time.Time) {
	end = end.UTC().Truncate(time.Second)
	x.Registered = slices.Clone(x.Registered)
	for i := range x.Registered {
		if h := &x.Registered[i]; h.NotAfter.After(end) {
			h.NotAfter = end
		}
	}
}

// succeed lists the verifiers: the first, then those that are registered and not over. The one that was the current one until now ends
// then; an end once set is never moved, but for [decider.shorten].
func (x *decider) succeed(first registration.SecretHash, end time.Time) {
	x.d.Hashes = []registration.SecretHash{first}
	for i, h := range x.Registered {
		if h.SHA256 == first.SHA256 || h.ID == first.ID {
			continue
		}
		if h.NotAfter.IsZero() {
			if i > 0 {
				continue // nobody has it
			}
			h.ReplacedAt, h.NotAfter = x.now, end.UTC().Truncate(time.Second)
		}
		switch {
		case !h.NotAfter.After(x.now), len(x.d.Hashes) == registration.MaxSecrets:
			x.d.Retired = append(x.d.Retired, RetiredSecret{ID: h.ID})
		case x.unused(h):
			x.d.Retired = append(x.d.Retired, RetiredSecret{ID: h.ID, Unused: true})
		default:
			x.d.Hashes = append(x.d.Hashes, h)
			x.wake(h.NotAfter)
			x.wake(x.now.Add(look(h)))
		}
	}
}

// unused reports whether an older secret ends early: its overlap is over, and for as long as the overlap nobody used it.
func (x *decider) unused(h registration.SecretHash) bool {
	r := x.Rotation
	if !r.WhenUnused || h.ReplacedAt.IsZero() || x.LastUsed == nil || !h.NotAfter.After(h.ReplacedAt.Add(r.Overlap)) {
		return false
	}
	at, known := x.LastUsed(h.ID)
	if at.Before(h.ReplacedAt) {
		at = h.ReplacedAt
	}
	if free := at.Add(r.Overlap); free.After(x.now) {
		x.wake(free)
		return false
	}
	return known
}

// look is how long to wait before looking again whether an older secret is used.
func look(h registration.SecretHash) time.Duration {
	return min(max(h.NotAfter.Sub(h.ReplacedAt)/mostLooks, leastLook), mostLook)
}

func (x *decider) wake(at time.Time) {
	if x.d.Wake.IsZero() || at.Before(x.d.Wake) {
		x.d.Wake = at
	}
}

// Wait leaves the secrets of a client as they are registered, while there is none that the app could be given. What is over ends.
func Wait(registered []registration.SecretHash, now time.Time) Decision {
	x := decider{now: now.UTC()}
	for i, h := range registered {
		switch {
		case i > 0 && h.NotAfter.IsZero():
		case !h.NotAfter.IsZero() && !h.NotAfter.After(x.now):
			x.d.Retired = append(x.d.Retired, RetiredSecret{ID: h.ID})
		default:
			x.d.Hashes = append(x.d.Hashes, h)
			if i > 0 {
				x.wake(h.NotAfter)
			}
		}
	}
	return x.d
}
