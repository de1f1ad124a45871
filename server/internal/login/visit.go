package login

import (
	"errors"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// maxForm bounds the body of a form, in bytes.
const maxForm = 16 << 10

// visit is one request with what was gathered about it.
type visit struct {
	w        http.ResponseWriter
	r        *http.Request
	snapshot *registry.Snapshot
	site     site
	now      time.Time
	address  netip.Addr
	language string
	// session and user are zero when nobody is signed in.
	session storage.Session
	user    storage.User
	flow    flow
}

func (v *visit) signedIn() bool { return v.user.ID != "" }

// shell is what the visit's page is rendered in.
func (v *visit) shell() page.Shell {
	return page.Shell{Language: v.language, Service: v.site.service, Base: v.site.base, Account: accountName(v.user), Secure: v.site.secure}
}

func accountName(u storage.User) string {
	if u.Name == "" || u.Name == u.Username {
		return u.Username
	}
	return u.Name + " (" + u.Username + ")"
}

// handle gathers, serves, and turns an error into a page.
func (l *Login) handle(serve func(*visit) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{w: w, r: r, now: l.Now(), address: l.Address(r), snapshot: l.Registry.Current()}
		v.site = siteOf(v.snapshot.Server())
		v.language = l.pages.layout.Messages().Match(r.Header.Get("Accept-Language"))
		err := l.gather(v)
		if err == nil {
			err = serve(v)
		}
		if err != nil {
			l.fail(v, err)
		}
	})
}

// gather checks the form of a request and finds session and flow.
func (l *Login) gather(v *visit) error {
	if !v.snapshot.Complete() {
		return unavailable(errIncomplete)
	}
	if v.r.Method == http.MethodPost {
		// Browsers before 2023, without Sec-Fetch-Site, send "Origin: null" from pages with our referrer policy and are refused.
		if err := l.origins.Check(v.r); err != nil {
			return forbidden(err)
		}
		if err := readForm(v); err != nil {
			return badRequest(err)
		}
	}
	var err error
	v.session, v.user, err = l.session(v.r, v.snapshot, v.site, v.now)
	if err != nil && !errors.Is(err, ErrNoSession) {
		return unavailable(err)
	}
	v.flow = l.readFlow(v.r, v.site, v.now)
	return nil
}

// readForm parses the body strictly: one kind of content, bounded, each field once and readable.
func readForm(v *visit) error {
	kind, _, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return errors.New("the body is not a form")
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		return err
	}
	for name, values := range v.r.PostForm {
		if len(values) > 1 {
			return errors.New("a field is there twice")
		}
		if !utf8.ValidString(name) || !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0) {
			return errors.New("a field is not text")
		}
	}
	return nil
}

// session finds the session of a request.
func (l *Login) session(r *http.Request, snapshot *registry.Snapshot, s site, now time.Time) (storage.Session, storage.User, error) {
	none := func(err error) (storage.Session, storage.User, error) { return storage.Session{}, storage.User{}, err }
	c, err := r.Cookie(s.sessionCookie)
	if err != nil {
		return none(ErrNoSession)
	}
	id, ok := oauth.ParseCredential(oauth.PrefixSession, c.Value)
	if !ok {
		return none(ErrNoSession) // told without asking the database
	}
	session, user, err := l.Storage.Session(r.Context(), id, now)
	switch {
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrExpired), errors.Is(err, storage.ErrRevoked):
		return none(ErrNoSession)
	case err != nil:
		return none(err)
	case !l.Providers.Active(snapshot.IdentityProviders(), user.Provider, user.Subject):
		return none(ErrNoSession) // the account was disabled or removed since
	}
	return session, user, nil
}
