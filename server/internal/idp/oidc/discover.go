package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	oidclib "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/sync/singleflight"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const (
	// fresh is how long metadata and keys are used before they are asked for again; retry is how long the last good ones are
	// used before the next attempt when that failed.
	fresh = time.Hour
	retry = time.Minute
)

// metadata is what a provider says of itself (OpenID Connect Discovery section 3), and what is kept with it.
type metadata struct {
	Issuer                   string   `json:"issuer"`
	AuthorizationEndpoint    string   `json:"authorization_endpoint"`
	TokenEndpoint            string   `json:"token_endpoint"`
	UserinfoEndpoint         string   `json:"userinfo_endpoint"`
	JWKSURI                  string   `json:"jwks_uri"`
	SigningAlgorithms        []string `json:"id_token_signing_alg_values_supported"`
	TokenEndpointAuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	// IssInResponse is RFC 9207 section 3.
	IssInResponse bool `json:"authorization_response_iss_parameter_supported"`

	keys oidclib.KeySet
	// provider asks userinfo.
	provider *oidclib.Provider
}

// cache keeps metadata, the last good one when a newer cannot be had.
type cache struct {
	fetch  func(context.Context) (*metadata, error)
	flight singleflight.Group

	mu   sync.Mutex
	good *metadata
	due  time.Time
}

// get returns metadata. An error means that there never was any, and that the provider is out of reach.
func (c *cache) get(ctx context.Context, now time.Time) (*metadata, error) {
	c.mu.Lock()
	good, due := c.good, c.due
	c.mu.Unlock()
	if good != nil && now.Before(due) {
		return good, nil
	}
	// Whoever comes first asks for all. It goes on when that one's request ends, bounded by the client's timeout.
	answer := c.flight.DoChan("", func() (any, error) {
		got, err := c.fetch(context.WithoutCancel(ctx))
		c.mu.Lock()
		defer c.mu.Unlock()
		if err == nil {
			c.good, c.due = got, now.Add(fresh)
		} else if c.good != nil {
			c.due = now.Add(retry)
		}
		return c.good, err
	})
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case r := <-answer:
		if m, _ := r.Val.(*metadata); m != nil {
			return m, nil
		}
		return nil, fmt.Errorf("discovery: %w", r.Err)
	}
}

// discover asks the provider for its metadata and checks it.
func (p *Provider) discover(ctx context.Context) (*metadata, error) {
	if p.broken != nil {
		return nil, p.broken
	}
	at := p.declared.DiscoveryURL
	if at == "" {
		at = strings.TrimSuffix(p.declared.Issuer, "/") + "/.well-known/openid-configuration"
	}
	request, err := http.NewRequest(http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	answer, err := p.client.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("%s answers with status %d", at, answer.Status)
	}
	var m metadata
	if err := json.Unmarshal(answer.Body, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	if err := p.checkMetadata(&m); err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	through := p.through(ctx)
	m.keys = oidclib.NewRemoteKeySet(through, m.JWKSURI)
	m.provider = (&oidclib.ProviderConfig{IssuerURL: m.Issuer, UserInfoURL: m.UserinfoEndpoint, JWKSURL: m.JWKSURI}).NewProvider(through)
	return &m, nil
}

func (p *Provider) checkMetadata(m *metadata) error {
	expected := m.Issuer == p.declared.Issuer
	if p.declared.MultiTenant && !expected {
		// Asked about one tenant, Microsoft names the issuer of that tenant: then it is the only one.
		_, expected = tenantOf(p.declared.Issuer, m.Issuer)
	}
	if !expected {
		return fmt.Errorf("the issuer is %q, not %q", m.Issuer, p.declared.Issuer)
	}
	for _, e := range []struct{ name, url string }{
		{"authorization_endpoint", m.AuthorizationEndpoint}, {"token_endpoint", m.TokenEndpoint}, {"jwks_uri", m.JWKSURI},
	} {
		// Whether http on loopback is right was decided when the metadata was asked for at an address of that kind.
		u, err := url.Parse(e.url)
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !strings.HasPrefix(p.declared.Issuer, "http://")) {
			return fmt.Errorf("%s %q is not an https URL", e.name, e.url)
		}
	}
	if m.SigningAlgorithms = algorithms(m.SigningAlgorithms); len(m.SigningAlgorithms) == 0 {
		return errors.New("it signs ID tokens with no algorithm that may be used")
	}
	return nil
}

// algorithms keeps of those that a provider advertises the ones that prove anything: never none, never one with a shared
// secret (A32). Without any advertised it is RS256, which every provider has.
func algorithms(advertised []string) []string {
	if len(advertised) == 0 {
		return []string{oidclib.RS256}
	}
	asymmetric := []string{
		oidclib.RS256, oidclib.RS384, oidclib.RS512, oidclib.PS256, oidclib.PS384, oidclib.PS512,
		oidclib.ES256, oidclib.ES384, oidclib.ES512, oidclib.EdDSA,
	}
	return slices.DeleteFunc(slices.Clone(advertised), func(a string) bool { return !slices.Contains(asymmetric, a) })
}

// tenantOf takes the tenant out of an issuer that pattern stands for.
func tenantOf(pattern, issuer string) (tenant string, ok bool) {
	before, after, _ := strings.Cut(pattern, registration.TenantPlace)
	tenant, ok = strings.CutPrefix(issuer, before)
	if !ok {
		return "", false
	}
	tenant, ok = strings.CutSuffix(tenant, after)
	return tenant, ok && registration.CheckTenantID(tenant) == nil
}
