package authrequest

import (
	"slices"
	"strconv"
	"strings"
)

// matches reports whether a redirect URI is one of those registered: byte by byte, with nothing decoded, resolved or folded on
// either side (RFC 9700 section 4.1.3), but for the port of a native app's own listener (RFC 8252 section 7.3).
func matches(registered []string, sent string) bool {
	return slices.ContainsFunc(registered, func(r string) bool { return r == sent || matchesLoopback(r, sent) })
}

// matchesLoopback compares two addresses on the user's own machine without their ports. The three names of that machine are not
// taken for each other: what listens on one need not be what listens on another.
func matchesLoopback(registered, sent string) bool {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]", "http://localhost"} {
		r, ok := strings.CutPrefix(registered, host)
		if !ok {
			continue
		}
		if r, ok = cutPort(r); !ok {
			return false // localhost.example and its like
		}
		s, ok := strings.CutPrefix(sent, host)
		if !ok {
			return false
		}
		s, ok = cutPort(s)
		return ok && r == s
	}
	return false
}

// cutPort cuts a port off what follows a host. It is false when what follows is no part of its own: more of the host's name, or
// the colon of a password.
func cutPort(s string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(s, ":"); ok {
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end = len(rest)
		}
		port, err := strconv.ParseUint(rest[:end], 10, 16)
		if err != nil || port == 0 || rest[0] == '0' {
			return "", false
		}
		s = rest[end:]
	}
	return s, s == "" || s[0] == '/' || s[0] == '?'
}
