package server

import (
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/choices"
	"github.com/grantkeeper/grantkeeper/server/internal/clientauth"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/par"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/limit"
	"github.com/grantkeeper/grantkeeper/server/internal/login"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// wireLogin makes the browser flow.
func (s *Server) wireLogin(issuer *token.Issuer, providers *idp.Set, lister *choices.Lister, upstream *grant.Upstream) (err error) {
	s.login, err = login.New(login.Deps{
		Web: s.web, Storage: s.storage, Providers: providers, Factors: s.factors, Choices: lister, AtRest: s.atRest, ReadHint: s.hints(issuer), Upstream: upstream,
	})
	return err
}

// wirePushed makes the endpoint where clients push their authorization requests.
func (s *Server) wirePushed(clients *clientauth.Authenticator, issuer *token.Issuer, events *audit.Log) {
	s.par = &par.Endpoint{
		Registry: s.registry, Clients: clients, Store: s.storage, Pushed: limit.New(par.PerAddress, time.Minute, 100_000), ReadHint: s.hints(issuer),
		Audit: events, Metrics: s.metrics, Now: s.deps.Now, Random: s.deps.Random, Address: s.edge.Address,
	}
}

// hints reads the ID tokens that requests name users by.
func (s *Server) hints(issuer *token.Issuer) func(idToken string) (sub, sid string, ok bool) {
	return func(idToken string) (sub, sid string, ok bool) {
		settings := s.registry.Current().Server()
		if settings == nil {
			return "", "", false
		}
		hint, err := issuer.ReadID(settings.Issuer, idToken)
		if err != nil {
			return "", "", false
		}
		return hint.Subject, hint.SID, true
	}
}
