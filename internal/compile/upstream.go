package compile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// The keys of a Secret with this server's credentials at another: those of our own Secrets.
const (
	keyClientID     = "client-id"
	keyClientSecret = "client-secret"
)

// What is known about the providers that have a name of their own.
const (
	googleIssuer      = "https://accounts.google.com"
	microsoftHost     = "https://login.microsoftonline.com/"
	microsoftVersion  = "/v2.0"
	microsoftConsumer = "9188040d-6c67-4c5b-b112-36a304b66dad" // the tenant of personal accounts
	githubURL         = "https://github.com"
	githubAPI         = "https://api.github.com"
	githubServerAPI   = "/api/v3" // below the address of a GitHub Enterprise Server
	discoveryPath     = "/.well-known/openid-configuration"
)

var errUpstreamDomain = errors.New("must be the id of a tenant in lower case, a domain of it, common, organizations or consumers")

func defaultUpstreamScopes() []string { return []string{"openid", "profile", "email"} }

// ownCredentials are this server's at an upstream.
type ownCredentials struct{ id, secret string }

// upstreamCredentials reads the client id from the manifest or else from the Secret, and the client secret from the Secret.
// at is the field with both, such as "spec.oidc". ref is nil for a public client.
func (k *checker) upstreamCredentials(p *v1alpha1.OAuthIdentityProvider, at, clientID string, ref *v1alpha1.SecretKeyReference, secret *corev1.Secret) ownCredentials {
	c := ownCredentials{id: clientID}
	if clientID != "" {
		k.check(at+".clientID", clientID, registration.CheckUpstreamClientID(clientID))
	}
	if ref == nil {
		if clientID == "" {
			k.invalid(at+".clientID", "must be set, or be in the Secret that clientSecretRef names, under the key %s", keyClientID)
		}
		return c
	}
	if !k.referenced(p, secret, at+".clientSecretRef.name", ref.Name) {
		return c
	}
	key := ref.Key
	if key == "" {
		key = keyClientSecret
	}
	if clientID == "" {
		c.id = k.secretValue(secret, keyClientID, registration.CheckUpstreamClientID)
	}
	c.secret = k.secretValue(secret, key, registration.CheckUpstreamSecret)
	return c
}

// secretValue reads one key of a Secret. Nothing of the value is ever said.
func (k *checker) secretValue(secret *corev1.Secret, key string, check func(string) error) string {
	value, ok := secret.Data[key]
	if !ok {
		k.add(v1alpha1.ReasonSecretInvalid, "Secret %s: has no key %s; add it", secret.Name, show(key))
		return ""
	}
	if err := check(string(value)); err != nil {
		k.add(v1alpha1.ReasonSecretInvalid, "Secret %s key %s: %v", secret.Name, show(key), err)
	}
	return string(value)
}

// checkFields adds what is wrong with an upstream's document, by the fields of the manifest. What came out of a Secret was
// checked where it was read.
func (k *checker) checkFields(at string, found []registration.FieldError) {
	for _, e := range found {
		if field, _, _ := strings.Cut(e.Field, "["); field != "clientID" && field != "clientSecret" && field != "bindDN" && field != "bindPassword" {
			k.check(at+"."+e.Field, "", e.Err)
		}
	}
}

// oidc makes the document of an OpenID provider, with or without a name of its own.
func (k *checker) oidc(p *v1alpha1.OAuthIdentityProvider, secret *corev1.Secret) *registration.OIDCProvider {
	d := &registration.OIDCProvider{Scopes: defaultUpstreamScopes()}
	var c ownCredentials
	var at string
	switch {
	case p.Spec.Google != nil:
		g := p.Spec.Google
		at = "spec.google"
		d.Issuer, d.HostedDomains = googleIssuer, slices.Clone(g.HostedDomains)
		c = k.upstreamCredentials(p, at, g.ClientID, &g.ClientSecretRef, secret)
	case p.Spec.Microsoft != nil:
		m := p.Spec.Microsoft
		at = "spec.microsoft"
		k.microsoft(d, m)
		// So that Microsoft can be asked about an account later. (Google gives a refresh token at the first consent alone.)
		d.Scopes = append(d.Scopes, "offline_access")
		c = k.upstreamCredentials(p, at, m.ClientID, &m.ClientSecretRef, secret)
	default:
		o := p.Spec.OIDC
		at = "spec.oidc"
		d.Issuer, d.CABundle = o.Issuer, o.CABundle
		if len(o.Scopes) > 0 {
			d.Scopes = slices.Clone(o.Scopes)
			if !slices.Contains(d.Scopes, "openid") {
				d.Scopes = slices.Insert(d.Scopes, 0, "openid")
			}
		}
		c = k.upstreamCredentials(p, at, o.ClientID, o.ClientSecretRef, secret)
	}
	d.ClientID, d.ClientSecret = c.id, c.secret
	k.checkFields(at, registration.CheckOIDC(d))
	return d
}

// microsoft says who issues the tokens of a tenant. Issuers name tenants by their id, so that a tenant that is named by a
// domain, and the names that stand for many, have metadata elsewhere.
func (k *checker) microsoft(d *registration.OIDCProvider, m *v1alpha1.MicrosoftProvider) {
	many := m.Tenant == "common" || m.Tenant == "organizations"
	if len(m.Tenants) > 0 && !many {
		k.invalid("spec.microsoft.tenants", "is for the tenants common and organizations; remove it")
	}
	tenant := m.Tenant
	if tenant == "consumers" {
		tenant = microsoftConsumer
	}
	if !many && registration.CheckTenantID(tenant) == nil {
		d.Issuer = microsoftHost + tenant + microsoftVersion
		return
	}
	if !many && registration.CheckDomain(tenant) != nil {
		k.check("spec.microsoft.tenant", orEmpty(tenant), errUpstreamDomain)
	}
	d.MultiTenant, d.Issuer = true, microsoftHost+registration.TenantPlace+microsoftVersion
	d.DiscoveryURL = microsoftHost + tenant + microsoftVersion + discoveryPath
	if many {
		d.Tenants = slices.Clone(m.Tenants)
	}
}

// github makes the document of a GitHub.
func (k *checker) github(p *v1alpha1.OAuthIdentityProvider, secret *corev1.Secret) *registration.GitHubProvider {
	g := p.Spec.GitHub
	const at = "spec.github"
	d := &registration.GitHubProvider{URL: githubURL, APIURL: githubAPI, Organizations: slices.Clone(g.Organizations), CABundle: g.CABundle}
	switch {
	case g.URL != "":
		d.URL = strings.TrimSuffix(g.URL, "/")
		d.APIURL = d.URL + githubServerAPI
		if g.APIURL != "" {
			d.APIURL = strings.TrimSuffix(g.APIURL, "/")
		}
	case g.APIURL != "":
		k.check(at+".apiURL", g.APIURL, fmt.Errorf("goes with url, the address of a GitHub Enterprise Server; set both or neither"))
	}
	c := k.upstreamCredentials(p, at, g.ClientID, &g.ClientSecretRef, secret)
	d.ClientID, d.ClientSecret = c.id, c.secret
	k.checkFields(at, registration.CheckGitHub(d))
	return d
}
