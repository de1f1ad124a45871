package web

import (
	"net/url"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// errandTTL is how long somebody may take to sign in before they are brought back to where they came from.
const errandTTL = FormTTL

const purposeErrand = "errand"

// Errand is why a page of ours sends a browser to sign in: where it goes afterwards, and how recent the sign-in must be. It
// travels sealed, so that no request can name where people are sent (A30).
type Errand struct {
	// Path is where to go once signed in, relative to the issuer's path, query included.
	Path string `json:"path"`
	// NotBefore, if set, takes only a sign-in at or after it: who is signed in longer signs in again.
	NotBefore time.Time `json:"notBefore,omitzero"`
	// ACR, if set, takes only a sign-in of this class or a stronger one.
	ACR string `json:"acr,omitempty"`
}

// Done reports whether the visit's sign-in is what the errand was about.
func (e Errand) Done(v *Visit) bool {
	return v.SignedIn() && !v.Session.SignedInAt().Before(e.NotBefore) &&
		(e.ACR == "" || oauth.ACRSatisfies(oauth.ACROf(v.Session.Methods), e.ACR))
}

// SignIn sends the browser to the sign-in page at login, to come back as the errand says. The sign-in reads it with [Web.Errand].
func (w *Web) SignIn(v *Visit, login string, e Errand) error {
	sealed, err := w.SealJSON(purposeErrand, e, v.Now.Add(errandTTL))
	if err != nil {
		return err
	}
	return Redirect(v, login+"?errand="+url.QueryEscape(sealed))
}

// Errand is the errand that the visit came with; false for none, one that is too old, or one that is not ours.
func (w *Web) Errand(v *Visit) (Errand, bool) {
	var e Errand
	sealed := v.R.URL.Query().Get("errand")
	if sealed == "" || w.OpenJSON(purposeErrand, sealed, &e, v.Now) != nil {
		return Errand{}, false
	}
	return e, true
}
