package ldap

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	ldaplib "github.com/go-ldap/ldap/v3"

	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

// errTaken is a directory that takes the password of somebody who does not exist.
var errTaken = errors.New("the directory lets in whom it does not have; it must refuse unauthenticated binds")

// pace makes an unknown user take the time of a wrong password (A34). A bind as nobody costs the exchange; the directory hashes
// nothing for it, so the rest is waited for: as long as one of the last real refusals took.
type pace struct {
	mu   sync.Mutex
	last [32]time.Duration
	n    int
}

// refused notes how long a refusal took.
func (p *pace) refused(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last[p.n%len(p.last)] = d
	p.n++
}

// sample is one of the last refusals; zero when there was none yet.
func (p *pace) sample() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == 0 {
		return 0
	}
	return p.last[rand.IntN(min(p.n, len(p.last)))]
}

// unknown refuses a user who does not exist. The error is ErrRefused, or says why the directory could not be asked.
func (p *pace) unknown(ctx context.Context, c *connection, base, password string) error {
	started := time.Now()
	err := c.bindAs(fmt.Sprintf("cn=%s,%s", ldaplib.EscapeDN(fmt.Sprintf("nobody-%016x", rand.Uint64())), base), password)
	if err == nil {
		return errTaken
	}
	if !errors.Is(err, idp.ErrRefused) {
		return err
	}
	rest := time.NewTimer(p.sample() - time.Since(started))
	defer rest.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-rest.C:
		return idp.ErrRefused
	}
}
