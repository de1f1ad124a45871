package authrequest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// maxKept bounds a pushed request as it is kept, in bytes of JSON: sealed in the browser later on, it has to fit into cookies, and who
// pushes it can be told so while somebody is there who reads it.
const maxKept = 6 << 10

// credentials are the parameters of a pushed request that authenticate the client and are no part of what it asks for.
func credentials() []string {
	return []string{"client_secret", "client_assertion", "client_assertion_type"}
}

// ReadPushed reads a request that an authenticated client pushes (RFC 9126 section 2.1), by the rules of [Read]. uri is the hash of
// the request_uri that it gets. It returns the request as it is to be kept: see [OpenPushed]. Its error is what the client is told;
// what Read leaves for later is refused at once.
func ReadPushed(s *registry.Snapshot, client *registry.Client, params oauth.Params, uri [32]byte, in Input) (*Request, json.RawMessage, *oauth.Error) {
	tooLarge := oauth.InvalidRequest("the request is too large")
	tooLarge.Status = http.StatusRequestEntityTooLarge
	if params.Size(credentials()...) > MaxRequest {
		return nil, nil, tooLarge
	}
	in.pushed = pushedAs(uri)
	r, err := read(s, client, &oauth.Received{Params: params}, in)
	if page := (*PageError)(nil); errors.As(err, &page) && page.Kind == BadRedirect {
		return nil, nil, oauth.InvalidRequest("redirect_uri is missing, or is none that is registered for the client")
	}
	if err != nil {
		return nil, nil, oauth.InvalidClient() // it is not served any more
	}
	if r.Refused != nil {
		return nil, nil, r.Refused
	}
	kept, err := json.Marshal(r)
	if err != nil {
		return nil, nil, oauth.ServerError().WithCause(err)
	}
	if len(kept) > maxKept {
		return nil, nil, tooLarge
	}
	return r, kept, nil
}

// OpenPushed reads what [ReadPushed] returned to be kept. id and in.Now are those of its use: that is when the person is asked. It
// has to be judged again (see [Judge]): manifests may have changed since it was pushed.
func OpenPushed(kept json.RawMessage, in Input) (*Request, error) {
	var r Request
	if err := json.Unmarshal(kept, &r); err != nil {
		return nil, err
	}
	r.ID, r.IssuedAt = in.ID, in.Now.Unix()
	return &r, nil
}

// Reference is an authorization request that refers to one that was pushed (RFC 9126 section 4).
type Reference struct {
	// ClientID is whom it says it is of, URI the request_uri.
	ClientID, URI string
}

// FindReference reports whether an authorization request, as [Read] takes it, refers to a pushed one. Any other parameter of it is
// passed over: what counts is what was pushed (RFC 9101 section 6.3).
func FindReference(raw string) (Reference, bool) {
	if len(raw) > MaxRequest {
		return Reference{}, false
	}
	p := oauth.Receive(raw)
	ref := Reference{ClientID: p.Get("client_id"), URI: p.Get("request_uri")}
	return ref, !p.TooMany() && oauth.IsRequestURI(ref.URI)
}

// IsPushedAs reports whether the request was pushed and got the request_uri with that hash.
func (r *Request) IsPushedAs(uri [32]byte) bool { return r.Pushed == pushedAs(uri) }

func pushedAs(uri [32]byte) string { return base64.RawURLEncoding.EncodeToString(uri[:]) }
