package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Site is what the issuer says about cookies and links. Nothing of a request changes it (A23, K10).
type Site struct {
	// Service is what pages call the server.
	Service string
	// Base is the issuer's path, "" or "/tenant".
	Base   string
	Secure bool
	// SessionCookie is a name, and FlowCookie what those of flows begin with.
	SessionCookie, FlowCookie string
	// CookiePath is where cookies are sent.
	CookiePath string
}

// SiteOf reads them from the settings; nil gives those of a server that is not set up yet.
func SiteOf(s *registration.Server) Site {
	const session, flow = "gk_session", "gk_flow"
	if s == nil {
		return Site{Service: "Grantkeeper", SessionCookie: session, FlowCookie: flow, CookiePath: "/"}
	}
	out := Site{Service: s.DisplayName, CookiePath: "/"}
	host := s.Issuer
	if u, err := url.Parse(s.Issuer); err == nil { // documents are validated
		out.Base, out.Secure, host = u.Path, u.Scheme == "https", u.Host
	}
	if out.Service == "" {
		out.Service = host
	}
	// Cookies do not know ports, and the __Host- prefix demands the path "/": issuers that share a host are told apart by name.
	suffix := ""
	if out.Base != "" || !out.Secure {
		sum := sha256.Sum256([]byte(s.Issuer))
		suffix = "_" + hex.EncodeToString(sum[:4])
	}
	out.SessionCookie, out.FlowCookie = session+suffix, flow+suffix
	switch {
	case out.Secure:
		// The prefix makes browsers refuse cookies that a sibling domain, or plain HTTP, tries to plant (A26, I08).
		out.SessionCookie, out.FlowCookie = "__Host-"+out.SessionCookie, "__Host-"+out.FlowCookie
	case out.Base != "":
		out.CookiePath = out.Base
	}
	return out
}

// DropCookies takes everything away from a browser whose session has ended: the session's cookie and those of unfinished flows.
func (v *Visit) DropCookies() {
	v.Site.SetCookie(v.W, v.Site.SessionCookie, "", 0)
	v.Site.RemoveFlows(v.W, v.R)
}

// flowCookie is what the names of a flow's cookies have after that of all flows; package login makes them. What another issuer on
// the same host keeps does not look like it.
var flowCookie = regexp.MustCompile(`^_[0-9a-v]{13}(\.[0-9])?$`)

// RemoveFlows removes all that is unfinished in a browser.
func (s Site) RemoveFlows(w http.ResponseWriter, r *http.Request) {
	for _, c := range r.Cookies() {
		if rest, ok := strings.CutPrefix(c.Name, s.FlowCookie); ok && flowCookie.MatchString(rest) {
			s.SetCookie(w, c.Name, "", 0)
		}
	}
}

// SetCookie keeps value for so long; a ttl of 0 removes the cookie.
func (s Site) SetCookie(w http.ResponseWriter, name, value string, ttl time.Duration) {
	age := int(ttl / time.Second)
	if ttl <= 0 {
		age, value = -1, ""
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: s.CookiePath, MaxAge: age, Secure: s.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
