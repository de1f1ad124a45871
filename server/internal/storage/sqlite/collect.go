package sqlite

import (
	"context"
	"time"
)

// The statements take the time and the limit. Children come before what they refer to.
const (
	collectDevices  = `DELETE FROM device_requests WHERE code IN (SELECT code FROM device_requests WHERE collect_at <= ?1 ORDER BY collect_at LIMIT ?2)`
	collectPushed   = `DELETE FROM pushed_requests WHERE uri IN (SELECT uri FROM pushed_requests WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)`
	collectSessions = `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)`

	collectEnded   = `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE ended_at <= ?1 ORDER BY ended_at LIMIT ?2)`
	collectCodes   = `DELETE FROM codes WHERE code IN (SELECT code FROM codes WHERE collect_at <= ?1 ORDER BY collect_at LIMIT ?2)`
	collectLogouts = `DELETE FROM logout_deliveries WHERE id IN (SELECT id FROM logout_deliveries WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2)`

	// Consumed tokens are tombstones that betray a replay; they stay for as long as their family could have lived.
	collectTokens = `DELETE FROM refresh_tokens WHERE token IN (SELECT t.token FROM refresh_families f JOIN refresh_tokens t ON t.family = f.id
WHERE f.expires_at <= ?1 LIMIT ?2)`

	collectFamilies = `DELETE FROM refresh_families WHERE id IN (SELECT f.id FROM refresh_families f WHERE f.expires_at <= ?1
AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.family = f.id) ORDER BY f.expires_at LIMIT ?2)`

	collectRevoked  = `DELETE FROM revoked_tokens WHERE jti IN (SELECT jti FROM revoked_tokens WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)`
	collectReplays  = `DELETE FROM replays WHERE (kind, key) IN (SELECT kind, key FROM replays WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)`
	collectCounters = `DELETE FROM counters WHERE key IN (SELECT key FROM counters WHERE ends_at < ?1 ORDER BY ends_at LIMIT ?2)`

	collectGrants = `DELETE FROM grants WHERE id IN (SELECT g.id FROM grants g WHERE g.collect_at <= ?1
AND NOT EXISTS (SELECT 1 FROM refresh_families f WHERE f.grant_id = g.id)
AND NOT EXISTS (SELECT 1 FROM codes c WHERE c.grant_id = g.id) ORDER BY g.collect_at LIMIT ?2)`
)

// revokedKept is how long the id of a revoked token outlives the token: a verifier's leeway, a clock that goes back. Unlike
// the other rows, one that is missing here would let something be used.
const revokedKept = 24 * time.Hour

// replaysKept is how long the use of something outlives it, for a clock that goes back and for replicas whose clocks differ. Like a
// revoked token's id, a missing row would let something be used; but there is a row for every request that proves something, and
// a day of them would be most of the database.
const replaysKept = 10 * time.Minute

// pushedKept is how long a pushed request outlives its end, used or not: so that the log can tell late ones from made-up ones. What
// is not found is refused, too.
const pushedKept = 10 * time.Minute

// logoutKept is how old a logout delivery can get that nobody finished.
const logoutKept = 24 * time.Hour

// collectStatements lists them for preparation.
func collectStatements() []string {
	return []string{
		collectDevices, collectPushed, collectSessions, collectEnded, collectCodes, collectLogouts, collectTokens, collectFamilies, collectRevoked,
		collectReplays, collectCounters, collectGrants,
	}
}

// Collect removes what can no longer matter: sessions and counters that are over, families past their absolute expiry,
// device requests a lifetime after they expired, pushed requests ten minutes after, codes and revoked token ids a day after, uses of what may be used once ten minutes after, logout deliveries that are a day
// old, grants 31 days after they and their last family ended or, when nobody redeemed their code, together with that. Each table is a write of its own, so that logins never wait for the whole.
func (db *DB) Collect(ctx context.Context, now time.Time, limit int) (int64, error) {
	var total int64
	for _, q := range collectStatements() {
		at := now
		switch q {
		case collectRevoked:
			at = now.Add(-revokedKept)
		case collectReplays:
			at = now.Add(-replaysKept)
		case collectPushed:
			at = now.Add(-pushedKept)
		case collectLogouts:
			at = now.Add(-logoutKept)
		}
		var n int64
		err := db.write(ctx, func(t *tx) (err error) {
			n, err = t.exec(q, at.UnixMicro(), max(limit, 0))
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}
