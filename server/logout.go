package server

import (
	"github.com/grantkeeper/grantkeeper/server/internal/logout"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// wireLogout makes what signs people out for apps, and what tells apps of logouts.
func (s *Server) wireLogout(issuer *token.Issuer) (err error) {
	if s.logout, err = logout.New(logout.Deps{Web: s.web, Storage: s.storage, IDs: issuer}); err != nil {
		return err
	}
	s.notifier, err = logout.NewNotifier(logout.NotifierDeps{
		Storage: s.storage, Registry: s.registry, Tokens: issuer, Metrics: s.metrics, Now: s.deps.Now, Log: s.deps.Log,
		Private: s.config.PrivateLogouts,
	})
	return err
}
