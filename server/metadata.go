package server

import (
	"github.com/grantkeeper/grantkeeper/server/internal/clientauth"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/discovery"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
)

// metadata makes the discovery endpoint out of what is wired and routed, so that it cannot name what is not there (I01).
func (s *Server) metadata(p *grant.Pipeline, clients *clientauth.Authenticator) *discovery.Endpoint {
	paths := map[string]bool{}
	for _, r := range s.routes() {
		paths[r.path] = true
	}
	return &discovery.Endpoint{
		Registry: s.registry, GrantTypes: p.Types(), AuthMethods: clients.Methods(), Languages: s.web.Layout.Messages().Languages(),
		Routed: func(path string) bool { return paths[path] },
	}
}
