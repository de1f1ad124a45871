package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/limit"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// GuessWindow is the window of all limits below.
const GuessWindow = 10 * time.Minute

// Limits of failures within GuessWindow.
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
	// MaxFactorMisses is how many codes of a second factor an account may get wrong. Of a million codes three are right at a time:
	// who knows a password needs years.
	MaxFactorMisses = 5
	// MaxFactorMissesOfAddress limits them from one address whoever the user.
	MaxFactorMissesOfAddress = 50
)

// Throttle limits failures. A try is counted before it is made and, when it succeeds, taken back by a second counter: many
// tries at once cannot outrun the limit, and people who succeed do not use it up.
type Throttle struct{ Counters storage.Counters }

// Guess is one counter that a try counts in.
type Guess struct {
	// Name is what the limit is called in RateLimit fields.
	Name string
	// Key names the counter; see [Key].
	Key string
	// Limit is how many failures the window may have.
	Limit int64
}

// Ticket is a counted try.
type Ticket struct {
	successes []string
	// name, left and resets say of the limit that is closest to being reached how many failures it still allows, and when its
	// window ends.
	name   string
	left   int64
	resets time.Duration
}

// Take counts a try. It returns how long to wait when there were too many failures. Later guesses are not counted when an
// earlier one is over its limit: put the narrowest last.
func (t Throttle) Take(ctx context.Context, now time.Time, guesses ...Guess) (Ticket, time.Duration, error) {
	var out Ticket
	for _, g := range guesses {
		tries, ends, err := t.Counters.Count(ctx, g.Key, now, GuessWindow)
		if err != nil {
			return Ticket{}, 0, err
		}
		// The counter of successes belongs to this very window of tries.
		success := g.Key + " ok " + strconv.FormatInt(ends.Unix(), 10)
		succeeded := int64(0)
		if tries > 1 {
			if succeeded, _, err = t.Counters.Counted(ctx, success, now); err != nil {
				return Ticket{}, 0, err
			}
		}
		left := max(0, g.Limit-(tries-succeeded))
		if out.name == "" || left < out.left {
			out.name, out.left, out.resets = g.Name, left, ends.Sub(now)
		}
		if tries-succeeded > g.Limit {
			return out, ends.Sub(now), nil
		}
		out.successes = append(out.successes, success)
	}
	return out, 0, nil
}

// Succeeded takes a try back.
func (t Throttle) Succeeded(ctx context.Context, k Ticket, now time.Time) error {
	for _, key := range k.successes {
		if _, _, err := t.Counters.Count(ctx, key, now, GuessWindow); err != nil {
			return err
		}
	}
	return nil
}

// CodeGuesses are the counters of entering a code (F07).
func CodeGuesses(userID string, address netip.Addr) []Guess {
	return []Guess{
		{"code-address", Key("code address", limit.Network(address).String()), MaxCodeMisses},
		{"code-user", Key("code user", userID), MaxCodeMisses},
	}
}

// SignInGuesses are the counters of signing in (A34). user is canonical.
func SignInGuesses(provider, user string, address netip.Addr) []Guess {
	network := limit.Network(address).String()
	return []Guess{
		{"signin-address", Key("signin address", network), MaxSignInsOfAddress},
		{"signin-pair", Key("signin pair", network, provider, user), MaxSignInsOfPair},
		{"signin-user", Key("signin user", provider, user), MaxSignInsOfUser},
	}
}

// FactorGuesses are the counters of a second factor's codes.
func FactorGuesses(userID string, address netip.Addr) []Guess {
	return []Guess{
		{"factor-address", Key("factor address", limit.Network(address).String()), MaxFactorMissesOfAddress},
		{"factor-user", Key("factor user", userID), MaxFactorMisses},
	}
}

// RateLimit tells the caller of the limits that a try counted in, and how much is left of the one that is closest to being reached
// (draft-ietf-httpapi-ratelimit-headers). The same is said of users that do not exist.
func RateLimit(w http.ResponseWriter, guesses []Guess, t Ticket) {
	policies := make([]string, 0, len(guesses))
	for _, g := range guesses {
		policies = append(policies, fmt.Sprintf("%q;q=%d;w=%d", g.Name, g.Limit, int(GuessWindow/time.Second)))
	}
	w.Header().Add("RateLimit-Policy", strings.Join(policies, ", "))
	seconds := int((t.resets + time.Second - 1) / time.Second)
	w.Header().Add("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", t.name, t.left, seconds))
}

// Key makes a short key that does not say whose it is.
func Key(kind string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p)) // lengths, so that no two lists of parts are one
	}
	return kind + " " + hex.EncodeToString(h.Sum(nil)[:16])
}
