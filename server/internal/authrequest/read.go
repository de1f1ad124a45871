package authrequest

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/dpop"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// Bounds, in bytes.
const (
	// MaxRequest bounds a whole request, by GET or by POST: it is kept in the browser.
	MaxRequest = 8 << 10
	// MaxState bounds state, which is sent back as it is.
	MaxState = 4 << 10
	// MaxNonce bounds nonce, which goes into a database row and an ID token.
	MaxNonce = 1 << 10
	// maxHint bounds login_hint; a longer one helps nobody and is left out.
	maxHint = 256
	// maxLocales bounds ui_locales.
	maxLocales = 16
)

// PageKind is why a request is shown as a page and never sent anywhere.
type PageKind string

// The kinds.
const (
	// Unreadable is a request that is too large or has too many parameters.
	Unreadable PageKind = "unreadable"
	// UnknownClient is a client_id that is missing, repeated or not known (A01).
	UnknownClient PageKind = "unknown_client"
	// BadRedirect is a redirect_uri that is missing, repeated or not registered (A02 to A06).
	BadRedirect PageKind = "bad_redirect"
	// ClientGone is a client that was deleted, suspended, cut off, or changed so that the request would not be accepted any more
	// (A28).
	ClientGone PageKind = "client_gone"
)

// PageError is a request whose answer must not leave the server: to redirect would make it a tool for sending people anywhere
// (RFC 9700 section 4.11).
type PageError struct {
	Kind PageKind
	// Owner is whose app it is about, "namespace/name"; empty when it is about none that is known.
	Owner string
}

// Error names the kind, and quotes nothing of the request.
func (e *PageError) Error() string {
	if e.Owner == "" {
		return "authorization request: " + string(e.Kind)
	}
	return "authorization request of " + e.Owner + ": " + string(e.Kind)
}

// Input is what reading a request needs besides the request.
type Input struct {
	// ID is random, and becomes [Request.ID].
	ID  string
	Now time.Time
	// ReadHint verifies an id_token_hint, also an expired one (token.Issuer.ReadID); nil when there are none.
	ReadHint func(idToken string) (sub, sid string, ok bool)
	// KeyThumbprint is that of the key that a pushed request came with a proof of (RFC 9449 section 10.1); empty for none.
	KeyThumbprint string

	// pushed becomes [Request.Pushed].
	pushed string
}

// Read reads an authorization request: raw is the query string of a GET, or the body of a POST, as it was received. Its error is
// a *PageError, for the person in front of the browser. Everything else that is wrong is the client's to know and in
// [Request.Refused].
func Read(s *registry.Snapshot, raw string, in Input) (*Request, error) {
	if len(raw) > MaxRequest {
		return nil, &PageError{Kind: Unreadable}
	}
	p := oauth.Receive(raw)
	if p.TooMany() {
		return nil, &PageError{Kind: Unreadable}
	}
	client, ok := s.Client(p.Get("client_id")) // "" when it is unusable, which nobody is called
	if !ok {
		return nil, &PageError{Kind: UnknownClient}
	}
	return read(s, client, &p, in)
}

// read reads what was received of a client, whichever way it came.
func read(s *registry.Snapshot, client *registry.Client, p *oauth.Received, in Input) (*Request, error) {
	governing, ok := s.Policy(client.Policy)
	if !ok || !client.Enabled() {
		return nil, &PageError{Kind: ClientGone, Owner: client.DocumentName()}
	}
	r := &Request{
		ID: in.ID, IssuedAt: in.Now.Unix(), ClientID: client.ClientID, ClientUID: client.UID,
		RedirectURI: p.Get("redirect_uri"), ResponseMode: Query, Pushed: in.pushed,
	}
	if r.RedirectURI == "" || !matches(client.RedirectURIs, r.RedirectURI) {
		return nil, &PageError{Kind: BadRedirect, Owner: client.DocumentName()}
	}
	reading := reading{snapshot: s, client: client, policy: governing, params: p, in: in, request: r}
	r.Refused = reading.all()
	return r, nil
}

// reading is one request being read.
type reading struct {
	snapshot *registry.Snapshot
	client   *registry.Client
	policy   *registration.Policy
	params   *oauth.Received
	in       Input
	request  *Request
}

// all reads what the client is told about, and returns the first thing that is wrong. What the answer itself needs comes first.
func (r *reading) all() *oauth.Error {
	mode, state := r.responseMode(), r.state()
	if mode != nil {
		return mode
	}
	if state != nil {
		return state
	}
	if fault := r.params.Fault(); fault != nil {
		return fault
	}
	for _, step := range []func() *oauth.Error{r.way, r.unsupported, r.responseType, r.challenge, r.key, r.scope, r.prompt, r.authentication, r.hints} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) responseMode() *oauth.Error {
	switch mode := ResponseMode(r.params.Get("response_mode")); mode {
	case "", Query: // what is repeated is a fault of its own
		return nil
	case FormPost:
		if !strings.HasPrefix(r.request.RedirectURI, "https:") && !strings.HasPrefix(r.request.RedirectURI, "http:") {
			return oauth.InvalidRequest("a form can be sent to an http or https address only")
		}
		r.request.ResponseMode = FormPost
		return nil
	default:
		return oauth.InvalidRequest("the response mode is not supported")
	}
}

func (r *reading) state() *oauth.Error {
	state := r.params.Get("state")
	if len(state) > MaxState {
		return oauth.InvalidRequest("the state is too long")
	}
	r.request.State = state
	return nil
}

// way refuses a request that came with the browser where the policy wants it pushed.
func (r *reading) way() *oauth.Error {
	if r.in.pushed == "" && policy.NeedsPushedRequest(r.policy) {
		return oauth.InvalidRequest("the client has to push its authorization requests (RFC 9126)")
	}
	return nil
}

// unsupported refuses parameters that must not be passed over: who sends them counts on their being heeded.
func (r *reading) unsupported() *oauth.Error {
	has := func(name string) bool { return r.params.Get(name) != "" }
	switch {
	case has("request"):
		return oauth.RequestNotSupported()
	case has("request_uri") && r.in.pushed != "": // RFC 9126 section 2.1
		return oauth.InvalidRequest("a pushed request must not refer to another one by request_uri")
	case has("request_uri"):
		return oauth.RequestURINotSupported()
	case has("registration"):
		return oauth.RegistrationNotSupported()
	case has("authorization_details"):
		return oauth.InvalidAuthorizationDetails("what the app may touch is chosen by the user; do not send authorization_details")
	}
	return nil
}

func (r *reading) responseType() *oauth.Error {
	switch r.params.Get("response_type") {
	case "code":
	case "":
		return oauth.InvalidRequest("response_type is missing")
	default:
		return oauth.UnsupportedResponseType()
	}
	if _, ok := r.client.GrantTypeSet[oauth.GrantTypeAuthorizationCode]; !ok {
		return oauth.UnauthorizedClient("the client may not use the authorization code grant")
	}
	return nil
}

// challenge reads PKCE (RFC 7636). Who is exempted and sends one all the same has to send a right one.
func (r *reading) challenge() *oauth.Error {
	challenge, method := r.params.Get("code_challenge"), r.params.Get("code_challenge_method")
	if challenge == "" {
		if method != "" || policy.NeedsPKCE(r.policy, r.client.Client) {
			return oauth.InvalidRequest("code_challenge is missing")
		}
		return nil
	}
	if method != "S256" { // absent means plain (section 4.3)
		return oauth.InvalidRequest("code_challenge_method must be S256")
	}
	if sum, err := base64.RawURLEncoding.Strict().DecodeString(challenge); err != nil || len(sum) != 32 {
		return oauth.InvalidRequest("code_challenge must be a SHA-256 hash in base64url")
	}
	r.request.Challenge = challenge
	return nil
}

// key reads the key that the code is to be bound to (RFC 9449 section 10). A request that names one and proves another is refused.
func (r *reading) key() *oauth.Error {
	r.request.KeyThumbprint = r.in.KeyThumbprint
	named := r.params.Get("dpop_jkt")
	switch {
	case named == "":
		return nil
	case !dpop.IsThumbprint(named):
		return oauth.InvalidRequest("dpop_jkt must be a SHA-256 thumbprint in base64url")
	case r.in.KeyThumbprint != "" && r.in.KeyThumbprint != named:
		return oauth.InvalidDPoPProof("dpop_jkt is not the thumbprint of the key of the proof")
	}
	r.request.KeyThumbprint = named
	return nil
}

// scope reads scope and resource. Without a scope the client asks for all that it has.
func (r *reading) scope() *oauth.Error {
	scopes, resources, err := grant.ReadScopes(r.snapshot, r.client, r.params.Params)
	if err != nil {
		return err
	}
	if len(scopes) == 0 {
		if scopes, err = grant.DefaultScopes(r.snapshot, r.client); err != nil {
			return err
		}
	}
	if _, scopes, err = grant.AudienceOf(r.snapshot, scopes, resources); err != nil {
		return err
	}
	r.request.Scopes, r.request.Resources = scopes, resources
	return nil
}

// prompt reads prompt (OpenID Connect Core section 3.1.2.1).
func (r *reading) prompt() *oauth.Error {
	for value := range strings.FieldsSeq(r.params.Get("prompt")) {
		switch value {
		case "none", "login", "consent", "select_account":
		default:
			return oauth.InvalidRequest("a value of prompt is not supported")
		}
		if !slices.Contains(r.request.Prompt, value) {
			r.request.Prompt = append(r.request.Prompt, value)
		}
	}
	if r.request.Prompts("none") && len(r.request.Prompt) > 1 {
		return oauth.InvalidRequest("prompt has none and another value")
	}
	return nil
}

// authentication reads what the client demands of the sign-in.
func (r *reading) authentication() *oauth.Error {
	r.request.Nonce = r.params.Get("nonce")
	if len(r.request.Nonce) > MaxNonce {
		return oauth.InvalidRequest("the nonce is too long")
	}
	if v := r.params.Get("max_age"); v != "" {
		seconds, err := strconv.ParseUint(v, 10, 31)
		if err != nil {
			return oauth.InvalidRequest("max_age must be a number of seconds")
		}
		age := int64(seconds)
		r.request.MaxAge = &age
	}
	for value := range strings.FieldsSeq(r.params.Get("acr_values")) { // those that we do not know cannot be reached and are voluntary
		if slices.Contains(oauth.ACRs(), value) && !slices.Contains(r.request.ACRValues, value) {
			r.request.ACRValues = append(r.request.ACRValues, value)
		}
	}
	v := r.params.Get("claims")
	if v == "" {
		return nil
	}
	claims, err := oauth.ParseClaims(v)
	if claims == nil {
		return err
	}
	claims.UserInfo, claims.IDToken = grant.PermittedClaims(r.client, claims.UserInfo), grant.PermittedClaims(r.client, claims.IDToken)
	if claims.UserInfo != nil || claims.IDToken != nil {
		r.request.Claims = claims
	}
	return nil
}

// hints reads what only helps: nothing of it is refused, but for two hints that name two users.
func (r *reading) hints() *oauth.Error {
	if v := r.params.Get("login_hint"); len(v) <= maxHint {
		r.request.LoginHint = v
	}
	if v := strings.Fields(r.params.Get("ui_locales")); len(v) > 0 && len(v) <= maxLocales {
		r.request.UILocales = v
	}
	// display and claims_locales are accepted: pages fit every display, and no claim has more than one language.
	sub, err := r.subject()
	if err != nil {
		return err
	}
	r.request.HintSubject = sub
	return nil
}

// subject is the user whom the client expects, by id_token_hint (OpenID Connect Core section 3.1.2.1) or by the value of the sub
// claim (section 5.5.1). A hint that is not ours, or whose key is gone, names nobody. With prompt=none nothing can then be said
// about who is expected, and the answer is login_required; with a person to ask, the sign-in goes on, and the client compares the
// sub that it gets. Refusing it there would lock people out of clients that keep old ID tokens.
func (r *reading) subject() (string, *oauth.Error) {
	var expected string
	if r.request.Claims != nil {
		values := slices.Concat(r.request.Claims.IDToken["sub"].Values, r.request.Claims.UserInfo["sub"].Values)
		for _, v := range values {
			sub, ok := v.(string)
			if !ok || expected != "" && expected != sub {
				return "", oauth.InvalidRequest("the claims parameter asks for more than one sub")
			}
			expected = sub
		}
	}
	hint := r.params.Get("id_token_hint")
	if hint == "" || r.in.ReadHint == nil {
		return expected, nil
	}
	sub, _, ok := r.in.ReadHint(hint)
	switch {
	case ok && (expected == "" || expected == sub):
		return sub, nil
	case ok:
		return "", oauth.InvalidRequest("id_token_hint and the claims parameter name different users")
	case r.request.Prompts("none"):
		return "", oauth.LoginRequired()
	default:
		return expected, nil
	}
}
