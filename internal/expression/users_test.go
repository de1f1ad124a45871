package expression_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/expression"
)

func TestUsersAllow(t *testing.T) {
	ada := expression.User{Username: "ada", Name: "Ada Lovelace", Email: "ada@acme.example", EmailVerified: true, Groups: []string{"staff", "dev"}}
	for name, tc := range map[string]struct {
		source string
		user   expression.User
		want   error
	}{
		"no expression lets everybody in":                {"", expression.User{}, nil},
		"who is in the group comes in":                   {"'staff' in user.groups", ada, nil},
		"who is not does not":                            {"'admin' in user.groups", ada, expression.ErrNotAllowed},
		"who has no groups does not":                     {"'staff' in user.groups", expression.User{Username: "bob"}, expression.ErrNotAllowed},
		"a verified address of a domain":                 {"user.emailVerified && user.email.endsWith('@acme.example')", ada, nil},
		"a domain in small letters or not":               {"user.email.lowerAscii().endsWith('@acme.example')", ada, nil},
		"one of several groups":                          {"user.groups.exists(g, g.startsWith('de'))", ada, nil},
		"who it is":                                      {"user.username in ['ada', 'bob'] && user.name != ''", ada, nil},
		"what is not there lets nobody in":               {"user.groups[5] == 'staff'", ada, expression.ErrNotAllowed},
		"always false locks everybody out, which is one": {"false", ada, expression.ErrNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			users, err := expression.CompileUsers(tc.source)
			if err != nil {
				t.Fatal(err)
			}
			if err := users.Allow(t.Context(), tc.user); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestUsersSeeOnlyTheUser(t *testing.T) {
	for source, word := range map[string]string{
		"'staff' in claims.groups": "claims",
		"user.group == 'x'":        "group",
		"user.email":               "must yield bool",
		"[1, 2]":                   "must yield bool",
		"request.time > 0":         "request",
		" ":                        "empty",
	} {
		if _, err := expression.CompileUsers(source); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v, want %q in it", source, err, word)
		}
	}
}

func TestUsersThatCostTooMuchLetNobodyIn(t *testing.T) {
	users, err := expression.CompileUsers("user.groups.all(a, user.groups.all(b, user.groups.all(c, a != 'x' || b != c)))")
	if err != nil {
		t.Fatal(err)
	}
	groups := make([]string, 200)
	for i := range groups {
		groups[i] = fmt.Sprint("group-", i)
	}
	if err := users.Allow(t.Context(), expression.User{Groups: groups}); !errors.Is(err, expression.ErrCost) {
		t.Errorf("got %v", err)
	}
	for _, source := range []string{"'group-199' in user.groups", "user.groups.exists(g, g.startsWith('group-199'))", "sets.intersects(user.groups, ['a', 'b', 'group-199'])"} {
		enough, err := expression.CompileUsers(source)
		if err != nil {
			t.Fatal(err)
		}
		if err := enough.Allow(t.Context(), expression.User{Groups: groups}); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := users.Allow(ctx, expression.User{Groups: groups}); err == nil {
		t.Error("somebody was let in whom nobody looked at")
	}
}

func TestMemo(t *testing.T) {
	var m expression.Memo
	first, err := m.Users("'staff' in user.groups")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := m.Users("'staff' in user.groups"); err != nil || again != first {
		t.Errorf("compiled twice: %v", err)
	}
	for range 2 {
		if _, err := m.Users("user."); err == nil {
			t.Error("what does not compile was let through")
		}
	}
	if users, err := (*expression.Memo)(nil).Users("true"); err != nil || users == nil {
		t.Errorf("without a memory: %v", err)
	}
	if testing.Short() {
		return
	}
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := range 400 {
				if _, err := m.Users(fmt.Sprintf("user.name == '%d-%d'", worker, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if users, err := m.Users("'staff' in user.groups"); err != nil || users == nil {
		t.Errorf("after forgetting: %v", err)
	}
}
