package server

import (
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/github"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/ldap"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/local"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/oidc"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
)

// wireProviders makes the identity providers of every kind, and the sealer for what the database keeps of them.
func (s *Server) wireProviders() *idp.Set {
	s.atRest = seal.New(func() []registration.SymmetricKey {
		if k := s.registry.Current().Keys(); k != nil {
			return k.AtRest
		}
		return nil
	}, s.deps.Random)
	return idp.NewSet(
		local.Factory(local.Options{}),
		oidc.Factory(oidc.Options{Random: s.deps.Random, Loopback: s.onLoopback}),
		ldap.Factory(ldap.Options{Loopback: s.onLoopback}),
		github.Factory(github.Options{Random: s.deps.Random, Loopback: s.onLoopback}),
	)
}

// onLoopback reports whether the issuer is on this machine: in development others may be too. A server that others can reach
// never asks anything of its own machine because a manifest says so.
func (s *Server) onLoopback() bool {
	settings := s.registry.Current().Server()
	return settings != nil && registration.OnLoopback(settings.Issuer)
}
