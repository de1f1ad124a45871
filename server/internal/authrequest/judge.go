package authrequest

import (
	"slices"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// Judge judges a request again, later: people take their time, and what was declared may have changed since (A28). It returns the
// client as it is now. Its error is a *PageError when the client is gone, or would not be let ask as it did: then no code is
// made, and nothing is sent to an address that may not be the client's any more.
func Judge(s *registry.Snapshot, r *Request) (*registry.Client, error) {
	client, ok := s.Client(r.ClientID)
	if !ok || client.UID != r.ClientUID {
		return nil, &PageError{Kind: ClientGone}
	}
	gone := &PageError{Kind: ClientGone, Owner: client.DocumentName()}
	governing, ok := s.Policy(client.Policy)
	if !ok || !client.Enabled() || !matches(client.RedirectURIs, r.RedirectURI) {
		return nil, gone
	}
	if r.Refused != nil {
		return client, nil //nolint:nilerr // all that is left to do is to say so
	}
	if _, ok := client.GrantTypeSet[oauth.GrantTypeAuthorizationCode]; !ok {
		return nil, gone
	}
	if r.Challenge == "" && policy.NeedsPKCE(governing, client.Client) {
		return nil, gone
	}
	if r.Pushed == "" && policy.NeedsPushedRequest(governing) {
		return nil, gone
	}
	withdrawn := func(scope string) bool { return !grant.MayHave(s, client, scope) }
	if slices.ContainsFunc(r.Scopes, withdrawn) {
		return nil, gone
	}
	if _, left, err := grant.AudienceOf(s, r.Scopes, r.Resources); err != nil || len(left) != len(r.Scopes) {
		return nil, gone
	}
	return client, nil
}
