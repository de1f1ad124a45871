-- +goose Up

-- Times are Unix microseconds (UTC); NULL means never. Lists are JSON arrays of strings. Hashes are SHA-256.

CREATE TABLE users (
    id             TEXT    NOT NULL PRIMARY KEY,
    provider       TEXT    NOT NULL,
    subject        TEXT    NOT NULL,
    username       TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    email          TEXT    NOT NULL,
    email_verified INTEGER NOT NULL,
    member_of      TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    disabled_at    INTEGER,
    UNIQUE (provider, subject)
) STRICT;

CREATE TABLE sessions (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    user_id          TEXT    NOT NULL REFERENCES users (id),
    authenticated_at INTEGER NOT NULL,
    methods          TEXT    NOT NULL,
    expires_at       INTEGER NOT NULL,
    ended_at         INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE grants (
    id                    TEXT    NOT NULL PRIMARY KEY,
    user_id               TEXT    NOT NULL REFERENCES users (id),
    client_id             TEXT    NOT NULL,
    client_uid            TEXT    NOT NULL,
    scopes                TEXT    NOT NULL,
    audience              TEXT    NOT NULL,
    authorization_details TEXT,
    authenticated_at      INTEGER,
    methods               TEXT    NOT NULL,
    created_at            INTEGER NOT NULL,
    last_used_at          INTEGER,
    revoked_at            INTEGER,
    -- When nothing can refer to the grant any more: well after its last family has ended.
    collect_at            INTEGER NOT NULL
) STRICT;

-- Whole, because checking references to users needs it.
CREATE INDEX grants_user ON grants (user_id);
-- Ending all that a client has touches only what is still alive.
CREATE INDEX grants_live_client ON grants (client_uid) WHERE revoked_at IS NULL;
CREATE INDEX grants_collect ON grants (collect_at);

CREATE TABLE device_requests (
    code              BLOB    NOT NULL PRIMARY KEY CHECK (length(code) = 32),
    user_code         BLOB    NOT NULL CHECK (length(user_code) = 32),
    client_id         TEXT    NOT NULL,
    client_uid        TEXT    NOT NULL,
    scopes            TEXT    NOT NULL,
    audience          TEXT    NOT NULL,
    origin_address    TEXT    NOT NULL,
    origin_user_agent TEXT    NOT NULL,
    created_at        INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,
    -- Microseconds.
    poll_interval     INTEGER NOT NULL,
    state             TEXT    NOT NULL CHECK (state IN ('pending', 'approved', 'denied')),
    -- Not a foreign key: the decision is written before the grant that it yields.
    grant_id          TEXT,
    consumed_at       INTEGER,
    -- The last three polls, newest first: more than two within one interval are too many.
    polled_at         INTEGER,
    polled_at_2       INTEGER,
    polled_at_3       INTEGER,
    collect_at        INTEGER NOT NULL
) STRICT;

CREATE INDEX device_requests_user_code ON device_requests (user_code, expires_at);
CREATE INDEX device_requests_open ON device_requests (client_uid, expires_at) WHERE state = 'pending';
CREATE INDEX device_requests_collect ON device_requests (collect_at);

-- A family is the chain of refresh tokens of one grant. What is the same for the whole chain is kept once, so that a
-- rotation touches two small indexes and no more.
CREATE TABLE refresh_families (
    id         TEXT    NOT NULL PRIMARY KEY,
    grant_id   TEXT    NOT NULL REFERENCES grants (id),
    key_id     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_families_grant ON refresh_families (grant_id);
CREATE INDEX refresh_families_expiry ON refresh_families (expires_at);

CREATE TABLE refresh_tokens (
    token           BLOB    NOT NULL PRIMARY KEY CHECK (length(token) = 32),
    family          TEXT    NOT NULL REFERENCES refresh_families (id),
    generation      INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    consumed_at     INTEGER,
    -- A fork, two successors of one token, cannot be written.
    UNIQUE (family, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE revoked_tokens (
    jti        TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX revoked_tokens_expiry ON revoked_tokens (expires_at);

CREATE TABLE counters (
    key     TEXT    NOT NULL PRIMARY KEY,
    count   INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX counters_end ON counters (ends_at);

-- One row that Ping rewrites: a commit that reaches the disk proves that the next one can.
CREATE TABLE pulse (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    beat_at INTEGER NOT NULL
) STRICT;

INSERT INTO pulse (id, beat_at) VALUES (1, 0);
