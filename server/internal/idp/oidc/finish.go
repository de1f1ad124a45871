package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

// Finish implements idp.Redirector.
func (p *Provider) Finish(ctx context.Context, kept idp.Pending, callback url.Values, now time.Time) (idp.Identity, error) {
	m, err := p.metadata.get(ctx, now)
	if err != nil {
		return idp.Identity{}, err
	}
	code, iss, err := p.readCallback(m, callback)
	if err != nil {
		return idp.Identity{}, err
	}
	tokens, err := p.config(m, kept.CallbackURL).Exchange(p.through(ctx), code, oauth2.VerifierOption(kept.Verifier))
	if err != nil {
		return idp.Identity{}, tokenError(err, idp.ErrCallback)
	}
	claims, err := p.verify(ctx, m, tokens, now)
	if err != nil {
		return idp.Identity{}, err
	}
	if iss != "" && iss != claims.Issuer {
		return idp.Identity{}, fmt.Errorf("%w: the response is of another issuer than the ID token", idp.ErrCallback)
	}
	if err := claims.belongTo(kept); err != nil {
		return idp.Identity{}, err
	}
	return p.complete(ctx, m, tokens, claims, "")
}

// readCallback reads the authorization response (RFC 6749 section 4.1.2, RFC 9207).
func (p *Provider) readCallback(m *metadata, callback url.Values) (code, iss string, err error) {
	if iss, err = single(callback, "iss"); err != nil {
		return "", "", err
	}
	switch {
	case iss == "" && m.IssInResponse:
		return "", "", fmt.Errorf("%w: iss is missing", idp.ErrCallback)
	case iss != "" && !p.isIssuer(m, iss):
		return "", "", fmt.Errorf("%w: iss is another issuer", idp.ErrCallback)
	}
	failed, err := single(callback, "error")
	if err != nil {
		return "", "", err
	}
	if failed != "" {
		return "", "", callbackError(failed)
	}
	if code, err = single(callback, "code"); err == nil && code == "" {
		err = fmt.Errorf("%w: there is no code", idp.ErrCallback)
	}
	return code, iss, err
}

// isIssuer reports whether an issuer is the provider's, or one of those that a pattern of tenants stands for.
func (p *Provider) isIssuer(m *metadata, iss string) bool {
	if p.declared.MultiTenant && m.Issuer == p.declared.Issuer {
		_, ok := tenantOf(p.declared.Issuer, iss)
		return ok
	}
	return iss == m.Issuer
}

// callbackError sorts the errors of RFC 6749 section 4.1.2.1 and OpenID Connect Core section 3.1.2.6.
func callbackError(code string) error {
	switch code {
	case "access_denied", "login_required", "interaction_required", "consent_required", "account_selection_required", "unmet_authentication_requirements":
		return idp.ErrDenied
	default: // it is out of order, or this server is registered there in another way than it is declared here
		return fmt.Errorf("the identity provider answers with the error %s", word(code))
	}
}

// tokenError sorts the errors of the token endpoint. What it says in a body goes nowhere: only the code of the error, since
// nobody knows what else is in there.
func tokenError(err, invalidGrant error) error {
	if r := new(oauth2.RetrieveError); errors.As(err, &r) {
		if r.ErrorCode == "invalid_grant" {
			return fmt.Errorf("%w: the token endpoint does not take it", invalidGrant)
		}
		return fmt.Errorf("the token endpoint answers with status %d and the error %s", r.Response.StatusCode, word(r.ErrorCode))
	}
	return fmt.Errorf("the token endpoint: %w", err)
}

// word makes an error code fit for a log, whatever it was.
func word(code string) string {
	if code == "" || len(code) > 64 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
		return "(none)"
	}
	return code
}
