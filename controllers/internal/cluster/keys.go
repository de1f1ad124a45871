package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const (
	// Every is how often the keys are read.
	Every = 10 * time.Minute
	// RetryAfter is how long a failure is waited out.
	RetryAfter = time.Minute
	// patience bounds one reading, so that nobody who waits for it waits long.
	patience = 5 * time.Second
)

// Keys reads the cluster's keys and remembers them. It is safe for concurrent use.
type Keys struct {
	get func(ctx context.Context, path string) ([]byte, error)

	mu   sync.Mutex
	last *registration.ServiceAccountIssuer
	err  error
	next time.Time // when to read again; zero before the first time
}

// New makes a Keys that asks the API server of a configuration, by its HTTP client.
func New(config *rest.Config, client *http.Client) (*Keys, error) {
	d, err := discovery.NewDiscoveryClientForConfigAndClient(config, client)
	if err != nil {
		return nil, err
	}
	return &Keys{get: func(ctx context.Context, path string) ([]byte, error) {
		return d.RESTClient().Get().AbsPath(path).DoRaw(ctx)
	}}, nil
}

// Current returns the cluster's issuer and keys, read now when it is time to: nil when they were never read, and with an error when the
// last attempt failed, whose message is for people. next is when to ask again.
func (k *Keys) Current(ctx context.Context, now time.Time) (issuer *registration.ServiceAccountIssuer, next time.Time, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	// A time that is farther away than any is was set by a clock that has been set back.
	if k.next.IsZero() || !now.Before(k.next) || k.next.Sub(now) > Every {
		read, err := k.read(ctx)
		if k.err = err; err == nil {
			k.last, k.next = read, now.Add(Every)
		} else {
			k.next = now.Add(RetryAfter)
		}
	}
	return k.last, k.next, k.err
}

func (k *Keys) read(ctx context.Context) (*registration.ServiceAccountIssuer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var configuration struct {
		Issuer string `json:"issuer"`
	}
	raw, err := k.get(ctx, "/.well-known/openid-configuration")
	if err != nil {
		return nil, fmt.Errorf("read /.well-known/openid-configuration: %w", err)
	}
	if json.Unmarshal(raw, &configuration) != nil || configuration.Issuer == "" || len(configuration.Issuer) > registration.MaxURI {
		return nil, errors.New("/.well-known/openid-configuration names no issuer")
	}
	if raw, err = k.get(ctx, "/openid/v1/jwks"); err != nil {
		return nil, fmt.Errorf("read /openid/v1/jwks: %w", err)
	}
	set, err := canonical(raw)
	if err != nil {
		return nil, fmt.Errorf("/openid/v1/jwks: %w", err)
	}
	return &registration.ServiceAccountIssuer{Issuer: configuration.Issuer, JWKS: set}, nil
}

// key is what is kept of a key (RFC 7517 section 4, RFC 7518 section 6).
type key struct {
	Kty string `json:"kty"`
	Kid string `json:"kid,omitempty"`
	Use string `json:"use,omitempty"`
	Alg string `json:"alg,omitempty"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
}

// canonical keeps the keys that servers can use, in an order of their own: one API server lists them differently from the next.
func canonical(raw []byte) (json.RawMessage, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, errors.New("it is no JSON Web Key Set")
	}
	var kept [][]byte
	for _, member := range set.Keys {
		if registration.CheckPublicJWKS(of(member), 1) != nil {
			continue // of another kind, which no server verifies
		}
		var k key
		if err := json.Unmarshal(member, &k); err != nil {
			continue
		}
		b, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		kept = append(kept, b)
	}
	slices.SortFunc(kept, bytes.Compare)
	kept = slices.CompactFunc(kept, bytes.Equal)
	if len(kept) == 0 {
		return nil, errors.New("it has no key that servers can verify with: RSA of 2048 to 4096 bits, EC on P-256, or Ed25519")
	}
	out := of(kept...)
	if err := registration.CheckPublicJWKS(out, registration.MaxClusterKeys); err != nil {
		return nil, err
	}
	return out, nil
}

// of is a set of keys.
func of(keys ...[]byte) []byte {
	return slices.Concat([]byte(`{"keys":[`), bytes.Join(keys, []byte(",")), []byte(`]}`))
}
