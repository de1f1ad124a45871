package expression

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/cel-go/cel"
)

// Users is the compiled users expression of an OAuthGrantPolicy: who may let its clients in. nil is everybody. It is safe for
// concurrent use.
type Users struct{ program *Program }

// CompileUsers compiles a users expression, which is over user alone: what a provider said is known when somebody signs in, and this
// is asked later too. It returns nil for an empty one. Its errors are for the person who wrote it.
func CompileUsers(source string) (*Users, error) {
	if source == "" {
		return nil, nil
	}
	env, err := usersEnvironment()
	if err != nil {
		return nil, err
	}
	return compileUsers(env, source)
}

func compileUsers(env *cel.Env, source string) (*Users, error) {
	p, err := compile(env, source, Bool, MaxUsersCost)
	if err != nil {
		return nil, err
	}
	return &Users{p}, nil
}

// Allow returns nil for a user who may let the clients in, and ErrNotAllowed for one who may not; an expression that reads what is not
// there lets nobody in. Every other error (ErrCost, the context's, one that says why the expression failed) means that nobody may be
// let in either.
func (u *Users) Allow(ctx context.Context, user User) error {
	if u == nil {
		return nil
	}
	allowed, err := u.program.Bool(ctx, Input{User: user})
	switch {
	case errors.Is(err, ErrMissing):
		return ErrNotAllowed
	case err != nil:
		return fmt.Errorf("users: %w", err)
	case !allowed:
		return ErrNotAllowed
	}
	return nil
}

// memoized bounds a memo: one for each of so many policies.
const memoized = 1024

// Memo compiles users expressions and remembers them, because that takes as long as compiling thousands of clients: one memo for
// each operator. It is bounded and safe for concurrent use; the zero value is ready.
type Memo struct {
	mu    sync.Mutex
	env   *cel.Env
	known map[string]compiledUsers
}

type compiledUsers struct {
	users *Users
	err   error
}

// Users is [CompileUsers]. A nil memo remembers nothing.
func (m *Memo) Users(source string) (*Users, error) {
	if m == nil || source == "" {
		return CompileUsers(source)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.known[source]; ok {
		return known.users, known.err
	}
	if m.env == nil {
		env, err := usersEnvironment()
		if err != nil {
			return nil, err
		}
		m.env = env
	}
	if m.known == nil || len(m.known) >= memoized {
		m.known = map[string]compiledUsers{}
	}
	users, err := compileUsers(m.env, source)
	m.known[source] = compiledUsers{users, err}
	return users, err
}
