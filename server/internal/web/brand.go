package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
)

// PathLogo is where the server's logo is. Pages name it with its version, so that browsers keep it and still see a new one.
const PathLogo = "/brand/logo"

// logo is the server's logo as it is served.
type logo struct {
	// source is what it was made of.
	source  string
	kind    string
	version string
	picture []byte
}

// readLogo reads a data URI in base64 (RFC 2397); nil when it is none, which validated documents do not have.
func readLogo(source string) *logo {
	head, encoded, _ := strings.Cut(source, ",")
	kind, isBase64 := strings.CutSuffix(strings.TrimPrefix(head, "data:"), ";base64")
	picture, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !isBase64 || kind != "image/svg+xml" && kind != "image/png" {
		return nil
	}
	sum := sha256.Sum256([]byte(source))
	return &logo{source: source, kind: kind, version: hex.EncodeToString(sum[:8]), picture: picture}
}

// logo is that of the settings; nil without one. It is decoded once.
func (w *Web) logo(s *registration.Server) *logo {
	if s == nil || s.Branding.Logo == "" {
		return nil
	}
	if l := w.lastLogo.Load(); l != nil && l.source == s.Branding.Logo {
		return l
	}
	l := readLogo(s.Branding.Logo)
	if l != nil {
		w.lastLogo.Store(l)
	}
	return l
}

// brand adds the server's branding to a shell.
func (w *Web) brand(shell page.Shell, s *registration.Server) page.Shell {
	if s == nil {
		return shell
	}
	shell.Accent, shell.AccentDark = s.Branding.Accent, s.Branding.AccentDark
	if l := w.logo(s); l != nil {
		shell.Logo = shell.Base + PathLogo + "?" + url.Values{"v": {l.version}}.Encode()
	}
	return shell
}

// Routes are the addresses that belong to all pages.
func (w *Web) Routes() []Route {
	return []Route{{Method: http.MethodGet, Path: PathLogo, Handler: http.HandlerFunc(w.serveLogo)}}
}

// serveLogo serves the logo. A picture that somebody opens by its address can do nothing: it may be an SVG.
func (w *Web) serveLogo(rw http.ResponseWriter, r *http.Request) {
	s := w.Registry.Current().Server()
	h := rw.Header()
	page.SecurityHeaders(h, SiteOf(s).Secure)
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	l := w.logo(s)
	if l == nil {
		http.Error(rw, "This server has no logo.", http.StatusNotFound)
		return
	}
	if r.URL.Query().Get("v") == l.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} // else it is that of a replica with other settings, for a moment: it is served, and not kept
	h.Set("Content-Type", l.kind)
	h.Set("Content-Length", strconv.Itoa(len(l.picture)))
	// The peer may be gone; there is nobody to tell.
	_, _ = rw.Write(l.picture)
}
