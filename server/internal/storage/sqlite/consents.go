package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const consentColumns = `c.user_id, c.client_id, c.client_uid, c.scopes, c.audience, c.authorization_details, c.created_at, c.updated_at`

const (
	selectConsent = `SELECT ` + consentColumns + ` FROM consents c WHERE c.user_id = ? AND c.client_uid = ?`

	// A user who was disabled meanwhile consents to nothing, whatever was read before.
	upsertConsent = `INSERT INTO consents (user_id, client_uid, client_id, scopes, audience, authorization_details, created_at, updated_at)
SELECT u.id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM users u WHERE u.id = ?1 AND u.disabled_at IS NULL
ON CONFLICT (user_id, client_uid) DO UPDATE SET client_id = excluded.client_id, scopes = excluded.scopes, audience = excluded.audience,
    authorization_details = excluded.authorization_details, updated_at = excluded.updated_at`

	narrowConsent = `UPDATE consents SET scopes = ?3, audience = ?4, authorization_details = ?5, updated_at = ?6 WHERE user_id = ?1 AND client_uid = ?2`

	deleteConsent        = `DELETE FROM consents WHERE user_id = ? AND client_uid = ?`
	deleteUserConsents   = `DELETE FROM consents WHERE user_id = ?`
	deleteClientConsents = `DELETE FROM consents WHERE client_uid = ?`

	revokeAppGrants = `UPDATE grants SET revoked_at = ?3 WHERE user_id = ?1 AND client_uid = ?2 AND revoked_at IS NULL`
	selectAppScopes = `SELECT g.id, g.scopes, g.audience, g.authorization_details, g.claims FROM grants g WHERE g.user_id = ? AND g.client_uid = ? AND g.revoked_at IS NULL`
	narrowGrant     = `UPDATE grants SET scopes = ?2, audience = ?3, authorization_details = ?4, claims = ?5 WHERE id = ?1`
)

// consentInto lists where consentColumns go.
func consentInto(c *storage.Consent) []any {
	return []any{
		&c.UserID, &c.Client.ID, &c.Client.UID, listInto{&c.Scopes}, listInto{&c.Audience}, jsonInto{&c.AuthorizationDetails},
		timeInto{&c.CreatedAt}, timeInto{&c.UpdatedAt},
	}
}

// Consent reads one.
func (db *DB) Consent(ctx context.Context, userID, clientUID string) (storage.Consent, error) {
	var c storage.Consent
	if err := db.read(ctx, selectConsent, []any{userID, clientUID}, consentInto(&c)...); err != nil {
		return storage.Consent{}, orNotFound(err)
	}
	return c, nil
}

// PutConsent is one upsert.
func (db *DB) PutConsent(ctx context.Context, c storage.Consent) error {
	return db.write(ctx, func(t *tx) error { return t.putConsent(&c, db.clock()) })
}

// putConsent writes c, made now unless it says otherwise.
func (t *tx) putConsent(c *storage.Consent, now time.Time) error {
	scopes, err := encodeList(c.Scopes)
	if err != nil {
		return err
	}
	audience, err := encodeList(c.Audience)
	if err != nil {
		return err
	}
	updated := timeOr(c.UpdatedAt, func() time.Time { return now })
	created := timeOr(c.CreatedAt, func() time.Time { return updated })
	n, err := t.exec(upsertConsent, c.UserID, c.Client.UID, c.Client.ID, scopes, audience, rawJSON(c.AuthorizationDetails),
		created.UnixMicro(), updated.UnixMicro())
	if err == nil && n == 0 {
		return t.requirePerson(c.UserID)
	}
	return err
}

// RevokeApp ends what one client has of a user.
func (db *DB) RevokeApp(ctx context.Context, userID, clientUID string, now time.Time) (n int64, err error) {
	err = db.write(ctx, func(t *tx) error {
		removed, err := t.exec(deleteConsent, userID, clientUID)
		if err != nil {
			return err
		}
		n, err = t.exec(revokeAppGrants, userID, clientUID, now.UnixMicro())
		if err == nil && n == 0 && removed == 0 {
			err = storage.ErrNotFound
		}
		return err
	})
	return n, err
}

// RevokeApps ends what all clients have of a user.
func (db *DB) RevokeApps(ctx context.Context, userID string, now time.Time) (n int64, err error) {
	err = db.write(ctx, func(t *tx) error {
		if _, err := t.exec(deleteUserConsents, userID); err != nil {
			return err
		}
		n, err = t.exec(revokeUserGrants, now.UnixMicro(), userID)
		return err
	})
	return n, err
}

// narrow is the callback of NarrowApp.
type narrow = func(storage.Access) (storage.Access, error)

// chosen is what narrowing changes of a consent or a grant.
type chosen struct {
	grantID string
	access  storage.Access
	claims  json.RawMessage
}

func (c *chosen) into() []any {
	return []any{
		&c.grantID, listInto{&c.access.Scopes}, listInto{&c.access.Audience}, jsonInto{&c.access.AuthorizationDetails}, jsonInto{&c.claims},
	}
}

// NarrowApp changes the consent and every live grant, or nothing.
func (db *DB) NarrowApp(ctx context.Context, userID, clientUID string, now time.Time, by narrow) error {
	return db.write(ctx, func(t *tx) error {
		var c storage.Consent
		consented := t.query(selectConsent, []any{userID, clientUID}, consentInto(&c)...)
		if consented != nil && !errors.Is(orNotFound(consented), storage.ErrNotFound) {
			return consented
		}
		var grants []chosen
		if err := t.queryRows(selectAppScopes, []any{userID, clientUID}, into(&grants, (*chosen).into)); err != nil {
			return err
		}
		if consented != nil && len(grants) == 0 {
			return storage.ErrNotFound
		}
		if consented == nil {
			left := chosen{access: storage.Access{Scopes: c.Scopes, Audience: c.Audience, AuthorizationDetails: c.AuthorizationDetails}}
			columns, err := left.narrow(by)
			if err != nil {
				return err
			}
			if _, err := t.exec(narrowConsent, append(append([]any{userID, clientUID}, columns...), now.UnixMicro())...); err != nil {
				return err
			}
		}
		for _, g := range grants {
			if err := t.narrowGrant(&g, now, by); err != nil {
				return err
			}
		}
		return nil
	})
}

// narrowGrant narrows one grant. One that had something and has nothing left ends.
func (t *tx) narrowGrant(g *chosen, now time.Time, by narrow) error {
	had := len(g.access.Scopes) > 0 || len(oauth.ScopesOfClaims(g.claims)) > 0
	columns, err := g.narrow(by)
	if err != nil {
		return err
	}
	if _, err := t.exec(narrowGrant, append(append([]any{g.grantID}, columns...), rawJSON(g.claims))...); err != nil {
		return err
	}
	if had && len(g.access.Scopes) == 0 && len(oauth.ScopesOfClaims(g.claims)) == 0 {
		_, err = t.exec(revokeGrant, now.UnixMicro(), g.grantID)
	}
	return err
}

// narrow applies the callback and returns scopes, audience and details as they are kept. Claims that were asked for by name are the
// scopes that stand for them, as long as narrowing goes on: what is taken away takes both.
func (c *chosen) narrow(by narrow) ([]any, error) {
	byName := slices.DeleteFunc(oauth.ScopesOfClaims(c.claims), func(s string) bool { return slices.Contains(c.access.Scopes, s) })
	c.access.Scopes = slices.Concat(c.access.Scopes, byName)
	left, err := by(c.access)
	if err != nil {
		return nil, err
	}
	c.access, c.claims = left, oauth.ClaimsWithin(c.claims, left.Scopes)
	c.access.Scopes = slices.DeleteFunc(slices.Clone(left.Scopes), func(s string) bool { return slices.Contains(byName, s) })
	scopes, err := encodeList(c.access.Scopes)
	if err != nil {
		return nil, err
	}
	audience, err := encodeList(c.access.Audience)
	if err != nil {
		return nil, err
	}
	return []any{scopes, audience, rawJSON(c.access.AuthorizationDetails)}, nil
}
