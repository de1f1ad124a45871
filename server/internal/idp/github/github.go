package github

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/outbound"
)

// maxAnswer is how long an answer may be, in bytes: a page of a hundred teams.
const maxAnswer = 1 << 20

// Options configure the GitHub providers of one server.
type Options struct {
	// Random makes code verifiers; crypto/rand when nil.
	Random io.Reader
	// Loopback reports whether a GitHub on this machine may be asked, also by http: in development. nil for never.
	Loopback func() bool
}

// Factory makes a factory of GitHub providers.
func Factory(o Options) idp.Factory {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return func(d *registration.IdentityProvider) (idp.Provider, bool) {
		if d.GitHub == nil {
			return idp.Provider{}, false
		}
		p := &Provider{declared: d.GitHub, random: o.Random}
		p.client, p.broken = outbound.New(outbound.Options{
			Private: true, Loopback: o.Loopback != nil && o.Loopback(), CABundle: d.GitHub.CABundle, MaxBody: maxAnswer,
		})
		return idp.Provider{Redirect: p, Refresh: p, Undated: true}, true
	}
}

// Provider is one GitHub.
type Provider struct {
	declared *registration.GitHubProvider
	random   io.Reader
	client   *outbound.Client
	broken   error // the CA bundle is none
}

func (p *Provider) config(callback string) *oauth2.Config {
	web := strings.TrimSuffix(p.declared.URL, "/")
	return &oauth2.Config{
		ClientID: p.declared.ClientID, ClientSecret: p.declared.ClientSecret, RedirectURL: callback,
		// The addresses, and which organizations and teams, also those whose members are not public.
		Scopes: []string{"user:email", "read:org"},
		Endpoint: oauth2.Endpoint{
			AuthURL: web + "/login/oauth/authorize", TokenURL: web + "/login/oauth/access_token", AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

// Begin implements idp.Redirector. GitHub cannot be asked for a real authentication: where one is wanted, the user chooses the
// account at least.
func (p *Provider) Begin(_ context.Context, r idp.BeginRequest) (string, idp.Pending, error) {
	if p.broken != nil {
		return "", idp.Pending{}, p.broken
	}
	var raw [32]byte
	if _, err := io.ReadFull(p.random, raw[:]); err != nil {
		return "", idp.Pending{}, err
	}
	kept := idp.Pending{CallbackURL: r.CallbackURL, Verifier: base64.RawURLEncoding.EncodeToString(raw[:])}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(kept.Verifier)}
	if r.Fresh || r.MaxAge != nil {
		options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	}
	if r.LoginHint != "" {
		options = append(options, oauth2.SetAuthURLParam("login", r.LoginHint))
	}
	return p.config(r.CallbackURL).AuthCodeURL(r.State, options...), kept, nil
}

// Finish implements idp.Redirector.
func (p *Provider) Finish(ctx context.Context, kept idp.Pending, callback url.Values, now time.Time) (idp.Identity, error) {
	if p.broken != nil {
		return idp.Identity{}, p.broken
	}
	code, err := readCallback(callback)
	if err != nil {
		return idp.Identity{}, err
	}
	tokens, err := p.config(kept.CallbackURL).Exchange(p.through(ctx), code, oauth2.VerifierOption(kept.Verifier))
	if err != nil {
		return idp.Identity{}, tokenError(err, idp.ErrCallback)
	}
	identity, err := p.identity(ctx, tokens.AccessToken)
	if err != nil {
		return idp.Identity{}, err
	}
	if identity.Kept, err = encode(tokens, now); err != nil {
		return idp.Identity{}, err
	}
	return identity, nil
}

// Refresh implements idp.Refresher: it asks the API with the token that the sign-in left.
func (p *Provider) Refresh(ctx context.Context, subject string, stored []byte, now time.Time) (idp.Identity, error) {
	if p.broken != nil {
		return idp.Identity{}, p.broken
	}
	var k kept
	if len(stored) == 0 || json.Unmarshal(stored, &k) != nil || k.Access == "" {
		return idp.Identity{}, idp.ErrUnknown
	}
	if k.Expires != 0 && k.Refresh != "" && now.Unix() >= k.Expires-60 { // tokens of GitHub Apps end
		tokens, err := p.config("").TokenSource(p.through(ctx), &oauth2.Token{RefreshToken: k.Refresh}).Token()
		if err != nil {
			return idp.Identity{}, tokenError(err, idp.ErrRefused)
		}
		k.Access = tokens.AccessToken
		if stored, err = encode(tokens, now); err != nil {
			return idp.Identity{}, err
		}
	}
	identity, err := p.identity(ctx, k.Access)
	switch {
	case errors.Is(err, errUnauthorized), errors.Is(err, idp.ErrNotAllowed): // the user took it back, is suspended, or has left
		return idp.Identity{}, fmt.Errorf("%w: %w", idp.ErrRefused, err)
	case err != nil:
		return idp.Identity{}, err
	case identity.Subject != subject:
		return idp.Identity{}, fmt.Errorf("%w: the token is somebody else's", idp.ErrRefused)
	}
	identity.Kept = stored
	return identity, nil
}

// kept is what is kept of a sign-in.
type kept struct {
	Access  string `json:"access"`
	Refresh string `json:"refresh,omitempty"`
	// Expires is in Unix seconds; zero for never.
	Expires int64 `json:"expires,omitempty"`
}

func encode(t *oauth2.Token, now time.Time) ([]byte, error) {
	k := kept{Access: t.AccessToken, Refresh: t.RefreshToken}
	if t.ExpiresIn > 0 {
		k.Expires = now.Unix() + t.ExpiresIn
	}
	return json.Marshal(k)
}

// through lets the library use the bounded client.
func (p *Provider) through(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, p.client.HTTP())
}

// readCallback reads the authorization response (RFC 6749 section 4.1.2).
func readCallback(callback url.Values) (code string, err error) {
	for _, name := range []string{"code", "error"} {
		if len(callback[name]) > 1 {
			return "", fmt.Errorf("%w: %s is there twice", idp.ErrCallback, name)
		}
	}
	switch failed := callback.Get("error"); {
	case failed == "access_denied":
		return "", idp.ErrDenied
	case failed != "":
		return "", fmt.Errorf("GitHub answers with the error %s", word(failed))
	}
	if code = callback.Get("code"); code == "" {
		return "", fmt.Errorf("%w: there is no code", idp.ErrCallback)
	}
	return code, nil
}

// tokenError sorts the errors of the token endpoint, which come with status 200.
func tokenError(err, refused error) error {
	r := new(oauth2.RetrieveError)
	if !errors.As(err, &r) {
		return fmt.Errorf("the token endpoint: %w", err)
	}
	switch r.ErrorCode {
	case "bad_verification_code", "bad_refresh_token", "invalid_grant":
		return fmt.Errorf("%w: the token endpoint says %s", refused, r.ErrorCode)
	default: // wrong client credentials, a callback that is not registered there, or out of order
		return fmt.Errorf("the token endpoint answers with status %d and the error %s", r.Response.StatusCode, word(r.ErrorCode))
	}
}

// word makes an error code fit for a log, whatever it was.
func word(code string) string {
	if code == "" || len(code) > 64 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "(none)"
	}
	return code
}
