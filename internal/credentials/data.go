package credentials

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const (
	// SecretType is the type of the Secret, as servicebinding.io recommends. It is the same for every preset, because the type of
	// a Secret cannot be changed.
	SecretType = "servicebinding.io/oauth2"
	// DefaultProvider is the value of the key provider.
	DefaultProvider = "grantkeeper"
	// MaxSecret bounds the content of a Secret, keys included: what an API server takes, and more than the bounds of its parts
	// come to.
	MaxSecret = 1 << 20
)

// The keys of the Secret, as servicebinding.io and Spring Cloud Bindings have them.
const (
	KeyType         = "type"
	KeyProvider     = "provider"
	KeyClientID     = "client-id"
	KeyClientSecret = "client-secret"
	KeyCookieSecret = "cookie-secret"
	KeyIssuerURI    = "issuer-uri"
	KeyGrantTypes   = "authorization-grant-types"
	KeyRedirectURIs = "redirect-uris"
	KeyScope        = "scope"
)

// Preset is the set of keys that a consumer of credentials reads.
type Preset string

// The presets. Empty is Spring.
const (
	None        Preset = "None"
	OAuth2Proxy Preset = "OAuth2Proxy"
	Grafana     Preset = "Grafana"
	ArgoCD      Preset = "ArgoCD"
	Spring      Preset = "Spring"
	Env         Preset = "Env"
)

// Presets are all of them.
func Presets() []Preset { return []Preset{None, OAuth2Proxy, Grafana, ArgoCD, Spring, Env} }

// Input is what the Secret tells an app.
type Input struct {
	// Namespace and Name are those of the OAuthClient.
	Namespace, Name string
	ClientID        string
	// ClientSecret is empty for a client that has none.
	ClientSecret string
	Issuer       string
	GrantTypes   []string
	RedirectURIs []string
	Scopes       []string
	// CookieSecret is for the cookies of a proxy; asked for only where [Target.Cookie] says so.
	CookieSecret string
}

// String names the client and hides its secrets.
func (in Input) String() string {
	return fmt.Sprintf("Input{%s/%s REDACTED}", in.Namespace, in.Name)
}

// Format is String under every verb.
func (in Input) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, in.String()) }

// LogValue is String.
func (in Input) LogValue() slog.Value { return slog.StringValue(in.String()) }

// The addresses of a server's endpoints: those that its metadata document lists (RFC 8414 section 2).
func (in Input) authorizationEndpoint() string { return in.Issuer + "/v1/authorize" }
func (in Input) tokenEndpoint() string         { return in.Issuer + "/v1/token" }
func (in Input) userinfoEndpoint() string      { return in.Issuer + "/v1/userinfo" }
func (in Input) jwksURI() string               { return in.Issuer + "/v1/jwks" }

// Target is what a Secret is to hold.
type Target struct {
	// Preset is Spring when empty.
	Preset Preset
	// Templates are added to the keys of the preset, and replace them.
	Templates map[string]string
}

// Wanted reports whether there is a Secret at all.
func (t Target) Wanted() bool { return t.Preset != None || len(t.Templates) > 0 }

// Cookie reports whether the Secret has a cookie secret.
func (t Target) Cookie() bool {
	if _, replaced := t.Templates[KeyCookieSecret]; t.Preset == OAuth2Proxy && !replaced {
		return true
	}
	for _, source := range t.Templates {
		if p, err := parseTemplate(source); err == nil && p.cookie {
			return true
		}
	}
	return false
}

// Labels are those that the consumer of the preset looks for.
func (t Target) Labels() map[string]string {
	if t.Preset == ArgoCD {
		return map[string]string{"app.kubernetes.io/part-of": "argocd"}
	}
	return nil
}

// Render is the content of the Secret. Lists are separated as the consumer reads them; what is empty has no key. An error is about a
// template, a [*TemplateError], or about the size of it all.
func (t Target) Render(in Input) (map[string][]byte, error) {
	data := map[string][]byte{}
	for key, value := range t.preset(in) {
		if value != "" {
			data[key] = []byte(value)
		}
	}
	b := newBudget(in)
	for _, key := range slices.Sorted(maps.Keys(t.Templates)) {
		out, err := b.render(t.Templates[key])
		if err != nil {
			return nil, &TemplateError{key, err}
		}
		data[key] = out
	}
	size := 0
	for key, value := range data {
		size += len(key) + len(value)
	}
	if size > MaxSecret {
		return nil, fmt.Errorf("the Secret would have %d bytes, and a Secret holds at most %d; shorten the templates", size, MaxSecret)
	}
	return data, nil
}

func (t Target) preset(in Input) map[string]string {
	switch t.Preset {
	case None:
		return nil
	case OAuth2Proxy:
		return map[string]string{KeyClientID: in.ClientID, KeyClientSecret: in.ClientSecret, KeyCookieSecret: in.CookieSecret}
	case ArgoCD:
		return map[string]string{KeyClientID: in.ClientID, KeyClientSecret: in.ClientSecret}
	case Grafana:
		const prefix = "GF_AUTH_GENERIC_OAUTH_"
		return map[string]string{
			prefix + "CLIENT_ID":     in.ClientID,
			prefix + "CLIENT_SECRET": in.ClientSecret,
			prefix + "AUTH_URL":      in.authorizationEndpoint(),
			prefix + "TOKEN_URL":     in.tokenEndpoint(),
			prefix + "API_URL":       in.userinfoEndpoint(),
			prefix + "SCOPES":        strings.Join(in.Scopes, " "),
		}
	case Env:
		redirect := ""
		if len(in.RedirectURIs) > 0 {
			redirect = in.RedirectURIs[0]
		}
		return map[string]string{
			"OIDC_ISSUER_URL":    in.Issuer,
			"OIDC_CLIENT_ID":     in.ClientID,
			"OIDC_CLIENT_SECRET": in.ClientSecret,
			"OIDC_SCOPES":        strings.Join(in.Scopes, " "),
			"OIDC_REDIRECT_URI":  redirect,
		}
	}
	return map[string]string{
		KeyType:         "oauth2",
		KeyProvider:     DefaultProvider,
		KeyClientID:     in.ClientID,
		KeyClientSecret: in.ClientSecret,
		KeyIssuerURI:    in.Issuer,
		KeyGrantTypes:   strings.Join(in.GrantTypes, ","),
		KeyRedirectURIs: strings.Join(in.RedirectURIs, ","),
		KeyScope:        strings.Join(in.Scopes, ","),
	}
}

// Placeholders for [Target.Check], of the form and length of real ones. They are no secrets: nothing honours them.
const (
	placeholderSecret = Prefix + "Kj0pmmLZ-PLACEHOLDER-aZ4vQ9_xT1wB7rU5nC3sE0"
	placeholderCookie = cookiePrefix + "f8-PLACEHOLDER-Hn6yD0kW2tG9jM4bV7cX1qQ"
)

// Check renders with placeholders for what is secret, so that errors can be shown, and checks that generated secrets can be read
// back out of the Secret, which is the only place where they are kept. generated says that the client secret is one that the
// operator makes; without a client secret at all, secret is false.
func (t Target) Check(in Input, secret, generated bool) error {
	in.ClientSecret, in.CookieSecret = "", ""
	if secret {
		in.ClientSecret = placeholderSecret
	}
	if t.Cookie() {
		in.CookieSecret = placeholderCookie
	}
	data, err := t.Render(in)
	if err != nil {
		return err
	}
	switch {
	case !t.Wanted() || Readable(data, in, generated):
		return nil
	case generated && !has(data, in.ClientSecret):
		return errors.New("no key of the Secret has the client secret as it is, and the Secret is the only place where it is kept; add a key such as client-secret: \"{{ .ClientSecret }}\"")
	}
	return errors.New("no key of the Secret has the cookie secret as it is, and the Secret is the only place where it is kept; add a key such as cookie-secret: \"{{ .CookieSecret }}\"")
}

// Readable reports whether what is generated can be read back out of a content: the client secret, where generated says that it is
// such, and the cookie secret, where there is one.
func Readable(data map[string][]byte, in Input, generated bool) bool {
	return (!generated || has(data, in.ClientSecret)) && (in.CookieSecret == "" || FindCookie(data) == in.CookieSecret)
}

// has reports whether a generated client secret can be read back.
func has(data map[string][]byte, secret string) bool {
	_, ok := Find(data, func(h registration.SecretHash) bool { return h == Hash(secret) })
	return ok
}

// ContentHash is a hash of a Secret's content: 128 bits in hex, the same for the same keys and values.
func ContentHash(data map[string][]byte) string {
	h := sha256.New()
	writeContent(h, data)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// writeContent writes keys and values so that no two contents read the same.
func writeContent(w io.Writer, data map[string][]byte) {
	for _, key := range slices.Sorted(maps.Keys(data)) {
		writePart(w, []byte(key))
		writePart(w, data[key])
	}
}

// writePart writes b with its length before it.
func writePart(w io.Writer, b []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(b)))
	_, _ = w.Write(length[:])
	_, _ = w.Write(b)
}

// Data is the content of the Secret of the preset [Spring].
func Data(in Input) map[string][]byte {
	data, _ := Target{}.Render(in) // without templates there is nothing to go wrong
	return data
}

// FromSecret takes the generated client secret out of the content of a Secret that has it under [KeyClientSecret]; ok is false
// when there is none or it is not [Usable].
func FromSecret(data map[string][]byte) (secret string, ok bool) {
	secret = string(data[KeyClientSecret])
	if !Usable(secret) {
		return "", false
	}
	return secret, true
}
