package compile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Default lifetimes of a client's tokens. The governing policy caps them whenever a token is made.
const (
	DefaultAccessTokenTTL   = 10 * time.Minute
	DefaultRefreshTokenTTL  = 720 * time.Hour
	DefaultRefreshTokenIdle = 168 * time.Hour
)

// typeOf is the type of a client. The API server fills it in; a manifest that no API server has seen may lack it.
func typeOf(c *v1alpha1.OAuthClient) v1alpha1.ClientType {
	if c.Spec.Type == "" {
		return v1alpha1.ClientTypeWeb
	}
	return c.Spec.Type
}

// grantTypes are those of the manifest, or the defaults of its type.
func grantTypes(c *v1alpha1.OAuthClient) []string {
	if len(c.Spec.GrantTypes) > 0 {
		return stringsOf(c.Spec.GrantTypes)
	}
	switch typeOf(c) {
	case v1alpha1.ClientTypeWeb, v1alpha1.ClientTypeBrowser, v1alpha1.ClientTypeNative:
		return []string{registration.GrantTypeAuthorizationCode, registration.GrantTypeRefreshToken}
	case v1alpha1.ClientTypeService:
		return []string{registration.GrantTypeClientCredentials}
	case v1alpha1.ClientTypeDevice:
		return []string{registration.GrantTypeDeviceCode, registration.GrantTypeRefreshToken}
	}
	return nil
}

// client turns a manifest into a registration, but for what the governing policy and the Secret decide, and checks every
// field: what an API server refuses too, because it may have been told not to, or be an older one (K12).
func (k *checker) client(c *v1alpha1.OAuthClient) *registration.Client {
	spec := &c.Spec
	d := &registration.Client{
		Namespace:              c.Namespace,
		Name:                   c.Name,
		UID:                    string(c.UID),
		Generation:             c.Generation,
		ClientID:               ClientID(c),
		Type:                   string(typeOf(c)),
		Display:                registration.Display{Name: c.Name},
		RedirectURIs:           slices.Clone(spec.RedirectURIs),
		PostLogoutRedirectURIs: slices.Clone(spec.PostLogoutRedirectURIs),
		AllowedOrigins:         slices.Clone(spec.AllowedOrigins),
		Consent:                registration.ConsentMode(spec.Consent),
		GrantTypes:             grantTypes(c),
		Scopes:                 slices.Clone(spec.Scopes),
		Suspended:              spec.Suspended,
		CreatedAt:              c.CreationTimestamp.UTC(),
	}
	k.check("spec.clientID", show(d.ClientID), registration.CheckClientID(d.ClientID))
	k.check("spec.type", d.Type, registration.CheckClientType(d.Type))
	k.check("spec.consent", string(d.Consent), registration.CheckConsent(d.Consent))
	k.display(d, spec.Display)
	d.Authentication = k.authentication(c)
	k.grants(d, len(spec.GrantTypes) > 0)
	k.addresses(d, spec)
	checkList(k, "spec.scopes", spec.Scopes, registration.MaxClientScopes, registration.CheckScope)
	for i, s := range spec.Scopes {
		if registration.IsIdentityScope(s) && !registration.HasUserGrant(d.GrantTypes) {
			k.check(fmt.Sprintf("spec.scopes[%d]", i), s, fmt.Errorf("is about a user, and this client has no grant that begins with one; remove it, or use %s or %s",
				registration.GrantTypeAuthorizationCode, registration.GrantTypeDeviceCode))
		}
	}
	k.tokens(d, spec.Tokens)
	if spec.Secret != nil && spec.Secret.Name != "" {
		k.check("spec.secret.name", spec.Secret.Name, checkSecretName(spec.Secret.Name))
	} else if err := registration.CheckName(SecretName(c)); err != nil {
		k.check("spec.secret.name", SecretName(c), fmt.Errorf("is the default and too long; set a shorter one"))
	}
	return d
}

// addresses checks where people may be sent, and what may call from where.
func (k *checker) addresses(d *registration.Client, spec *v1alpha1.OAuthClientSpec) {
	redirect := func(uri string) error { return registration.CheckRedirectFor(d.Type, uri) }
	checkList(k, "spec.redirectURIs", spec.RedirectURIs, registration.MaxRedirectURIs, redirect)
	switch code := slices.Contains(d.GrantTypes, registration.GrantTypeAuthorizationCode); {
	case code && len(spec.RedirectURIs) == 0:
		k.invalid("spec.redirectURIs", "must have at least one entry, because %s sends people back there; add it, or use type %s or %s",
			registration.GrantTypeAuthorizationCode, registration.TypeDevice, registration.TypeService)
	case !code && len(spec.RedirectURIs) > 0:
		k.invalid("spec.redirectURIs", "must be empty without the grant type %s, because nobody is sent there; remove it, or use a type and grantTypes that have it",
			registration.GrantTypeAuthorizationCode)
	}
	checkList(k, "spec.postLogoutRedirectURIs", spec.PostLogoutRedirectURIs, registration.MaxRedirectURIs, redirect)
	if b := spec.BackChannelLogout; b != nil {
		d.BackChannelLogoutURI = b.URI
		k.check("spec.backChannelLogout.uri", orEmpty(b.URI), registration.CheckServiceURI(b.URI))
	}
	checkList(k, "spec.allowedOrigins", spec.AllowedOrigins, registration.MaxOrigins, registration.CheckOrigin)
	if len(spec.AllowedOrigins) > 0 && d.Type != registration.TypeBrowser {
		k.invalid("spec.allowedOrigins", "must be empty unless type is %s, an app that calls the server from a page; remove it, or change type", registration.TypeBrowser)
	}
}

func checkSecretName(s string) error {
	if strings.HasPrefix(s, documentPrefix) {
		return fmt.Errorf("must not begin with %q, which is kept for the operator's own Secrets", documentPrefix)
	}
	return registration.CheckName(s)
}

func (k *checker) display(d *registration.Client, display *v1alpha1.ClientDisplay) {
	if display == nil {
		return
	}
	if display.Name != "" {
		d.Display.Name = display.Name
	}
	d.Display.Publisher = display.Publisher
	d.Display.Homepage = display.Homepage
	d.Display.PolicyURI = display.PolicyURI
	k.optionalText("spec.display.name", display.Name, registration.MaxDisplayText)
	k.optionalText("spec.display.publisher", display.Publisher, registration.MaxDisplayText)
	k.optionalWebURI("spec.display.homepage", display.Homepage)
	k.optionalWebURI("spec.display.policyURI", display.PolicyURI)
}

// grants checks the grant types, and that they go with each other, with the type and with the authentication.
func (k *checker) grants(d *registration.Client, declared bool) {
	checkList(k, "spec.grantTypes", d.GrantTypes, registration.MaxPolicyEntries, registration.CheckGrantType)
	public := slices.Contains(d.Authentication.Methods, registration.AuthenticationNone)
	for i, g := range d.GrantTypes {
		field := fmt.Sprintf("spec.grantTypes[%d]", i)
		if !declared {
			field = "spec.grantTypes (default of type " + d.Type + ")"
		}
		switch {
		case g == registration.GrantTypeRefreshToken && !registration.HasUserGrant(d.GrantTypes):
			k.check(field, g, fmt.Errorf("needs a grant that begins with a user; add %s or %s, or remove it", registration.GrantTypeAuthorizationCode, registration.GrantTypeDeviceCode))
		case g == registration.GrantTypeAuthorizationCode && (d.Type == registration.TypeDevice || d.Type == registration.TypeService):
			k.check(field, g, fmt.Errorf("is for types %s, %s and %s; remove it, or change type", registration.TypeWeb, registration.TypeBrowser, registration.TypeNative))
		case g == registration.GrantTypeClientCredentials && d.Type != registration.TypeService && d.Type != registration.TypeWeb:
			k.check(field, g, fmt.Errorf("is for a client that acts for itself, and one of type %s acts for a user; remove it, or use type %s", d.Type, registration.TypeService))
		case g == registration.GrantTypeClientCredentials && public:
			k.check(field, g, errors.New("needs a client that always authenticates (RFC 6749 section 4.4); use authentication.clientSecret, or remove it"))
		}
	}
}

func (k *checker) tokens(d *registration.Client, t *v1alpha1.ClientTokens) {
	if t != nil && t.IDToken != nil {
		d.IDTokenAlgorithm = string(t.IDToken.SigningAlgorithm)
		if a := d.IDTokenAlgorithm; a != "" && a != registration.AlgorithmRS256 && a != registration.AlgorithmES256 {
			k.check("spec.tokens.idToken.signingAlgorithm", a, fmt.Errorf("must be %s or %s", registration.AlgorithmRS256, registration.AlgorithmES256))
		}
	}
	access, refresh, idle := declaredLifetimes(t)
	k.lifetime("spec.tokens.accessToken.ttl", access, 0, registration.MinAccessTokenTTL, registration.MaxAccessTokenTTL)
	k.lifetime("spec.tokens.refreshToken.ttl", refresh, 0, registration.MinRefreshTokenTTL, registration.MaxRefreshTokenTTL)
	k.lifetime("spec.tokens.refreshToken.idle", idle, 0, registration.MinRefreshTokenTTL, registration.MaxRefreshTokenTTL)
	if longest := effective(refresh, DefaultRefreshTokenTTL, 0).Std(); idle != nil && idle.Duration > longest {
		k.check("spec.tokens.refreshToken.idle", registration.FormatDuration(idle.Duration), fmt.Errorf("must not be longer than ttl (%s), or it has no effect", registration.FormatDuration(longest)))
	}
}

func declaredLifetimes(t *v1alpha1.ClientTokens) (access, refresh, idle *metav1.Duration) {
	if t == nil {
		return nil, nil, nil
	}
	if t.AccessToken != nil {
		access = t.AccessToken.TTL
	}
	if t.RefreshToken != nil {
		refresh, idle = t.RefreshToken.TTL, t.RefreshToken.Idle
	}
	return access, refresh, idle
}

// tokensOf are the lifetimes of the manifest, and the defaults where it leaves them open, whatever the policy: the document says which are
// defaults, and only what somebody asked for can be refused.
func tokensOf(t *v1alpha1.ClientTokens) registration.Tokens {
	access, refresh, idle := declaredLifetimes(t)
	out := registration.Tokens{
		AccessTokenTTL:      effective(access, DefaultAccessTokenTTL, 0),
		RefreshTokenTTL:     effective(refresh, DefaultRefreshTokenTTL, 0),
		AccessTokenDefault:  access == nil,
		RefreshTokenDefault: refresh == nil,
	}
	out.RefreshTokenIdle = effective(idle, DefaultRefreshTokenIdle, out.RefreshTokenTTL)
	return out
}

// governed is the client as it is under a policy.
func governed(base *registration.Client, t *v1alpha1.ClientTokens, p *registration.Policy) *registration.Client {
	d := *base
	d.Policy, d.Tokens = p.Name, tokensOf(t)
	return &d
}

// effective is a lifetime of the manifest, or the default, which is no longer than limit (zero for none).
func effective(declared *metav1.Duration, fallback time.Duration, limit registration.Duration) registration.Duration {
	switch {
	case declared != nil:
		return registration.Duration(declared.Duration)
	case limit > 0:
		return min(registration.Duration(fallback), limit)
	}
	return registration.Duration(fallback)
}
