package web

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

const testSVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>`

func branded(t *testing.T, b registration.Branding) *Web {
	t.Helper()
	r := registry.New(slog.New(slog.DiscardHandler))
	r.Replace([]registry.Change{{Key: "server", Document: &registration.Server{Issuer: "https://id.example/tenant", DisplayName: "Example", Branding: b}}}, "1")
	if r.Current().Server() == nil {
		t.Fatal("the settings are refused")
	}
	return &Web{Deps: Deps{Registry: r}}
}

func dataURI(kind, content string) string {
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString([]byte(content))
}

func TestLogo(t *testing.T) {
	get := func(w *Web, address string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		w.Routes()[0].Handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, address, nil))
		return rec
	}
	shell := func(w *Web) page.Shell {
		return w.brand(page.Shell{Base: "/tenant"}, w.Registry.Current().Server())
	}
	w := branded(t, registration.Branding{Logo: dataURI("image/svg+xml", testSVG), Accent: "#0b57d0", AccentDark: "#a8c7fa"})
	s := shell(w)
	if s.Accent != "#0b57d0" || s.AccentDark != "#a8c7fa" || !strings.HasPrefix(s.Logo, "/tenant/brand/logo?v=") {
		t.Fatalf("%+v", s)
	}
	t.Run("it is served as it is, can do nothing, and is kept", func(t *testing.T) {
		got := get(w, strings.TrimPrefix(s.Logo, "/tenant"))
		if got.Code != 200 || got.Body.String() != testSVG {
			t.Fatal(got.Code, got.Body)
		}
		for name, want := range map[string]string{
			"Content-Type": "image/svg+xml", "X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=31536000, immutable",
			"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
		} {
			if got := got.Header().Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
	})
	t.Run("under another version it is not kept", func(t *testing.T) {
		got := get(w, "/brand/logo?v=other")
		if got.Code != 200 || got.Header().Get("Cache-Control") != "no-store" {
			t.Error(got.Code, got.Header())
		}
	})
	t.Run("a new logo has a new address", func(t *testing.T) {
		if other := shell(branded(t, registration.Branding{Logo: dataURI("image/svg+xml", testSVG+" ")})); other.Logo == s.Logo || other.Logo == "" {
			t.Error(other.Logo)
		}
	})
	t.Run("without a logo there is none", func(t *testing.T) {
		w := branded(t, registration.Branding{})
		if s, got := shell(w), get(w, PathLogo); s.Logo != "" || got.Code != 404 {
			t.Error(s.Logo, got.Code)
		}
	})
	for name, uri := range map[string]string{
		"what is no picture":   dataURI("text/html", "<script>"),
		"what is not readable": "data:image/png;base64,%%%",
		"what is not base64":   "data:image/svg+xml,<svg/>",
		"an address elsewhere": "https://elsewhere.example/logo.png",
	} {
		t.Run(name+" is no logo", func(t *testing.T) {
			if l := readLogo(uri); l != nil {
				t.Error(l)
			}
		})
	}
}
