package logout

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// Bounds, in bytes.
const (
	// maxBody is that of a request by POST: an ID token is most of it.
	maxBody = 16 << 10
	// maxState bounds state: it travels sealed, in an address.
	maxState = 2 << 10
	// maxLocales bounds ui_locales.
	maxLocales = 16
)

// request is a logout request (RP-Initiated Logout section 2) as it was judged: nothing of it is left to verify.
type request struct {
	// ClientUID is the client that asks; empty when it is not known.
	ClientUID string `json:"client,omitempty"`
	// Hinted is true when there was an ID token of ours for that client. Subject and SID are what it says.
	Hinted  bool   `json:"hinted,omitempty"`
	Subject string `json:"sub,omitempty"`
	SID     string `json:"sid,omitempty"`
	// Return is where the client wants the browser afterwards, as it is registered, and State what is to be added; empty for our
	// own page.
	Return string `json:"return,omitempty"`
	State  string `json:"state,omitempty"`
	// Language is the catalogue for ui_locales; empty for the browser's.
	Language string `json:"language,omitempty"`
}

// hints reads ID tokens; see token.Issuer.ReadID.
type hints interface {
	ReadID(issuer, s string) (*token.IDHint, error)
}

// read judges a request: raw is the query of a GET or the body of a POST, as it came. A hint that is not ours, or not for the
// client that is named, counts as none. Its error has a page: a request that cannot be read, and an address that is not
// registered, where nobody is ever sent (I07).
//
// logout_hint is taken and changes nothing: who is signed in is told and asked anyway.
func read(v *web.Visit, ids hints, languages func([]string) (string, bool), raw string) (request, error) {
	p := oauth.Receive(raw)
	if fault := p.Fault(); fault != nil {
		return request{}, web.BadRequest(fault)
	}
	if len(p.Get("state")) > maxState {
		return request{}, web.BadRequest(errors.New("the state is too long"))
	}
	var r request
	if tags := strings.Fields(p.Get("ui_locales")); len(tags) > 0 {
		r.Language, _ = languages(tags[:min(len(tags), maxLocales)])
	}
	asked, hint := p.Get("client_id"), readHint(v.Snapshot, ids, p.Get("id_token_hint"))
	if hint != nil && asked != "" && hint.ClientID != asked {
		return r, nil // two clients are none: ask, and lead nowhere
	}
	if hint != nil {
		r.Hinted, r.Subject, r.SID, asked = true, hint.Subject, hint.SID, hint.ClientID
	}
	client, ok := v.Snapshot.Client(asked)
	if !ok || !client.Enabled() {
		return r, nil
	}
	r.ClientUID = client.UID
	to := p.Get("post_logout_redirect_uri")
	if to == "" {
		return r, nil
	}
	if !slices.Contains(client.PostLogoutRedirectURIs, to) {
		return request{}, &web.PageError{Status: http.StatusBadRequest, Kind: failure.BadReturn, Owner: client.DocumentName()}
	}
	r.Return, r.State = to, p.Get("state")
	return r, nil
}

// readHint is nil for none and for one that is not ours.
func readHint(s *registry.Snapshot, ids hints, idToken string) *token.IDHint {
	if idToken == "" {
		return nil
	}
	hint, err := ids.ReadID(s.Server().Issuer, idToken)
	if err != nil {
		return nil
	}
	return hint
}

// withState adds state to a registered address and leaves the rest as it was registered, letter by letter.
func withState(uri, state string) string {
	if state == "" {
		return uri
	}
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return uri + separator + "state=" + url.QueryEscape(state)
}

// back is where the browser goes in the end: the address as it was asked for, if the client and the address are still there;
// empty for our own page.
func (r *request) back(s *registry.Snapshot) string {
	client, ok := s.ClientByUID(r.ClientUID)
	if r.Return == "" || !ok || !client.Enabled() || !slices.Contains(client.PostLogoutRedirectURIs, r.Return) {
		return ""
	}
	return withState(r.Return, r.State)
}

// means reports whether a hint is about the session of the visit: of the same user, and, if it names a session, of this one.
func (r *request) means(s *storage.Session, u *storage.User) bool {
	return r.Hinted && r.Subject == u.ID && (r.SID == "" || r.SID == s.SID)
}
