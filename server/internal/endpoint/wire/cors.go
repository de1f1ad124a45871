package wire

import (
	"net/http"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// Pages of other origins may call an endpoint for a client that runs in them (Fetch section 3.2): the origins that the client's
// registration lists, and no other. Nothing here ever depends on a cookie, so credentials are not allowed, and an origin is
// always named: "*" would be for pages that nobody registered (B16). What is for a client is for its own pages; an error that came
// before the client was known is for the pages of all of them.

// originOf is the request's Origin; empty for a request that is not of another origin's page.
func originOf(r *http.Request) string {
	if o := r.Header["Origin"]; len(o) == 1 {
		return o[0]
	}
	return ""
}

// AllowOrigin lets the page that sent a request read the answer, if the request turned out to be of this client and the page's
// origin is one of the client's. It has to be called before anything is written.
func AllowOrigin(w http.ResponseWriter, r *http.Request, c *registry.Client) { allow(w, r, c) }

// AllowError lets the page that sent a request read why it was refused before it was known for which client it came: pages of any
// browser client may. The error says nothing of anybody; without it a page cannot tell a refusal from a broken network. It has
// to be called before anything is written, and never for an answer that is no error.
func AllowError(w http.ResponseWriter, r *http.Request, s *registry.Snapshot) { allow(w, r, s) }

func allow(w http.ResponseWriter, r *http.Request, of interface{ AllowsOrigin(origin string) bool }) {
	origin := originOf(r)
	if origin == "" {
		return
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if !of.AllowsOrigin(origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "DPoP-Nonce, Retry-After, WWW-Authenticate")
}

// Preflight answers the OPTIONS request that asks before the real one (Fetch section 4.8), which cannot say for which client that
// will be: any origin of a browser client gets a yes, and only that client's own can read what comes then. Everything else is
// answered by otherwise.
type Preflight struct {
	Registry *registry.Registry
	// Methods are those of the endpoint.
	Methods   []string
	Otherwise http.Handler
}

// ServeHTTP answers an OPTIONS.
func (p *Preflight) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	origin, method := originOf(r), r.Header.Get("Access-Control-Request-Method")
	if origin == "" || !slices.Contains(p.Methods, method) || !p.Registry.Current().AllowsOrigin(origin) {
		p.Otherwise.ServeHTTP(w, r)
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Methods", strings.Join(p.Methods, ", "))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
	h.Set("Access-Control-Max-Age", "600")
	h.Set("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
