package registration

import (
	"fmt"
	"slices"
	"strings"
)

// Validate implements [Document].
func (d *Client) Validate() error {
	var p problems
	p.owner(d.Namespace, d.Name)
	p.uid(d.UID)
	if d.Generation < 0 {
		p.addf("generation", "must not be negative")
	}
	p.addValue("clientID", d.ClientID, CheckClientID(d.ClientID))
	p.addValue("type", d.Type, CheckClientType(d.Type))
	p.addValue("display.name", d.Display.Name, CheckText(d.Display.Name, MaxName))
	p.optionalText("display.publisher", d.Display.Publisher, MaxDisplayText)
	for _, v := range []struct{ field, value string }{{"display.homepage", d.Display.Homepage}, {"display.policyURI", d.Display.PolicyURI}} {
		if v.value != "" {
			p.addValue(v.field, v.value, CheckWebURI(v.value))
		}
	}
	d.validateAddresses(&p)
	p.addValue("consent", string(d.Consent), CheckConsent(d.Consent))
	if a := d.IDTokenAlgorithm; a != "" && a != AlgorithmRS256 && a != AlgorithmES256 {
		p.addValue("idTokenAlgorithm", a, fmt.Errorf("must be %s or %s", AlgorithmRS256, AlgorithmES256))
	}
	list(&p, "scopes", d.Scopes, MaxClientScopes, CheckScope)
	list(&p, "resources", d.Resources, MaxClientScopes, CheckName)
	d.validateGrants(&p)
	d.validateAuthentication(&p)
	p.lifetime("tokens.accessTokenTTL", d.Tokens.AccessTokenTTL, MinAccessTokenTTL, MaxAccessTokenTTL)
	p.lifetime("tokens.refreshTokenTTL", d.Tokens.RefreshTokenTTL, MinRefreshTokenTTL, MaxRefreshTokenTTL)
	p.lifetime("tokens.refreshTokenIdle", d.Tokens.RefreshTokenIdle, MinRefreshTokenTTL, MaxRefreshTokenTTL)
	p.addValue("policy", d.Policy, CheckName(d.Policy))
	return p.join()
}

// validateAddresses checks where the client may send people, and what may call from where.
func (d *Client) validateAddresses(p *problems) {
	check := func(uri string) error { return CheckRedirectFor(d.Type, uri) }
	list(p, "redirectURIs", d.RedirectURIs, MaxRedirectURIs, check)
	list(p, "postLogoutRedirectURIs", d.PostLogoutRedirectURIs, MaxRedirectURIs, check)
	if d.BackChannelLogoutURI != "" {
		p.addValue("backChannelLogoutURI", d.BackChannelLogoutURI, CheckServiceURI(d.BackChannelLogoutURI))
	}
	list(p, "allowedOrigins", d.AllowedOrigins, MaxOrigins, CheckOrigin)
	if len(d.AllowedOrigins) > 0 && d.Type != TypeBrowser {
		p.addf("allowedOrigins", "must be empty unless type is %s", TypeBrowser)
	}
}

func (d *Client) validateGrants(p *problems) {
	list(p, "grantTypes", d.GrantTypes, MaxPolicyEntries, CheckGrantType)
	if len(d.GrantTypes) == 0 {
		p.addf("grantTypes", "must not be empty")
	}
	if slices.Contains(d.GrantTypes, GrantTypeAuthorizationCode) && len(d.RedirectURIs) == 0 {
		p.addf("redirectURIs", "must not be empty with the grant type %s", GrantTypeAuthorizationCode)
	}
	user := HasUserGrant(d.GrantTypes)
	for i, g := range d.GrantTypes {
		if g == GrantTypeRefreshToken && !user {
			p.addf(fmt.Sprintf("grantTypes[%d]", i), "refresh_token needs a grant that begins with a user, such as %s", GrantTypeAuthorizationCode)
		}
	}
	for i, s := range d.Scopes {
		if IsIdentityScope(s) && !user {
			p.addf(fmt.Sprintf("scopes[%d]", i), "%s needs a grant that begins with a user, such as %s", s, GrantTypeAuthorizationCode)
		}
	}
}

func (d *Client) validateAuthentication(p *problems) {
	a := d.Authentication
	list(p, "authentication.methods", a.Methods, 2, CheckAuthenticationMethod)
	has := func(m AuthenticationMethod) bool { return slices.Contains(a.Methods, m) }
	public, secret := has(AuthenticationNone), has(AuthenticationClientSecret)
	switch {
	case len(a.Methods) == 0:
		p.addf("authentication.methods", "must not be empty")
	case len(a.Methods) == 2 && (!public || !secret):
		p.addf("authentication.methods", "must be one method, or %s and %s", AuthenticationNone, AuthenticationClientSecret)
	case !public && AlwaysPublic(d.Type):
		p.addf("authentication.methods", "must be %s alone with type %s, whose users could read a secret (RFC 8252 section 8.5)", AuthenticationNone, d.Type)
	case secret && AlwaysPublic(d.Type):
		p.addf("authentication.methods", "must be %s alone with type %s, whose users could read a secret (RFC 8252 section 8.5)", AuthenticationNone, d.Type)
	case secret && len(a.Secrets) == 0:
		p.addf("authentication.secrets", "must not be empty with the method %s", AuthenticationClientSecret)
	case !secret && len(a.Secrets) > 0:
		p.addf("authentication.secrets", "must be empty without the method %s", AuthenticationClientSecret)
	case len(a.Secrets) > MaxSecrets:
		p.addf("authentication.secrets", "must have at most %d entries", MaxSecrets)
	}
	d.validateAssertions(p)
	if public {
		for i, g := range d.GrantTypes {
			if g == GrantTypeClientCredentials {
				p.addf(fmt.Sprintf("grantTypes[%d]", i), "client_credentials needs a client that always authenticates, not method %s (RFC 6749 section 4.4)", AuthenticationNone)
			}
		}
	}
	seen := map[string]bool{}
	for i, s := range a.Secrets {
		field := fmt.Sprintf("authentication.secrets[%d]", i)
		if s.ID == "" || len(s.ID) > 64 || seen[s.ID] {
			p.addf(field+".id", "must be unique and have 1 to 64 characters")
		}
		seen[s.ID] = true
		if len(s.SHA256) != 64 || strings.Trim(s.SHA256, "0123456789abcdef") != "" {
			p.addf(field+".sha256", "must be 64 lower-case hex digits")
		}
	}
}

// validateAssertions checks what verifies the assertions of a client that has no secret (RFC 7523).
func (d *Client) validateAssertions(p *problems) {
	a := d.Authentication
	if slices.Contains(a.Methods, AuthenticationPrivateKeyJWT) {
		if (len(a.JWKS) > 0) == (a.JWKSURI != "") {
			p.addf("authentication", "must have exactly one of jwks and jwksURI with the method %s", AuthenticationPrivateKeyJWT)
		}
		if a.JWKSURI != "" {
			p.addValue("authentication.jwksURI", a.JWKSURI, CheckServiceURI(a.JWKSURI))
		}
		if len(a.JWKS) > 0 {
			p.add("authentication.jwks", CheckPublicJWKS(a.JWKS, MaxClientKeys))
		}
		if len(a.Algorithms) == 0 {
			p.addf("authentication.algorithms", "must not be empty with the method %s", AuthenticationPrivateKeyJWT)
		}
		list(p, "authentication.algorithms", a.Algorithms, len(AssertionAlgorithms()), CheckAssertionAlgorithm)
	} else if len(a.JWKS) > 0 || a.JWKSURI != "" || len(a.Algorithms) > 0 {
		p.addf("authentication.jwks", "must be empty without the method %s", AuthenticationPrivateKeyJWT)
	}
	switch account := slices.Contains(a.Methods, AuthenticationServiceAccount); {
	case account:
		p.addValue("authentication.serviceAccount", a.ServiceAccount, CheckServiceAccountSubject(a.ServiceAccount, d.Namespace))
	case a.ServiceAccount != "":
		p.addf("authentication.serviceAccount", "must be empty without the method %s", AuthenticationServiceAccount)
	}
}
