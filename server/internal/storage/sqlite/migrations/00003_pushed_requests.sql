-- +goose Up

-- Authorization requests that clients pushed (RFC 9126). A used one stays until it is collected, so that a second use is
-- recognised.
CREATE TABLE pushed_requests (
    -- Of the request_uri.
    uri         BLOB    NOT NULL PRIMARY KEY CHECK (length(uri) = 32),
    client_id   TEXT    NOT NULL,
    client_uid  TEXT    NOT NULL,
    -- What was asked for, as a JSON object; empty once it was used.
    request     TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    consumed_at INTEGER
) STRICT;

-- Counts what a client has outstanding.
CREATE INDEX pushed_requests_open ON pushed_requests (client_uid, expires_at) WHERE consumed_at IS NULL;
CREATE INDEX pushed_requests_expiry ON pushed_requests (expires_at);
