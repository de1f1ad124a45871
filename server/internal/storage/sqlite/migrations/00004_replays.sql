-- +goose Up

-- What may be used once and comes from outside: proofs of possession (RFC 9449) and client assertions (RFC 7523). A row is a
-- use; it stays for as long as the same thing would still be taken.
CREATE TABLE replays (
    kind       TEXT    NOT NULL,
    key        BLOB    NOT NULL CHECK (length(key) = 32),
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX replays_expiry ON replays (expires_at);

-- The thumbprint of the key (RFC 7638) that a code, or a family of refresh tokens, is bound to (RFC 9449 sections 5 and 10);
-- empty for none.
ALTER TABLE codes ADD COLUMN key_thumbprint TEXT NOT NULL DEFAULT '';
ALTER TABLE refresh_families ADD COLUMN key_thumbprint TEXT NOT NULL DEFAULT '';
