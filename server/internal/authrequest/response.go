package authrequest

import (
	"net/url"
	"strings"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// Field is one parameter of a response.
type Field struct{ Name, Value string }

// Response is an authorization response (RFC 6749 section 4.1.2) on its way to the client.
type Response struct {
	Mode ResponseMode
	// URL is where to send the browser, complete, in the mode Query.
	URL string
	// Action is where to post Fields, in their order, in the mode FormPost.
	Action string
	Fields []Field
}

// Success is the response that carries a code.
func Success(issuer string, r *Request, code string) Response {
	return respond(issuer, r, Field{"code", code})
}

// Failure is the response that carries an error. Of the error, code and description are sent.
func Failure(issuer string, r *Request, e *oauth.Error) Response {
	if e.Description == "" {
		return respond(issuer, r, Field{"error", e.Code})
	}
	return respond(issuer, r, Field{"error", e.Code}, Field{"error_description", e.Description})
}

// respond adds what every response has: state, and the issuer, so that a client that talks to several servers cannot take one's
// answer for another's (RFC 9207).
func respond(issuer string, r *Request, fields ...Field) Response {
	if r.State != "" {
		fields = append(fields, Field{"state", r.State})
	}
	fields = append(fields, Field{"iss", issuer})
	if r.ResponseMode == FormPost {
		return Response{Mode: FormPost, Action: r.RedirectURI, Fields: fields}
	}
	return Response{Mode: Query, URL: withQuery(r.RedirectURI, fields), Fields: fields}
}

// withQuery adds parameters to an address and keeps its own (RFC 6749 section 3.1.2).
func withQuery(address string, fields []Field) string {
	var b strings.Builder
	b.WriteString(address)
	separator := byte('?')
	if strings.Contains(address, "?") {
		separator = '&'
	}
	for _, f := range fields {
		b.WriteByte(separator)
		b.WriteString(escape(f.Name))
		b.WriteByte('=')
		b.WriteString(escape(f.Value))
		separator = '&'
	}
	return b.String()
}

// escape writes spaces as %20, which readers of queries and of forms alike take for a space.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
