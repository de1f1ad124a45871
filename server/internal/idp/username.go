package idp

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxUsername bounds a username, in bytes, before and after it is made canonical.
const MaxUsername = 256

// CanonicalUsername is the one spelling under which an account is found and its guesses are counted: trimmed, case-folded
// and in Unicode normal form C. It reports false for what cannot be a username: nothing, too much, invalid UTF-8, or
// characters that cannot be seen.
func CanonicalUsername(s string) (string, bool) {
	if len(s) > MaxUsername || !utf8.ValidString(s) {
		return "", false
	}
	// Folding can undo a normal form, hence the normal form on both sides of it.
	s = norm.NFC.String(cases.Fold().String(norm.NFC.String(strings.TrimSpace(s))))
	if s == "" || len(s) > MaxUsername || strings.ContainsFunc(s, invisible) {
		return "", false
	}
	return s, true
}

func invisible(r rune) bool {
	return r == utf8.RuneError || r != ' ' && !unicode.IsGraphic(r)
}
