package server

import (
	"fmt"

	"github.com/grantkeeper/grantkeeper/server/internal/account"
	"github.com/grantkeeper/grantkeeper/server/internal/choices"
	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/login"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

// wireAccount makes what belongs to people's accounts: their second factors, which the sign-in asks for too, and the pages.
// The lister is for the sign-in as well: both ask APIs what there is to choose.
func (s *Server) wireAccount(issuer *token.Issuer) (lister *choices.Lister, err error) {
	if lister, err = choices.New(issuer, s.deps.Now); err != nil {
		return nil, fmt.Errorf("choices: %w", err)
	}
	s.factors = factor.New(factor.Deps{Storage: s.storage, AtRest: s.atRest, Registry: s.registry, Random: s.deps.Random})
	s.account, err = account.New(account.Deps{
		Web: s.web, Storage: s.storage, Factors: s.factors, Choices: lister, SignIn: login.PathLogin, SignedOut: login.PathLogout,
	})
	return lister, err
}
