package server

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/server/internal/edge"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/wire"
)

// route is one row of the route table. Paths are relative to the issuer's.
type route struct {
	// name is the endpoint's name in metrics.
	name    string
	path    string
	methods map[string]http.Handler
}

// route table: every address that the server answers.
func (s *Server) routes() []route {
	post := func(h http.Handler) map[string]http.Handler { return map[string]http.Handler{http.MethodPost: h} }
	get := func(h http.Handler) map[string]http.Handler {
		return map[string]http.Handler{http.MethodGet: h, http.MethodHead: h}
	}
	table := []route{
		{"token", "/v1/token", s.forPages(post(s.token))},
		{"pushed_authorization_request", "/v1/par", s.forPages(post(s.par))},
		{"device_authorization", "/v1/device_authorization", post(s.device)},
		{"revoke", "/v1/revoke", s.forPages(post(s.revoke))},
		{"introspect", "/v1/introspect", post(s.introspect)},
		{"userinfo", "/v1/userinfo", s.forPages(map[string]http.Handler{http.MethodGet: s.userinfo, http.MethodPost: s.userinfo})},
		{"jwks", "/v1/jwks", get(s.jwks)},
		{"discovery", "/.well-known/oauth-authorization-server", get(s.discovery)},
		{"discovery", "/.well-known/openid-configuration", get(s.discovery)},
	}
	pages := map[string]map[string]http.Handler{}
	for _, r := range slices.Concat(s.web.Routes(), s.login.Routes(), s.account.Routes(), s.logout.Routes()) {
		if pages[r.Path] == nil {
			pages[r.Path] = map[string]http.Handler{}
		}
		pages[r.Path][r.Method] = edge.WithRequestID(r.Handler)
	}
	for path, methods := range pages {
		table = append(table, route{"page", path, methods})
	}
	return table
}

// forPages lets pages of other origins ask beforehand whether they may call an endpoint (B16). To anyone else there is no such
// method.
func (s *Server) forPages(methods map[string]http.Handler) map[string]http.Handler {
	names := slices.Sorted(maps.Keys(methods))
	allow := strings.Join(names, ", ")
	methods[http.MethodOptions] = &wire.Preflight{Registry: s.registry, Methods: names, Otherwise: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		edge.MethodNotAllowed(w, allow)
	})}
	return methods
}

// handler serves the table behind the edge.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		h := edge.Observe(r.serve(), s.metrics.Endpoint(r.name).Observe)
		mux.Handle(r.path, h)
	}
	mux.Handle("/", http.HandlerFunc(edge.NotFound))
	return s.edge.Wrap(mux)
}

// serve picks the handler of the method.
func (r route) serve() http.Handler {
	if get, ok := r.methods[http.MethodGet]; ok && r.methods[http.MethodHead] == nil {
		r.methods[http.MethodHead] = get
	}
	names := make([]string, 0, len(r.methods))
	for m := range r.methods {
		if m != http.MethodOptions {
			names = append(names, m)
		}
	}
	slices.Sort(names)
	allow := strings.Join(names, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h, ok := r.methods[req.Method]
		if !ok {
			edge.MethodNotAllowed(w, allow)
			return
		}
		h.ServeHTTP(w, req)
	})
}
