package credentials

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

const (
	// SecretType is the type of the Secret, as servicebinding.io recommends.
	SecretType = "servicebinding.io/oauth2"
	// AnnotationContentHash, on the Secret, changes whenever its content does, for those that restart workloads.
	AnnotationContentHash = "grantkeeper.dev/content-hash"
	// DefaultProvider is the value of the key provider.
	DefaultProvider = "grantkeeper"
)

// The keys of the Secret, as servicebinding.io and Spring Cloud Bindings have them.
const (
	KeyType         = "type"
	KeyProvider     = "provider"
	KeyClientID     = "client-id"
	KeyClientSecret = "client-secret"
	KeyIssuerURI    = "issuer-uri"
	KeyGrantTypes   = "authorization-grant-types"
	KeyRedirectURIs = "redirect-uris"
	KeyScope        = "scope"
)

// Input is what the Secret tells an app.
type Input struct {
	ClientID string
	// ClientSecret is empty for a public client.
	ClientSecret string
	Issuer       string
	GrantTypes   []string
	RedirectURIs []string
	Scopes       []string
	// Provider is DefaultProvider when empty.
	Provider string
}

// Data is the content of the Secret. Lists are separated by commas, as Spring reads them; what is empty has no key.
func Data(in Input) map[string][]byte {
	provider := in.Provider
	if provider == "" {
		provider = DefaultProvider
	}
	data := map[string][]byte{}
	for key, value := range map[string]string{
		KeyType:         "oauth2",
		KeyProvider:     provider,
		KeyClientID:     in.ClientID,
		KeyClientSecret: in.ClientSecret,
		KeyIssuerURI:    in.Issuer,
		KeyGrantTypes:   strings.Join(in.GrantTypes, ","),
		KeyRedirectURIs: strings.Join(in.RedirectURIs, ","),
		KeyScope:        strings.Join(in.Scopes, ","),
	} {
		if value != "" {
			data[key] = []byte(value)
		}
	}
	return data
}

// ContentHash is a hash of a Secret's content: 128 bits in hex, the same for the same keys and values.
func ContentHash(data map[string][]byte) string {
	h := sha256.New()
	part := func(b []byte) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(b)))
		h.Write(length[:])
		h.Write(b)
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		part([]byte(key))
		part(data[key])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// FromSecret takes the client secret out of a Secret's content; ok is false when there is none or it is not [Usable].
func FromSecret(data map[string][]byte) (secret string, ok bool) {
	secret = string(data[KeyClientSecret])
	if !Usable(secret) {
		return "", false
	}
	return secret, true
}
