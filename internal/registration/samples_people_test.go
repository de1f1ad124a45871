package registration

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"image"
	"image/png"
	"testing"
	"time"
)

const (
	sampleUpstreamSecret = "upstream-secret-7d9f"
	sampleBindPassword   = "bind password ünïcode"
	sampleSVG            = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>`
)

func svgURI(svg string) string { return svgPrefix + base64.StdEncoding.EncodeToString([]byte(svg)) }

func pngURI(width, height int) string {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		panic(err) // a buffer takes everything
	}
	return pngPrefix + base64.StdEncoding.EncodeToString(b.Bytes())
}

// sampleCA is a certificate that was made once, so that it is the same in every run; its key is lost.
const sampleCA = `-----BEGIN CERTIFICATE-----
MIIBizCCATGgAwIBAgIUWTA035SeLfiBoSU6rESUFLwFekIwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPY2EuYWNtZS5leGFtcGxlMCAXDTI2MTEyMTEyNDA1OFoYDzIx
MjYxMDI4MTI0MDU4WjAaMRgwFgYDVQQDDA9jYS5hY21lLmV4YW1wbGUwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAATTxfyeMRpw+X94XA4mAFwBngAVFJ2xdHBZ8oB5
8MDJkPiB2yCSokotfREzlt737NHoESmx4ylMr5p29OrgJJUMo1MwUTAdBgNVHQ4E
FgQUyad3peiMh2VKS0jtNduQRhanO4EwHwYDVR0jBBgwFoAUyad3peiMh2VKS0jt
NduQRhanO4EwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA9GuV
UXtvQl37I11TgGx+1if6pEZCpYfYce/uaLoxpiMCICg6Y1L+atk7NEM85WhY/Rrk
ELJhFpzhd895ZdrrEOdZ
-----END CERTIFICATE-----
`

func brandedServer() *Server {
	d := sampleServer()
	d.Branding = Branding{Logo: svgURI(sampleSVG), Accent: "#175e54", AccentDark: "#5CC9B5"}
	return d
}

func webClient() *Client {
	d := sampleClient()
	d.Type, d.Suspended = TypeWeb, false
	d.GrantTypes = []string{GrantTypeAuthorizationCode, GrantTypeRefreshToken}
	d.Scopes = []string{"openid", "address", "phone"}
	d.Authentication = Authentication{Methods: []AuthenticationMethod{AuthenticationClientSecret}, Secrets: d.Authentication.Secrets[:1]}
	d.PostLogoutRedirectURIs = []string{"https://reports.acme.example/bye"}
	d.BackChannelLogoutURI = "https://reports.acme.example/logout?from=login"
	d.Consent = ConsentSkip
	d.IDTokenAlgorithm = AlgorithmES256
	return d
}

func browserClient() *Client {
	d := webClient()
	d.Type = TypeBrowser
	d.Authentication = Authentication{Methods: []AuthenticationMethod{AuthenticationNone}}
	d.AllowedOrigins = []string{"https://app.acme.example", "http://localhost:3000"}
	d.Consent, d.IDTokenAlgorithm, d.BackChannelLogoutURI = ConsentAlways, AlgorithmRS256, ""
	return d
}

func nativeClient() *Client {
	d := browserClient()
	d.Type, d.AllowedOrigins, d.Consent, d.IDTokenAlgorithm = TypeNative, nil, ConsentRemember, ""
	d.RedirectURIs = []string{"http://127.0.0.1/cb", "com.example.app:/cb"}
	d.PostLogoutRedirectURIs = []string{"com.example.app:/bye"}
	return d
}

func peoplePolicy() *Policy {
	d := samplePolicy()
	d.Allow.GrantTypes = append(d.Allow.GrantTypes, GrantTypeAuthorizationCode)
	d.Allow.RedirectHosts = append(d.Allow.RedirectHosts, "com.example.app:")
	d.Allow.IdentityProviders = []string{"corp", "local"}
	d.Allow.SkipConsent, d.Allow.WithoutPKCE = true, true
	d.Require = Require{Consent: ConsentAlways, MFA: true}
	return d
}

func choosyResource() *Resource {
	d := sampleResource()
	d.Scopes[0].Sensitive = true
	d.Choices = &Choices{Type: "project", Title: "Projects", Static: []Choice{
		{ID: "o1", Title: "Acme"}, {ID: "p1", Title: "Shop", Parent: "o1"}, {ID: "p2", Title: "Site", Parent: "o1"}, {ID: "o2", Title: "Alone"},
	}}
	return d
}

func askedResource() *Resource {
	d := sampleResource()
	d.Choices = &Choices{Type: "https://api.example.com/project", Title: "Projects", URL: "https://api.example.com/.oauth/choices?v=1"}
	return d
}

func upstream() *IdentityProvider {
	return &IdentityProvider{
		Namespace: "oauth-system", Name: "corp", UID: "7c9e6679-7425-40de-944b-e07fc1f90ae8", DisplayName: "Acme SSO", Order: -1,
		Mapping: Mapping{Username: "claims.upn", Name: "claims.name", Email: "claims.mail", EmailVerified: "true", Groups: "claims.groups"},
		Allow:   "claims.email.endsWith('@acme.example')",
	}
}

func oidcProvider() *IdentityProvider {
	d := upstream()
	d.OIDC = &OIDCProvider{
		Issuer: "https://idp.acme.example/", ClientID: "grantkeeper", ClientSecret: sampleUpstreamSecret,
		HostedDomains: []string{"acme.example"}, Scopes: []string{"openid", "email"}, CABundle: sampleCA,
	}
	return d
}

func microsoftProvider() *IdentityProvider {
	d := upstream()
	d.OIDC = &OIDCProvider{
		Issuer:       "https://login.microsoftonline.com/{tenantid}/v2.0",
		DiscoveryURL: "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
		MultiTenant:  true, Tenants: []string{"72f988bf-86f1-41af-91ab-2d7cd011db47"},
		ClientID: "grantkeeper", ClientSecret: sampleUpstreamSecret, Scopes: []string{"openid"},
	}
	return d
}

func githubProvider() *IdentityProvider {
	d := upstream()
	d.GitHub = &GitHubProvider{
		URL: "https://github.com", APIURL: "https://api.github.com", ClientID: "Iv1.0123456789abcdef", ClientSecret: sampleUpstreamSecret,
		Organizations: []string{"acme", "Acme-Labs"}, CABundle: sampleCA,
	}
	return d
}

func ldapProvider() *IdentityProvider {
	d := upstream()
	d.LDAP = &LDAPProvider{
		URL: "ldap://ldap.acme.example:389", StartTLS: true, CABundle: sampleCA,
		BindDN: "cn=reader,dc=acme,dc=example", BindPassword: sampleBindPassword,
		Users:  LDAPUsers{BaseDN: "ou=people,dc=acme,dc=example", Filter: "(&(objectClass=person)(uid={username}))", Subject: "entryUUID", Username: "uid", Name: "cn", Email: "mail"},
		Groups: &LDAPGroups{BaseDN: "ou=groups,dc=acme,dc=example", Filter: "(member={dn})", Name: "cn"},
	}
	return d
}

func profileProvider() *IdentityProvider {
	d := sampleProvider()
	d.Local.SecondFactor = true
	d.Local.Accounts[0].Profile = Profile{
		GivenName: "Ada", FamilyName: "Lovelace", MiddleName: "King", Nickname: "ada", Profile: "https://acme.example/ada",
		Picture: "https://acme.example/ada.png", Website: "https://ada.example", Gender: "female", Birthdate: "0000-12-10",
		Zoneinfo: "Europe/London", Locale: "en-GB", PhoneNumber: "+44 (20) 7946-0958;ext=7", PhoneNumberVerified: true,
		Address: &Address{
			Formatted: "12 St James's Square\nLondon", StreetAddress: "12 St James's Square", Locality: "London", Region: "England",
			PostalCode: "SW1Y 4JH", Country: "UK",
		},
	}
	return d
}

func keysAtRest(t testing.TB) *Keys {
	d := sampleKeys(t)
	d.AtRest = []SymmetricKey{
		{ID: "r2", Key: bytes.Repeat([]byte{4}, 32), CreatedAt: sampleTime, ActiveAt: sampleTime.Add(time.Hour)},
		{ID: "r1", Key: bytes.Repeat([]byte{3}, 32), CreatedAt: sampleTime, ActiveAt: sampleTime},
	}
	return d
}

// notACertificate is PEM that holds something else.
func notACertificate() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("nothing")}))
}
