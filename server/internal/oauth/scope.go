package oauth

import (
	"slices"
	"strings"
)

// ParseScope splits a scope parameter into its tokens without repetitions, in order. It returns nil for an empty one and
// invalid_scope for characters outside RFC 6749 section 3.3.
func ParseScope(s string) ([]string, *Error) {
	if s == "" {
		return nil, nil
	}
	if len(s) > 4096 {
		return nil, InvalidScope("the scope is too long")
	}
	var out []string
	for token := range strings.SplitSeq(s, " ") {
		if token == "" {
			return nil, InvalidScope("scope tokens are separated by one space")
		}
		for i := range len(token) {
			if c := token[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
				return nil, InvalidScope("the scope has a character that is not allowed")
			}
		}
		if !slices.Contains(out, token) {
			out = append(out, token)
		}
	}
	return out, nil
}
