// Package describe says in words what the server knows in codes: scopes, programs and addresses. It decides nothing.
package describe

import (
	"net/netip"
	"net/url"

	"github.com/grantkeeper/grantkeeper/server/internal/limit"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// Scope is one scope in words.
type Scope struct{ Name, Title, Detail string }

// Scopes are scopes as people read them: those of OpenID Connect from the catalogue, the others as their resources declare
// them. Its error is a text that is missing.
func Scopes(m *page.Messages, lang string, s *registry.Snapshot, scopes []string) ([]Scope, error) {
	out := make([]Scope, 0, len(scopes))
	for _, name := range scopes {
		words := Scope{Name: name}
		var err error
		resource, scope, declared := s.ScopeResource(name)
		switch {
		case declared:
			words.Title, words.Detail = scope.Title, scope.Description
			if words.Detail == "" {
				words.Detail = resource.Title
			}
		case oauth.IsIdentityScope(name) && m.Has("scope."+name):
			words.Title, err = m.Text(lang, "scope."+name)
			if detail := "scope." + name + ".detail"; err == nil && m.Has(detail) {
				words.Detail, err = m.Text(lang, detail)
			}
		default:
			words.Title, err = m.Text(lang, "scope.unknown", "scope", name)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, words)
	}
	return out, nil
}

// Network is what kind of address something came from.
type Network string

// The kinds.
const (
	NetworkUnknown Network = "unknown"
	// NetworkLoopback is the computer of this browser, NetworkServer the one that the server runs on.
	NetworkLoopback Network = "loopback"
	NetworkServer   Network = "server"
	NetworkPrivate  Network = "private"
	NetworkPublic   Network = "public"
)

// Where says what kind of address origin is, in which words it is shown, and whether browser is in the same network.
func Where(origin string, browser netip.Addr) (Network, string, bool) {
	a, err := netip.ParseAddr(origin)
	if err != nil {
		return NetworkUnknown, "", false
	}
	a = a.Unmap().WithZone("")
	same := browser.IsValid() && limit.Network(a) == limit.Network(browser)
	switch {
	case a.IsLoopback() && same:
		return NetworkLoopback, a.String(), same
	case a.IsLoopback():
		return NetworkServer, a.String(), same
	case a.IsPrivate(), a.IsLinkLocalUnicast():
		return NetworkPrivate, a.String(), same
	default:
		return NetworkPublic, a.String(), same
	}
}

// WebLink is s if it is an https URL, else nothing.
func WebLink(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return s
}
