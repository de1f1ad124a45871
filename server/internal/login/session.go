package login

import (
	"errors"
	"slices"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// admit lets in who gave a first factor: it finds or makes the account, and goes on to the second factor or to what the flow is
// about. at is when they were authenticated, zero where that is not known. idp.ErrRefused when the account is disabled.
func (l *Login) admit(v *visit, provider idp.Provider, identity idp.Identity, at time.Time) error {
	user, err := l.account(v, provider, identity)
	if err != nil {
		return err
	}
	return l.admitUser(v, provider.Document.Name, user, identity.Methods, at)
}

// account finds or makes the account of an identity. It is keyed by provider and subject there, never by e-mail (A36).
func (l *Login) account(v *visit, provider idp.Provider, identity idp.Identity) (storage.User, error) {
	id, err := l.randomID()
	if err != nil {
		return storage.User{}, err
	}
	uid := provider.Document.UID
	kept, err := idp.SealKept(l.AtRest, uid, identity.Subject, identity.Kept)
	if err != nil && !errors.Is(err, seal.ErrNoKey) { // without a key nothing is kept, and the account is asked about no more
		return storage.User{}, err
	}
	user, err := l.Storage.SignedIn(v.R.Context(), storage.User{
		ID: id, Provider: uid, Subject: identity.Subject, Username: identity.Username, Name: identity.Name,
		Email: identity.Email, EmailVerified: identity.EmailVerified, Groups: identity.Groups, Profile: identity.Profile,
		Kept: kept, CheckedAt: v.Now, CreatedAt: v.Now, UpdatedAt: v.Now,
	})
	switch {
	case errors.Is(err, storage.ErrRevoked):
		return user, idp.ErrRefused
	case err != nil:
		return user, web.Unavailable(err)
	}
	return l.forgetRefused(v, user)
}

// forgetRefused forgets what is kept for asking a provider about an account, if the provider refused it before and gave nothing else
// at this sign-in: it would refuse it for ever, and with it somebody who has just signed in.
func (l *Login) forgetRefused(v *visit, user storage.User) (storage.User, error) {
	if !idp.WasRefused(user.Kept) {
		return user, nil
	}
	user.Kept = nil
	if err := l.Storage.CheckedUser(v.R.Context(), user); err != nil && !errors.Is(err, storage.ErrRevoked) && !errors.Is(err, storage.ErrNotFound) {
		return user, web.Unavailable(err)
	}
	return user, nil
}

// admitUser goes on with a user who gave a first factor: no session begins before a second one that they have is given too.
func (l *Login) admitUser(v *visit, provider string, user storage.User, methods []string, at time.Time) error {
	v.flow.Upstream = nil
	if !slices.Contains(methods, oauth.MethodMultiFactor) {
		e, err := l.Factors.Enrolled(v.R.Context(), user.ID)
		if err != nil {
			return web.Unavailable(err)
		}
		if e.Any() {
			return l.awaitSecond(v, provider, user, methods, at)
		}
	}
	session := storage.Session{AuthenticatedAt: at, Methods: methods, ExpiresAt: v.Now.Add(SessionTTL)}
	if err := l.startSession(v, user, session); err != nil {
		return err
	}
	l.web.Note(v.Visit, audit.Event{Action: actionSignedIn, Provider: provider})
	return l.proceed(v)
}

// awaitSecond keeps the first factor in the browser and asks for the second one.
func (l *Login) awaitSecond(v *visit, provider string, user storage.User, methods []string, at time.Time) error {
	v.flow.First = &firstFactor{User: user.ID, Provider: provider, Methods: methods, At: at.UnixMicro(), Given: v.Now.UnixMicro()}
	if err := l.renewFlow(v); err != nil {
		return err
	}
	l.web.Note(v.Visit, audit.Event{Action: actionFirstFactor, Provider: provider, User: user.ID})
	return l.goTo(v, pathSecondFactor)
}

// startSession signs the browser in: a new session in place of the one before, and a new id for the flow, so that nothing
// that was planted before the sign-in is worth anything after it (A26). The caller has set what the session says of the
// authentication. Who was signed in already keeps the name by which apps know the session.
func (l *Login) startSession(v *visit, user storage.User, session storage.Session) error {
	credential, err := oauth.NewCredential(oauth.PrefixSession, l.web.Random)
	if err != nil {
		return err
	}
	session.ID, _ = oauth.ParseCredential(oauth.PrefixSession, credential)
	session.UserID, session.CreatedAt = user.ID, v.Now
	session.Origin = storage.Origin{Address: v.Address.String(), UserAgent: clip(v.R.UserAgent())}
	if session.SID = v.Session.SID; v.User.ID != user.ID || session.SID == "" {
		if session.SID, err = l.randomID(); err != nil {
			return err
		}
	}
	if err := l.Storage.CreateSession(v.R.Context(), session, v.Session.ID); err != nil {
		if errors.Is(err, storage.ErrRevoked) || errors.Is(err, storage.ErrNotFound) {
			return web.Forbidden(err) // disabled between the two writes
		}
		return web.Unavailable(err)
	}
	v.Session, v.User = session, user
	v.flow.First, v.flow.Chosen = nil, session.SID
	if err := l.renewFlow(v); err != nil {
		return err
	}
	v.Site.SetCookie(v.W, v.Site.SessionCookie, credential, session.ExpiresAt.Sub(v.Now))
	return l.saveFlow(v)
}

// clip bounds a User-Agent that is kept.
func clip(userAgent string) string {
	const longest = 256
	return userAgent[:min(len(userAgent), longest)]
}
