package registry

import (
	"errors"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func usersPolicy(users string) *registration.Policy {
	p := grantPolicy("default", "read")
	p.Users = users
	return p
}

// applyNow does not wait for more changes.
func applyNow(r *Registry, changes []Change, version string) {
	r.Apply(changes, version)
	r.publish()
}

func TestAllowsUser(t *testing.T) {
	staff := expression.User{Username: "ada", Groups: []string{"staff"}}
	r := newForTest(t)
	ask := func(u expression.User) error {
		t.Helper()
		s := r.Current()
		c, ok := s.Client("acme")
		if !ok {
			t.Fatal("the client is gone")
		}
		return s.AllowsUser(t.Context(), c, u)
	}
	r.Replace([]Change{doc("policy", usersPolicy("")), doc("acme", client("acme"))}, "1")
	if err := ask(expression.User{}); err != nil {
		t.Errorf("without an expression everybody may: %v", err)
	}
	applyNow(r, []Change{doc("policy", usersPolicy("'staff' in user.groups"))}, "2")
	if err := ask(staff); err != nil {
		t.Errorf("staff: %v", err)
	}
	if err := ask(expression.User{Username: "bob"}); !errors.Is(err, expression.ErrNotAllowed) {
		t.Errorf("others: %v", err)
	}
	applyNow(r, []Change{gone("policy")}, "3")
	if err := ask(staff); !errors.Is(err, expression.ErrNotAllowed) {
		t.Errorf("without a policy: %v", err)
	}
}

func TestAPolicyThatCannotBeReadWholeRefusesEverything(t *testing.T) {
	r := newForTest(t)
	r.Replace([]Change{doc("policy", usersPolicy("")), doc("acme", client("acme")), doc("other", client("other", withPolicy("open"))), doc("open", grantPolicy("open", "read"))}, "1")
	enabled := func(id string) bool {
		c, _ := r.Current().Client(id)
		return c.Enabled()
	}
	if !enabled("acme") || !enabled("other") {
		t.Fatal("the clients are not served")
	}
	applyNow(r, []Change{doc("policy", usersPolicy("'staff' in claims.groups"))}, "2")
	c, _ := r.Current().Client("acme")
	if c.Enabled() || !strings.Contains(c.Refused.Error(), "policy default refuses everything") || !enabled("other") {
		t.Errorf("refused %v", c.Refused)
	}
	if err := r.Current().AllowsUser(t.Context(), c, expression.User{}); err == nil || errors.Is(err, expression.ErrNotAllowed) {
		t.Errorf("got %v", err)
	}
	applyNow(r, []Change{doc("policy", usersPolicy("user.name != ''"))}, "3")
	if !enabled("acme") {
		t.Error("the mended policy does not serve its client")
	}
}

func TestUsersExpressionsAreCompiledOncePerText(t *testing.T) {
	r := newForTest(t)
	r.Replace([]Change{doc("policy", usersPolicy("'staff' in user.groups")), doc("acme", client("acme"))}, "1")
	before := r.Current().users["default"].allow
	changed := usersPolicy("'staff' in user.groups")
	changed.Allow.SkipConsent = true
	applyNow(r, []Change{doc("policy", changed), doc("server", &registration.Server{Name: "main"})}, "2")
	if after := r.Current().users["default"].allow; after != before || after == nil {
		t.Error("the same expression was compiled again")
	}
}

func BenchmarkAllowsUser(b *testing.B) {
	r := newForTest(b)
	r.Replace([]Change{doc("policy", usersPolicy("'staff' in user.groups && user.emailVerified")), doc("acme", client("acme"))}, "1")
	s := r.Current()
	c, _ := s.Client("acme")
	u := expression.User{Username: "ada", EmailVerified: true, Groups: []string{"a", "b", "c", "staff"}}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.AllowsUser(b.Context(), c, u); err != nil {
			b.Fatal(err)
		}
	}
}
