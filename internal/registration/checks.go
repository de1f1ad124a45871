package registration

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of lifetimes, the same as in the kinds' own validation. All are inclusive.
const (
	MinAccessTokenTTL  = time.Minute
	MaxAccessTokenTTL  = 30 * 24 * time.Hour
	MinRefreshTokenTTL = 5 * time.Minute
	MaxRefreshTokenTTL = 365 * 24 * time.Hour
	MinDeviceCodeTTL   = time.Minute
	MaxDeviceCodeTTL   = 15 * time.Minute
	MinDeviceInterval  = time.Second
	MaxDeviceInterval  = time.Minute
)

// Bounds of texts, in characters.
const (
	MaxScope       = 128
	MaxClientID    = 128
	MaxDisplayText = 100
	MaxName        = 253 // of an object, which is a display name by default
	MaxDescription = 500
	MaxUsername    = 253 // a key of a Secret
	MaxEmail       = 254 // RFC 5321 section 4.5.3.1.3, less the brackets
)

// CheckScope checks one scope token (RFC 6749 section 3.3), at most MaxScope characters.
func CheckScope(s string) error {
	if s == "" || len(s) > MaxScope {
		return fmt.Errorf("must have 1 to %d characters", MaxScope)
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return errors.New(`must consist of visible ASCII characters but " and \ (RFC 6749 section 3.3)`)
		}
	}
	return nil
}

// CheckClientID checks a client identifier. RFC 6749 appendix A.1 allows more; what is allowed here needs no encoding in
// a URI, in HTTP Basic credentials or in a file name.
func CheckClientID(s string) error {
	if s == "" || len(s) > MaxClientID {
		return fmt.Errorf("must have 1 to %d characters", MaxClientID)
	}
	for _, c := range []byte(s) {
		if !isUnreserved(c) {
			return errors.New("must consist of letters, digits and -._~")
		}
	}
	if !isAlphanumeric(s[0]) {
		return errors.New("must begin with a letter or a digit")
	}
	return nil
}

// CheckGrantType checks that a grant type is one that a client can be registered for.
func CheckGrantType(s string) error {
	switch s {
	case GrantTypeAuthorizationCode, GrantTypeClientCredentials, GrantTypeRefreshToken, GrantTypeDeviceCode:
		return nil
	}
	return fmt.Errorf("must be one of %s, %s, %s, %s", GrantTypeAuthorizationCode, GrantTypeClientCredentials, GrantTypeRefreshToken, GrantTypeDeviceCode)
}

// CheckAuthenticationMethod checks that a method is known.
func CheckAuthenticationMethod(m AuthenticationMethod) error {
	switch m {
	case AuthenticationNone, AuthenticationClientSecret, AuthenticationPrivateKeyJWT, AuthenticationServiceAccount:
		return nil
	}
	return fmt.Errorf("must be one of %s, %s, %s, %s", AuthenticationClientSecret, AuthenticationPrivateKeyJWT, AuthenticationServiceAccount, AuthenticationNone)
}

// CheckText checks a text that people are shown: not blank, at most limit characters, valid UTF-8, and none of the
// characters that change how others are read: controls, line ends, and invisible or direction-changing ones (A29 in
// requirements.md).
func CheckText(s string, limit int) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("must not be blank")
	}
	if strings.TrimSpace(s) != s {
		return errors.New("must not begin or end with a space")
	}
	if !utf8.ValidString(s) {
		return errors.New("must be valid UTF-8")
	}
	if utf8.RuneCountInString(s) > limit {
		return fmt.Errorf("must have at most %d characters", limit)
	}
	for _, r := range s {
		if unsafeInText(r) {
			return fmt.Errorf("must not contain %U, which is invisible or changes how the rest is read", r)
		}
	}
	return nil
}

func unsafeInText(r rune) bool {
	if r != ' ' && !unicode.IsGraphic(r) { // controls, formats (bidi, zero-width), private use, surrogates, unassigned
		return true
	}
	switch {
	case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector): // the Hangul fillers and their like
		return true
	case unicode.Is(unicode.Zs, r): // wide, thin and no-break spaces
		return r != ' '
	}
	return r == '\u2800' // the blank Braille pattern
}

// CheckCIDR checks a network in CIDR form: the address masked, and not all addresses there are.
func CheckCIDR(s string) error {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return errors.New("must be a network in CIDR form, like 10.0.0.0/8")
	case p.Masked() != p:
		return fmt.Errorf("must have no bits set behind the prefix; write %s", p.Masked())
	case p.Bits() == 0:
		return errors.New("must not be the whole internet: anybody could then claim to come from anywhere")
	}
	return nil
}

// CheckUsername checks the name of a local account: what a key of a Secret can be.
func CheckUsername(s string) error {
	if s == "" || len(s) > MaxUsername {
		return fmt.Errorf("must have 1 to %d characters", MaxUsername)
	}
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && c != '-' && c != '_' && c != '.' {
			return errors.New("must consist of letters, digits and ._-")
		}
	}
	return nil
}

// CheckEmail checks the form of an e-mail address: one @, a host name behind it, no spaces, controls or quotes.
func CheckEmail(s string) error {
	if s == "" || len(s) > MaxEmail {
		return fmt.Errorf("must have 1 to %d characters", MaxEmail)
	}
	local, domain, _ := strings.Cut(s, "@")
	for _, c := range []byte(local) {
		if c <= ' ' || c > '~' || strings.IndexByte(`"(),:;<>@[\]`, c) >= 0 {
			return errors.New("must have visible ASCII characters without quotes or brackets before the @")
		}
	}
	if local == "" || !strings.Contains(domain, ".") || checkHostName(strings.ToLower(domain)) != nil {
		return errors.New("must have the form name@host.example")
	}
	return nil
}

// CheckNamespace checks the name of a namespace (an RFC 1123 label).
func CheckNamespace(s string) error {
	if !isDNSLabel(s) {
		return errors.New("must be a name of 1 to 63 lower-case letters, digits and dashes")
	}
	return nil
}

// CheckName checks the name of an object (an RFC 1123 subdomain).
func CheckName(s string) error {
	if s == "" || len(s) > 253 {
		return errors.New("must be a name of 1 to 253 characters")
	}
	for label := range strings.SplitSeq(s, ".") {
		// Unlike those of a host, labels of an object's name have no length of their own.
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, lowerAlphanumericDash) != "" {
			return errors.New("must be a name of lower-case letters, digits, dashes and dots")
		}
	}
	return nil
}

const lowerAlphanumericDash = "abcdefghijklmnopqrstuvwxyz0123456789-"

// CheckLifetime checks that a lifetime is a whole number of seconds from least to most.
func CheckLifetime(d, least, most time.Duration) error {
	if d < least || d > most {
		return fmt.Errorf("must be from %s to %s", FormatDuration(least), FormatDuration(most))
	}
	if d%time.Second != 0 {
		return errors.New("must be a whole number of seconds")
	}
	return nil
}

// FormatDuration prints a duration as people write it: "15m", "720h", not "15m0s".
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

func isDNSLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
