package edge

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/wire"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// MaxQuery bounds a query string, in bytes.
const MaxQuery = 8 << 10

// Edge wraps the routes.
type Edge struct {
	registry *registry.Registry
	log      *slog.Logger
	current  atomic.Pointer[site]
	warned   atomic.Bool // that a proxy is not declared
}

// New returns an Edge that follows the settings in r.
func New(r *registry.Registry, log *slog.Logger) *Edge {
	return &Edge{registry: r, log: log}
}

// site is what the settings of one snapshot say about requests.
type site struct {
	of       any // the registration it was made from
	host     string
	explicit string // host with the scheme's default port, which some clients write out; "" when the issuer names a port
	path     string
	secure   bool
	proxies  []netip.Prefix
}

// site is nil until the settings are loaded.
func (e *Edge) site() *site {
	settings := e.registry.Current().Server()
	if settings == nil {
		return nil
	}
	if s := e.current.Load(); s != nil && s.of == settings {
		return s
	}
	issuer, err := url.Parse(settings.Issuer)
	if err != nil {
		return nil // cannot be: documents are validated
	}
	s := &site{of: settings, host: issuer.Host, path: issuer.Path, secure: issuer.Scheme == "https"}
	if issuer.Port() == "" {
		s.explicit = issuer.Host + ":80"
		if s.secure {
			s.explicit = issuer.Host + ":443"
		}
	}
	for _, p := range settings.TrustedProxies {
		if prefix, err := netip.ParsePrefix(p); err == nil {
			s.proxies = append(s.proxies, prefix.Masked())
		}
	}
	e.current.Store(s)
	return s
}

type requestIDKey struct{}

// RequestID is the id of a request that a page may show, empty for requests of endpoints without pages.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// WithRequestID gives requests of h an id.
func WithRequestID(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var raw [8]byte
		_, _ = rand.Read(raw[:]) // never fails (crypto/rand)
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, hex.EncodeToString(raw[:]))))
	})
}

// relative is a path without the issuer's. The metadata of an issuer with a path has it behind the well-known part (RFC 8414
// section 3.1) or before it (OpenID Connect Discovery 1.0 section 4).
func (s *site) relative(path string) (string, bool) {
	if s.path == "" {
		return path, true
	}
	if strings.HasPrefix(path, wellKnown) {
		return strings.CutSuffix(path, s.path)
	}
	rest, ok := strings.CutPrefix(path, s.path)
	return rest, ok && strings.HasPrefix(rest, "/")
}

const wellKnown = "/.well-known/"

// Wrap guards next, whose paths are relative to the issuer's.
func (e *Edge) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer e.recovered(w, r)
		if len(r.TransferEncoding) > 0 {
			// It may have had a Content-Length as well, which net/http drops without a word. Whatever a proxy took for the next
			// request on such a connection must not be served (RFC 9112 section 6.1).
			w.Header()["Connection"] = closing
		}
		s := e.site()
		if s == nil {
			wire.Error(w, oauth.Unavailable())
			return
		}
		if !e.admit(w, r, s) {
			return
		}
		if s.secure {
			w.Header()["Strict-Transport-Security"] = hsts
		}
		path, ok := s.relative(r.URL.Path)
		if !ok {
			NotFound(w, r)
			return
		}
		if path != r.URL.Path {
			r = r.Clone(r.Context())
			r.URL.Path = path
		}
		next.ServeHTTP(w, r)
	})
}

var closing = []string{"close"}

// Not includeSubDomains: hosts below the issuer's are not ours to decide about. The pages say the same.
var hsts = []string{"max-age=31536000"}

// answers reports whether host is the issuer's, by the rules of RFC 9110 section 4.2.3: case makes no difference, nor does
// the scheme's default port.
func (s *site) answers(host string) bool {
	return strings.EqualFold(host, s.host) || s.explicit != "" && strings.EqualFold(host, s.explicit)
}

// admit answers requests that no endpoint shall see and reports false for them.
func (e *Edge) admit(w http.ResponseWriter, r *http.Request, s *site) bool {
	switch {
	case !s.answers(r.Host):
		refuse(w, http.StatusMisdirectedRequest, "this server answers for its issuer's host only")
	case len(r.URL.RawQuery) > MaxQuery:
		refuse(w, http.StatusRequestURITooLong, "the query string is too long")
	case strings.Count(r.URL.RawQuery, "&") >= oauth.MaxParams:
		refuse(w, http.StatusBadRequest, "too many parameters")
	case len(r.Header["Authorization"]) > 1:
		// Two readers of such a request, a proxy that logs or checks and this server, may each take another one for the
		// caller (RFC 9110 section 5.3 allows one).
		refuse(w, http.StatusBadRequest, "more than one Authorization header")
	case !canonical(r):
		NotFound(w, r)
	case s.secure && s.trusts(peer(r)) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "http"):
		refuse(w, http.StatusBadRequest, "use https")
	default:
		return true
	}
	return false
}

// canonical reports whether the path is written the one way that routes are: nothing escaped, no empty or dot segments.
// Other spellings are not redirected but unknown, so that a proxy in front and this server never disagree on what a
// request is for.
func canonical(r *http.Request) bool {
	p := r.URL.Path
	return strings.HasPrefix(p, "/") && r.URL.RawPath == "" && !strings.Contains(r.URL.EscapedPath(), "%") &&
		!strings.Contains(p, "//") && !strings.Contains(strings.Replace(p, wellKnown, "/", 1), "/.")
}

func (e *Edge) recovered(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // the value net/http asks to be passed on
		panic(v) //nolint:forbidigo // net/http ends the connection on this value and logs nothing
	}
	e.log.ErrorContext(r.Context(), "a request handler panicked", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
	wire.Error(w, oauth.ServerError())
}

// NotFound answers for a path that is no route.
func NotFound(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusNotFound, "there is nothing here")
}

// MethodNotAllowed answers for a route that does not have the method.
func MethodNotAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	refuse(w, http.StatusMethodNotAllowed, "the method is not allowed")
}

func refuse(w http.ResponseWriter, status int, description string) {
	e := oauth.InvalidRequest(description)
	e.Status = status
	wire.Error(w, e)
}

// Observe tells observe the status and duration of every request of h.
func Observe(h http.Handler, observe func(method string, status int, took time.Duration)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() { observe(r.Method, rec.status, time.Since(start)) }()
		h.ServeHTTP(&rec, r)
	})
}

type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status and passes it on.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the original.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
