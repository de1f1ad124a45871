package login

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// site is what the issuer says about cookies and links. Nothing of a request changes it (A23, K10).
type site struct {
	// service is what pages call the server.
	service string
	// base is the issuer's path, "" or "/tenant".
	base   string
	secure bool
	// sessionCookie and flowCookie are names.
	sessionCookie, flowCookie string
	// cookiePath is where cookies are sent.
	cookiePath string
}

func siteOf(s *registration.Server) site {
	const session, flow = "gk_session", "gk_flow"
	if s == nil {
		return site{service: "Grantkeeper", sessionCookie: session, flowCookie: flow, cookiePath: "/"}
	}
	out := site{service: s.DisplayName, cookiePath: "/"}
	host := s.Issuer
	if u, err := url.Parse(s.Issuer); err == nil { // documents are validated
		out.base, out.secure, host = u.Path, u.Scheme == "https", u.Host
	}
	if out.service == "" {
		out.service = host
	}
	// Cookies do not know ports, and the __Host- prefix demands the path "/": issuers that share a host are told apart by name.
	suffix := ""
	if out.base != "" || !out.secure {
		sum := sha256.Sum256([]byte(s.Issuer))
		suffix = "_" + hex.EncodeToString(sum[:4])
	}
	out.sessionCookie, out.flowCookie = session+suffix, flow+suffix
	switch {
	case out.secure:
		// The prefix makes browsers refuse cookies that a sibling domain, or plain HTTP, tries to plant (A26, I08).
		out.sessionCookie, out.flowCookie = "__Host-"+out.sessionCookie, "__Host-"+out.flowCookie
	case out.base != "":
		out.cookiePath = out.base
	}
	return out
}

// setCookie keeps value for so long; a ttl of 0 removes the cookie.
func (s site) setCookie(w http.ResponseWriter, name, value string, ttl time.Duration) {
	age := int(ttl / time.Second)
	if ttl <= 0 {
		age, value = -1, ""
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: s.cookiePath, MaxAge: age, Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
