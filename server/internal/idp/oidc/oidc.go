package oidc

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	oidclib "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/outbound"
)

const (
	google        = "https://accounts.google.com"
	offlineAccess = "offline_access"

	// maxAnswer is how long an answer of a provider may be, in bytes; metadata and tokens with many groups are the longest.
	maxAnswer = 256 << 10
	// skew is how far the clocks of provider and server may be apart.
	skew = 30 * time.Second
)

// Options configure the OpenID providers of one server.
type Options struct {
	// Random makes nonces and code verifiers; crypto/rand when nil.
	Random io.Reader
	// Loopback reports whether providers on this machine may be asked, also by http: in development. nil for never.
	Loopback func() bool
}

// Factory makes a factory of OpenID providers.
func Factory(o Options) idp.Factory {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return func(d *registration.IdentityProvider) (idp.Provider, bool) {
		if d.OIDC == nil {
			return idp.Provider{}, false
		}
		p := newProvider(d.OIDC, o)
		return idp.Provider{Redirect: p, Refresh: p}, true
	}
}

// Provider is one OpenID provider.
type Provider struct {
	declared *registration.OIDCProvider
	random   io.Reader
	client   *outbound.Client
	broken   error // the CA bundle is none
	metadata cache
}

func newProvider(d *registration.OIDCProvider, o Options) *Provider {
	p := &Provider{declared: d, random: o.Random}
	p.client, p.broken = outbound.New(outbound.Options{
		Private: true, Loopback: o.Loopback != nil && o.Loopback(), CABundle: d.CABundle, MaxBody: maxAnswer,
	})
	p.metadata.fetch = p.discover
	return p
}

// Begin implements idp.Redirector.
func (p *Provider) Begin(ctx context.Context, r idp.BeginRequest) (string, idp.Pending, error) {
	m, err := p.metadata.get(ctx, r.Now)
	if err != nil {
		return "", idp.Pending{}, err
	}
	kept := idp.Pending{CallbackURL: r.CallbackURL}
	if kept.Nonce, err = p.secret(); err != nil {
		return "", idp.Pending{}, err
	}
	if kept.Verifier, err = p.secret(); err != nil {
		return "", idp.Pending{}, err
	}
	options := []oauth2.AuthCodeOption{oidclib.Nonce(kept.Nonce), oauth2.S256ChallengeOption(kept.Verifier)}
	set := func(name, value string) { options = append(options, oauth2.SetAuthURLParam(name, value)) }
	switch {
	case r.Fresh:
		set("prompt", "login")
		set("max_age", "0")
		kept.NotBefore = r.Now.Unix()
	case r.MaxAge != nil:
		set("max_age", strconv.FormatInt(int64(*r.MaxAge/time.Second), 10))
		kept.NotBefore = r.Now.Add(-*r.MaxAge).Unix()
	}
	if r.LoginHint != "" {
		set("login_hint", r.LoginHint)
	}
	if len(r.UILocales) > 0 {
		set("ui_locales", strings.Join(r.UILocales, " "))
	}
	if len(p.declared.HostedDomains) == 1 {
		set("hd", p.declared.HostedDomains[0]) // Google offers accounts of that domain only; what counts is the claim
	}
	if p.declared.Issuer == google && p.offline() { // Google's way to say offline_access
		set("access_type", "offline")
	}
	return p.config(m, r.CallbackURL).AuthCodeURL(r.State, options...), kept, nil
}

// secret is 256 random bits, as text.
func (p *Provider) secret() (string, error) {
	var raw [32]byte
	if _, err := io.ReadFull(p.random, raw[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// offline reports whether a refresh token of the upstream is wanted.
func (p *Provider) offline() bool { return slices.Contains(p.declared.Scopes, offlineAccess) }

func (p *Provider) scopes() []string {
	if p.declared.Issuer != google {
		return p.declared.Scopes
	}
	return slices.DeleteFunc(slices.Clone(p.declared.Scopes), func(s string) bool { return s == offlineAccess })
}

func (p *Provider) config(m *metadata, callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.declared.ClientID, ClientSecret: p.declared.ClientSecret, RedirectURL: callback, Scopes: p.scopes(),
		Endpoint: oauth2.Endpoint{AuthURL: m.AuthorizationEndpoint, TokenURL: m.TokenEndpoint, AuthStyle: p.authStyle(m)},
	}
}

// authStyle picks how the server authenticates at the token endpoint: as the metadata says, client_secret_basic when it says
// nothing (OpenID Connect Discovery section 3).
func (p *Provider) authStyle(m *metadata) oauth2.AuthStyle {
	methods := m.TokenEndpointAuthMethods
	if p.declared.ClientSecret == "" || len(methods) > 0 && !slices.Contains(methods, "client_secret_basic") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// through lets the libraries use the bounded client.
func (p *Provider) through(ctx context.Context) context.Context {
	return oidclib.ClientContext(ctx, p.client.HTTP())
}

// single reads a parameter of the callback that may be there once.
func single(callback url.Values, name string) (string, error) {
	switch v := callback[name]; len(v) {
	case 0:
		return "", nil
	case 1:
		return v[0], nil
	default:
		return "", fmt.Errorf("%w: %s is there twice", idp.ErrCallback, name)
	}
}
