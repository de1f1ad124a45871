package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// tables lists those of the schema that hold something of ours.
func tables(t *testing.T, db *DB) []string {
	t.Helper()
	var names []string
	noError(t, db.readAll(t, `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'`, &names))
	return names
}

// readAll reads a column of text.
func (db *DB) readAll(t *testing.T, q string, into *[]string, args ...any) error {
	t.Helper()
	rows, err := db.reader.pool.Query(q, args...)
	return scanAll(rows, err, func() []any {
		*into = append(*into, "")
		return []any{&(*into)[len(*into)-1]}
	})
}

// TestEraseLeavesNoRow looks at every table there is: one that is added and forgotten by EraseUser shows here.
func TestEraseLeavesNoRow(t *testing.T) {
	db := openTest(t, newPath(t))
	ctx, now := t.Context(), time.Now()
	noError(t, plant(ctx, db, "x"))
	noError(t, plantCode(ctx, db, "x"))
	noError(t, exchangeCode(ctx, db, "x"))
	client := storage.ClientRef{ID: "another", UID: "another-uid"}
	noError(t, db.PutConsent(ctx, storage.Consent{UserID: "ux", Client: client}))
	noError(t, db.CreateSession(ctx, storage.Session{ID: sha256.Sum256([]byte("s")), SID: "sid", UserID: "ux", ExpiresAt: now.Add(time.Hour)}, storage.Hash{}))
	noError(t, db.AddPasskey(ctx, storage.Passkey{ID: []byte("id"), UserID: "ux", Credential: []byte("c")}, 10))
	noError(t, db.PutTOTP(ctx, storage.TOTP{UserID: "ux", Secret: []byte("s")}))
	noError(t, db.PutRecoveryCodes(ctx, "ux", []storage.RecoveryCode{{1}}, now))

	count := func(table string) (n int) {
		noError(t, db.reader.pool.QueryRow("SELECT count(*) FROM "+table).Scan(&n)) //nolint:gosec // a name of the schema
		return n
	}
	// What belongs to nobody, or to a client alone.
	others := map[string]bool{"pulse": true, "counters": true, "revoked_tokens": true, "logout_deliveries": true, "replays": true, "pushed_requests": true}
	before := tables(t, db)
	if len(before) < 14 {
		t.Fatalf("tables are %v", before)
	}
	for _, table := range before {
		if !others[table] && count(table) == 0 {
			t.Errorf("the user has nothing in %s: add a row above", table)
		}
	}
	noError(t, db.EraseUser(ctx, "ux", now, nil))
	for _, table := range before {
		if n := count(table); !others[table] && n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	if n := count("logout_deliveries"); n != 0 {
		t.Errorf("%d logouts are left that nobody wants told", n)
	}
	sound(t, db)
}

// TestMigrateFromFirst opens a database that the release before has written, and then writes to it as that release does: a
// server of it may go on for a moment beside a new one.
func TestMigrateFromFirst(t *testing.T) {
	path := newPath(t)
	old := openFirst(t, path)
	hash := func(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }
	now := time.Now()
	write := func(db *sql.DB, name string) {
		t.Helper()
		for _, s := range []struct {
			q    string
			args []any
		}{
			{`INSERT INTO users (id, provider, subject, username, name, email, email_verified, member_of, created_at, updated_at)
			  VALUES (?, 'p', ?, 'n', 'N', 'e', 1, '[]', 1, 1)`, []any{"u" + name, name}},
			{`INSERT INTO sessions (id, user_id, authenticated_at, methods, expires_at) VALUES (?, ?, ?, '["pwd"]', ?)`,
				[]any{hash("session" + name), "u" + name, now.UnixMicro(), now.Add(time.Hour).UnixMicro()}},
			{`INSERT INTO grants (id, user_id, client_id, client_uid, scopes, audience, authenticated_at, methods, created_at, collect_at)
			  VALUES (?, ?, 'bench', 'bench-uid', '["openid"]', '[]', 1, '[]', 1, ?)`, []any{"g" + name, "u" + name, now.Add(time.Hour).UnixMicro()}},
			{`INSERT INTO refresh_families (id, grant_id, key_id, expires_at) VALUES (?, ?, 'k', ?)`,
				[]any{name, "g" + name, now.Add(time.Hour).UnixMicro()}},
			{`INSERT INTO refresh_tokens (token, family, generation, idle_expires_at, created_at) VALUES (?, ?, 0, ?, 1)`,
				[]any{hash("token" + name), name, now.Add(time.Hour).UnixMicro()}},
			{`UPDATE users SET name = 'again', updated_at = 2 WHERE id = ?`, []any{"u" + name}},
		} {
			if _, err := db.Exec(s.q, s.args...); err != nil {
				t.Fatalf("%s: %v", s.q, err)
			}
		}
	}
	write(old, "before")
	noError(t, old.Close())

	db := openTest(t, path)
	beside, err := connect(path, true)
	noError(t, err)
	defer func() { noError(t, beside.Close()) }()
	write(beside, "after")
	for _, name := range []string{"before", "after"} {
		s, u, err := db.Session(t.Context(), storage.Hash(hash("session"+name)), now)
		noError(t, err)
		if (s.SID == "") != (name == "after") || !s.CreatedAt.Equal(s.AuthenticatedAt) || !u.CheckedAt.IsZero() || u.Kept != nil {
			t.Errorf("%s: session is %+v, user %+v", name, s, u)
		}
		list, err := db.UserSessions(t.Context(), "u"+name, now, 10)
		noError(t, err)
		if len(list) != 1 {
			t.Errorf("%s: sessions are %+v", name, list)
		}
		_, err = db.Rotate(t.Context(), storage.Hash(hash("token"+name)), benchClient, now, time.Minute, benchNext, nil)
		noError(t, err)
		app, err := db.App(t.Context(), "u"+name, "bench-uid")
		noError(t, err)
		if len(app.Grants) != 1 || app.Grants[0].SID != "" || app.Grants[0].Claims != nil {
			t.Errorf("%s: app is %+v", name, app)
		}
		noError(t, db.EndUserSession(t.Context(), "u"+name, "", now, nil))
		noError(t, db.EraseUser(t.Context(), "u"+name, now, nil))
	}
	sound(t, db)
}

// authorizationCode is the code of plantCode.
func authorizationCode(name string) storage.Hash {
	return sha256.Sum256([]byte("authorization code " + name))
}

// plantCode makes an authorization code and its grant for the user of plant.
func plantCode(ctx context.Context, db *DB, name string) error {
	now := time.Now()
	g := storage.Grant{ID: "c" + name, UserID: "u" + name, Client: benchClient, Scopes: []string{"openid"}}
	return db.CreateCode(ctx, storage.Code{
		Code: authorizationCode(name), Request: authorizationCode(name), GrantID: g.ID, Client: benchClient, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}, g, nil, nil)
}

// exchangeCode redeems the code of plantCode.
func exchangeCode(ctx context.Context, db *DB, name string) error {
	now := time.Now()
	_, _, err := db.RedeemCode(ctx, authorizationCode(name), benchClient, now, 24*time.Hour, func(storage.Code, storage.Grant, storage.User) (*storage.RefreshToken, error) {
		return &storage.RefreshToken{Token: familyToken("c"+name, 0), Family: "c" + name, KeyID: "k", ExpiresAt: now.Add(24 * time.Hour)}, nil
	}, nil)
	return err
}

// codeKept checks what was promised of the authorization code.
func (p *promise) codeKept(t *testing.T, db *DB, family string) {
	t.Helper()
	if !p.coded {
		return
	}
	err := exchangeCode(t.Context(), db, family)
	if err != nil && !errors.Is(err, storage.ErrReplayed) {
		t.Errorf("LOST: the authorization code of %s: %v", family, err)
	}
	if p.exchanged && err == nil {
		t.Errorf("LOST: the consumption of the authorization code of %s", family)
	}
	if _, _, err := db.RefreshToken(t.Context(), familyToken("c"+family, 0)); err != nil {
		t.Errorf("LOST: what the authorization code of %s yielded: %v", family, err)
	}
}

// openFirst makes a database with the first schema.
func openFirst(t *testing.T, path string) *sql.DB {
	t.Helper()
	noError(t, create(path))
	db, err := connect(path, true)
	noError(t, err)
	noError(t, claim(t.Context(), db))
	noError(t, useLog(t.Context(), db))
	dir, err := fs.Sub(migrations, "migrations")
	noError(t, err)
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithDisableGlobalRegistry(true))
	noError(t, err)
	results, err := p.UpTo(t.Context(), 1)
	noError(t, err)
	if len(results) != 1 {
		t.Fatal(fmt.Sprint(results))
	}
	return db
}
