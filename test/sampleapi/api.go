package sampleapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The scopes of the API.
const (
	ScopeProjects = "projects.read"
	ScopeClusters = "clusters.read"
)

// Config is what the API is set up with.
type Config struct {
	// Issuer is the authorization server's, byte by byte.
	Issuer string
	// Identifier is the API's: the identifier of its OAuthResource, and the aud of its tokens. It is also where the API is
	// reached: https, or http on loopback, without a path.
	Identifier string
	// ClientID and ClientSecret are those of the API itself, an OAuthClient among the resourceServers of the OAuthResource. With
	// them it asks about tokens (RFC 7662); with neither it judges them alone.
	ClientID, ClientSecret string
	// Data is what the API keeps.
	Data Data
	// Now is the clock.
	Now func() time.Time
	// Client fetches from the authorization server.
	Client *http.Client
	// Log gets what the authorization server is to blame for.
	Log *slog.Logger
}

// API is the sample API. It is safe for concurrent use.
type API struct {
	Config
	issuer   *issuer
	checker  Checker
	metadata string // the URL of its own
}

// New checks the configuration.
func New(c Config) (*API, error) {
	u, err := url.Parse(c.Identifier)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("the identifier must be an http or https URL without a path")
	}
	if (c.ClientID == "") != (c.ClientSecret == "") {
		return nil, errors.New("to ask about tokens takes both a client id and a client secret")
	}
	a := &API{Config: c, metadata: c.Identifier + pathMetadata}
	a.issuer = &issuer{url: c.Issuer, identifier: c.Identifier, client: c.Client, now: c.Now}
	a.checker = byJWT{a.issuer}
	if c.ClientID != "" {
		a.checker = byIntrospection{issuer: a.issuer, id: c.ClientID, secret: c.ClientSecret}
	}
	return a, nil
}

const pathMetadata = "/.well-known/oauth-protected-resource" // RFC 9728 section 3

// Handler serves the API.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathMetadata, a.describe)
	mux.HandleFunc("GET /.oauth/choices", a.choices)
	mux.HandleFunc("GET /v1beta1/organizations", a.guard(ScopeProjects, func(w http.ResponseWriter, _ *http.Request, d Data) {
		write(w, http.StatusOK, map[string]any{"organizations": d.Organizations})
	}))
	mux.HandleFunc("GET /v1beta1/projects", a.guard(ScopeProjects, func(w http.ResponseWriter, _ *http.Request, d Data) {
		write(w, http.StatusOK, map[string]any{"projects": d.Projects})
	}))
	mux.HandleFunc("GET /v1beta1/projects/{project}", a.guard(ScopeProjects, func(w http.ResponseWriter, r *http.Request, d Data) {
		i := slices.IndexFunc(d.Projects, func(p Project) bool { return p.ID == r.PathValue("project") })
		if i < 0 {
			a.refuse(w, http.StatusForbidden, "insufficient_scope", "the token was not given for this project", ScopeProjects)
			return
		}
		write(w, http.StatusOK, d.Projects[i])
	}))
	mux.HandleFunc("GET /v1beta1/clusters", a.guard(ScopeClusters, func(w http.ResponseWriter, r *http.Request, d Data) {
		if id := r.URL.Query().Get("project"); id != "" {
			if !slices.ContainsFunc(d.Projects, func(p Project) bool { return p.ID == id }) {
				a.refuse(w, http.StatusForbidden, "insufficient_scope", "the token was not given for this project", ScopeClusters)
				return
			}
			d = d.only([]string{id})
		}
		write(w, http.StatusOK, map[string]any{"clusters": d.Clusters})
	}))
	return mux
}

// describe says where tokens come from (RFC 9728 section 2).
func (a *API) describe(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{
		"resource": a.Identifier, "authorization_servers": []string{a.Issuer}, "resource_name": "Clusters",
		"scopes_supported": []string{ScopeProjects, ScopeClusters}, "bearer_methods_supported": []string{"header"},
		"authorization_details_types_supported": []string{DetailType},
	})
}

// guard lets those through whose token has the scope, with the data that it was given for.
func (a *API) guard(scope string, serve func(http.ResponseWriter, *http.Request, Data)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := a.bearer(w, r)
		if !ok {
			return
		}
		access, err := a.checker.Check(r.Context(), token)
		switch {
		case err != nil:
			a.failed(w, r, err)
		case !access.Has(scope):
			a.refuse(w, http.StatusForbidden, "insufficient_scope", "the token does not have the scope "+scope, scope)
		default:
			serve(w, r, a.Data.only(access.Projects))
		}
	}
}

// choices tells the authorization server what somebody may choose. It takes the server's token for this question and no other;
// access tokens are not for it.
func (a *API) choices(w http.ResponseWriter, r *http.Request) {
	token, ok := a.bearer(w, r)
	if !ok {
		return
	}
	var c claims
	err := a.issuer.verify(r.Context(), typeChoices, token, &c)
	if err == nil {
		err = c.good(a.Issuer, a.Identifier, a.Now())
	}
	if err != nil {
		a.failed(w, r, err)
		return
	}
	write(w, http.StatusOK, map[string]any{"choices": a.Data.choices()})
}

// bearer reads the token from the header (RFC 6750 section 2.1), which is the one place for it.
func (a *API) bearer(w http.ResponseWriter, r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		a.refuse(w, http.StatusUnauthorized, "", "", "") // who sent nothing is told no error (RFC 6750 section 3.1)
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimLeft(token, " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " ,") {
		a.refuse(w, http.StatusBadRequest, "invalid_request", "send one bearer token in the Authorization header", "")
		return "", false
	}
	return token, true
}

// failed answers for a token that was not found good.
func (a *API) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, ErrInvalidToken) {
		a.refuse(w, http.StatusUnauthorized, "invalid_token", ErrInvalidToken.Error(), "")
		return
	}
	a.Log.ErrorContext(r.Context(), "a token could not be checked", "cause", err)
	w.Header().Set("Retry-After", "5")
	write(w, http.StatusServiceUnavailable, map[string]string{"error": "temporarily_unavailable"})
}

// refuse answers with a challenge (RFC 6750 section 3), which also says where to learn about tokens (RFC 9728 section 5.1).
func (a *API) refuse(w http.ResponseWriter, status int, code, why, scope string) {
	var challenge []string
	body := map[string]string{}
	for _, p := range [][2]string{{"error", code}, {"error_description", why}, {"scope", scope}} {
		if p[1] != "" {
			challenge = append(challenge, p[0]+`="`+p[1]+`"`) // all of them are our own words
			body[p[0]] = p[1]
		}
	}
	challenge = append(challenge, `resource_metadata="`+a.metadata+`"`)
	w.Header().Set("WWW-Authenticate", "Bearer "+strings.Join(challenge, ", "))
	write(w, status, body)
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the peer may be gone
}
