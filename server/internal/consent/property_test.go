package consent

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// world is one API landscape with a question and an answer, any of them.
type world struct {
	apis     apis
	question Question
	lists    Lists
	answer   Answer
}

func names(n int, prefix string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = prefix + strconv.Itoa(i)
	}
	return out
}

func some(t *rapid.T, of []string, label string) []string {
	return rapid.SliceOfN(rapid.SampledFrom(of), 0, 2*len(of)).Draw(t, label)
}

func drawList(t *rapid.T, label string) List {
	var l List
	for i := range rapid.IntRange(0, 4).Draw(t, label+" parents") {
		parent := "o" + strconv.Itoa(i)
		l = append(l, registration.Choice{ID: parent, Title: parent})
		for k := range rapid.IntRange(0, 60).Draw(t, label+" children") {
			l = append(l, registration.Choice{ID: parent + "-" + strconv.Itoa(k), Title: "a child", Parent: parent})
		}
	}
	return l
}

func drawWorld(t *rapid.T) *world {
	w := &world{lists: Lists{}, answer: Answer{Picks: map[string]Pick{}}}
	everyScope := []string{"openid", "profile", "offline_access", "gone"}
	everyID := append(names(4, "o"), names(5, "o0-")...)
	everyID = append(everyID, "o1-0", "o1-59", "foreign", "")
	var identifiers []string
	var before []Detail
	for i := range rapid.IntRange(0, 4).Draw(t, "APIs") {
		name := "api" + strconv.Itoa(i)
		r := &registration.Resource{Name: name, Identifier: "https://" + name + ".example.com"}
		identifiers = append(identifiers, r.Identifier)
		for k := range rapid.IntRange(1, 3).Draw(t, "scopes of "+name) {
			s := registration.Scope{Name: name + "." + strconv.Itoa(k), Sensitive: rapid.Bool().Draw(t, "sensitive")}
			r.Scopes = append(r.Scopes, s)
			everyScope = append(everyScope, s.Name)
		}
		if rapid.Bool().Draw(t, name+" has choices") {
			r.Choices = &registration.Choices{Type: "thing", URL: r.Identifier}
			w.lists[r.Identifier] = drawList(t, name)
			if rapid.Bool().Draw(t, name+" has a list") {
				r.Choices.URL, r.Choices.Static = "", w.lists[r.Identifier]
			}
			w.answer.Picks[r.Identifier] = Pick{Chosen: some(t, everyID, "chosen at "+name), Without: some(t, everyID, "unticked at "+name)}
			for _, id := range some(t, everyID[:6], "chosen before at "+name) {
				before = append(before, Detail{Type: "thing", Locations: []string{r.Identifier}, Identifier: id})
			}
		}
		w.apis = append(w.apis, r)
	}
	w.question = Question{
		Scopes: some(t, everyScope, "asked"), Issuer: issuer, Prompted: rapid.Bool().Draw(t, "prompted"), Confirmed: rapid.Bool().Draw(t, "confirmed"),
		Changing: rapid.Bool().Draw(t, "changing"),
		Mode:     rapid.SampledFrom([]registration.ConsentMode{"", registration.ConsentRemember, registration.ConsentAlways, registration.ConsentSkip}).Draw(t, "mode"),
	}
	if len(identifiers) > 0 {
		w.question.Resources = some(t, identifiers, "resources")
		if rapid.Bool().Draw(t, "remembered") {
			w.question.Remembered = &storage.Consent{Scopes: some(t, everyScope, "scopes before"), Audience: some(t, identifiers, "audience before"), AuthorizationDetails: EncodeDetails(before)}
		}
	}
	w.answer.Scopes = some(t, append(everyScope, "admin"), "ticked")
	return w
}

// TestNeverWider: whatever an app asks and whatever a form says, the result holds nothing that was not asked for, that the
// person did not let through now or before, or that is not on the person's own list.
func TestNeverWider(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		sheet := Ask(w.apis, w.question)
		got, problem, _ := sheet.Decide(w.answer, w.lists)
		if problem != "" {
			if got.Scopes != nil || got.Audience != nil || got.Details != nil || got.Keep != nil {
				t.Fatalf("with a problem there is a result: %+v", got)
			}
		} else {
			w.check(t, got, true)
		}
		if !sheet.Needed {
			w.check(t, sheet.Unasked(), false)
		}
	})
}

func (w *world) check(t *rapid.T, got Result, answered bool) {
	q := w.question
	before := func(r *registration.Resource, name string) bool { return q.remembers(r, name) }
	for _, name := range got.Scopes {
		r, declared, ok := w.apis.ScopeResource(name)
		switch {
		case !slices.Contains(q.Scopes, name):
			t.Fatalf("%s was not asked for", name)
		case !ok && !oauth.IsIdentityScope(name):
			t.Fatalf("nobody declares %s", name)
		case ok && len(q.Resources) > 0 && !slices.Contains(q.Resources, r.Identifier):
			t.Fatalf("%s is for an API that was not asked for", name)
		case ok && !slices.Contains(got.Audience, r.Identifier):
			t.Fatalf("%s is in no audience", name)
		}
		through := answered && slices.Contains(w.answer.Scopes, name) || before(r, name) || q.Mode == registration.ConsentSkip || name == oauth.ScopeOpenID
		if !through && (answered || !q.Confirmed || declared != nil && declared.Sensitive) {
			t.Fatalf("%s was never let through", name)
		}
	}
	for _, a := range got.Audience {
		if a != issuer && !slices.ContainsFunc(got.Scopes, func(s string) bool { r, _, ok := w.apis.ScopeResource(s); return ok && r.Identifier == a }) {
			t.Fatalf("%s is in the audience without a scope", a)
		}
	}
	details := ParseDetails(got.Details)
	if len(details) > MaxDetails {
		t.Fatalf("%d details", len(details))
	}
	var old []Detail
	if q.Remembered != nil {
		old = ParseDetails(q.Remembered.AuthorizationDetails)
	}
	for _, d := range details {
		if !slices.Contains(got.Audience, d.Location()) {
			t.Fatalf("a choice at %s, which is not in the audience", d.Location())
		}
		same := func(o Detail) bool {
			return o.Location() == d.Location() && o.Identifier == d.Identifier && o.Parent == d.Parent && o.Type == d.Type
		}
		onList := answered && slices.ContainsFunc(w.lists[d.Location()].Leaves(), func(c registration.Choice) bool { return c.ID == d.Identifier && c.Parent == d.Parent })
		pick := w.answer.Picks[d.Location()]
		picked := slices.Contains(pick.Chosen, d.Identifier) || d.Parent != "" && slices.Contains(pick.Chosen, d.Parent) && !slices.Contains(pick.Without, d.Identifier)
		if !slices.ContainsFunc(old, same) && (!onList || !picked) {
			t.Fatalf("%s was chosen neither now nor before", d.Identifier)
		}
	}
	for _, r := range w.apis {
		if r.Choices != nil && slices.Contains(got.Audience, r.Identifier) && !slices.ContainsFunc(details, func(d Detail) bool { return d.Location() == r.Identifier }) {
			t.Fatalf("%s is let in to without a choice", r.Identifier)
		}
	}
	if k := got.Keep; k != nil {
		for _, name := range k.Scopes {
			r, _, _ := w.apis.ScopeResource(name)
			if !slices.Contains(got.Scopes, name) && !before(r, name) {
				t.Fatalf("%s is remembered and was never let through", name)
			}
		}
		for _, d := range ParseDetails(k.Details) {
			if !slices.Contains(k.Audience, d.Location()) {
				t.Fatalf("a choice at %s is remembered without a scope there", d.Location())
			}
		}
	}
}

// TestAskedOnce: what was answered and is remembered is not asked again, and then yields the same.
func TestAskedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.question.Prompted, w.question.Changing = false, false
		got, problem, _ := Ask(w.apis, w.question).Decide(w.answer, w.lists)
		if problem != "" || got.Keep == nil || len(got.Scopes) == 0 {
			return
		}
		again := w.question
		again.Scopes = got.Scopes // what it got, it asks for again
		again.Remembered = &storage.Consent{Scopes: got.Keep.Scopes, Audience: got.Keep.Audience, AuthorizationDetails: got.Keep.Details}
		sheet := Ask(w.apis, again)
		if sheet.Needed {
			t.Fatalf("asked again: %+v", sheet.Scopes)
		}
		if r := sheet.Unasked(); !slices.Equal(r.Scopes, got.Scopes) || !slices.Equal(r.Audience, got.Audience) || !bytes.Equal(r.Details, got.Details) {
			t.Fatalf("got %+v, then %+v", got, r)
		}
	})
}

// TestDetailsAreStable: the same choice is the same text, in whatever order it was made.
func TestDetailsAreStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		var details []Detail
		for id, l := range w.lists {
			for _, c := range l {
				details = append(details, Detail{Type: "thing", Locations: []string{id}, Identifier: c.ID, Parent: c.Parent})
			}
		}
		once := EncodeDetails(details)
		shuffled := rapid.Permutation(details).Draw(t, "order")
		if twice := EncodeDetails(append(shuffled, details...)); !bytes.Equal(once, twice) {
			t.Fatalf("%s\n%s", once, twice)
		}
		if once != nil && !json.Valid(once) {
			t.Fatalf("%s", once)
		}
		if back := EncodeDetails(ParseDetails(once)); !bytes.Equal(once, back) {
			t.Fatalf("%s\n%s", once, back)
		}
	})
}
