// Package jwks publishes the public signing keys (RFC 7517 section 5).
package jwks

import (
	"net/http"
	"strconv"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/wire"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/signer"
)

// Endpoint is the JWK Set document.
type Endpoint struct {
	Signer *signer.Signer
	// MaxAge is how long it may be cached: at most half of the time that a key is published before it signs.
	MaxAge time.Duration
}

// ServeHTTP answers a GET, from memory alone: it works while everything else is away. Before the keys are loaded it is 503:
// an empty set would be kept by whoever asked, who then refuses every token for as long.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, etag := e.Signer.JWKS()
	if body == nil {
		wire.Error(w, oauth.Unavailable())
		return
	}
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "public, max-age="+strconv.FormatInt(int64(e.MaxAge/time.Second), 10))
	h.Set("Access-Control-Allow-Origin", "*") // public, and without credentials
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}
