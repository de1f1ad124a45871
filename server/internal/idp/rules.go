package idp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const (
	// MaxGroups is how many groups an identity may have.
	MaxGroups = 1000
	// MaxGroup bounds the name of each, in bytes.
	MaxGroup = 256

	maxMethod  = 64
	maxSubject = 255 // OpenID Connect Core section 8
	maxName    = 256
	maxEmail   = 254 // RFC 5321 section 4.5.3.1.3
)

// ruled holds every identity of a provider to what its declaration says of all kinds alike: mapping, allow, and the bounds of
// what is stored. The [Set] puts it around whatever a factory makes, so that no kind of provider can forget it.
type ruled struct {
	Provider
	rules *expression.Rules
	// broken is set when the expressions do not compile. The compile step refuses such a declaration; if one gets here, nobody
	// signs in.
	broken error
}

// rule puts the declaration's rules around a provider.
func rule(p Provider, d *registration.IdentityProvider) Provider {
	r := &ruled{Provider: p}
	if r.rules, r.broken = expression.CompileRules(d.Mapping, d.Allow); r.broken != nil {
		r.broken = fmt.Errorf("identity provider %s: %w", d.Name, r.broken)
	}
	out := Provider{Document: d, Resolve: p.Resolve, Undated: p.Undated}
	if p.Password != nil {
		out.Password = passwordRules{r}
	}
	if p.Redirect != nil {
		out.Redirect = redirectRules{r}
	}
	if p.Accounts != nil {
		out.Accounts = accountRules{r}
	}
	if p.Refresh != nil {
		out.Refresh = refreshRules{r}
	}
	return out
}

type passwordRules struct{ *ruled }

// Authenticate implements PasswordProvider.
func (r passwordRules) Authenticate(ctx context.Context, username, password string) (Identity, error) {
	return r.after(ctx, func() (Identity, error) { return r.Password.Authenticate(ctx, username, password) })
}

type redirectRules struct{ *ruled }

// Begin implements Redirector.
func (r redirectRules) Begin(ctx context.Context, b BeginRequest) (string, Pending, error) {
	if r.broken != nil {
		return "", Pending{}, r.broken
	}
	return r.Redirect.Begin(ctx, b)
}

// Finish implements Redirector.
func (r redirectRules) Finish(ctx context.Context, kept Pending, callback url.Values, now time.Time) (Identity, error) {
	return r.after(ctx, func() (Identity, error) { return r.Redirect.Finish(ctx, kept, callback, now) })
}

type refreshRules struct{ *ruled }

// Refresh implements Refresher.
func (r refreshRules) Refresh(ctx context.Context, subject string, kept []byte, now time.Time) (Identity, error) {
	return r.after(ctx, func() (Identity, error) { return r.Provider.Refresh.Refresh(ctx, subject, kept, now) })
}

type accountRules struct{ *ruled }

// Account implements AccountChecker.
func (r accountRules) Account(subject string) (Identity, bool) {
	if r.broken != nil {
		return Identity{}, false
	}
	identity, ok := r.Accounts.Account(subject)
	if !ok || r.rules == nil { // what a manifest says needs no more checks than the manifest had
		return identity, ok
	}
	identity, err := r.apply(context.Background(), identity) // nobody is asked: this is computing, bounded by its cost
	return identity, err == nil
}

// after applies the rules to what get yields.
func (r *ruled) after(ctx context.Context, get func() (Identity, error)) (Identity, error) {
	if r.broken != nil {
		return Identity{}, r.broken
	}
	identity, err := get()
	if err != nil {
		return Identity{}, err
	}
	return r.apply(ctx, identity)
}

// apply returns ErrNotAllowed for whomever the rules do not let in, and for expressions that fail on what the provider said.
func (r *ruled) apply(ctx context.Context, i Identity) (Identity, error) {
	user, err := r.rules.Apply(ctx, i.Claims, expression.User{
		Username: i.Username, Name: i.Name, Email: i.Email, EmailVerified: i.EmailVerified, Groups: i.Groups,
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return Identity{}, err
	case errors.Is(err, expression.ErrNotAllowed):
		return Identity{}, fmt.Errorf("%w: its declaration does not let it in", ErrNotAllowed)
	case err != nil:
		return Identity{}, fmt.Errorf("%w: %w", ErrNotAllowed, err)
	}
	i.Username, i.Name, i.Email, i.EmailVerified, i.Groups = user.Username, user.Name, user.Email, user.EmailVerified, user.Groups
	return tidy(i)
}

// tidy bounds an identity. What cannot be shortened without becoming another is refused; an address that is none is dropped.
func tidy(i Identity) (Identity, error) {
	if i.Subject == "" || len(i.Subject) > maxSubject || !utf8.ValidString(i.Subject) {
		return Identity{}, fmt.Errorf("%w: its subject must have 1 to %d bytes", ErrNotAllowed, maxSubject)
	}
	if _, ok := CanonicalUsername(i.Username); !ok {
		return Identity{}, fmt.Errorf("%w: its username cannot be one", ErrNotAllowed)
	}
	i.Name = clip(i.Name, maxName)
	if !isEmail(i.Email) {
		i.Email, i.EmailVerified = "", false
	}
	if i.Groups = tidyGroups(i.Groups); len(i.Groups) > MaxGroups {
		return Identity{}, fmt.Errorf("%w: it has %d groups, more than %d; mapping.groups can choose among them", ErrNotAllowed, len(i.Groups), MaxGroups)
	}
	i.Methods, i.Profile = tidyMethods(i.Methods), tidyProfile(i.Profile)
	if len(i.Kept) > MaxKept {
		i.Kept = nil // the account cannot be asked about again; it ends with the refresh token
	}
	return i, nil
}

// tidyGroups drops what is no name of a group, and what is there twice.
func tidyGroups(groups []string) []string {
	var out []string
	seen := make(map[string]struct{}, len(groups))
	for _, g := range groups {
		if _, twice := seen[g]; twice || g == "" || len(g) > MaxGroup || !utf8.ValidString(g) || strings.ContainsFunc(g, invisible) {
			continue
		}
		seen[g] = struct{}{}
		out = append(out, g)
	}
	return out
}

// tidyMethods drops what is no amr value (RFC 8176): it goes into every session, and every ID token of it.
func tidyMethods(methods []string) []string {
	return slices.DeleteFunc(slices.Clone(methods), func(m string) bool {
		return m == "" || len(m) > maxMethod || strings.ContainsFunc(m, func(r rune) bool { return r <= ' ' || r > '~' })
	})
}

// isEmail takes an address with one @ (A36) and nothing invisible in it.
func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && !strings.Contains(domain, "@") && len(s) <= maxEmail && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || invisible(r) })
}

// clip shortens text that is only shown.
func clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

func tidyProfile(p registration.Profile) registration.Profile {
	const short, long = 256, 2 << 10
	for _, f := range []struct {
		s     *string
		limit int
	}{
		{&p.GivenName, short}, {&p.FamilyName, short}, {&p.MiddleName, short}, {&p.Nickname, short}, {&p.Gender, short},
		{&p.Birthdate, short}, {&p.Zoneinfo, short}, {&p.Locale, short}, {&p.PhoneNumber, short},
		{&p.Profile, long}, {&p.Picture, long}, {&p.Website, long},
	} {
		*f.s = clip(*f.s, f.limit)
	}
	if p.Address != nil {
		a := *p.Address
		for _, s := range []*string{&a.Formatted, &a.StreetAddress, &a.Locality, &a.Region, &a.PostalCode, &a.Country} {
			*s = clip(*s, 512)
		}
		p.Address = &a
	}
	return p
}
