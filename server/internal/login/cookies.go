package login

import (
	"encoding/base32"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// Bounds of what a browser keeps for us.
const (
	// maxFlows is how many flows a browser may have: as many tabs.
	maxFlows = 5
	// maxFlowBytes bounds the values of their cookies: all headers of a request have 16 KiB.
	maxFlowBytes = 9 << 10
	// maxPosted bounds a request that came by POST, sealed in an address: queries have 8 KiB.
	maxPosted = 8000
	// maxCookie bounds one value, so that name and value stay within the 4,096 bytes that browsers take (RFC 6265bis section 5.6).
	maxCookie = 3900
	// maxParts is how many cookies the largest flow is split over.
	maxParts = (maxFlowBytes + maxCookie - 1) / maxCookie
)

// keyLen is the length of a flow's key: 8 bytes in base32hex, whose order is that of the bytes.
const keyLen = 13

func keyEncoding() *base32.Encoding {
	return base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)
}

// newKey names a new flow: by when it began, so that the oldest is known by its name, and by chance.
func (l *Login) newKey(now time.Time) (string, error) {
	var raw [8]byte
	binary.BigEndian.PutUint32(raw[:4], uint32(now.Unix())) //nolint:gosec // cut: 136 years are enough to order tabs by
	if _, err := io.ReadFull(l.web.Random, raw[4:]); err != nil {
		return "", err
	}
	return keyEncoding().EncodeToString(raw[:]), nil
}

// keyTime is when a flow began; false for what is no key.
func keyTime(key string) (uint32, bool) {
	raw, err := keyEncoding().DecodeString(key)
	if err != nil || len(raw) != 8 || len(key) != keyLen {
		return 0, false
	}
	return binary.BigEndian.Uint32(raw), true
}

// cookieName is the name of a part of a flow's value.
func cookieName(flowCookie, key string, part int) string {
	name := flowCookie + "_" + key
	if part > 0 {
		name += "." + strconv.Itoa(part)
	}
	return name
}

// joinCookies is the value of a flow; empty when the browser does not have it.
func joinCookies(r *http.Request, flowCookie, key string) string {
	var b strings.Builder
	for part := range maxParts {
		c, err := r.Cookie(cookieName(flowCookie, key, part))
		if err != nil {
			break
		}
		b.WriteString(c.Value)
	}
	return b.String()
}

// kept is one flow that a browser has.
type kept struct {
	key   string
	began uint32
	parts []int
	bytes int
}

// keptFlows are the flows of a browser by their cookies' names, the latest first. The cookies of other issuers on the same host are
// not ours.
func keptFlows(r *http.Request, flowCookie string) []kept {
	byKey := map[string]*kept{}
	var out []*kept
	for _, c := range r.Cookies() {
		rest, ok := strings.CutPrefix(c.Name, flowCookie+"_")
		if !ok {
			continue
		}
		key, suffix, split := strings.Cut(rest, ".")
		began, ok := keyTime(key)
		part := 0
		if split {
			n, err := strconv.Atoi(suffix)
			ok, part = ok && err == nil && n > 0 && strconv.Itoa(n) == suffix, n
		}
		if !ok {
			continue
		}
		if byKey[key] == nil {
			byKey[key] = &kept{key: key, began: began}
			out = append(out, byKey[key])
		}
		byKey[key].parts = append(byKey[key].parts, part)
		byKey[key].bytes += len(c.Value)
	}
	slices.SortFunc(out, func(a, b *kept) int { return strings.Compare(b.key, a.key) })
	flows := make([]kept, len(out))
	for i, k := range out {
		flows[i] = *k
	}
	return flows
}

var errTooLarge = errors.New("the request is larger than a browser can keep")

// setCookies makes sealed the value of the visit's flow, and removes the oldest flows when there are too many.
func setCookies(v *visit, sealed string, ttl time.Duration) error {
	if len(sealed) > maxFlowBytes {
		return web.BadRequest(errTooLarge)
	}
	// A flow that is saved twice in one answer is what it was saved as last.
	h := v.W.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(c string) bool { return strings.HasPrefix(c, v.Site.FlowCookie+"_") })
	room, left, part := maxFlowBytes-len(sealed), maxFlows-1, 0
	for ; sealed != ""; part++ {
		chunk := sealed[:min(len(sealed), maxCookie)]
		sealed = sealed[len(chunk):]
		v.Site.SetCookie(v.W, cookieName(v.Site.FlowCookie, v.flow.Key, part), chunk, ttl)
	}
	for _, k := range keptFlows(v.R, v.Site.FlowCookie) {
		if k.key == v.flow.Key {
			removeCookies(v, k, part)
			continue
		}
		if left == 0 || k.bytes > room {
			removeCookies(v, k, 0)
			continue
		}
		room, left = room-k.bytes, left-1
	}
	return nil
}

// removeCookies removes the parts of a flow from the one with that number on.
func removeCookies(v *visit, k kept, from int) {
	for _, part := range k.parts {
		if part >= from {
			v.Site.SetCookie(v.W, cookieName(v.Site.FlowCookie, k.key, part), "", 0)
		}
	}
}
