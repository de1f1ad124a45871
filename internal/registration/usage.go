package registration

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AnnotationRetiringUsed, on the Lease of a replica, says which client secrets that are no longer current were used there, and
// when last: see [EncodeUses].
const AnnotationRetiringUsed = "grantkeeper.dev/retiring-secrets-used"

// MaxUses is how many uses a replica reports; the latest, when there are more.
const MaxUses = 4000

// SecretUse names one secret of one client.
type SecretUse struct {
	// ClientUID is that of the OAuthClient.
	ClientUID string
	// SecretID is that of the [SecretHash].
	SecretID string
}

// Uses is when secrets were last used, to the minute.
type Uses struct {
	// Last holds the uses.
	Last map[string]time.Time
	// More is true when there were more than are listed, so that a secret that is not listed may have been used too.
	More bool
}

// Key is what a use is listed under in [Uses]. It is short, because there may be thousands in one annotation: eight digits of the client's UID keep secrets of the same id
// apart, which are as good as never there.
func (u SecretUse) Key() string { return u.ClientUID[:min(8, len(u.ClientUID))] + "." + u.SecretID }

// At is when a secret was last used; ok is false when that was not reported.
func (u Uses) At(s SecretUse) (at time.Time, ok bool) {
	at, ok = u.Last[s.Key()]
	return at, ok
}

// EncodeUses writes uses as one line: "uid.id=minute", separated by commas, sorted; the minute counts from the Unix epoch. It
// keeps the latest [MaxUses], and ends with "+" when it left some out.
func EncodeUses(last map[SecretUse]time.Time) string {
	type use struct {
		key    string
		minute int64
	}
	uses := make([]use, 0, len(last))
	for s, at := range last {
		uses = append(uses, use{s.Key(), at.Unix() / 60})
	}
	more := len(uses) > MaxUses
	if more {
		slices.SortFunc(uses, func(a, b use) int { return cmp.Or(cmp.Compare(b.minute, a.minute), strings.Compare(a.key, b.key)) })
		uses = uses[:MaxUses]
	}
	slices.SortFunc(uses, func(a, b use) int { return strings.Compare(a.key, b.key) })
	var b strings.Builder
	for i, u := range uses {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(u.key)
		b.WriteByte('=')
		b.WriteString(strconv.FormatInt(u.minute, 10))
	}
	if more {
		b.WriteString(",+")
	}
	return b.String()
}

// DecodeUses reads what [EncodeUses] wrote. What cannot be read is passed over and counts as more, so that nobody takes a secret
// for unused that is not.
func DecodeUses(s string) Uses {
	u := Uses{Last: map[string]time.Time{}}
	if s == "" {
		return u
	}
	for entry := range strings.SplitSeq(s, ",") {
		key, minute, ok := strings.Cut(entry, "=")
		n, err := strconv.ParseInt(minute, 10, 64)
		if !ok || err != nil || n < 0 || n > 1<<40 || len(u.Last) >= MaxUses {
			u.More = true
			continue
		}
		u.Last[key] = time.Unix(n*60, 0).UTC()
	}
	return u
}

// Merge folds what another replica reported into u: the later use of each secret.
func (u Uses) Merge(other Uses) Uses {
	last := maps.Clone(u.Last)
	if last == nil {
		last = map[string]time.Time{}
	}
	for k, at := range other.Last {
		if at.After(last[k]) {
			last[k] = at
		}
	}
	return Uses{Last: last, More: u.More || other.More}
}
