package registration

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

const (
	sampleHash     = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
	samplePassword = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"
)

var sampleTime = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// p256 is a key pair that is the same in every run and worthless.
func p256(t testing.TB) []byte {
	t.Helper()
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), 1))
	if err != nil {
		t.Fatal(err)
	}
	return pkcs8(t, k)
}

func pkcs8(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func rsaKey(t testing.TB, bits int) []byte {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return pkcs8(t, k)
}

func sampleServer() *Server {
	return &Server{
		Namespace: "oauth-system", Name: "main", Issuer: "https://login.example.com", DisplayName: "Example Login",
		Device:            Device{CodeTTL: Duration(15 * time.Minute), Interval: Duration(5 * time.Second)},
		JSONRequestBodies: true,
		TrustedProxies:    []string{"10.0.0.0/8", "fd00::/8"},
	}
}

func sampleClient() *Client {
	return &Client{
		Namespace: "partners", Name: "acme-cli", UID: "0b8e3c1e-7a0c-4d5b-9a57-2f3f5b1f8f10", Generation: 3,
		ClientID: "acme-cli", Type: TypeDevice,
		Display: Display{
			Name: "Acme CLI", Publisher: "Acme GmbH", Homepage: "https://acme.example/", PolicyURI: "https://acme.example/privacy#cli",
		},
		RedirectURIs:   []string{"https://reports.acme.example/cb", "http://127.0.0.1/cb"},
		GrantTypes:     []string{GrantTypeDeviceCode, GrantTypeRefreshToken},
		Scopes:         []string{"openid", "orders.read"},
		Authentication: Authentication{Methods: []AuthenticationMethod{AuthenticationNone, AuthenticationClientSecret}, Secrets: []SecretHash{{ID: "5a5a5a5a", SHA256: sampleHash}, {ID: "a5a5a5a5", SHA256: strings.Repeat("0", 64), NotAfter: sampleTime}}},
		Tokens:         Tokens{AccessTokenTTL: Duration(10 * time.Minute), RefreshTokenTTL: Duration(720 * time.Hour), RefreshTokenIdle: Duration(168 * time.Hour)},
		Suspended:      true,
		Policy:         "partners",
		CreatedAt:      sampleTime,
	}
}

func samplePolicy() *Policy {
	return &Policy{
		Namespace: "oauth-system", Name: "partners", Priority: 10,
		Allow: Allow{
			GrantTypes: []string{GrantTypeDeviceCode, GrantTypeRefreshToken}, Scopes: []string{"openid", "orders.read"},
			RedirectHosts:  []string{"*.acme.example", "acme.example"},
			Authentication: []AuthenticationMethod{AuthenticationClientSecret, AuthenticationNone},
		},
		Limits: Limits{AccessTokenTTL: Duration(15 * time.Minute), RefreshTokenTTL: Duration(720 * time.Hour)},
	}
}

func sampleResource() *Resource {
	return &Resource{
		Namespace: "oauth-system", Name: "orders-api", Identifier: "https://api.example.com", Title: "Orders",
		Scopes: []Scope{{Name: "orders.read", Title: "Read your orders", Description: "What you bought, and when."}},
	}
}

func sampleProvider() *IdentityProvider {
	return &IdentityProvider{
		Namespace: "oauth-system", Name: "local", UID: "7c9e6679-7425-40de-944b-e07fc1f90ae7", DisplayName: "Example staff",
		Local: &LocalProvider{Accounts: []LocalAccount{
			{Username: "ada", PasswordHash: samplePassword, Name: "Ada", Email: "ada@example.com", EmailVerified: true, Groups: []string{"staff"}},
			{Username: "bob", PasswordHash: samplePassword, Disabled: true},
		}},
	}
}

func sampleKeys(t testing.TB) *Keys {
	return &Keys{
		Namespace: "oauth-system", Name: "main",
		Signing: []SigningKey{
			{ID: "k1", Algorithm: AlgorithmES256, State: KeyActive, PKCS8: p256(t), CreatedAt: sampleTime, ActiveAt: sampleTime.Add(time.Hour)},
		},
		Sealing:    []SymmetricKey{{ID: "s1", Key: bytes.Repeat([]byte{1}, 32), CreatedAt: sampleTime, ActiveAt: sampleTime}},
		Derivation: []SymmetricKey{{ID: "d1", Key: bytes.Repeat([]byte{2}, 32), CreatedAt: sampleTime}},
	}
}

func samples(t testing.TB) map[string]Document {
	return map[string]Document{
		"server": sampleServer(), "client": sampleClient(), "policy": samplePolicy(),
		"resource": sampleResource(), "identityprovider": sampleProvider(), "keys": sampleKeys(t),
		"server-branded": brandedServer(), "client-web": webClient(), "client-browser": browserClient(), "client-native": nativeClient(),
		"policy-people": peoplePolicy(), "resource-choices": choosyResource(), "resource-asked": askedResource(),
		"identityprovider-oidc": oidcProvider(), "identityprovider-microsoft": microsoftProvider(), "identityprovider-github": githubProvider(),
		"identityprovider-ldap": ldapProvider(), "identityprovider-profile": profileProvider(), "keys-at-rest": keysAtRest(t),
	}
}

// weakRSA is a key that no library of today makes any more.
func weakRSA(t testing.TB) []byte {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	return rsaKey(t, 1024)
}
