package grant

import (
	"context"
	"slices"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// ClientCredentials is the client credentials grant (RFC 6749 section 4.4): a client acts for itself. It does no I/O.
type ClientCredentials struct{}

// Type is client_credentials.
func (ClientCredentials) Type() string { return oauth.GrantTypeClientCredentials }

// Authorize gives the scopes asked for, or all that the client has and that are not about a user. unauthorized_client for a public client;
// invalid_scope for scopes that are about a user.
func (ClientCredentials) Authorize(_ context.Context, r *Request) (*Authorization, error) {
	if !r.Client.Authenticated {
		return nil, oauth.UnauthorizedClient("a public client cannot act for itself")
	}
	scopes := r.Scopes
	if len(scopes) == 0 {
		var fail *oauth.Error
		if scopes, fail = DefaultScopes(r.Snapshot, r.Client.Client); fail != nil {
			return nil, fail
		}
		if slices.ContainsFunc(scopes, oauth.IsIdentityScope) { // of an app that signs people in as well
			scopes = slices.DeleteFunc(slices.Clone(scopes), oauth.IsIdentityScope)
		}
	}
	for _, s := range scopes {
		if oauth.IsIdentityScope(s) {
			return nil, oauth.InvalidScope("there is no user whom " + s + " could be about")
		}
	}
	audience, scopes, err := AudienceOf(r.Snapshot, scopes, r.Resources)
	if err != nil {
		return nil, err
	}
	return &Authorization{Subject: r.Client.Subject, Scopes: scopes, Audience: audience}, nil
}
