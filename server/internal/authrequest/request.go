package authrequest

import (
	"maps"
	"slices"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// ResponseMode is how the response gets to the client (OAuth 2.0 Multiple Response Type Encoding Practices section 2.1).
type ResponseMode string

// The modes. Query is the default of the code flow; FormPost is OAuth 2.0 Form Post Response Mode 1.0.
const (
	Query    ResponseMode = "query"
	FormPost ResponseMode = "form_post"
)

// Request is an authorization request that is addressed well: client and redirect URI are right, so that the client may be
// told what is wrong with the rest. It is kept sealed in the browser from one step to the next; names are short because
// cookies are.
type Request struct {
	// ID is random: one request yields one code.
	ID string `json:"i"`
	// IssuedAt is when it came, in Unix seconds.
	IssuedAt  int64  `json:"t"`
	ClientID  string `json:"c"`
	ClientUID string `json:"u"`
	// RedirectURI as it was sent.
	RedirectURI  string       `json:"r"`
	ResponseMode ResponseMode `json:"m,omitempty"`
	State        string       `json:"s,omitempty"`
	// Pushed is the hash of the request_uri of a request that the client pushed (RFC 9126), in base64url; empty for one that came
	// with the browser.
	Pushed string `json:"d,omitempty"`
	// Refused is what is wrong with the rest: it is for the client, after sign-in (A14). Nothing below counts then.
	Refused *oauth.Error `json:"e,omitempty"`

	// Scopes asked for, all of them allowed to the client; all the client has when it asked for none.
	Scopes []string `json:"o,omitempty"`
	// Resources asked for (RFC 8707), all of them known; nil for none. Audience is what follows from scopes and resources.
	Resources []string `json:"a,omitempty"`
	// Challenge is the S256 code_challenge (RFC 7636); empty only where the policy exempts the client.
	Challenge string `json:"h,omitempty"`
	// KeyThumbprint is that of the key whose holder alone may redeem the code (RFC 9449 section 10); empty for none.
	KeyThumbprint string `json:"j,omitempty"`

	// What follows is OpenID Connect's.
	Nonce string `json:"n,omitempty"`
	// Prompt holds login, consent and select_account, or none alone.
	Prompt []string `json:"p,omitempty"`
	// MaxAge is in seconds; nil for none.
	MaxAge    *int64 `json:"x,omitempty"`
	LoginHint string `json:"l,omitempty"`
	// HintSubject is the sub of the id_token_hint.
	HintSubject string   `json:"b,omitempty"`
	ACRValues   []string `json:"v,omitempty"`
	UILocales   []string `json:"g,omitempty"`
	// Claims is the claims parameter; nil for none.
	Claims *oauth.ClaimsRequest `json:"q,omitempty"`
}

// Prompts reports whether prompt has the value.
func (r *Request) Prompts(value string) bool { return slices.Contains(r.Prompt, value) }

// At is IssuedAt.
func (r *Request) At() time.Time { return time.Unix(r.IssuedAt, 0) }

// GivenClaims are the claims that were asked for by name and go with what the person gave: those whose scope is among the scopes,
// which are what they allowed of the scopes asked for and of [Request.ClaimScopes], and those that no scope stands for. nil for none.
func (r *Request) GivenClaims(scopes []string) *oauth.ClaimsRequest {
	if r.Claims == nil {
		return nil
	}
	refused := func(name string, _ oauth.ClaimRequest) bool {
		scope := oauth.ScopeOfClaim(name)
		return scope != "" && !slices.Contains(scopes, scope)
	}
	out := &oauth.ClaimsRequest{UserInfo: maps.Clone(r.Claims.UserInfo), IDToken: maps.Clone(r.Claims.IDToken)}
	maps.DeleteFunc(out.UserInfo, refused)
	maps.DeleteFunc(out.IDToken, refused)
	return out
}

// ClaimScopes are the scopes, beyond those asked for, that stand for claims that are asked for by name: people are asked for them as
// for any other scope, although the client wants to know less than each of them stands for and no token has them.
func (r *Request) ClaimScopes() []string {
	if r.Claims == nil {
		return nil
	}
	var out []string
	for _, scope := range oauth.UserScopes() {
		asked := func(name string) bool {
			_, user := r.Claims.UserInfo[name]
			_, id := r.Claims.IDToken[name]
			return user || id
		}
		if !slices.Contains(r.Scopes, scope) && slices.ContainsFunc(oauth.ClaimsOfScope(scope), asked) {
			out = append(out, scope)
		}
	}
	return out
}
