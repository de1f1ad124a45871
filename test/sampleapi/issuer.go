package sampleapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// ErrUnavailable is an authorization server that does not answer: nothing is known about the token, and the client may try again.
var ErrUnavailable = errors.New("the authorization server cannot be asked right now")

// The types of tokens, as their header says (RFC 8725 section 3.11).
const (
	typeAccess  = "at+jwt"
	typeChoices = "grantkeeper-choices+jwt"
)

// metadata is what the API needs of the issuer's (RFC 8414 section 2).
type metadata struct {
	JWKSURI               string `json:"jwks_uri"`
	IntrospectionEndpoint string `json:"introspection_endpoint"`
}

// issuer is the authorization server as the API knows it. It is found when it is first needed, so that both may be started in
// any order.
type issuer struct {
	url, identifier string
	client          *http.Client
	now             func() time.Time

	mu    sync.Mutex
	found *discovered
}

type discovered struct {
	metadata
	keys oidc.KeySet
}

// discover reads the issuer's metadata once, which the library checks to be the issuer's own.
func (i *issuer) discover(ctx context.Context) (*discovered, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.found != nil {
		return i.found, nil
	}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, i.client), i.url)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	d := &discovered{}
	if err := p.Claims(&d.metadata); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	// The set fetches keys again when a token names one that it does not know. It outlives the request.
	d.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), i.client), d.JWKSURI)
	i.found = d
	return d, nil
}

// verify checks type, algorithm and signature of a JWT and reads its claims.
func (i *issuer) verify(ctx context.Context, typ, token string, into any) error {
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(parsed.Signatures) != 1 {
		return ErrInvalidToken
	}
	said, _ := parsed.Signatures[0].Header.ExtraHeaders[jose.HeaderType].(string)
	if !strings.EqualFold(strings.TrimPrefix(strings.ToLower(said), "application/"), typ) {
		return ErrInvalidToken
	}
	d, err := i.discover(ctx)
	if err != nil {
		return err
	}
	payload, err := d.keys.VerifySignature(ctx, token)
	if err != nil {
		if strings.HasPrefix(err.Error(), "fetching keys") { // the library has no other way to tell
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return ErrInvalidToken
	}
	if json.Unmarshal(payload, into) != nil {
		return ErrInvalidToken
	}
	return nil
}

// Checker finds out what a token gives. ErrInvalidToken, ErrUnavailable.
type Checker interface {
	Check(ctx context.Context, token string) (Access, error)
}

// byJWT judges tokens alone.
type byJWT struct{ *issuer }

// Check reads a JWT access token (RFC 9068 section 4).
func (j byJWT) Check(ctx context.Context, token string) (Access, error) {
	var c claims
	if err := j.verify(ctx, typeAccess, token, &c); err != nil {
		return Access{}, err
	}
	if err := c.good(j.url, j.identifier, j.now()); err != nil {
		return Access{}, err
	}
	return c.access(j.identifier), nil
}

// byIntrospection asks about each token, so that one that was revoked is refused at once.
type byIntrospection struct {
	*issuer
	id, secret string
}

// Check asks the introspection endpoint (RFC 7662 section 2).
func (b byIntrospection) Check(ctx context.Context, token string) (Access, error) {
	d, err := b.discover(ctx)
	if err != nil {
		return Access{}, err
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.IntrospectionEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return Access{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.SetBasicAuth(url.QueryEscape(b.id), url.QueryEscape(b.secret)) // RFC 6749 section 2.3.1
	answer, err := b.client.Do(r)
	if err != nil {
		return Access{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer func() { _ = answer.Body.Close() }() // it was read, or is given up
	if answer.StatusCode != http.StatusOK {
		return Access{}, fmt.Errorf("%w: introspection answers with %d", ErrUnavailable, answer.StatusCode)
	}
	var said struct {
		Active bool `json:"active"`
		claims
	}
	const most = 64 << 10
	if err := json.NewDecoder(io.LimitReader(answer.Body, most)).Decode(&said); err != nil {
		return Access{}, fmt.Errorf("%w: the answer of introspection cannot be read", ErrUnavailable)
	}
	if !said.Active {
		return Access{}, ErrInvalidToken
	}
	if err := said.good(b.url, b.identifier, b.now()); err != nil {
		return Access{}, err
	}
	return said.access(b.identifier), nil
}
