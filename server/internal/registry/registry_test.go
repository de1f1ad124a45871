package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func TestSnapshotsAfterASequenceOfChanges(t *testing.T) {
	allow := doc("p", grantPolicy("default", "read"))
	step := func(changes ...Change) []Change { return changes }
	tests := map[string]struct {
		// steps: the first is a list, the others are changes.
		steps [][]Change
		// want is "client id=UID", with "!" appended when the policy refuses it.
		want     []string
		rejected []Key
		deleted  []string // UIDs that the last step deleted
	}{
		"a client is served under its client id and its UID": {
			steps: [][]Change{step(allow, doc("a", client("a", withID("app"))))},
			want:  []string{"app=uid-a"},
		},
		"a client whose policy is not there is refused": {
			steps: [][]Change{step(doc("a", client("a")))},
			want:  []string{"a=uid-a!"},
		},
		"a policy that comes after the client accepts it": {
			steps: [][]Change{step(doc("a", client("a"))), step(allow)},
			want:  []string{"a=uid-a"},
		},
		"a tightened policy cuts off those that no longer comply and nobody else": {
			steps: [][]Change{
				step(allow, doc("q", grantPolicy("other", "write")), doc("a", client("a")), doc("b", client("b", withPolicy("other"), withScopes("write")))),
				step(doc("p", grantPolicy("default"))),
			},
			want: []string{"a=uid-a!", "b=uid-b"},
		},
		"a deleted policy cuts its clients off": {
			steps: [][]Change{step(allow, doc("a", client("a"))), step(gone("p"))},
			want:  []string{"a=uid-a!"},
		},
		"a deleted client is gone and reported": {
			steps:   [][]Change{step(allow, doc("a", client("a")), doc("b", client("b"))), step(gone("a"))},
			want:    []string{"b=uid-b"},
			deleted: []string{"uid-a"},
		},
		"K05 a recreated client inherits nothing: the object before it is reported": {
			steps:   [][]Change{step(allow, doc("a", client("a"))), step(doc("a", client("a", withUID("second"))))},
			want:    []string{"a=second"},
			deleted: []string{"uid-a"},
		},
		"a document that cannot be read is not served, alone, and its client was not deleted": {
			steps:    [][]Change{step(allow, doc("a", client("a")), doc("b", client("b"))), step(bad("a"))},
			want:     []string{"b=uid-b"},
			rejected: []Key{"a"},
		},
		"a document that can be read again is served again": {
			steps: [][]Change{step(allow, doc("a", client("a"))), step(bad("a")), step(doc("a", client("a")))},
			want:  []string{"a=uid-a"},
		},
		"a client whose unreadable document is removed was deleted": {
			steps:   [][]Change{step(allow, doc("a", client("a"))), step(bad("a")), step(gone("a"))},
			deleted: []string{"uid-a"},
		},
		"an unreadable document that was never readable comes and goes": {
			steps: [][]Change{step(bad("a"), bad("b")), step(gone("b")), step(gone("a"), bad("c"))},
			rejected: []Key{
				"c",
			},
		},
		"the older of two clients with one client id is served, though it came second": {
			steps: [][]Change{
				step(allow, doc("new", client("new", withID("x"), createdAt(epoch.Add(time.Second))))),
				step(doc("old", client("old", withID("x")))),
			},
			want: []string{"x=uid-old"},
		},
		"of two clients of one age that with the lower key is served": {
			steps: [][]Change{step(allow, doc("2", client("two", withID("x"))), doc("1", client("one", withID("x"))))},
			want:  []string{"x=uid-one"},
		},
		"the loser of a client id takes over when the holder is deleted": {
			steps: [][]Change{
				step(allow, doc("1", client("one", withID("x"))), doc("2", client("two", withID("x")))),
				step(gone("1")),
			},
			want:    []string{"x=uid-two"},
			deleted: []string{"uid-one"},
		},
		"the loser of a client id is deleted": {
			steps: [][]Change{
				step(allow, doc("1", client("one", withID("x"))), doc("2", client("two", withID("x")))),
				step(gone("2")),
			},
			want:    []string{"x=uid-one"},
			deleted: []string{"uid-two"},
		},
		"a document that moves to another key is the same client": {
			steps: [][]Change{step(allow, doc("1", client("a"))), step(gone("1"), doc("2", client("a")))},
			want:  []string{"a=uid-a"},
		},
		"a key that changes its kind": {
			steps:   [][]Change{step(allow, doc("a", client("a"))), step(doc("a", grantPolicy("odd")))},
			deleted: []string{"uid-a"},
		},
		"changes of one key in one batch count in their order": {
			steps: [][]Change{step(allow), step(doc("a", client("a")), gone("a"), doc("a", client("a")), gone("a"))},
		},
		"what is not known is deleted without harm": {
			steps: [][]Change{step(allow), step(gone("never"))},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newForTest(t)
			var before, after *Snapshot
			r.OnChange(func(b, a *Snapshot) { before, after = b, a })
			for i, step := range test.steps {
				if i == 0 {
					r.Replace(step, "1")
					continue
				}
				r.Apply(step, strconv.Itoa(i+1))
				r.publish()
			}
			checkSnapshot(t, r.Current())
			if after != r.Current() {
				t.Error("the listener did not see the snapshot that is served")
			}
			if diff := cmp.Diff(test.want, list(r.Current())); diff != "" {
				t.Errorf("clients (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.rejected, r.Current().Rejected()); diff != "" && len(test.rejected)+len(r.Current().Rejected()) > 0 {
				t.Errorf("rejected (-want +got):\n%s", diff)
			}
			var deleted []string
			for _, c := range Deleted(before, after) {
				deleted = append(deleted, c.UID)
			}
			if diff := cmp.Diff(test.deleted, deleted); diff != "" {
				t.Errorf("deleted (-want +got):\n%s", diff)
			}
		})
	}
}

// list shows a snapshot's clients as the tables of this test spell them.
func list(s *Snapshot) []string {
	var all []string
	for id, c := range s.AllClients() {
		line := id + "=" + c.UID
		if !c.Enabled() {
			line += "!"
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return all
}

// checkSnapshot checks what holds for every snapshot.
func checkSnapshot(t *testing.T, s *Snapshot) {
	t.Helper()
	n, refused := 0, 0
	for id, c := range s.AllClients() {
		n++
		if c.Refused != nil {
			refused++
		}
		if byID, ok := s.Client(id); !ok || byID != c || c.ClientID != id {
			t.Errorf("client %s is not found under its id", id)
		}
		if byUID, ok := s.ClientByUID(c.UID); !ok || byUID != c {
			t.Errorf("client %s is not found under its UID", id)
		}
	}
	if n != s.Clients() || s.byUID.size != n || refused != s.Refused() {
		t.Errorf("%d clients, %d refused; the snapshot says %d, %d by UID, and %d", n, refused, s.Clients(), s.byUID.size, s.Refused())
	}
}

func TestWhatIsWorkedOutForAClient(t *testing.T) {
	r := newForTest(t)
	c := client("a", withScopes("read", "write"))
	c.Authentication.Methods = append(c.Authentication.Methods, registration.AuthenticationNone)
	r.Replace([]Change{doc("a", c), doc("p", grantPolicy("default", "read"))}, "1")
	got, ok := r.Current().Client("a")
	if !ok || got.Subject != "client:apps/a" || !got.Public || got.Enabled() {
		t.Fatalf("got %+v", got)
	}
	if _, ok := got.ScopeSet["write"]; !ok {
		t.Error("scope write is missing")
	}
	if _, ok := got.GrantTypeSet["client_credentials"]; !ok {
		t.Error("grant type client_credentials is missing")
	}
	var refused *RefusedError
	if !errors.As(got.Refused, &refused) || refused.Findings[0].Value != "write" {
		t.Errorf("refused: %v", got.Refused)
	}
	if want := `policy default refuses spec.scopes[1] "write" by spec.allow.scopes`; got.Refused.Error() != want {
		t.Errorf("%s, want %s", got.Refused, want)
	}
	c.Suspended = true
	if got.Refused = nil; got.Enabled() {
		t.Error("a suspended client is enabled")
	}
}

func TestSharedDocuments(t *testing.T) {
	r := newForTest(t)
	if s := r.Current(); s == nil || s.Complete() || s.Clients() != 0 || s.Version() != "" || r.Synced() {
		t.Fatalf("a new registry serves %+v", s)
	}
	orders := &registration.Resource{Name: "orders", Identifier: "https://orders.example", Scopes: []registration.Scope{{Name: "read", Title: "Read"}, {Name: "all"}}}
	bills := &registration.Resource{Name: "bills", Identifier: "https://bills.example", Scopes: []registration.Scope{{Name: "all"}, {Name: "bill"}}}
	r.Replace(append(manyClients(2),
		doc("r1", orders), doc("r2", bills),
		doc("i2", &registration.IdentityProvider{Name: "local"}), doc("i1", &registration.IdentityProvider{Name: "corp"}),
	), "7")
	s := r.Current()
	if !s.Complete() || !r.Synced() || s.Server().Name != "main" || s.Keys().Name != "main" {
		t.Error("settings or keys are missing")
	}
	if p, ok := s.Policy("default"); !ok || p.Name != "default" {
		t.Error("the policy is missing")
	}
	if got, ok := s.Resource("https://orders.example"); !ok || got != orders {
		t.Error("the resource is missing")
	}
	if got, scope, ok := s.ScopeResource("read"); !ok || got != orders || scope.Title != "Read" {
		t.Error("scope read does not lead to its resource")
	}
	if got, _, _ := s.ScopeResource("all"); got != bills {
		t.Error("a scope that two resources declare belongs to the one with the lower identifier")
	}
	if _, _, ok := s.ScopeResource("openid"); ok {
		t.Error("openid belongs to a resource")
	}
	if diff := cmp.Diff([]string{"all", "bill", "read"}, s.AllScopes()); diff != "" {
		t.Error(diff)
	}
	if p := s.IdentityProviders(); len(p) != 2 || p[0].Name != "corp" || p[1].Name != "local" {
		t.Errorf("providers %v", p)
	}
	want := map[registration.Kind]int{"Server": 1, "Keys": 1, "Policy": 1, "Client": 2, "Resource": 2, "IdentityProvider": 2}
	if diff := cmp.Diff(want, s.Documents()); diff != "" {
		t.Error(diff)
	}
	r.Apply([]Change{gone("keys")}, "8")
	r.publish()
	if r.Current().Complete() {
		t.Error("complete without keys")
	}
}

func TestVersionIsTheHighestFoldedIn(t *testing.T) {
	r := newForTest(t)
	r.Replace(manyClients(1), "99")
	for _, step := range []struct{ version, want string }{
		{"100", "100"}, {"99", "100"}, {"9", "100"}, {"100", "100"}, {"0101", "0101"}, {"102", "102"}, {"", "102"},
		{"18446744073709551616", "18446744073709551616"}, {"103", "18446744073709551616"},
	} {
		r.Apply(nil, step.version)
		r.publish()
		if got := r.Version(); got != step.want || r.Current().Version() != got {
			t.Errorf("after %q the version is %q, want %q", step.version, got, step.want)
		}
	}
	if r.Replace(manyClients(1), "50"); r.Version() != "50" {
		t.Errorf("a list of version 50 gives %q", r.Version())
	}
}

func TestPolicyIsEvaluatedOncePerChange(t *testing.T) {
	r := newForTest(t)
	var judged []string
	r.state.accepts = func(p *registration.Policy, c *registration.Client) []policy.Finding {
		judged = append(judged, c.Name)
		return scopesAllowed(p, c)
	}
	expect := func(when string, want ...string) {
		t.Helper()
		r.publish()
		slices.Sort(judged)
		if diff := cmp.Diff(want, judged); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
		judged = nil
	}
	docs := []Change{doc("p", grantPolicy("default", "read")), doc("q", grantPolicy("other", "read")), doc("a", client("a")), doc("b", client("b", withPolicy("other")))}
	r.Replace(docs, "1")
	expect("at first", "a", "b")
	a, _ := r.Current().Client("a")

	r.Apply([]Change{doc("c", client("c"))}, "2")
	expect("one client came", "c")
	r.Apply([]Change{doc("q", grantPolicy("other", "read", "more"))}, "3")
	expect("one policy changed", "b")
	fresh := []Change{doc("p", grantPolicy("default", "read")), doc("q", grantPolicy("other", "read", "more")), doc("a", client("a")), doc("b", client("b", withPolicy("other"))), doc("c", client("c"))}
	r.Replace(fresh, "4")
	expect("listed anew without a change")
	r.Apply([]Change{doc("p", grantPolicy("default", "read", "more"))}, "5")
	expect("the other policy changed", "a", "c")
	if again, _ := r.Current().Client("a"); again != a {
		t.Error("a client that did not change, and whose verdict did not, is another one now")
	}
}

func TestRejectedDocumentsAreLoggedWithoutTheirContent(t *testing.T) {
	var out bytes.Buffer
	r := New(slog.New(slog.NewTextHandler(&out, nil)))
	decode := func(s string) error { _, err := registration.Decode([]byte(s)); return err }
	r.Replace([]Change{
		bad("unknown-field"),
		{Key: "not-json", Err: decode(`{"version": hunter2}`)},
		{Key: "wrong-type", Err: fmt.Errorf("wrapped: %w", decode(`{"version":1,"kind":"Client","spec":{"generation":"hunter2"}}`))},
		{Key: "wrong-value", Err: decode(`{"version":1,"kind":"Client","spec":{"tokens":{"accessTokenTTL":"hunter2"}}}`)},
		{Key: "missing", Err: ErrMissing},
	}, "1")
	for _, c := range []string{"unknown-field", "not-json", "wrong-type", "wrong-value", "missing"} {
		if !strings.Contains(out.String(), c) {
			t.Errorf("%s is not named in\n%s", c, out.String())
		}
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("the log quotes what is in a document:\n%s", out.String())
	}
}

func TestBurstsAreCoalescedAndSingleChangesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newForTest(t)
		var publications atomic.Int32
		r.OnChange(func(_, _ *Snapshot) { publications.Add(1) })
		r.Replace(manyClients(0), "1")
		if n := publications.Load(); n != 1 {
			t.Fatalf("%d publications of the first list", n)
		}
		<-time.After(time.Second) // of the bubble's clock: that nothing happens for so long is what is tested
		r.Apply([]Change{doc("first", client("first"))}, "2")
		if _, ok := r.Current().Client("first"); !ok {
			t.Error("a change after idle time is not served when Apply returns")
		}
		for i := range 10_000 {
			name := fmt.Sprintf("c%d", i)
			r.Apply([]Change{doc(name, client(name))}, strconv.Itoa(3+i))
		}
		if n := publications.Load(); n != 2 || r.Current().Clients() != 1 {
			t.Errorf("%d publications and %d clients within the burst", n, r.Current().Clients())
		}
		<-time.After(quiet) // of the bubble's clock: how long a burst is collected is what is tested
		synctest.Wait()
		if n := publications.Load(); n != 3 || r.Current().Clients() != 10_001 || r.Version() != "10002" {
			t.Errorf("after the burst: %d publications, %d clients, version %s", n, r.Current().Clients(), r.Version())
		}
		if lag := r.Current().Lag(); lag != quiet {
			t.Errorf("lag %v, want %v", lag, quiet)
		}
	})
}

func TestWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newForTest(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error, 1)
		go func() {
			done <- r.WaitFor(ctx, func(s *Snapshot) bool { _, ok := s.Client("b"); return ok })
		}()
		synctest.Wait()
		r.Replace([]Change{doc("a", client("a"))}, "1")
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("returned early: %v", err)
		default:
		}
		r.Apply([]Change{doc("b", client("b"))}, "2")
		if err := <-done; err != nil {
			t.Error(err)
		}
		never := func(*Snapshot) bool { return false }
		if err := r.WaitFor(ctx, never); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v when the context ended", err)
		}
	})
}

func TestPrepare(t *testing.T) {
	r := newForTest(t)
	var calls []string
	r.Prepare(func(before, after *Snapshot) {
		if r.Current() != before || r.Synced() != (len(calls) > 0) {
			t.Error("requests see the snapshot already")
		}
		_, ok := after.Client("first")
		calls = append(calls, fmt.Sprint("prepare ", ok))
	})
	r.OnChange(func(_, after *Snapshot) {
		if r.Current() != after || !r.Synced() {
			t.Error("requests do not see the snapshot yet")
		}
		calls = append(calls, "change")
	})
	r.Replace([]Change{doc("first", client("first"))}, "1")
	r.Apply(nil, "2")
	r.publish()
	if want := []string{"prepare true", "change", "prepare true", "change"}; !slices.Equal(calls, want) {
		t.Errorf("got %q, want %q", calls, want)
	}
}
