package login

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/authrequest"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

const (
	// flowTTL is how long a browser may take from one step to the next. It is longer than forms live, so that who leaves a page open
	// for too long is asked again and has not lost what it was about.
	flowTTL = 3 * web.FormTTL
	// answeredTTL is how long a flow whose client has its answer is kept, for those who go back or press the button twice.
	answeredTTL = 2 * time.Minute
	// secondFactorTTL is how long after the first factor the second one may come.
	secondFactorTTL = 10 * time.Minute
	// onItsWay is how long a request that came by POST may take to come back by GET.
	onItsWay = time.Minute
)

// Purposes of seals and of forms.
const (
	purposeFlow     = "flow "
	purposePosted   = "posted request"
	purposeSignIn   = "signin"
	purposePasskey  = "signin passkey"
	purposeSelect   = "selectaccount"
	purposeBarred   = "notallowed"
	purposeSecond   = "secondfactor"
	purposeKey      = "secondfactor passkey"
	purposeConsent  = "consent"
	purposeCode     = "code"
	purposeDecision = "decision"
	purposeSignOut  = "signout"
)

// flow is one thing that is unfinished in a browser, sealed in cookies of its own: there may be several, in several tabs. At most
// one of Request, Device, Change and Errand says what it is about; with none of them somebody just signs in. Names are short because
// cookies are.
type flow struct {
	// Key names the flow in addresses and in the name of its cookie. It is no secret.
	Key string `json:"-"`
	// ID ties forms to the browser they were sent to. It is secret, and changes when somebody signs in.
	ID string `json:"i"`
	// Began is when it began, in microseconds.
	Began int64 `json:"t"`

	// Request is an app's.
	Request *authrequest.Request `json:"r,omitempty"`
	// Answered is true once the client has its answer.
	Answered bool `json:"a,omitempty"`
	// Change is the UID of a client whose access somebody wants to change.
	Change string `json:"c,omitempty"`
	// Errand is that of a page of ours.
	Errand *web.Errand `json:"e,omitempty"`
	// Device is what there is to a device's request; nil when it is about none.
	Device *deviceFlow `json:"d,omitempty"`

	// Since takes only sign-ins at or after it, in microseconds: somebody wants another account than the one that is signed in.
	Since int64 `json:"s,omitempty"`
	// Chosen is the SID of the session that somebody signed in to, or chose, in this flow.
	Chosen string `json:"o,omitempty"`
	// First is a first factor that waits for the second.
	First *firstFactor `json:"f,omitempty"`
	// Upstream is a sign-in that is under way at an identity provider.
	Upstream *upstream `json:"u,omitempty"`
	// Straight is true once the browser was sent on to the only provider without being asked: nobody is sent there in circles.
	Straight bool `json:"g,omitempty"`
	// Problem is what the sign-in page says, once, and About the display name of the provider that it is about.
	Problem string `json:"p,omitempty"`
	About   string `json:"b,omitempty"`
}

// deviceFlow is a device's request in a flow.
type deviceFlow struct {
	// Code is the normalised user code, once given.
	Code string `json:"c,omitempty"`
	// Client is the UID of the client, once Code was found: looking it up again is no guess.
	Client string `json:"u,omitempty"`
	// Confirmed is the hash of the device code with which By, by the id of the user, went on from the page that asks. It says nothing
	// about anybody else who signs in in the same browser.
	Confirmed []byte `json:"f,omitempty"`
	By        string `json:"b,omitempty"`
	// Decided is set once the user has decided about Request, with the name of the app.
	Decided  bool   `json:"d,omitempty"`
	Approved bool   `json:"a,omitempty"`
	Request  []byte `json:"r,omitempty"`
	App      string `json:"p,omitempty"`
}

// firstFactor is who gave a first factor, and has no session before the second one is given.
type firstFactor struct {
	User     string `json:"u"`
	Provider string `json:"p"`
	// Methods are those of the first factor, and At what becomes the session's time of authentication, in microseconds; that of the
	// zero time where it is not known.
	Methods []string `json:"m"`
	At      int64    `json:"a"`
	// Given is when it was given, in microseconds.
	Given int64 `json:"g"`
}

// upstream is a sign-in under way at an identity provider.
type upstream struct {
	// Provider is its UID, State what it has to bring along, after the flow's key.
	Provider string      `json:"p"`
	State    string      `json:"s"`
	Pending  idp.Pending `json:"k"`
	// Fresh is true when a new authentication was asked for, and Began when, in microseconds.
	Fresh bool  `json:"f,omitempty"`
	Began int64 `json:"t"`
}

// token is what a form of a step is about: it was made for this flow and this request, or it is refused (A24, A25, F10).
type token struct {
	Flow string `json:"flow"`
	// Request is a hash, as storage has it; zero where there is none.
	Request []byte `json:"request"`
	// Kept is what a passkey's challenge needs back.
	Kept []byte `json:"kept,omitempty"`
}

// randomID is 128 random bits.
func (l *Login) randomID() (string, error) {
	var raw [16]byte
	if _, err := io.ReadFull(l.web.Random, raw[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// begin gives the visit a new flow. It is not the browser's before it is saved.
func (l *Login) begin(v *visit, f flow) error {
	var err error
	if f.Key, err = l.newKey(v.Now); err != nil {
		return err
	}
	f.Began = v.Now.UnixMicro()
	v.flow = f
	v.stored = false
	if err := l.renewFlow(v); err != nil {
		return err
	}
	l.settle(v)
	return nil
}

// renewFlow gives the flow a new secret id: forms that were sent before are worth nothing.
func (l *Login) renewFlow(v *visit) error {
	var err error
	v.flow.ID, err = l.randomID()
	return err
}

// settle sets what a visit takes from its flow.
func (l *Login) settle(v *visit) {
	if r := v.flow.Request; r != nil {
		if language, ok := l.web.Layout.Messages().MatchTags(r.UILocales); ok {
			v.Language = language
		}
		v.Again = pathAgain + "?flow=" + v.flow.Key
	}
	if v.flow.Device != nil {
		v.Again = PathDevice
	}
}

// at is where a step of the visit's flow is served.
func (v *visit) at(path string) string {
	if v.flow.Key == "" {
		return path
	}
	return path + "?flow=" + v.flow.Key
}

// readFlow gives the visit the flow that its address names. An address whose flow is not in this browser is refused (A25): it was
// opened in another one, or the flow has ended.
func (l *Login) readFlow(v *visit) error {
	key := v.R.URL.Query().Get("flow")
	if key == "" {
		return nil
	}
	f, err := l.openFlow(v, key)
	if err != nil {
		return web.Forbidden(err)
	}
	v.flow, v.stored = f, true
	l.settle(v)
	return nil
}

var errNoFlow = errors.New("the browser does not have this flow")

// openFlow opens the cookies of a flow. errNoFlow.
func (l *Login) openFlow(v *visit, key string) (flow, error) {
	if _, ok := keyTime(key); !ok {
		return flow{}, errNoFlow
	}
	sealed := joinCookies(v.R, v.Site.FlowCookie, key)
	f := flow{}
	if sealed == "" || l.web.OpenJSON(purposeFlow+key, sealed, &f, v.Now) != nil {
		return flow{}, errNoFlow
	}
	f.Key = key
	return f, nil
}

// saveFlow makes v.flow the browser's.
func (l *Login) saveFlow(v *visit) error {
	ttl := flowTTL
	if v.flow.Answered {
		ttl = answeredTTL
	}
	sealed, err := l.web.SealJSON(purposeFlow+v.flow.Key, v.flow, v.Now.Add(ttl))
	if err != nil {
		return err
	}
	v.stored = true
	return setCookies(v, sealed, ttl)
}

// formToken makes the token of a form of this flow.
func (l *Login) formToken(v *visit, purpose string, t token) (string, error) {
	t.Flow = v.flow.ID
	bind, err := json.Marshal(t)
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

// about is the token of a form about a device's request.
func about(request storage.Hash) token { return token{Request: request[:]} }
