package expression

import (
	"context"
	"errors"
	"fmt"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// ErrNotAllowed is a user whom an allow expression does not let in, or of whom a mapping makes nothing that could sign in.
var ErrNotAllowed = errors.New("the account is not allowed")

// Rules are the expressions of one identity provider, compiled.
type Rules struct {
	username, name, email, emailVerified, groups, allow *Program
}

// CompileRules compiles the mapping and the allow expression of a provider. It returns nil when there is none of either. The
// error joins what is wrong with each, beginning with the field's name in the manifest.
func CompileRules(m registration.Mapping, allow string) (*Rules, error) {
	if m == (registration.Mapping{}) && allow == "" {
		return nil, nil
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	var r Rules
	var problems []error
	for _, f := range []struct {
		field, source string
		want          Type
		into          **Program
	}{
		{"mapping.username", m.Username, String, &r.username},
		{"mapping.name", m.Name, String, &r.name},
		{"mapping.email", m.Email, String, &r.email},
		{"mapping.emailVerified", m.EmailVerified, Bool, &r.emailVerified},
		{"mapping.groups", m.Groups, Strings, &r.groups},
		{"allow", allow, Bool, &r.allow},
	} {
		if f.source == "" {
			continue
		}
		if *f.into, err = compile(env, f.source, f.want, MaxCost); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", f.field, err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &r, nil
}

// Apply makes a user of what a provider said, and says whether they are let in. Mapping expressions see the user as the kind
// of provider makes it, the allow expression as the mapping does. What an expression reads and the provider did not send
// counts as nothing: no groups, no name, not verified, not let in. Errors: ErrNotAllowed, the context's, or an expression that
// failed, with its field; then nobody may be let in.
func (r *Rules) Apply(ctx context.Context, claims map[string]any, user User) (User, error) {
	if r == nil {
		return user, nil
	}
	mapped, in := user, Input{Claims: claims, User: user}
	err := errors.Join(
		evaluate(ctx, "mapping.username", r.username, in, &mapped.Username, (*Program).String),
		evaluate(ctx, "mapping.name", r.name, in, &mapped.Name, (*Program).String),
		evaluate(ctx, "mapping.email", r.email, in, &mapped.Email, (*Program).String),
		evaluate(ctx, "mapping.groups", r.groups, in, &mapped.Groups, (*Program).Strings),
	)
	if err != nil {
		return User{}, err
	}
	if mapped.Email != user.Email {
		mapped.EmailVerified = false // the provider's word was on another address
	}
	if err := evaluate(ctx, "mapping.emailVerified", r.emailVerified, in, &mapped.EmailVerified, (*Program).Bool); err != nil {
		return User{}, err
	}
	if mapped.Username == "" {
		return User{}, fmt.Errorf("%w: mapping.username yields nothing", ErrNotAllowed)
	}
	allowed := true
	if err := evaluate(ctx, "allow", r.allow, Input{Claims: claims, User: mapped}, &allowed, (*Program).Bool); err != nil {
		return User{}, err
	}
	if !allowed {
		return User{}, ErrNotAllowed
	}
	return mapped, nil
}

// evaluate sets into to what p yields, if there is a p.
func evaluate[T any](ctx context.Context, field string, p *Program, in Input, into *T, of func(*Program, context.Context, Input) (T, error)) error {
	if p == nil {
		return nil
	}
	value, err := of(p, ctx, in)
	if err != nil && !errors.Is(err, ErrMissing) {
		return fmt.Errorf("%s: %w", field, err)
	}
	*into = value
	return nil
}
