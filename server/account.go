package server

import (
	"github.com/grantkeeper/grantkeeper/server/internal/account"
	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/login"
)

// wireAccount makes what belongs to people's accounts: their second factors, which the sign-in asks for too, and the pages.
func (s *Server) wireAccount() (err error) {
	s.factors = factor.New(factor.Deps{Storage: s.storage, AtRest: s.atRest, Registry: s.registry, Random: s.deps.Random})
	s.account, err = account.New(account.Deps{
		Web: s.web, Storage: s.storage, Factors: s.factors, SignIn: login.PathLogin, SignedOut: login.PathLogout,
	})
	return err
}
