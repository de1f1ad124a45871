package crd_test

import (
	"fmt"
	"strings"
)

// redirectRules are K13 of the conventions and A02, A03 of the requirements.
func redirectRules() map[string]rule {
	rules := map[string]rule{
		"20 URIs": {kind: "OAuthClient", spec: `{redirectURIs: [` + numbered(`"https://a.example/%d"`, 20) + `]}`},
		"21 URIs": {kind: "OAuthClient", spec: `{redirectURIs: [` + numbered(`"https://a.example/%d"`, 21) + `]}`,
			field: "spec.redirectURIs", message: "must have at most 20 items"},
		"a URI twice": {kind: "OAuthClient", spec: `{redirectURIs: ["https://a.example/", "https://a.example/"]}`,
			field: "spec.redirectURIs[1]", message: "Duplicate value"},
	}
	for field, spec := range map[string]string{
		"redirectURIs": "{type: Native, redirectURIs: [%q]}", "postLogoutRedirectURIs": "{type: Device, postLogoutRedirectURIs: [%q]}",
	} {
		for _, uri := range acceptedRedirectURIs() {
			if field == "postLogoutRedirectURIs" && strings.HasPrefix(uri, "com.") {
				continue // for type Native alone
			}
			rules[field+" accepted: "+short(uri)] = rule{kind: "OAuthClient", spec: fmt.Sprintf(spec, uri)}
		}
		for uri, message := range refusedRedirectURIs() {
			if message[0] == ':' {
				message = field + message
			}
			rules[field+" refused: "+short(uri)] = rule{kind: "OAuthClient", spec: fmt.Sprintf(spec, uri), field: "spec." + field + "[0]", message: message}
		}
	}
	return rules
}

// refusedRedirectURIs are addresses and what is said of them, after the name of the field.
func refusedRedirectURIs() map[string]string {
	const (
		chars    = ": use the characters of a URI only: no space, control character or backslash; percent-encode the rest, write the host as xn--…"
		fragment = ": remove the fragment (#), which browsers never send"
		wildcard = ": wildcards do not exist; list every address"
		userinfo = ": remove the userinfo (the part before @)"
		dots     = ": remove path segments . and .., which browsers resolve before they compare"
		form     = ": begin with https:// and a host name in lower case, http:// on 127.0.0.1, [::1] or localhost, or a private scheme with a dot, as in com.example.app:/callback"
		port     = ": the port must be from 1 to 65535, or left out"
	)
	return map[string]string{
		"https://a.example/\u00e4":                      chars,
		"https://b\u00fccher.example/cb":                chars,
		"https://a.example/c b":                         chars,
		"https://a.example/cb\n":                        chars,
		"https://a.example/\t":                          chars,
		`https://a.example\@evil.example/`:              chars,
		"https://a.example/%":                           chars,
		"https://a.example/%0d%0a":                      chars,
		"https://a.example/%7f":                         chars,
		"https://a.example/\u202ecb":                    chars,
		"/callback":                                     form,
		"https://a.example/#x":                          fragment,
		"https://a.example/#":                           fragment,
		"https://*.example/cb":                          wildcard,
		"https://a.example/*":                           wildcard,
		"https://a.example@evil.example/":               userinfo,
		"https://user:password@a.example/":              userinfo,
		"http://user@127.0.0.1/":                        userinfo,
		"com.example.app://user@host/":                  userinfo,
		"https://a.example/../cb":                       dots,
		"https://a.example/a/%2e%2E/cb":                 dots,
		"https://a.example/..;/cb":                      dots,
		"https://a.example/a%2f..":                      dots,
		"https://a.example/.":                           dots,
		"http://a.example/cb":                           form,
		"http://127.0.0.1.evil.example/cb":              form,
		"http://localhost.evil.example/cb":              form,
		"http://127.0.0.2/cb":                           form,
		"http://0.0.0.0/cb":                             form,
		"HTTPS://a.example/cb":                          form,
		"https://A.example/cb":                          form,
		"https://a..example/cb":                         form,
		"https://a.example./cb":                         form,
		"https:///cb":                                   form,
		"https://0x7f.1/cb":                             form,
		"https://127.1/cb":                              form,
		"https://010.0.0.1/cb":                          form,
		"javascript:alert(1)":                           form,
		"data:text/html,x":                              form,
		"myapp:/cb":                                     form,
		"com.example.app:cb":                            form,
		"urn:ietf:wg:oauth:2.0:oob":                     form,
		"https://a.example:0/cb":                        port,
		"https://a.example:65536/cb":                    port,
		"https://a.example:/cb":                         port,
		"https://a.example:080/cb":                      port,
		"https://a.example:80x/cb":                      port,
		"http://[::1]:99999/cb":                         port,
		"https://a.example/" + strings.Repeat("a", 500): "may not be more than 512",
	}
}

// acceptedRedirectURIs must be accepted by the API server and by every later check.
func acceptedRedirectURIs() []string {
	return []string{
		"https://reports.acme.example/cb", "https://a.example", "https://a.example/", "https://a.example:8443/cb",
		"https://a.example:65535/cb", "https://a.example/cb?tenant=1&x=y", "https://a.example?x=1", "https://192.0.2.1/cb",
		"https://[2001:db8::1]/cb", "https://xn--bcher-kva.example/cb", "https://a.example/%C3%A4/it's(fine)!",
		"https://a.example/a..b/.well-known/...", "https://chat/cb",
		"http://127.0.0.1/cb", "http://127.0.0.1:8080/cb", "http://[::1]/cb", "http://[::1]:9/cb", "http://localhost:3000/cb",
		"com.example.app:/callback", "com.example.app://callback", "com.example.app:/cb?x=1",
		"https://a.example/" + strings.Repeat("a", 494),
	}
}

// short keeps the name of a test readable.
func short(s string) string {
	s = strings.Trim(fmt.Sprintf("%q", s), `"`)
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return s
}
