package web

import (
	"errors"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// MaxForm bounds the body of a form, in bytes.
const MaxForm = 64 << 10

// Visit is one request with what was gathered about it.
type Visit struct {
	W        http.ResponseWriter
	R        *http.Request
	Snapshot *registry.Snapshot
	Site     Site
	Now      time.Time
	Address  netip.Addr
	// Language is a tag for which there is a catalogue: of the browser's, unless a handler knows better (ui_locales).
	Language string
	// Session and User are zero when nobody is signed in.
	Session storage.Session
	User    storage.User
	// Again is where the failure page leads back to, relative to the issuer's path; the sign-in page when empty.
	Again string

	web *Web
}

// SignedIn reports whether somebody is signed in.
func (v *Visit) SignedIn() bool { return v.User.ID != "" }

// Shell is what the visit's page is rendered in.
func (v *Visit) Shell() page.Shell {
	return v.web.brand(page.Shell{
		Language: v.Language, Service: v.Site.Service, Base: v.Site.Base, Account: AccountName(v.User), Secure: v.Site.Secure,
	}, v.Snapshot.Server())
}

// AccountName is what a person is called on pages.
func AccountName(u storage.User) string {
	if u.Name == "" || u.Name == u.Username {
		return u.Username
	}
	return u.Name + " (" + u.Username + ")"
}

// Handle gathers, serves, and turns an error into a page.
func (w *Web) Handle(serve func(*Visit) error) http.Handler { return w.handle(w.gather, serve) }

// HandleForeign is Handle for forms that other sites send, such as apps: the origin is not asked after, the body is the
// handler's to read, and nobody counts as signed in. Such a handler decides nothing; it sends the browser on to a page of ours.
func (w *Web) HandleForeign(serve func(*Visit) error) http.Handler {
	return w.handle(func(v *Visit) error {
		if !v.Snapshot.Complete() {
			return Unavailable(errIncomplete)
		}
		return nil
	}, serve)
}

func (w *Web) handle(gather, serve func(*Visit) error) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		v := &Visit{web: w, W: rw, R: r, Now: w.Now(), Address: w.Address(r), Snapshot: w.Registry.Current()}
		v.Site = SiteOf(v.Snapshot.Server())
		v.Language = w.Layout.Messages().Match(r.Header.Get("Accept-Language"))
		err := gather(v)
		if err == nil {
			err = serve(v)
		}
		if err != nil {
			w.fail(v, err)
		}
	})
}

// gather checks the form of a request and finds the session.
func (w *Web) gather(v *Visit) error {
	if !v.Snapshot.Complete() {
		return Unavailable(errIncomplete)
	}
	if v.R.Method == http.MethodPost {
		// Browsers before 2023, without Sec-Fetch-Site, send "Origin: null" from pages with our referrer policy and are refused.
		if err := w.origins.Check(v.R); err != nil {
			return Forbidden(err)
		}
		if err := readForm(v); err != nil {
			return BadRequest(err)
		}
	}
	var err error
	v.Session, v.User, err = w.session(v.R, v.Snapshot, v.Site, v.Now)
	if err != nil && !errors.Is(err, ErrNoSession) {
		return Unavailable(err)
	}
	return nil
}

// repeatable are the fields of forms that may be there more than once: the boxes that people tick.
func repeatable(name string) bool { return name == "scope" || name == "choice" || name == "shown" }

// readForm parses the body strictly: one kind of content, bounded, each field once and readable.
func readForm(v *Visit) error {
	kind, _, err := mime.ParseMediaType(v.R.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return errors.New("the body is not a form")
	}
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, MaxForm)
	if err := v.R.ParseForm(); err != nil {
		return err
	}
	for name, values := range v.R.PostForm {
		if len(values) > 1 && !repeatable(name) {
			return errors.New("a field is there twice")
		}
		for _, value := range values {
			if !utf8.ValidString(name) || !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				return errors.New("a field is not text")
			}
		}
	}
	return nil
}
