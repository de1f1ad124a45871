package account

import (
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/describe"
	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountpasskey"
	"github.com/grantkeeper/grantkeeper/server/internal/page/passkey"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

const (
	purposePasskey       = "add a passkey"
	purposeRemovePasskey = "remove a passkey"
)

// startPasskey shows the page that adds a passkey.
func (a *Account) startPasskey(v *visit) error { return a.newPasskey(v, http.StatusOK, "") }

// newPasskey challenges the browser. The challenge is in the token of the form: sealed, and good in this session alone.
func (a *Account) newPasskey(v *visit, status int, problem accountpasskey.Problem) error {
	c, err := a.Factors.BeginPasskeyRegistration(v.R.Context(), v.User, v.Now)
	if errors.Is(err, factor.ErrUnsupported) || errors.Is(err, factor.ErrLimit) {
		return web.Redirect(v.Visit, v.back()) // the page of factors says so
	}
	if err != nil {
		return web.Unavailable(err)
	}
	token, err := a.token(v, purposePasskey, string(c.Kept))
	if err != nil {
		return err
	}
	return a.pages.passkey.Render(v.W, status, v.Shell(), accountpasskey.Data{Token: token, Options: c.Options, Flow: v.flow, Problem: problem})
}

// addPasskey stores what the browser made.
func (a *Account) addPasskey(v *visit) error {
	kept, err := a.web.CheckToken(v.Visit, "account "+purposePasskey)
	if err != nil {
		return a.newPasskey(v, http.StatusForbidden, accountpasskey.Wrong)
	}
	name := v.R.PostForm.Get("name")
	if name == "" {
		_, name = describe.Program(v.R.UserAgent())
	}
	methods, err := a.Factors.FinishPasskeyRegistration(v.R.Context(), v.User, []byte(kept), []byte(v.R.PostForm.Get(passkey.Field)), name, v.Now)
	switch {
	case errors.Is(err, factor.ErrKnown):
		return a.newPasskey(v, http.StatusConflict, accountpasskey.Known)
	case errors.Is(err, factor.ErrWrong):
		return a.newPasskey(v, http.StatusBadRequest, accountpasskey.Wrong)
	case errors.Is(err, factor.ErrLimit):
		return web.Redirect(v.Visit, v.back())
	case err != nil:
		return web.Unavailable(err)
	}
	return a.added(v, factorPasskey, "passkeyadded", methods)
}

// ownPasskey finds one of the user's own by its id in an address.
func (a *Account) ownPasskey(v *visit, encoded string) (storage.Passkey, error) {
	passkeys, err := a.Storage.Passkeys(v.R.Context(), v.User.ID)
	if err != nil {
		return storage.Passkey{}, failed(err)
	}
	for _, p := range passkeys {
		if base64.RawURLEncoding.EncodeToString(p.ID) == encoded {
			return p, nil
		}
	}
	return storage.Passkey{}, notFound(factor.ErrNone)
}

// askRemovePasskey asks before a passkey is removed.
func (a *Account) askRemovePasskey(v *visit) error {
	encoded := v.R.URL.Query().Get("passkey")
	p, err := a.ownPasskey(v, encoded)
	if err != nil {
		return err
	}
	name := p.Name
	if name == "" {
		if name, err = a.web.Layout.Messages().Date(v.Language, p.CreatedAt); err != nil {
			return err
		}
	}
	token, err := a.token(v, purposeRemovePasskey, encoded)
	if err != nil {
		return err
	}
	return a.pages.confirm.Render(v.W, http.StatusOK, v.Shell(), accountconfirm.Data{
		Token: token, What: accountconfirm.RemovePasskey, Name: name, Action: pathPasskeyRemove, Back: PathSecurity, Part: account.Security,
	})
}

// removePasskey removes the passkey that the form's token names.
func (a *Account) removePasskey(v *visit) error {
	encoded, err := a.check(v, purposeRemovePasskey)
	if err != nil {
		return err
	}
	id, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return web.Forbidden(err)
	}
	err = a.Factors.RemovePasskey(v.R.Context(), v.User.ID, id, v.Now)
	if errors.Is(err, factor.ErrNone) {
		return notFound(err)
	}
	if err != nil {
		return web.Unavailable(err)
	}
	a.note(v, FactorRemoved, storage.ClientRef{}, factorPasskey)
	return done(v, PathSecurity, "passkeyremoved")
}
