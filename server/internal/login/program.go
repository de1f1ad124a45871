package login

import (
	"net/netip"

	"github.com/grantkeeper/grantkeeper/server/internal/describe"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/deviceconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// program says in words what a request was made with; see describe.Program.
func program(userAgent string) (deviceconfirm.ProgramKind, string) {
	kind, words := describe.Program(userAgent)
	return deviceconfirm.ProgramKind(kind), words
}

// where says what kind of address a request came from; see describe.Where.
func where(origin string, browser netip.Addr) (deviceconfirm.Network, string, bool) {
	network, address, same := describe.Where(origin, browser)
	return deviceconfirm.Network(network), address, same
}

// scopesInWords are scopes as people read them; see describe.Scopes.
func scopesInWords(m *page.Messages, lang string, s *registry.Snapshot, scopes []string) ([]deviceconfirm.Scope, error) {
	words, err := describe.Scopes(m, lang, s, scopes)
	out := make([]deviceconfirm.Scope, 0, len(words))
	for _, w := range words {
		out = append(out, deviceconfirm.Scope{Title: w.Title, Detail: w.Detail})
	}
	return out, err
}
