package dpop

import (
	"net"
	"net/url"
	"strings"
)

// sameURL compares htu with the address of an endpoint, without query and fragment, after the normalisation of RFC 3986 sections
// 6.2.2 and 6.2.3 (RFC 9449 section 4.3).
func sameURL(got, want string) bool {
	if got == want {
		return true
	}
	a, ok := normalise(got)
	if !ok {
		return false
	}
	b, ok := normalise(want)
	return ok && a == b
}

// normalise writes an absolute http or https address in the one way that all spellings of it share. ok is false for anything else,
// and for one with credentials.
func normalise(s string) (_ string, ok bool) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme := strings.ToLower(u.Scheme)
	standard, ok := map[string]string{"http": "80", "https": "443"}[scheme]
	if !ok {
		return "", false
	}
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" && port != standard {
		host = net.JoinHostPort(strings.Trim(host, "[]"), port)
	}
	return scheme + "://" + host + dots(unescape(u.EscapedPath())), true
}

// unescape decodes escapes of unreserved characters, which never needed one, and writes the others in upper case (section 6.2.2.2).
func unescape(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) { // url.Parse let whole escapes alone through
			b.WriteByte(path[i])
			continue
		}
		c := hex(path[i+1])<<4 | hex(path[i+2])
		if unreserved(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

func hex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	default:
		return c - '0'
	}
}

// unreserved characters are those of RFC 3986 section 2.3.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// dots removes dot segments (section 5.2.4); no path is the same as "/" (section 6.2.3).
func dots(path string) string {
	if path == "" {
		return "/"
	}
	if !strings.Contains(path, "/.") {
		return path
	}
	var out []string
	segments := strings.Split(path, "/")[1:]
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".", "..":
			if s == ".." && len(out) > 0 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, s)
		}
	}
	return "/" + strings.Join(out, "/")
}
