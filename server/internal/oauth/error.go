package oauth

import (
	"net/http"
	"strings"
	"time"
)

// Error is a protocol error (RFC 6749 section 5.2 and its kin): what a client is told. Its cause, if any, is for the log alone.
// Its JSON form is for what the server keeps, never for a client; code and description alone survive it.
type Error struct {
	// Code is the registered error code.
	Code string `json:"c"`
	// Description is for the developer of the client; see [Sanitize] for what may be in it.
	Description string `json:"d,omitempty"`
	// Status is the HTTP status.
	Status int `json:"-"`
	// RetryAfter, if positive, is sent as Retry-After in whole seconds.
	RetryAfter time.Duration `json:"-"`
	// Challenge, if set, is sent as WWW-Authenticate.
	Challenge string `json:"-"`
	// Nonce, if set, is sent as DPoP-Nonce (RFC 9449 section 8).
	Nonce string `json:"-"`
	// cause is for the log; a client never sees it.
	cause error
}

// WithCause keeps err for the log and returns e.
func (e *Error) WithCause(err error) *Error {
	e.cause = err
	return e
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Error gives code and description.
func (e *Error) Error() string {
	if e.Description == "" {
		return e.Code
	}
	return e.Code + ": " + e.Description
}

// Is reports whether target is an Error of the same code, so that errors.Is works with the constructors' values.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

func newError(code string, status int, description string) *Error {
	return &Error{Code: code, Status: status, Description: Sanitize(description)}
}

// The errors of RFC 6749 section 5.2, RFC 6750 section 3.1, RFC 8628 section 3.5, RFC 8707 section 2, RFC 9449 section 12.2.

// InvalidRequest is a malformed request.
func InvalidRequest(d string) *Error { return newError("invalid_request", http.StatusBadRequest, d) }

// InvalidClient is a failed client authentication. Its description never says which part failed.
func InvalidClient() *Error {
	return newError("invalid_client", http.StatusUnauthorized, "client authentication failed")
}

// InvalidGrant is a code or token that is not, or no longer, good.
func InvalidGrant(d string) *Error { return newError("invalid_grant", http.StatusBadRequest, d) }

// UnauthorizedClient is a client that may not use the grant type.
func UnauthorizedClient(d string) *Error {
	return newError("unauthorized_client", http.StatusBadRequest, d)
}

// UnsupportedGrantType is a grant type that the server does not have.
func UnsupportedGrantType() *Error {
	return newError("unsupported_grant_type", http.StatusBadRequest, "the grant type is not supported")
}

// InvalidScope is a scope that is unknown, malformed or not allowed.
func InvalidScope(d string) *Error { return newError("invalid_scope", http.StatusBadRequest, d) }

// InvalidTarget is a resource that is unknown or not allowed (RFC 8707).
func InvalidTarget(d string) *Error { return newError("invalid_target", http.StatusBadRequest, d) }

// AccessDenied is a refusal by the user.
func AccessDenied() *Error {
	return newError("access_denied", http.StatusBadRequest, "the user refused the request")
}

// AuthorizationPending asks a device to go on polling (RFC 8628 section 3.5).
func AuthorizationPending() *Error {
	return newError("authorization_pending", http.StatusBadRequest, "the user has not decided yet")
}

// SlowDown asks a device to poll less often (RFC 8628 section 3.5).
func SlowDown() *Error {
	return newError("slow_down", http.StatusBadRequest, "polls come faster than the interval allows")
}

// ExpiredToken is a device code past its lifetime (RFC 8628 section 3.5).
func ExpiredToken() *Error {
	return newError("expired_token", http.StatusBadRequest, "the device code has expired")
}

// InvalidDPoPProof is a proof of possession that is missing where one is needed, or not good (RFC 9449 section 5).
func InvalidDPoPProof(d string) *Error {
	return newError("invalid_dpop_proof", http.StatusBadRequest, d)
}

// UseDPoPNonce asks for another proof, with this nonce in it (RFC 9449 section 8).
func UseDPoPNonce(nonce string) *Error {
	e := newError("use_dpop_nonce", http.StatusBadRequest, "the proof needs the nonce of the DPoP-Nonce header")
	e.Nonce = nonce
	return e
}

// InvalidToken is a bearer token that is not, or no longer, good (RFC 6750 section 3.1).
func InvalidToken(d string) *Error { return newError("invalid_token", http.StatusUnauthorized, d) }

// InsufficientScope is a bearer token without a scope that is needed (RFC 6750 section 3.1).
func InsufficientScope(d string) *Error {
	return newError("insufficient_scope", http.StatusForbidden, d)
}

// TooManyRequests is a throttled request.
func TooManyRequests(retryAfter time.Duration) *Error {
	e := newError("temporarily_unavailable", http.StatusTooManyRequests, "too many requests; try again later")
	e.RetryAfter = retryAfter
	return e
}

// Unavailable is a part of the server that is out of reach; nothing was consumed.
func Unavailable() *Error {
	e := newError("temporarily_unavailable", http.StatusServiceUnavailable, "try again later")
	e.RetryAfter = time.Second
	return e
}

// ServerError is everything that was not foreseen; the cause is in the log.
func ServerError() *Error {
	return newError("server_error", http.StatusInternalServerError, "the request could not be served")
}

// Sanitize keeps what RFC 6749 section 5.2 allows in an error_description (%x20-21 / %x23-5B / %x5D-7E) and turns
// every other byte into '?'.
func Sanitize(s string) string {
	ok := func(c byte) bool { return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\' }
	for i := range len(s) {
		if !ok(s[i]) {
			return strings.Map(func(r rune) rune {
				if r < 0x80 && ok(byte(r)) {
					return r
				}
				return '?'
			}, s)
		}
	}
	return s
}
