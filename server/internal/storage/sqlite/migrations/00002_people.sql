-- +goose Up

-- What is kept of people who sign in with a browser. A release that knows only the first schema goes on working beside
-- one that knows this: new columns have defaults or may be NULL, and nothing that it uses is gone.

-- The other standard claims, as a JSON object.
ALTER TABLE users ADD COLUMN profile TEXT NOT NULL DEFAULT '{}';
-- Sealed.
ALTER TABLE users ADD COLUMN kept BLOB;
ALTER TABLE users ADD COLUMN checked_at INTEGER;

-- Not unique: of two tabs that sign in again at once, both carry the name on.
ALTER TABLE sessions ADD COLUMN sid TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN origin_address TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN origin_user_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN created_at INTEGER;

UPDATE sessions SET sid = lower(hex(randomblob(16))), created_at = authenticated_at;

-- Lists a user's sessions, and serves whatever the index on user_id alone did.
CREATE INDEX sessions_latest ON sessions (user_id, created_at);
DROP INDEX sessions_user;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

ALTER TABLE grants ADD COLUMN claims TEXT;
ALTER TABLE grants ADD COLUMN sid TEXT NOT NULL DEFAULT '';

CREATE INDEX grants_session ON grants (user_id, sid) WHERE sid <> '';
CREATE INDEX grants_live_app ON grants (user_id, client_uid, created_at) WHERE revoked_at IS NULL;

-- Erasing an account finds the requests that it approved.
CREATE INDEX device_requests_grant ON device_requests (grant_id) WHERE grant_id IS NOT NULL;

-- The client is the grant's.
CREATE TABLE codes (
    code         BLOB    NOT NULL PRIMARY KEY CHECK (length(code) = 32),
    -- One authorization request yields one code.
    request      BLOB    NOT NULL UNIQUE CHECK (length(request) = 32),
    grant_id     TEXT    NOT NULL REFERENCES grants (id),
    redirect_uri TEXT    NOT NULL,
    challenge    TEXT    NOT NULL,
    nonce        TEXT    NOT NULL,
    claims       TEXT,
    acr          TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    consumed_at  INTEGER,
    -- A consumed or expired code stays a while, so that a replay is recognised.
    collect_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX codes_grant ON codes (grant_id);
CREATE INDEX codes_collect ON codes (collect_at);

CREATE TABLE consents (
    user_id               TEXT    NOT NULL REFERENCES users (id),
    client_uid            TEXT    NOT NULL,
    client_id             TEXT    NOT NULL,
    scopes                TEXT    NOT NULL,
    audience              TEXT    NOT NULL,
    authorization_details TEXT,
    created_at            INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_uid)
) STRICT, WITHOUT ROWID;

CREATE INDEX consents_client ON consents (client_uid);

CREATE TABLE passkeys (
    id           BLOB    NOT NULL PRIMARY KEY,
    user_id      TEXT    NOT NULL REFERENCES users (id),
    name         TEXT    NOT NULL,
    credential   BLOB    NOT NULL,
    sign_count   INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

CREATE INDEX passkeys_user ON passkeys (user_id, created_at);

CREATE TABLE totps (
    user_id    TEXT    NOT NULL PRIMARY KEY REFERENCES users (id),
    -- Sealed.
    secret     BLOB    NOT NULL,
    last_step  INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
    user_id    TEXT    NOT NULL REFERENCES users (id),
    code       BLOB    NOT NULL CHECK (length(code) = 32),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, code)
) STRICT, WITHOUT ROWID;

-- No reference to users: clients are told of a user who was erased, too.
CREATE TABLE logout_deliveries (
    id         TEXT    NOT NULL PRIMARY KEY,
    client_id  TEXT    NOT NULL,
    client_uid TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    sid        TEXT    NOT NULL,
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX logout_deliveries_due ON logout_deliveries (due_at);
CREATE INDEX logout_deliveries_age ON logout_deliveries (created_at);
