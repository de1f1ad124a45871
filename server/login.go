package server

import (
	"github.com/grantkeeper/grantkeeper/server/internal/choices"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/login"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// wireLogin makes the browser flow.
func (s *Server) wireLogin(issuer *token.Issuer, providers *idp.Set, lister *choices.Lister, upstream *grant.Upstream) (err error) {
	readHint := func(idToken string) (sub, sid string, ok bool) {
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
	s.login, err = login.New(login.Deps{
		Web: s.web, Storage: s.storage, Providers: providers, Factors: s.factors, Choices: lister, AtRest: s.atRest, ReadHint: readHint, Upstream: upstream,
	})
	return err
}
