package login

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// flowTTL is how long a browser may take from one step to the next. Device codes live 15 minutes at most.
const flowTTL = 20 * time.Minute

// Purposes of seals.
const (
	purposeFlow     = "flow"
	purposeSignIn   = "form signin"
	purposeCode     = "form code"
	purposeDecision = "form decision"
	purposeSignOut  = "form signout"
)

// flow is what is unfinished in a browser, sealed in its flow cookie.
type flow struct {
	// ID ties forms to the browser they were sent to. It changes when somebody signs in.
	ID string `json:"id"`
	// Device is true on the way to connect a device.
	Device bool `json:"device,omitempty"`
	// Code is the normalised user code, once given.
	Code string `json:"code,omitempty"`
	// Known is true once Code was found: looking it up again is no guess.
	Known bool `json:"known,omitempty"`
	// Decided is set once the user has decided about Request, with the name of the app.
	Decided  bool   `json:"decided,omitempty"`
	Approved bool   `json:"approved,omitempty"`
	Request  []byte `json:"request,omitempty"`
	App      string `json:"app,omitempty"`
}

// token is what a form carries: it was made for this session, this flow and this request, or it is refused (A24, A25, F10).
type token struct {
	Flow string `json:"flow,omitempty"`
	// Session and Request are hashes, as storage has them; zero where there is none.
	Session []byte `json:"session"`
	Request []byte `json:"request"`
}

// randomID is 128 random bits.
func (l *Login) randomID() (string, error) {
	var raw [16]byte
	if _, err := io.ReadFull(l.Random, raw[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// newFlow makes a flow with an id of its own.
func (l *Login) newFlow(f flow) (flow, error) {
	id, err := l.randomID()
	f.ID = id
	return f, err
}

// readFlow is the browser's flow; the zero flow when it has none, or one that is not ours or has ended.
func (l *Login) readFlow(r *http.Request, s site, now time.Time) flow {
	c, err := r.Cookie(s.flowCookie)
	if err != nil {
		return flow{}
	}
	raw, err := l.sealer.Open(purposeFlow, c.Value, now)
	if err != nil {
		return flow{}
	}
	var f flow
	if json.Unmarshal(raw, &f) != nil {
		return flow{}
	}
	return f
}

// saveFlow makes v.flow the browser's.
func (l *Login) saveFlow(v *visit) error {
	sealed, err := l.sealJSON(purposeFlow, v.flow, v.now.Add(flowTTL))
	if err != nil {
		return err
	}
	v.site.setCookie(v.w, v.site.flowCookie, sealed, flowTTL)
	return nil
}

// formToken seals a token for a form.
func (l *Login) formToken(v *visit, purpose string, request storage.Hash) (string, error) {
	t := token{Flow: v.flow.ID, Session: v.session.ID[:], Request: request[:]}
	if purpose == purposeSignOut {
		t.Flow = "" // signing out does not depend on what else goes on
	}
	return l.sealJSON(purpose, t, v.now.Add(flowTTL))
}

// errToken is a form that was not sent from our page in this browser and session, or too late.
var errToken = errors.New("the form's token is missing, foreign or stale")

// checkToken opens the submitted token and compares it with the session and the flow.
func (l *Login) checkToken(v *visit, purpose string) (token, error) {
	raw, err := l.sealer.Open(purpose, v.r.PostForm.Get("token"), v.now)
	if err != nil {
		return token{}, errToken
	}
	var t token
	if json.Unmarshal(raw, &t) != nil || !bytes.Equal(t.Session, v.session.ID[:]) {
		return token{}, errToken
	}
	if purpose != purposeSignOut && (t.Flow == "" || t.Flow != v.flow.ID) {
		return token{}, errToken
	}
	return t, nil
}

func (l *Login) sealJSON(purpose string, value any, expires time.Time) (string, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return l.sealer.Seal(purpose, raw, expires)
}

// redirect sends the browser to one of our own pages. It is always 303 (A20), and never to an address that came with a
// request (A30).
func redirect(v *visit, path string) error {
	h := v.w.Header()
	page.SecurityHeaders(h, v.site.secure)
	h.Set("Location", v.site.base+path)
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}
