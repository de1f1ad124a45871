package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/dpop"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// Header values are shared slices: net/http does not change them, and the token path need not make them anew.
var (
	contentJSON = []string{"application/json"}
	noStore     = []string{"no-store"}
	noCache     = []string{"no-cache"}
	noSniff     = []string{"nosniff"}
)

// Metrics counts refusals by their error code.
type Metrics interface{ Refused(code string) }

// Bytes writes a JSON document that must not be stored.
func Bytes(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = contentJSON
	h["Cache-Control"] = noStore
	h["Pragma"] = noCache
	h["X-Content-Type-Options"] = noSniff
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller is gone if this fails; there is nobody to tell
}

// JSON writes v as a JSON document that must not be stored.
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		Error(w, oauth.ServerError().WithCause(err))
		return
	}
	Bytes(w, status, body)
}

// AsError is the error that a client is told for err: itself if it is an *oauth.Error, otherwise that the server could not
// serve it, without a detail.
func AsError(err error) *oauth.Error {
	if e := (*oauth.Error)(nil); errors.As(err, &e) {
		return e
	}
	return oauth.ServerError().WithCause(err)
}

// Error writes an error response (RFC 6749 section 5.2).
func Error(w http.ResponseWriter, err error) {
	e := AsError(err)
	setErrorHeaders(w.Header(), e)
	JSON(w, e.Status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{e.Code, e.Description})
}

func setErrorHeaders(h http.Header, e *oauth.Error) {
	if e.Challenge != "" {
		h.Set("WWW-Authenticate", e.Challenge)
	}
	if e.Nonce != "" {
		h.Set("DPoP-Nonce", e.Nonce)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
}

// TokenError writes the error of a resource that takes bearer tokens (RFC 6750 section 3) and tokens that are bound to a key (RFC 9449
// section 7.1), to a request whose token came by a scheme. What is wrong with a proof is unauthorized there.
func TokenError(w http.ResponseWriter, scheme Scheme, err error) {
	e := AsError(err)
	h := w.Header()
	setErrorHeaders(h, e)
	status := e.Status
	if e.Code == "invalid_dpop_proof" || e.Code == "use_dpop_nonce" {
		status = http.StatusUnauthorized
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden || e.Code == "invalid_request" {
		challenge := string(scheme) + ` error="` + e.Code + `", error_description="` + e.Description + `", `
		if scheme != SchemeDPoP {
			challenge += "DPoP "
		}
		h.Set("WWW-Authenticate", challenge+dpopAlgorithms())
	}
	JSON(w, status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{e.Code, e.Description})
}

// Challenge writes the answer to a request without a token: no error code (RFC 6750 section 3.1), and both schemes.
func Challenge(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer, DPoP "+dpopAlgorithms())
	Bytes(w, http.StatusUnauthorized, []byte("{}"))
}

// dpopAlgorithms is the parameter of a challenge that says how proofs may be signed (RFC 9449 section 7.1).
func dpopAlgorithms() string { return `algs="` + strings.Join(dpop.Algorithms(), " ") + `"` }
