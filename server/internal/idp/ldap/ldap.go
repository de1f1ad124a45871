package ldap

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	ldaplib "github.com/go-ldap/ldap/v3"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/outbound"
)

const (
	// maxConnections is how many questions one provider asks at a time.
	maxConnections = 32
	maxPassword    = 1024
)

// Options configure the directories of one server.
type Options struct {
	// Loopback reports whether a directory on this machine may be asked, also without TLS: in development. nil for never.
	Loopback func() bool
}

// Factory makes a factory of LDAP providers.
func Factory(o Options) idp.Factory {
	return func(d *registration.IdentityProvider) (idp.Provider, bool) {
		if d.LDAP == nil {
			return idp.Provider{}, false
		}
		p := newProvider(d, o.Loopback != nil && o.Loopback())
		return idp.Provider{Password: p, Refresh: p, Resolve: p}, true
	}
}

// Provider is one directory.
type Provider struct {
	declared *registration.LDAPProvider
	dial     dialer
	broken   error // the URL or the CA bundle is none
	room     *semaphore.Weighted
	pace     pace
	// everything is set when the declaration has expressions, which may want any attribute.
	everything bool
}

func newProvider(d *registration.IdentityProvider, loopback bool) *Provider {
	p := &Provider{declared: d.LDAP, room: semaphore.NewWeighted(maxConnections),
		everything: d.Mapping != (registration.Mapping{}) || d.Allow != ""}
	o := outbound.Options{Private: true, Loopback: loopback, CABundle: d.LDAP.CABundle}
	address, err := url.Parse(d.LDAP.URL)
	if err != nil {
		p.broken = errors.New("the URL of the directory cannot be read")
		return p
	}
	config, err := o.TLS()
	if err != nil {
		p.broken = err
		return p
	}
	config.ServerName = address.Hostname()
	p.dial = dialer{net: outbound.NewDialer(o), tls: config, url: address, startTLS: d.LDAP.StartTLS}
	return p
}

// Authenticate implements idp.PasswordProvider.
func (p *Provider) Authenticate(ctx context.Context, username, password string) (idp.Identity, error) {
	name, ok := typed(username)
	// An empty password is an unauthenticated bind, which succeeds and proves nothing (RFC 4513 section 5.1.2).
	if !ok || password == "" || len(password) > maxPassword || strings.ContainsRune(password, 0) {
		if err := ctx.Err(); err != nil {
			return idp.Identity{}, err
		}
		return idp.Identity{}, idp.ErrRefused
	}
	return with(ctx, p, func(c *connection) (idp.Identity, error) {
		entry, err := p.find(c, p.userFilter(ldaplib.EscapeFilter(name)))
		if err != nil {
			return idp.Identity{}, err
		}
		if entry == nil {
			return idp.Identity{}, p.pace.unknown(ctx, c, p.declared.Users.BaseDN, password)
		}
		started := time.Now()
		if err := c.bindAs(entry.DN, password); err != nil {
			if errors.Is(err, idp.ErrRefused) {
				p.pace.refused(time.Since(started))
			}
			return idp.Identity{}, err
		}
		if disabled(entry) {
			return idp.Identity{}, idp.ErrRefused
		}
		if err := p.bindService(c); err != nil {
			return idp.Identity{}, err
		}
		identity, err := p.identity(c, entry)
		if err != nil {
			return idp.Identity{}, err
		}
		identity.Methods = []string{"pwd"}
		return identity, nil
	})
}

// Resolve implements idp.Resolver.
func (p *Provider) Resolve(ctx context.Context, username string) (string, error) {
	name, ok := typed(username)
	if !ok {
		return "", nil
	}
	return with(ctx, p, func(c *connection) (string, error) {
		entry, err := p.find(c, p.userFilter(ldaplib.EscapeFilter(name)))
		if err != nil || entry == nil {
			return "", err
		}
		return p.subject(entry)
	})
}

// Refresh implements idp.Refresher. It needs nothing kept: the subject finds the entry.
func (p *Provider) Refresh(ctx context.Context, subject string, _ []byte, _ time.Time) (idp.Identity, error) {
	return with(ctx, p, func(c *connection) (idp.Identity, error) {
		// It must still be one of those that the declaration lets sign in, whatever its name is now.
		entry, err := p.find(c, "(&"+p.userFilter("*")+"("+p.declared.Users.Subject+"="+p.subjectFilter(subject)+"))")
		if err != nil {
			return idp.Identity{}, err
		}
		if entry == nil || disabled(entry) || locked(entry) {
			return idp.Identity{}, idp.ErrRefused
		}
		return p.identity(c, entry)
	})
}

// typed is a username as it is looked for: the directory folds case where it wants to.
func typed(username string) (string, bool) {
	if _, ok := idp.CanonicalUsername(username); !ok {
		return "", false
	}
	return norm.NFC.String(strings.TrimSpace(username)), true
}

func (p *Provider) userFilter(escaped string) string {
	return strings.ReplaceAll(p.declared.Users.Filter, registration.UsernamePlace, escaped)
}

// with opens a connection, binds, and asks. Its errors are those of ask, ErrBusy, the context's, or mean that the directory is
// out of reach.
func with[T any](ctx context.Context, p *Provider, ask func(*connection) (T, error)) (T, error) {
	var none T
	if p.broken != nil {
		return none, p.broken
	}
	ctx, cancel := context.WithTimeout(ctx, total)
	defer cancel()
	if err := p.room.Acquire(ctx, 1); err != nil {
		return none, fmt.Errorf("%w: %w", idp.ErrBusy, err)
	}
	defer p.room.Release(1)
	c, err := p.dial.open(ctx)
	if err != nil {
		return none, fmt.Errorf("the directory: %w", err)
	}
	defer c.close()
	if err := p.bindService(c); err != nil {
		return none, err
	}
	answer, err := ask(c)
	if err != nil && ctx.Err() != nil { // the connection was closed under it
		return none, fmt.Errorf("the directory: %w", context.Cause(ctx))
	}
	return answer, err
}

func (p *Provider) bindService(c *connection) error {
	var err error
	if p.declared.BindDN == "" {
		err = c.UnauthenticatedBind("")
	} else {
		err = c.Bind(p.declared.BindDN, p.declared.BindPassword)
	}
	if err != nil {
		return fmt.Errorf("the directory does not let the server in: %w", plain(err))
	}
	return nil
}
