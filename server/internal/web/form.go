package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/leave"
)

// FormTTL is how long a form may be looked at before it is sent.
const FormTTL = 20 * time.Minute

// ErrToken is a form whose token is missing, foreign or stale.
var ErrToken = errors.New("the form's token is missing, foreign or stale")

// formToken is what the token field of a form seals.
type formToken struct {
	// Session is the hash of the session, zero for none.
	Session []byte `json:"session"`
	// Bind is what the form is about.
	Bind string `json:"bind,omitempty"`
}

// FormToken makes the hidden field "token" of a form: it is good for purpose, in this session, for [FormTTL], and says what
// the form is about.
func (w *Web) FormToken(v *Visit, purpose, bind string) (string, error) {
	return w.SealJSON("form "+purpose, formToken{Session: v.Session.ID[:], Bind: bind}, v.Now.Add(FormTTL))
}

// CheckToken opens the field "token" of the form that was sent and returns what it is about. ErrToken.
func (w *Web) CheckToken(v *Visit, purpose string) (bind string, err error) {
	var t formToken
	if err := w.OpenJSON("form "+purpose, v.R.PostForm.Get("token"), &t, v.Now); err != nil || !bytes.Equal(t.Session, v.Session.ID[:]) {
		return "", ErrToken
	}
	return t.Bind, nil
}

// SealJSON seals value for the browser to keep until expires; see seal.Sealer.Seal.
func (w *Web) SealJSON(purpose string, value any, expires time.Time) (string, error) {
	var raw bytes.Buffer
	e := json.NewEncoder(&raw)
	e.SetEscapeHTML(false) // nobody sees it, and cookies are short
	if err := e.Encode(value); err != nil {
		return "", err
	}
	return w.Sealer.Seal(purpose, bytes.TrimSpace(raw.Bytes()), expires)
}

// OpenJSON opens what SealJSON sealed for the same purpose; see seal.Sealer.Open.
func (w *Web) OpenJSON(purpose, sealed string, into any, now time.Time) error {
	raw, err := w.Sealer.Open(purpose, sealed, now)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// Redirect sends the browser to a page of ours: path is relative to the issuer's. It is always 303, so that a password or a
// decision is never sent on (RFC 9700 section 4.12).
func Redirect(v *Visit, path string) error { return Leave(v, v.Site.Base+path) }

// Leave sends the browser to any address: the caller has made sure of it. It is for a request that came from elsewhere; after a
// form of ours see [Web.Forward].
func Leave(v *Visit, location string) error {
	h := v.W.Header()
	page.SecurityHeaders(h, v.Site.Secure)
	h.Set("Location", location)
	v.W.WriteHeader(http.StatusSeeOther)
	return nil
}

// Forward sends the browser to any address after a form of ours was sent, at once or some pages of ours later: the caller has
// made sure of the address. It answers with a page instead of a redirect, see package leave. name is whose address it is; may be
// empty.
func (w *Web) Forward(v *Visit, location, name string) error {
	d := leave.Data{To: template.URL(location), Name: name}
	v.W.Header().Set("Refresh", d.Refresh())
	return w.leave.Render(v.W, http.StatusOK, v.Shell(), d)
}
