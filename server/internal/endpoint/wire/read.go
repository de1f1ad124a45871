package wire

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// MaxBody bounds a request body, in bytes.
const MaxBody = 64 << 10

// sensitive are parameters that must not travel in a query string, where logs keep them (RFC 6749 section 2.3.1).
func sensitive(name string) bool {
	switch name {
	case "client_id", "client_secret", "client_assertion", "code", "code_verifier", "device_code", "user_code",
		"grant_type", "token", "access_token", "refresh_token", "username", "password", "assertion":
		return true
	}
	return false
}

// Read decodes the parameters of a POST, form-encoded, or JSON where the server allows it. Errors are invalid_request with
// the status that says what is wrong: 413 for a body over MaxBody, 415 for a compressed one, 400 otherwise.
func Read(w http.ResponseWriter, r *http.Request, allowJSON bool) (oauth.Params, *oauth.Error) {
	if r.URL.RawQuery != "" {
		if err := checkQuery(r.URL.RawQuery); err != nil {
			return oauth.Params{}, err
		}
	}
	if e := r.Header["Content-Encoding"]; len(e) > 0 && !strings.EqualFold(e[0], "identity") {
		return oauth.Params{}, withStatus(oauth.InvalidRequest("the body must not be compressed"), http.StatusUnsupportedMediaType)
	}
	json, err := isJSON(r.Header["Content-Type"], allowJSON)
	if err != nil {
		return oauth.Params{}, err
	}
	body, err := readBody(w, r)
	if err != nil {
		return oauth.Params{}, err
	}
	if json {
		return oauth.ParseJSON(body)
	}
	return oauth.ParseForm(string(body))
}

// ReadForm is Read for a form alone, of an endpoint that does not look at its query string.
func ReadForm(w http.ResponseWriter, r *http.Request) (oauth.Params, *oauth.Error) {
	if e := r.Header["Content-Encoding"]; len(e) > 0 && !strings.EqualFold(e[0], "identity") {
		return oauth.Params{}, withStatus(oauth.InvalidRequest("the body must not be compressed"), http.StatusUnsupportedMediaType)
	}
	if _, err := isJSON(r.Header["Content-Type"], false); err != nil {
		return oauth.Params{}, err
	}
	body, err := readBody(w, r)
	if err != nil {
		return oauth.Params{}, err
	}
	return oauth.ParseForm(string(body))
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *oauth.Error) {
	if r.ContentLength > MaxBody {
		return nil, withStatus(oauth.InvalidRequest("the body is too large"), http.StatusRequestEntityTooLarge)
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, oauth.InvalidRequest("the body cannot be read")
		}
		return body, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, withStatus(oauth.InvalidRequest("the body is too large"), http.StatusRequestEntityTooLarge)
	}
	if err != nil {
		return nil, oauth.InvalidRequest("the body cannot be read")
	}
	return body, nil
}

func isJSON(contentType []string, allowed bool) (bool, *oauth.Error) {
	const form = "application/x-www-form-urlencoded"
	if len(contentType) == 1 {
		if contentType[0] == form {
			return false, nil
		}
		switch media, _, err := mime.ParseMediaType(contentType[0]); {
		case err == nil && media == form:
			return false, nil
		case err == nil && media == "application/json" && allowed:
			return true, nil
		}
	}
	if allowed {
		return false, oauth.InvalidRequest("the body must be " + form + " or application/json")
	}
	return false, oauth.InvalidRequest("the body must be " + form)
}

func checkQuery(raw string) *oauth.Error {
	for field := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(field, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if sensitive(name) {
			return oauth.InvalidRequest("parameters belong in the body, not in the query string")
		}
	}
	return nil
}

func withStatus(e *oauth.Error, status int) *oauth.Error {
	e.Status = status
	return e
}

// Scheme is how an access token is presented in an Authorization header (RFC 9110 section 11.1).
type Scheme string

// The schemes of RFC 6750 section 2.1 and RFC 9449 section 7.1.
const (
	SchemeBearer Scheme = "Bearer"
	SchemeDPoP   Scheme = "DPoP"
)

// Token returns the token of an Authorization header and its scheme. present is false when there is no such header, or one of
// another scheme; then the scheme is Bearer. invalid_request when there is more than one.
func Token(r *http.Request) (token string, scheme Scheme, present bool, err *oauth.Error) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", SchemeBearer, false, nil
	}
	if len(values) > 1 {
		return "", SchemeBearer, true, oauth.InvalidRequest("more than one Authorization header")
	}
	name, rest, _ := strings.Cut(values[0], " ")
	for _, scheme := range []Scheme{SchemeBearer, SchemeDPoP} {
		if rest != "" && strings.EqualFold(name, string(scheme)) {
			return strings.TrimLeft(rest, " "), scheme, true, nil
		}
	}
	return "", SchemeBearer, false, nil
}
