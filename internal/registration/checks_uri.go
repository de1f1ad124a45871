package registration

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Bounds of addresses, in characters.
const (
	// MaxURI bounds redirect URIs, homepages and resource identifiers.
	MaxURI = 512
	// MaxIssuer bounds issuers, so that every endpoint's address stays below MaxURI.
	MaxIssuer = 256
)

// Redirect is what a redirect URI is made of, as far as a policy needs to know.
type Redirect struct {
	// Scheme is https, http (on loopback only) or a private scheme.
	Scheme string
	// Host is the host name or address without port or brackets; empty for a private scheme.
	Host string
	// Loopback is true for the three hosts that name the user's own machine (RFC 8252 section 7.3).
	Loopback bool
	// Private is true for a private-use scheme (RFC 8252 section 7.1).
	Private bool
}

// CheckRedirectURI checks one redirect URI (K13): absolute, at most MaxURI characters of ASCII; https, http on
// loopback, or a private scheme that contains a dot; neither fragment, userinfo, wildcard nor dot segment. Scheme and
// host are in lower case, because what a browser would change on the way could never match byte by byte.
func CheckRedirectURI(s string) error {
	_, err := ParseRedirectURI(s)
	return err
}

// ParseRedirectURI is [CheckRedirectURI] and takes the URI apart.
func ParseRedirectURI(s string) (Redirect, error) {
	u, err := parseURI(s)
	if err != nil {
		return Redirect{}, err
	}
	if strings.Contains(s, "*") {
		return Redirect{}, errors.New("must not contain a wildcard; list every address")
	}
	switch {
	case u.Scheme == "https" || u.Scheme == "http":
		host, err := checkAuthority(u)
		if err != nil {
			return Redirect{}, err
		}
		loopback := IsLoopback(host)
		if u.Scheme == "http" && !loopback {
			return Redirect{}, errors.New("must be https; http is for 127.0.0.1, [::1] and localhost only")
		}
		return Redirect{Scheme: u.Scheme, Host: host, Loopback: loopback}, nil
	case !isPrivateScheme(u.Scheme):
		return Redirect{}, fmt.Errorf("scheme %q must be https, http on loopback, or a private scheme with a dot, like com.example.app", u.Scheme)
	case !strings.HasPrefix(s[len(u.Scheme):], ":/"):
		return Redirect{}, fmt.Errorf("must have a slash after the scheme, as in %s:/callback", u.Scheme)
	}
	return Redirect{Scheme: u.Scheme, Private: true}, nil
}

// CheckIssuer checks an issuer identifier (RFC 8414 section 2): https, or http on loopback; no query, fragment, userinfo
// or trailing slash; a path of plain segments; no port that clients leave out, because the issuer is compared byte by byte.
func CheckIssuer(s string) error {
	if len(s) > MaxIssuer {
		return fmt.Errorf("must have at most %d characters", MaxIssuer)
	}
	u, err := parseURI(s)
	if err != nil {
		return err
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("must begin with https://, or http:// on loopback")
	}
	host, err := checkAuthority(u)
	if err != nil {
		return err
	}
	switch {
	case u.Scheme == "http" && !IsLoopback(host):
		return errors.New("must be https; http is for 127.0.0.1, [::1] and localhost only")
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return fmt.Errorf("must not name the default port; leave :%s out", u.Port())
	case strings.Contains(s, "?"):
		return errors.New("must not have a query")
	case strings.HasSuffix(s, "/"):
		return errors.New("must not end with a slash")
	case strings.Contains(u.Path, "//"):
		return errors.New("must not have an empty path segment")
	}
	for _, c := range []byte(u.EscapedPath()) {
		if c != '/' && !isUnreserved(c) {
			return fmt.Errorf("must have a path of letters, digits and -._~ only, not %q", c)
		}
	}
	return nil
}

// CheckWebURI checks an address that people may follow: https, at most MaxURI characters, no userinfo.
func CheckWebURI(s string) error {
	u, err := url.Parse(s)
	if err == nil && u.Fragment != "" {
		// A link into a page is fine here; the rest is held to the same rules.
		s, _, _ = strings.Cut(s, "#")
	}
	if u, err = parseURI(s); err != nil {
		return err
	}
	if u.Scheme != "https" {
		return errors.New("must begin with https://")
	}
	_, err = checkAuthority(u)
	return err
}

// CheckResourceIdentifier checks a resource indicator (RFC 8707 section 2): an absolute URI without fragment. A query
// is refused too, which the RFC discourages.
func CheckResourceIdentifier(s string) error {
	u, err := parseURI(s)
	if err != nil {
		return err
	}
	if strings.Contains(s, "?") {
		return errors.New("must not have a query")
	}
	if u.Scheme == "https" || u.Scheme == "http" {
		_, err = checkAuthority(u)
		return err
	}
	if u.Opaque == "" && u.Host == "" && strings.Trim(u.Path, "/") == "" {
		return errors.New("must have something after the scheme")
	}
	return nil
}

// CheckRedirectHost checks an entry of a policy's redirectHosts: a host name or IP address without port, "*." and a domain
// of at least two labels, or a private scheme and its colon.
func CheckRedirectHost(s string) error {
	if scheme, private := strings.CutSuffix(s, ":"); private && isScheme(scheme) {
		if !isPrivateScheme(scheme) {
			return errors.New("must be a host name, or a private scheme with a dot and its colon (com.example.app:)")
		}
		return nil
	}
	if domain, wildcard := strings.CutPrefix(s, "*."); wildcard {
		if err := checkHostName(domain); err != nil {
			return err
		}
		if !strings.Contains(domain, ".") {
			return errors.New(`must have at least two labels after "*."`)
		}
		if _, err := netip.ParseAddr(domain); err == nil {
			return errors.New("must not be an address after the wildcard")
		}
		return nil
	}
	if strings.Contains(s, "*") {
		return errors.New(`must have a wildcard only as the whole first label, as in "*.acme.example"`)
	}
	if strings.ContainsAny(s, "/@[]") {
		return errors.New("must be a host name alone, without scheme, port or path")
	}
	return checkHost(s)
}

// IsLoopback reports whether a host, without port or brackets, is one of the three by which a native app's own listener
// is addressed. 127.0.0.2 and sub.localhost are not: what they lead to is not the same everywhere.
func IsLoopback(host string) bool {
	return host == "127.0.0.1" || host == "::1" || host == "localhost"
}

// OnLoopback reports whether a URI leads to this machine, by [IsLoopback]. A server whose issuer does is one for development: it
// alone may ask, and tell, others on its own machine because a manifest says so.
func OnLoopback(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && IsLoopback(u.Hostname())
}

// dotSegment finds . and .. between slashes, also encoded, or with the path parameters that some proxies cut off.
var dotSegment = regexp.MustCompile(`(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)`)

// parseURI does what all absolute URIs have in common.
func parseURI(s string) (*url.URL, error) {
	if s == "" {
		return nil, errors.New("must not be empty")
	}
	if len(s) > MaxURI {
		return nil, fmt.Errorf("must have at most %d characters", MaxURI)
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return nil, fmt.Errorf("must consist of the characters of a URI; %q has to be percent-encoded", c)
		}
	}
	if strings.Contains(s, "#") {
		return nil, errors.New("must not have a fragment (#)")
	}
	scheme, _, found := strings.Cut(s, ":")
	if !found || !isScheme(scheme) {
		return nil, errors.New("must be absolute and begin with a scheme in lower case, like https://")
	}
	if err := checkEscapes(s); err != nil {
		return nil, err
	}
	u, err := url.Parse(s)
	if err != nil {
		// The error of net/url repeats the input, which may hold credentials.
		return nil, errors.New("is not a valid URI")
	}
	if u.User != nil || strings.Contains(u.Host, "@") {
		return nil, errors.New("must not have userinfo (the part before @)")
	}
	if dotSegment.MatchString(s) {
		return nil, errors.New("must not have . or .. as a path segment; browsers resolve them before anybody compares")
	}
	return u, nil
}

func checkEscapes(s string) error {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i+2 >= len(s) {
			return errors.New("has an incomplete percent-encoding")
		}
		v, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return errors.New("has an invalid percent-encoding")
		}
		if v < ' ' || v == 0x7f {
			return errors.New("must not encode a control character")
		}
		i += 2
	}
	return nil
}

// checkAuthority checks host and port of an http or https URI and returns the host.
func checkAuthority(u *url.URL) (string, error) {
	if u.Opaque != "" || u.Host == "" {
		return "", fmt.Errorf("must have a host, as in %s://host", u.Scheme)
	}
	host, port := u.Hostname(), u.Port()
	if strings.HasSuffix(u.Host, ":") {
		return "", errors.New("must not have a colon without a port")
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || port[0] == '0' {
			return "", errors.New("must have a port from 1 to 65535")
		}
	}
	if strings.HasPrefix(u.Host, "[") {
		addr, err := netip.ParseAddr(host)
		if err != nil || !addr.Is6() || addr.Zone() != "" || addr.String() != host {
			return "", errors.New("must have an IPv6 address in its canonical form between the brackets")
		}
		return host, nil
	}
	return host, checkHost(host)
}

func checkHost(host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" || addr.String() != host {
			return errors.New("must have the address in its canonical form")
		}
		return nil
	}
	return checkHostName(host)
}

func checkHostName(host string) error {
	if host == "" || len(host) > 253 {
		return errors.New("must have a host name of 1 to 253 characters")
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !isDNSLabel(label) {
			return errors.New("must have a host name of lower-case letters, digits, dashes and dots (an international name in its xn-- form)")
		}
	}
	// "1.2.3" and "0x7f.1" are addresses to a browser, though not to us.
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return errors.New("must have a host name whose last label does not begin with a digit, or an address")
	}
	return nil
}

func isScheme(s string) bool {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// isPrivateScheme reports whether a scheme is one of those that apps of one owner share (RFC 8252 section 7.1): a domain
// name in reverse.
func isPrivateScheme(s string) bool {
	return isScheme(s) && strings.Contains(s, ".") && !strings.Contains(s, "..") && !strings.HasSuffix(s, ".")
}

func isUnreserved(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
