package login

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/limit"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// guessWindow is the window of all limits below.
const guessWindow = 10 * time.Minute

// Limits of failures within guessWindow.
const (
	// MaxCodeMisses is how many codes an account, and an address, may get wrong (RFC 8628 section 5.1). Of 20^8 codes, with a
	// thousand of them open at any time, a guesser with one account finds one in about a hundred years.
	MaxCodeMisses = 5
	// MaxSignInsOfPair limits failures of one user from one address.
	MaxSignInsOfPair = 10
	// MaxSignInsOfAddress limits failures from one address whoever the user. It leaves room for an office behind one address.
	MaxSignInsOfAddress = 100
	// MaxSignInsOfUser limits failures of one user wherever from. It is far above what one address may cause, so that a single
	// one cannot lock anybody out.
	MaxSignInsOfUser = 100
)

// throttle limits failures. A try is counted before it is made and, when it succeeds, taken back by a second counter: many
// tries at once cannot outrun the limit, and people who succeed do not use it up.
type throttle struct{ counters storage.Counters }

// guess is one counter that a try counts in.
type guess struct {
	key   string
	limit int64
}

// ticket is a counted try.
type ticket struct{ successes []string }

// take counts a try. It returns how long to wait when there were too many failures. Later guesses are not counted when an
// earlier one is over its limit: put the narrowest last.
func (t throttle) take(ctx context.Context, now time.Time, guesses ...guess) (ticket, time.Duration, error) {
	var out ticket
	for _, g := range guesses {
		tries, ends, err := t.counters.Count(ctx, g.key, now, guessWindow)
		if err != nil {
			return ticket{}, 0, err
		}
		// The counter of successes belongs to this very window of tries.
		success := g.key + " ok " + strconv.FormatInt(ends.Unix(), 10)
		if tries > g.limit {
			succeeded, _, err := t.counters.Counted(ctx, success, now)
			if err != nil {
				return ticket{}, 0, err
			}
			if tries-succeeded > g.limit {
				return ticket{}, ends.Sub(now), nil
			}
		}
		out.successes = append(out.successes, success)
	}
	return out, 0, nil
}

// succeeded takes a try back.
func (t throttle) succeeded(ctx context.Context, k ticket, now time.Time) error {
	for _, key := range k.successes {
		if _, _, err := t.counters.Count(ctx, key, now, guessWindow); err != nil {
			return err
		}
	}
	return nil
}

// codeGuesses are the counters of entering a code (F07).
func codeGuesses(userID string, address netip.Addr) []guess {
	return []guess{
		{key("code address", limit.Network(address).String()), MaxCodeMisses},
		{key("code user", userID), MaxCodeMisses},
	}
}

// signInGuesses are the counters of signing in (A34). user is canonical.
func signInGuesses(provider, user string, address netip.Addr) []guess {
	network := limit.Network(address).String()
	return []guess{
		{key("signin address", network), MaxSignInsOfAddress},
		{key("signin pair", network, provider, user), MaxSignInsOfPair},
		{key("signin user", provider, user), MaxSignInsOfUser},
	}
}

// key makes a short key that does not say whose it is.
func key(kind string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p)) // lengths, so that no two lists of parts are one
	}
	return kind + " " + hex.EncodeToString(h.Sum(nil)[:16])
}
