package local

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/semaphore"

	"github.com/grantkeeper/grantkeeper/internal/argon2id"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

// DefaultMemory is for [Options.Memory]: room for three checks at argon2id.Default.
const DefaultMemory = 64 << 10

const maxPassword = 1024

// Options configure the local providers of one server.
type Options struct {
	// Memory, in KiB, is what all checks together may take at a time; a check that alone takes more runs when no
	// other does. 0 means DefaultMemory.
	Memory int64
}

// Factory makes a factory of local providers. They share one bound on memory.
func Factory(o Options) idp.Factory {
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	room := &room{size: o.Memory, free: semaphore.NewWeighted(o.Memory)}
	return func(d *registration.IdentityProvider) (idp.Provider, bool) {
		if d.Local == nil {
			return idp.Provider{}, false
		}
		p := newProvider(d, room)
		return idp.Provider{Password: p, Accounts: p}, true
	}
}

// Provider is one list of accounts.
type Provider struct {
	accounts map[string]account // by canonical username
	costs    []argon2id.Params  // of all accounts, for those that do not exist
	salt     string
	room     *room
	// claims is set when the declaration has expressions that want them.
	claims bool
}

type account struct {
	registration.LocalAccount
	hash     argon2id.Hash
	disabled bool
}

// room is the memory that checks share.
type room struct {
	size int64
	free *semaphore.Weighted
}

func newProvider(d *registration.IdentityProvider, r *room) *Provider {
	p := &Provider{accounts: make(map[string]account, len(d.Local.Accounts)), salt: d.UID, room: r,
		claims: d.Mapping != (registration.Mapping{}) || d.Allow != ""}
	for _, a := range d.Local.Accounts {
		name, ok := idp.CanonicalUsername(a.Username)
		if !ok {
			continue // nobody can type it
		}
		hash, err := argon2id.Parse(a.PasswordHash)
		if err != nil {
			// The compile step refuses such a hash. If one gets here, its account is closed and looks like any other.
			hash = argon2id.Dummy(argon2id.Default())
		}
		// Two accounts of one canonical name would let one be taken for the other: neither may sign in.
		_, twice := p.accounts[name]
		p.accounts[name] = account{LocalAccount: a, hash: hash, disabled: a.Disabled || twice}
	}
	for _, name := range sortedNames(p.accounts) {
		p.costs = append(p.costs, p.accounts[name].hash.Params())
	}
	if len(p.costs) == 0 {
		p.costs = []argon2id.Params{argon2id.Default()}
	}
	return p
}

func sortedNames(m map[string]account) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}

// Authenticate implements idp.PasswordProvider.
func (p *Provider) Authenticate(ctx context.Context, username, password string) (idp.Identity, error) {
	name, valid := idp.CanonicalUsername(username)
	a, known := p.accounts[name]
	known = known && valid
	if !known {
		a.hash = argon2id.Dummy(p.costOfUnknown(name))
	}
	if len(password) > maxPassword {
		// Too long to be anyone's. It costs what any other wrong password costs.
		a.hash, password = argon2id.Dummy(a.hash.Params()), password[:maxPassword]
	}
	matches, err := p.check(ctx, a.hash, password)
	if err != nil {
		return idp.Identity{}, err
	}
	if !matches || !known || a.disabled || password == "" {
		return idp.Identity{}, idp.ErrRefused
	}
	identity := p.identity(a, name)
	identity.Methods = []string{"pwd"}
	return identity, nil
}

// Account implements idp.AccountChecker.
func (p *Provider) Account(subject string) (idp.Identity, bool) {
	a, ok := p.accounts[subject]
	if !ok || a.disabled {
		return idp.Identity{}, false
	}
	return p.identity(a, subject), true
}

// identity is what the account's manifest says.
func (p *Provider) identity(a account, subject string) idp.Identity {
	i := idp.Identity{
		Subject:       subject,
		Username:      a.Username,
		Name:          a.Name,
		Email:         a.Email,
		EmailVerified: a.Email != "" && a.EmailVerified,
		Groups:        slices.Clone(a.Groups),
		Profile:       a.Profile,
	}
	if p.claims {
		i.Claims = claimsOf(i)
	}
	return i
}

// claimsOf is what expressions see of an account: the fields of its manifest.
func claimsOf(i idp.Identity) map[string]any {
	claims := map[string]any{}
	if raw, err := json.Marshal(i.Profile); err == nil {
		_ = json.Unmarshal(raw, &claims) // it was encoded a line above
	}
	claims["username"], claims["name"], claims["email"], claims["emailVerified"] = i.Username, i.Name, i.Email, i.EmailVerified
	claims["groups"] = append([]string{}, i.Groups...)
	return claims
}

// costOfUnknown picks the costs of one of the accounts. Where accounts have different costs, an unknown name costs what
// some account costs, and always the same, so that its time tells nothing.
func (p *Provider) costOfUnknown(name string) argon2id.Params {
	sum := sha256.Sum256([]byte(p.salt + "\x00" + name))
	return p.costs[binary.BigEndian.Uint64(sum[:])%uint64(len(p.costs))]
}

// check computes one hash within the shared memory.
func (p *Provider) check(ctx context.Context, h argon2id.Hash, password string) (bool, error) {
	// A request that ended while it waited must not cost a computation.
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("%w: %w", idp.ErrBusy, err)
	}
	need := min(int64(h.Params().Memory), p.room.size)
	if err := p.room.free.Acquire(ctx, need); err != nil {
		return false, fmt.Errorf("%w: %w", idp.ErrBusy, err)
	}
	defer p.room.free.Release(need)
	return h.Matches(password), nil
}
