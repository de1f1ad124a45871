package server

import "github.com/grantkeeper/grantkeeper/server/internal/clientauth"

// wireClients makes what authenticates clients, for every endpoint.
func (s *Server) wireClients() (*clientauth.Authenticator, error) {
	var err error
	if s.keySets, err = clientauth.NewRemoteKeys(s.deps.Log); err != nil {
		return nil, err
	}
	return clientauth.New(clientauth.Deps{Replays: s.storage, Retiring: s.retiring},
		clientauth.Basic{}, clientauth.Post{}, clientauth.NewPrivateKeyJWT(s.keySets, s.deps.Log), clientauth.None{}), nil
}
