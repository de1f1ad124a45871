package login

import (
	"encoding/base64"
	"encoding/json"
	"io"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// flowTTL is how long a browser may take from one step to the next. Device codes live 15 minutes at most.
const flowTTL = web.FormTTL

// Purposes of seals.
const (
	purposeFlow     = "flow"
	purposeSignIn   = "signin"
	purposeCode     = "code"
	purposeDecision = "decision"
	purposeSignOut  = "signout"
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

// token is what a form of a step is about: it was made for this flow and this request, or it is refused (A24, A25, F10).
type token struct {
	Flow string `json:"flow"`
	// Request is a hash, as storage has it; zero where there is none.
	Request []byte `json:"request"`
}

// randomID is 128 random bits.
func (l *Login) randomID() (string, error) {
	var raw [16]byte
	if _, err := io.ReadFull(l.web.Random, raw[:]); err != nil {
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
func (l *Login) readFlow(v *visit) flow {
	var f flow
	c, err := v.R.Cookie(v.Site.FlowCookie)
	if err != nil || l.web.OpenJSON(purposeFlow, c.Value, &f, v.Now) != nil {
		return flow{}
	}
	return f
}

// saveFlow makes v.flow the browser's.
func (l *Login) saveFlow(v *visit) error {
	sealed, err := l.web.SealJSON(purposeFlow, v.flow, v.Now.Add(flowTTL))
	if err != nil {
		return err
	}
	v.Site.SetCookie(v.W, v.Site.FlowCookie, sealed, flowTTL)
	return nil
}

// formToken makes the token of a form of this flow, about a request.
func (l *Login) formToken(v *visit, purpose string, request storage.Hash) (string, error) {
	bind, err := json.Marshal(token{Flow: v.flow.ID, Request: request[:]})
	if err != nil {
		return "", err
	}
	return l.web.FormToken(v.Visit, purpose, string(bind))
}

// checkToken opens the submitted token and compares it with the session and the flow. web.ErrToken.
func (l *Login) checkToken(v *visit, purpose string) (token, error) {
	bind, err := l.web.CheckToken(v.Visit, purpose)
	if err != nil {
		return token{}, err
	}
	var t token
	if json.Unmarshal([]byte(bind), &t) != nil || t.Flow == "" || t.Flow != v.flow.ID {
		return token{}, web.ErrToken
	}
	return t, nil
}
