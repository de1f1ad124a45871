package registration

import (
	"strings"
	"testing"
	"time"
)

// verdicts runs a check over inputs that it must take and inputs that it must refuse with a given word.
func verdicts(t *testing.T, check func(string) error, good []string, bad map[string]string) {
	t.Helper()
	for _, s := range good {
		if err := check(s); err != nil {
			t.Errorf("%q is refused: %v", s, err)
		}
	}
	for s, want := range bad {
		if err := check(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want a refusal with %q", s, err, want)
		}
	}
}

func TestCheckRedirectURI(t *testing.T) {
	verdicts(t, CheckRedirectURI,
		[]string{
			"https://app.example/cb", "https://app.example", "https://app.example:8443/cb?x=1&y=%20", "https://xn--bcher-kva.example/cb",
			"https://192.0.2.7/cb", "https://[2001:db8::1]/cb", "https://localhost/cb", "https://a.example/c,d;e/(f)",
			"http://127.0.0.1/cb", "http://127.0.0.1:8400/cb", "http://[::1]/cb", "http://localhost:3000/", "http://localhost",
			"com.example.app:/cb", "com.example.app://cb", "com.example.app:/", "https://a.example/..a/b..c/...",
			"https://a.example/" + strings.Repeat("a", MaxURI-len("https://a.example/")),
		},
		map[string]string{
			"":                                                 "empty",
			"/cb":                                              "absolute",
			"//app.example/cb":                                 "absolute",
			"app.example/cb":                                   "absolute",
			"http://app.example/cb":                            "https",
			"http://127.0.0.2/cb":                              "https",
			"http://127.0.0.1.evil/cb":                         "https",
			"http://localhost.evil/cb":                         "https",
			"http://sub.localhost/cb":                          "https",
			"http://0.0.0.0/cb":                                "https",
			"http://[::]/cb":                                   "https",
			"http://[::ffff:127.0.0.1]/cb":                     "https",
			"http://127.1/cb":                                  "last label",
			"http://0x7f.0.0.1/cb":                             "last label",
			"https://2130706433/cb":                            "last label",
			"HTTPS://app.example/cb":                           "lower case",
			"https://App.example/cb":                           "lower-case",
			"https://app.example/cb#":                          "fragment",
			"https://app.example/cb#x":                         "fragment",
			"https://user@app.example/cb":                      "userinfo",
			"https://u:p@app.example/cb":                       "userinfo",
			"https://@app.example/cb":                          "userinfo",
			"https://a@b@app.example/cb":                       "userinfo",
			"https://*.app.example/cb":                         "wildcard",
			"https://app.example/*":                            "wildcard",
			"https://app.example\\@evil/":                      "percent-encoded",
			"https://app.example/a b":                          "percent-encoded",
			"https://app.example/\tb":                          "percent-encoded",
			"https://app.example/\r\nb":                        "percent-encoded",
			"https://bücher.example/cb":                        "percent-encoded",
			"https://app.example/%":                            "incomplete",
			"https://app.example/%2":                           "incomplete",
			"https://app.example/%zz":                          "invalid percent",
			"https://app.example/%+1":                          "invalid percent",
			"https://app.example/%00":                          "control",
			"https://app.example/%0d%0a":                       "control",
			"https://app.example/../cb":                        "segment",
			"https://app.example/%2e%2e/":                      "segment",
			"https://app.example/a/.":                          "segment",
			"https:///cb":                                      "host",
			"https:app.example/cb":                             "host",
			"https://":                                         "host",
			"https://:8443/cb":                                 "host",
			"https://app.example:/cb":                          "colon",
			"https://app.example:0/cb":                         "port",
			"https://app.example:99999/cb":                     "port",
			"https://app.example:080/cb":                       "port",
			"https://app..example/cb":                          "host",
			"https://app.example./cb":                          "host",
			"https://-app.example/cb":                          "host",
			"https://a_b.example/cb":                           "host",
			"https://app%2eexample/cb":                         "URI",
			"https://[2001:DB8::1]/cb":                         "canonical",
			"https://[fe80::1%25eth0]/cb":                      "canonical",
			"https://[::1/cb":                                  "URI",
			"javascript:alert(1)":                              "dot",
			"data:text/html,x":                                 "dot",
			"myapp:/cb":                                        "dot",
			"urn:ietf:wg:oauth:2.0:oob":                        "dot",
			"file:///etc/passwd":                               "dot",
			"com.example.app:cb":                               "slash",
			"com.example.app:":                                 "slash",
			"com.example.app://u@host/cb":                      "userinfo",
			"com.Example.app:/cb":                              "lower case",
			"1com.example.app:/cb":                             "scheme",
			"https://a.example/" + strings.Repeat("a", MaxURI): "characters",
		})
}

func TestParseRedirectURI(t *testing.T) {
	for in, want := range map[string]Redirect{
		"https://app.example:8443/cb": {Scheme: "https", Host: "app.example"},
		"http://[::1]:80/cb":          {Scheme: "http", Host: "::1", Loopback: true},
		"https://localhost/cb":        {Scheme: "https", Host: "localhost", Loopback: true},
		"com.example.app://evil/cb":   {Scheme: "com.example.app", Private: true},
		"com.example.app:/cb":         {Scheme: "com.example.app", Private: true},
		"https://localhost.evil/cb":   {Scheme: "https", Host: "localhost.evil"},
		"https://[2001:db8::1]/cb":    {Scheme: "https", Host: "2001:db8::1"},
	} {
		if got, err := ParseRedirectURI(in); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", in, got, err)
		}
	}
}

func TestCheckIssuer(t *testing.T) {
	verdicts(t, CheckIssuer,
		[]string{
			"https://login.example.com", "https://login.example.com:8443", "https://login.example.com/tenant/a-1._~",
			"http://127.0.0.1:8080", "http://localhost:9000", "http://[::1]:9000", "https://192.0.2.1",
		},
		map[string]string{
			"":                                                 "empty",
			"login.example.com":                                "absolute",
			"http://login.example.com":                         "https",
			"https://login.example.com/":                       "slash",
			"https://login.example.com/a/":                     "slash",
			"https://login.example.com?":                       "query",
			"https://login.example.com?a=b":                    "query",
			"https://login.example.com#":                       "fragment",
			"https://u:p@login.example.com":                    "userinfo",
			"https://Login.example.com":                        "lower-case",
			"https://login.example.com:443":                    "default port",
			"http://127.0.0.1:80":                              "default port",
			"https://login.example.com/a%20b":                  "path",
			"https://login.example.com/a//b":                   "empty path segment",
			"https://login.example.com/../a":                   "segment",
			"https://login.example.com/{a}":                    "percent-encoded",
			"ftp://login.example.com":                          "https",
			"com.example.app:/x":                               "https",
			"https://" + strings.Repeat("a.", 150) + "example": "256",
		})
}

func TestCheckWebURI(t *testing.T) {
	verdicts(t, CheckWebURI,
		[]string{"https://acme.example", "https://acme.example/privacy#cookies", "https://acme.example/?a=b"},
		map[string]string{
			"http://acme.example": "https", "javascript:alert(1)//https://": "https", "https://u@acme.example": "userinfo",
			"//acme.example": "absolute", "https:acme": "host", "": "empty",
		})
}

func TestCheckResourceIdentifier(t *testing.T) {
	verdicts(t, CheckResourceIdentifier,
		[]string{"https://api.example.com", "https://api.example.com/v1", "http://orders.shop.svc/", "urn:example:orders", "api://orders", "https://api.example.com:8443"},
		map[string]string{
			"orders": "absolute", "https://api.example.com#x": "fragment", "https://api.example.com?x": "query", "https://": "host",
			"api:": "after the scheme", "api://": "after the scheme", "api:/": "after the scheme", "": "empty", "https://u@api.example.com": "userinfo",
		})
}

func TestCheckRedirectHost(t *testing.T) {
	verdicts(t, CheckRedirectHost,
		[]string{"acme.example", "*.acme.example", "*.a.acme.example", "localhost", "192.0.2.1", "2001:db8::1", "intranet"},
		map[string]string{
			"": "host", "*": "wildcard", "*.example": "two labels", "*.": "host", "*.*.example": "host", "a.*.example": "wildcard",
			"*acme.example": "wildcard", "https://acme.example": "without scheme", "acme.example/cb": "without scheme", "acme.example:443": "host",
			"Acme.example": "lower-case", "acme.example.": "host", "*.192.0.2.1": "digit", "[::1]": "without scheme", "a b": "host",
			"::ffff:1.2.3.4%eth0": "canonical", "2001:DB8::1": "canonical",
		})
}

func TestCheckScope(t *testing.T) {
	verdicts(t, CheckScope,
		[]string{"openid", "orders.read", "https://api.example/read", "a:b,c;d", "!", "~", strings.Repeat("a", MaxScope)},
		map[string]string{"": "1 to", "a b": "visible", `a"b`: "visible", `a\b`: "visible", "a\x7f": "visible", "ä": "visible", "a\n": "visible", strings.Repeat("a", MaxScope+1): "1 to"})
}

func TestCheckClientID(t *testing.T) {
	verdicts(t, CheckClientID,
		[]string{"a", "partners.acme-reports", "0oa1b2c3", "A_b~c", "123.apps.example.com"},
		map[string]string{"": "1 to", ".a": "begin", "-a": "begin", "a b": "letters", "a:b": "letters", "a/b": "letters", "ä": "letters", strings.Repeat("a", MaxClientID+1): "1 to"})
}

func TestCheckText(t *testing.T) {
	verdicts(t, func(s string) error { return CheckText(s, 20) },
		[]string{"Acme Reports", "Größe & Co. <KG>", "日本語のアプリ", "محاسبة", "It's \"fine\"", "😀", strings.Repeat("ü", 20)},
		map[string]string{
			"": "blank", "  ": "blank", " a": "begin or end", "a ": "begin or end", "a\n": "begin or end", strings.Repeat("ü", 21): "at most", "a\xff": "UTF-8", "a\nb": "U+000A", "a\tb": "U+0009", "a\x00": "U+0000",
			"a\u202eb": "U+202E", "a\u2066b": "U+2066", "a\u200bb": "U+200B", "a\ufeffb": "U+FEFF", "a\u00adb": "U+00AD", "a\u2028b": "U+2028",
			"a\u3164b": "U+3164", "a\u00a0b": "U+00A0", "a\u2800b": "U+2800", "a\ue000b": "U+E000", "\U000e0041a": "U+E0041", "a\u034fb": "U+034F",
		})
}

func TestCheckCIDR(t *testing.T) {
	verdicts(t, CheckCIDR,
		[]string{"10.0.0.0/8", "192.0.2.1/32", "fd00::/8"},
		map[string]string{"": "CIDR", "10.0.0.1": "CIDR", "10.0.0.1/8": "write 10.0.0.0/8", "0.0.0.0/0": "whole internet", "::/0": "whole internet", "10.0.0.0/33": "CIDR", "fe80::%eth0/64": "CIDR"})
}

func TestCheckNames(t *testing.T) {
	verdicts(t, CheckNamespace, []string{"a", "oauth-system", "0a"}, map[string]string{"": "1 to 63", "a.b": "1 to 63", "A": "1 to 63", "-a": "1 to 63", strings.Repeat("a", 64): "1 to 63"})
	verdicts(t, CheckName, []string{"a", "a.b-c", strings.Repeat("a", 253)}, map[string]string{"": "1 to 253", "a..b": "lower-case", ".a": "lower-case", "a-.b": "lower-case", "a_b": "lower-case", "A": "lower-case", strings.Repeat("a", 254): "1 to 253"})
	verdicts(t, CheckUsername, []string{"ada", "Ada.L_1-x"}, map[string]string{"": "1 to", "a b": "letters", "a@b": "letters", "ä": "letters"})
	verdicts(t, CheckEmail, []string{"ada@example.com", "a.d+a@mail.Example.com"}, map[string]string{
		"": "1 to", "ada": "form", "@example.com": "form", "ada@": "form", "ada@localhost": "form", "a@b@example.com": "form", "a da@example.com": "visible", "\"a\"@example.com": "visible", "a@exa mple.com": "form",
	})
}

func TestCheckPasswordHash(t *testing.T) {
	const salt, hash = "$c2FsdHNhbHRzYWx0c2FsdA", "$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"
	verdicts(t, CheckPasswordHash,
		[]string{samplePassword, "$argon2id$v=19$m=7168,t=5,p=1" + salt + hash, "$argon2id$v=19$m=131072,t=8,p=8" + salt + hash},
		map[string]string{
			"":         "PHC",
			"password": "PHC",
			"$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy": "PHC",
			"$argon2i$v=19$m=19456,t=2,p=1" + salt + hash:                  "PHC",
			"$argon2id$v=16$m=19456,t=2,p=1" + salt + hash:                 "version 19",
			"$argon2id$m=19456,t=2,p=1" + salt + hash:                      "PHC",
			"$argon2id$v=19$m=64,t=2,p=1" + salt + hash:                    "parameter m",
			"$argon2id$v=19$m=4294967295,t=2,p=1" + salt + hash:            "parameter m",
			"$argon2id$v=19$m=019456,t=2,p=1" + salt + hash:                "parameter m",
			"$argon2id$v=19$m=19456,t=0,p=1" + salt + hash:                 "parameter t",
			"$argon2id$v=19$m=19456,t=99,p=1" + salt + hash:                "parameter t",
			"$argon2id$v=19$m=19456,t=2,p=0" + salt + hash:                 "parameter p",
			"$argon2id$v=19$m=19456,t=2,p=255" + salt + hash:               "parameter p",
			"$argon2id$v=19$t=2,m=19456,p=1" + salt + hash:                 "parameter m",
			"$argon2id$v=19$m=19456,t=2" + salt + hash:                     "m, t and p",
			"$argon2id$v=19$m=131072,t=16,p=1" + salt + hash:               "m times t",
			"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA" + hash:                 "salt",
			"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdB" + hash: "salt",
			"$argon2id$v=19$m=19456,t=2,p=1" + salt + "$aGFzaA":            "hash",
			samplePassword + "=":                                           "hash",
			samplePassword + "$x":                                          "PHC",
			samplePassword + strings.Repeat("A", 512):                      "512",
		})
}

func TestCheckLifetime(t *testing.T) {
	for _, d := range []time.Duration{time.Minute, time.Hour} {
		if err := CheckLifetime(d, time.Minute, time.Hour); err != nil {
			t.Errorf("%s: %v", d, err)
		}
	}
	for _, d := range []time.Duration{0, -time.Minute, time.Minute - 1, time.Hour + 1, time.Minute + 1} {
		if err := CheckLifetime(d, time.Minute, time.Hour); err == nil {
			t.Errorf("%s is taken", d)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "30s": 30 * time.Second, "10m": 10 * time.Minute, "10m5s": 10*time.Minute + 5*time.Second, "720h": 720 * time.Hour,
		"1h30m": 90 * time.Minute, "1h0m1s": time.Hour + time.Second, "100h": 100 * time.Hour, "-10m": -10 * time.Minute, "1.5s": 1500 * time.Millisecond,
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if back, err := time.ParseDuration(want); err != nil || back != d {
			t.Errorf("%s reads as %s", want, back)
		}
	}
}
