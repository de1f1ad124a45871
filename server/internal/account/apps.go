package account

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/describe"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountapp"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountapps"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

const (
	// appsPerPage and maxChoices keep a page below page.MaxSize.
	appsPerPage = 20
	maxChoices  = 40

	purposeNarrow    = "narrow"
	purposeRevoke    = "revoke"
	purposeRevokeAll = "revoke all"
)

// showApps lists the authorized apps, a page at a time.
func (a *Account) showApps(v *visit) error {
	after := v.R.URL.Query().Get("after")
	if len(after) > maxParameter {
		after = ""
	}
	apps, err := a.Storage.Apps(v.R.Context(), v.User.ID, after, appsPerPage+1)
	if err != nil {
		return failed(err)
	}
	data := accountapps.Data{First: after == "", Done: a.wasDone(v)}
	if len(apps) > appsPerPage {
		apps = apps[:appsPerPage]
		data.Next = apps[appsPerPage-1].Client.UID
	}
	for _, app := range apps {
		row := accountapps.App{UID: app.Client.UID, Since: app.FirstAt, LastUsed: app.LastUsedAt}
		row.Name, row.Publisher, row.Owner, row.Gone = a.names(v, app.Client)
		data.Apps = append(data.Apps, row)
	}
	return a.pages.apps.Render(v.W, http.StatusOK, v.Shell(), data)
}

// names says whose an app is. One that is not registered any more has but the id that it had.
func (a *Account) names(v *visit, ref storage.ClientRef) (name, publisher, owner string, gone bool) {
	c, ok := v.Snapshot.ClientByUID(ref.UID)
	if !ok {
		return ref.ID, "", "", true
	}
	name = c.Display.Name
	if name == "" {
		name = c.ClientID
	}
	return name, c.Display.Publisher, c.DocumentName(), false
}

// access is what an app may do, over its consent and all of its grants. Claims that it asked for by name count as the scopes that
// stand for them.
type access struct {
	scopes []string
	chosen []consent.Detail
}

func accessOf(app storage.App) access {
	var out access
	var details []json.RawMessage
	add := func(scopes []string, d json.RawMessage) {
		out.scopes = union(out.scopes, scopes)
		details = append(details, d)
	}
	if app.Consent != nil {
		add(app.Consent.Scopes, app.Consent.AuthorizationDetails)
	}
	for _, g := range app.Grants {
		add(union(slices.Clone(g.Scopes), oauth.ScopesOfClaims(g.Claims)), g.AuthorizationDetails)
	}
	out.chosen = readChosen(details...)
	return out
}

func union(into, more []string) []string {
	for _, m := range more {
		if !slices.Contains(into, m) {
			into = append(into, m)
		}
	}
	return into
}

// digest is of everything that a page shows of an access: a form that was made for another one is stale.
func (x access) digest() string {
	h := sha256.New()
	for _, s := range x.scopes {
		h.Write([]byte(strconv.Quote(s)))
	}
	for _, c := range x.chosen {
		h.Write([]byte("\n" + key(c)))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// showApp shows one app.
func (a *Account) showApp(v *visit) error {
	return a.renderApp(v, v.R.URL.Query().Get("app"), http.StatusOK, "")
}

func (a *Account) renderApp(v *visit, uid string, status int, problem accountapp.Problem) error {
	app, err := a.Storage.App(v.R.Context(), v.User.ID, uid)
	if err != nil {
		return failed(err)
	}
	has := accessOf(app)
	words, err := describe.Scopes(a.web.Layout.Messages(), v.Language, v.Snapshot, has.scopes)
	if err != nil {
		return err
	}
	data := accountapp.Data{
		UID: app.Client.UID, Since: app.FirstAt, LastUsed: app.LastUsedAt, Connections: len(app.Grants), Problem: problem, Done: a.wasDone(v),
	}
	data.Name, data.Publisher, data.Owner, data.Gone = a.names(v, app.Client)
	if c, ok := v.Snapshot.ClientByUID(app.Client.UID); ok {
		data.Homepage, data.PolicyURI = describe.WebLink(c.Display.Homepage), describe.WebLink(c.Display.PolicyURI)
	}
	for i, w := range words {
		data.Scopes = append(data.Scopes, accountapp.Scope{Value: strconv.Itoa(i), Title: w.Title, Detail: w.Detail})
	}
	lists := a.lists(v, app.Client, has)
	for i, c := range has.chosen {
		if i == maxChoices {
			data.More = len(has.chosen) - maxChoices
			break
		}
		title, parent, group := titles(v.Snapshot, lists, c)
		at := slices.IndexFunc(data.Groups, func(g accountapp.Group) bool { return g.Title == group })
		if at < 0 {
			at, data.Groups = len(data.Groups), append(data.Groups, accountapp.Group{Title: group})
		}
		data.Groups[at].Choices = append(data.Groups[at].Choices, accountapp.Choice{Value: strconv.Itoa(i), Title: title, Parent: parent})
	}
	if data.Token, err = a.token(v, purposeNarrow, app.Client.UID+" "+has.digest()); err != nil {
		return err
	}
	return a.pages.app.Render(v.W, status, v.Shell(), data)
}

// narrow takes away what was unticked, in the consent and in all grants at once. It never gives anything: a box that is not on
// the page means nothing.
func (a *Account) narrow(v *visit) error {
	uid := v.R.PostForm.Get("app")
	app, err := a.Storage.App(v.R.Context(), v.User.ID, uid)
	if err != nil {
		return failed(err)
	}
	has := accessOf(app)
	about, err := a.check(v, purposeNarrow)
	if err != nil {
		return err
	}
	if about != app.Client.UID+" "+has.digest() {
		return a.renderApp(v, uid, http.StatusConflict, accountapp.Stale)
	}
	scopes, keys := unticked(has, v.R.PostForm)
	if len(scopes) == 0 && len(keys) == 0 {
		return web.Redirect(v.Visit, pathApp+"?app="+url.QueryEscape(uid))
	}
	if len(scopes) > 0 && len(scopes) == len(has.scopes) || emptied(v.Snapshot, has, scopes, keys) {
		return a.renderApp(v, uid, http.StatusBadRequest, accountapp.Nothing)
	}
	err = a.Storage.NarrowApp(v.R.Context(), v.User.ID, uid, v.Now, narrower(v.Snapshot, scopes, keys))
	if err != nil {
		return failed(err)
	}
	a.note(v, GrantNarrowed, app.Client, "")
	return web.Redirect(v.Visit, pathApp+"?app="+url.QueryEscape(uid)+"&done=narrowed")
}

// unticked are the scopes and the keys of choices that were on the page and are not in the form.
func unticked(has access, form url.Values) (scopes, keys map[string]bool) {
	scopes, keys = map[string]bool{}, map[string]bool{}
	for i, s := range has.scopes {
		if !slices.Contains(form["scope"], strconv.Itoa(i)) {
			scopes[s] = true
		}
	}
	for i, c := range has.chosen {
		if i < maxChoices && !slices.Contains(form["choice"], strconv.Itoa(i)) {
			keys[key(c)] = true
		}
	}
	return scopes, keys
}

// askRevoke asks before access is taken back: of one app, or of all.
func (a *Account) askRevoke(v *visit) error {
	uid := v.R.URL.Query().Get("app")
	data := accountconfirm.Data{What: accountconfirm.RevokeApps, Action: pathRevoke, Back: PathApps, Part: account.Apps}
	purpose := purposeRevokeAll
	if uid != "" {
		app, err := a.Storage.App(v.R.Context(), v.User.ID, uid)
		if err != nil {
			return failed(err)
		}
		purpose, data.What, data.Back = purposeRevoke, accountconfirm.RevokeApp, pathApp+"?app="+url.QueryEscape(uid)
		data.Name, _, _, _ = a.names(v, app.Client)
		data.Action += "?app=" + url.QueryEscape(uid)
	}
	var err error
	if data.Token, err = a.token(v, purpose, uid); err != nil {
		return err
	}
	return a.pages.confirm.Render(v.W, http.StatusOK, v.Shell(), data)
}

// revoke takes access back. Which app is in the token of the form, and in its address, for whoever looks.
func (a *Account) revoke(v *visit) error {
	uid := v.R.URL.Query().Get("app")
	if uid == "" {
		return a.revokeAll(v)
	}
	app, err := a.Storage.App(v.R.Context(), v.User.ID, uid)
	if err != nil {
		return failed(err)
	}
	about, err := a.check(v, purposeRevoke)
	if err != nil {
		return err
	}
	if about != uid {
		return web.Forbidden(web.ErrToken)
	}
	if _, err := a.Storage.RevokeApp(v.R.Context(), v.User.ID, uid, v.Now); err != nil {
		return failed(err)
	}
	a.note(v, GrantRevoked, app.Client, "")
	return done(v, PathApps, "revoked")
}

func (a *Account) revokeAll(v *visit) error {
	if _, err := a.check(v, purposeRevokeAll); err != nil {
		return err
	}
	refs, err := a.allApps(v)
	if err != nil {
		return err
	}
	if _, err := a.Storage.RevokeApps(v.R.Context(), v.User.ID, v.Now); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return failed(err)
	}
	for _, ref := range refs {
		a.note(v, GrantRevoked, ref, "")
	}
	return done(v, PathApps, "revokedall")
}

// allApps are the user's apps, for the audit log.
func (a *Account) allApps(v *visit) ([]storage.ClientRef, error) {
	var out []storage.ClientRef
	after := ""
	for {
		apps, err := a.Storage.Apps(v.R.Context(), v.User.ID, after, 100)
		if err != nil {
			return nil, failed(err)
		}
		for _, app := range apps {
			out, after = append(out, app.Client), app.Client.UID
		}
		if len(apps) < 100 {
			return out, nil
		}
	}
}

// note writes an audit event about a client, or about nothing but the user; kind is a second factor's.
func (a *Account) note(v *visit, action audit.Action, ref storage.ClientRef, kind string) {
	e := audit.Event{Action: action, Client: ref.ID, Factor: kind}
	if c, ok := v.Snapshot.ClientByUID(ref.UID); ok {
		e.Client, e.Namespace = c.ClientID, c.Namespace
	}
	a.web.Note(v.Visit, e)
}
