package login

import (
	"errors"
	"net/url"
	"slices"

	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// enterChange is the way in for who wants to change what an app may do: the parameter app is the UID of a client that has
// something of theirs. It begins a flow of its own.
func (l *Login) enterChange(v *visit) error {
	uid := v.R.URL.Query().Get("app")
	if !v.SignedIn() {
		return l.web.SignIn(v.Visit, PathLogin, web.Errand{Path: pathAccount})
	}
	if _, err := l.askedChange(v, uid); err != nil {
		return err
	}
	if err := l.begin(v, flow{Change: uid}); err != nil {
		return err
	}
	if err := l.saveFlow(v); err != nil {
		return err
	}
	return web.Redirect(v.Visit, v.at(PathConsent))
}

// pathOfApp is the app on the account page.
func pathOfApp(a asked) string { return pathAccount + "/app?app=" + url.QueryEscape(a.client.UID) }

// askedChange is what is asked of who changes what an app may do: all that it has and may still have. Its errors have pages: an
// app that has nothing of the person is not found, and one that may not be served any more is gone.
func (l *Login) askedChange(v *visit, clientUID string) (asked, error) {
	has, err := l.everythingOf(v, clientUID)
	if err != nil {
		return asked{}, err
	}
	if has == nil {
		return asked{}, web.NotFound()
	}
	client, ok := v.Snapshot.ClientByUID(clientUID)
	if !ok || !client.Enabled() {
		return asked{}, web.ClientGone(ownerOfClient(client))
	}
	a := asked{client: client}
	for _, scope := range has.Scopes {
		if _, may := client.ScopeSet[scope]; may {
			a.scopes = append(a.scopes, scope)
		}
	}
	return a, nil
}

// finishChange puts what the person lets the app have in place of what it had, in the consent and in every live grant, and leads
// back to the app on the account page. It may be wider than before: that was asked on the page. No grant gets a scope that it had not.
func (l *Login) finishChange(v *visit, a asked, g given) error {
	s := v.Snapshot
	err := l.Storage.NarrowApp(v.R.Context(), v.User.ID, a.client.UID, v.Now, func(had storage.Access) (storage.Access, error) {
		kept := slices.DeleteFunc(slices.Clone(had.Scopes), func(scope string) bool { return !slices.Contains(g.scopes, scope) })
		return consent.Narrow(s, s.Server().Issuer, storage.Access{Scopes: kept, Audience: had.Audience, AuthorizationDetails: g.details}), nil
	})
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return web.Answered() // it was revoked meanwhile
	case err != nil:
		return web.Unavailable(err)
	}
	l.noteGiven(v, a, g)
	return web.Redirect(v.Visit, pathOfApp(a)+"&done=narrowed")
}
