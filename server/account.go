package server

import (
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/account"
	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/login"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
)

// wireAccount makes what belongs to people's accounts: their second factors, which the sign-in asks for too, and the pages.
func (s *Server) wireAccount() (err error) {
	s.atRest = seal.New(func() []registration.SymmetricKey {
		if k := s.registry.Current().Keys(); k != nil {
			return k.AtRest
		}
		return nil
	}, s.deps.Random)
	s.factors = factor.New(factor.Deps{Storage: s.storage, AtRest: s.atRest, Registry: s.registry, Random: s.deps.Random})
	s.account, err = account.New(account.Deps{
		Web: s.web, Storage: s.storage, Factors: s.factors, SignIn: login.PathLogin, SignedOut: login.PathLogout,
	})
	return err
}
