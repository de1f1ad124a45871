package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

const maxMethods = 8

// complete adds what userinfo says, checks tenants and domains, and makes the identity. refreshToken is the one that the
// upstream may not have replaced.
func (p *Provider) complete(ctx context.Context, m *metadata, tokens *oauth2.Token, v *verified, refreshToken string) (idp.Identity, error) {
	claims, err := p.userinfo(ctx, m, tokens, v.Subject)
	if err != nil {
		return idp.Identity{}, err
	}
	for claim, verified := range map[string]string{"email": "email_verified", "phone_number": "phone_number_verified"} {
		if signed, ok := v.all[claim]; ok && signed != claims[claim] {
			delete(claims, verified) // it was said of another address (A36)
		}
	}
	maps.Copy(claims, v.all) // what is signed counts more
	if err := p.allowed(v.tenant, claims); err != nil {
		return idp.Identity{}, err
	}
	identity := identityOf(p.subject(v), claims)
	// Without userinfo a refresh would say that the account is there, and nothing about it.
	if p.offline() && m.UserinfoEndpoint != "" {
		if tokens.RefreshToken != "" {
			refreshToken = tokens.RefreshToken
		}
		if refreshToken != "" {
			identity.Kept = []byte(refreshToken)
		}
	}
	return identity, nil
}

// subject is the key of the account: with many tenants, of tenant and subject, since issuer and subject are what is unique.
func (p *Provider) subject(v *verified) string {
	if p.declared.MultiTenant {
		return v.tenant + "/" + v.Subject
	}
	return v.Subject
}

// userinfo asks for the claims that are not in the ID token (OpenID Connect Core section 5.3); none where there is no endpoint.
func (p *Provider) userinfo(ctx context.Context, m *metadata, tokens *oauth2.Token, subject string) (map[string]any, error) {
	claims := map[string]any{}
	if m.UserinfoEndpoint == "" {
		return claims, nil
	}
	info, err := m.provider.UserInfo(p.through(ctx), oauth2.StaticTokenSource(tokens))
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// The library's error has the body in it, which is nobody's business.
		status, _, _ := strings.Cut(err.Error(), ":")
		return nil, fmt.Errorf("userinfo failed: %.60q", status)
	}
	if info.Subject != subject {
		return nil, fmt.Errorf("%w: userinfo is about somebody else", idp.ErrCallback)
	}
	if err := info.Claims(&claims); err != nil {
		return nil, errors.New("userinfo is no JSON object")
	}
	// These say something about a token, and this is none.
	for _, c := range []string{"iss", "aud", "exp", "iat", "nonce", "azp", "auth_time", "amr", "acr", "tid"} {
		delete(claims, c)
	}
	return claims, nil
}

// allowed checks tenants and hosted domains.
func (p *Provider) allowed(tenant string, claims map[string]any) error {
	if len(p.declared.Tenants) > 0 && !slices.Contains(p.declared.Tenants, tenant) {
		return fmt.Errorf("%w: its tenant is not let in", idp.ErrNotAllowed)
	}
	if len(p.declared.HostedDomains) == 0 {
		return nil
	}
	domain := text(claims, "hd")
	if domain == "" || !slices.ContainsFunc(p.declared.HostedDomains, func(d string) bool { return strings.EqualFold(d, domain) }) {
		return fmt.Errorf("%w: its domain is not let in", idp.ErrNotAllowed)
	}
	return nil
}

// identityOf reads the standard claims (OpenID Connect Core section 5.1), and groups.
func identityOf(subject string, claims map[string]any) idp.Identity {
	i := idp.Identity{
		Subject: subject, Name: text(claims, "name"), Email: text(claims, "email"), EmailVerified: truth(claims["email_verified"]),
		Groups: texts(claims["groups"]), Methods: texts(claims["amr"]), Claims: claims,
	}
	if len(i.Methods) > maxMethods {
		i.Methods = i.Methods[:maxMethods]
	}
	if at, ok := number(claims["auth_time"]); ok && at > 0 {
		i.AuthenticatedAt = time.Unix(int64(at), 0).UTC()
	}
	if i.Name == "" {
		i.Name = strings.TrimSpace(text(claims, "given_name") + " " + text(claims, "family_name"))
	}
	for _, name := range []string{"preferred_username", "email", "sub"} {
		if i.Username = text(claims, name); i.Username != "" {
			break
		}
	}
	i.Profile = profileOf(claims)
	return i
}

// profileOf takes the claims one by one: one that has the wrong type must not cost the others.
func profileOf(claims map[string]any) registration.Profile {
	p := registration.Profile{
		GivenName: text(claims, "given_name"), FamilyName: text(claims, "family_name"), MiddleName: text(claims, "middle_name"),
		Nickname: text(claims, "nickname"), Profile: text(claims, "profile"), Picture: text(claims, "picture"),
		Website: text(claims, "website"), Gender: text(claims, "gender"), Birthdate: text(claims, "birthdate"),
		Zoneinfo: text(claims, "zoneinfo"), Locale: text(claims, "locale"), PhoneNumber: text(claims, "phone_number"),
	}
	p.PhoneNumberVerified = p.PhoneNumber != "" && truth(claims["phone_number_verified"])
	if address, ok := claims["address"].(map[string]any); ok {
		if raw, err := json.Marshal(address); err == nil {
			a := new(registration.Address)
			if json.Unmarshal(raw, a) == nil {
				p.Address = a
			}
		}
	}
	return p
}

func text(claims map[string]any, name string) string {
	s, _ := claims[name].(string)
	return s
}

// texts takes a list of strings, or one.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	default:
		return nil
	}
}

// truth takes true, and "true", which some providers send.
func truth(v any) bool { return v == true || v == "true" }
