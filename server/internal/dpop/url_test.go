package dpop

import "testing"

func TestSameURL(t *testing.T) {
	for got, want := range map[string]string{ // the same, in two spellings
		"https://a.example/t":                  "https://a.example/t",
		"https://a.example/t?x=y":              "https://a.example/t",
		"https://a.example/t#x":                "https://a.example/t",
		"HTTPS://A.Example/t":                  "https://a.example/t",
		"https://a.example:443/t":              "https://a.example/t",
		"https://a.example:/t":                 "https://a.example/t",
		"http://a.example:80/t":                "http://a.example/t",
		"http://127.0.0.1:8080/t":              "http://127.0.0.1:8080/t",
		"https://[::1]:443/t":                  "https://[::1]/t",
		"https://[::1]:8443/t":                 "https://[::1]:8443/t",
		"https://a.example/%74":                "https://a.example/t",
		"https://a.example/%7eu/%2f":           "https://a.example/~u/%2F",
		"https://a.example/./x/../t":           "https://a.example/t",
		"https://a.example/../t":               "https://a.example/t",
		"https://a.example/x/%2e%2e/t":         "https://a.example/t",
		"https://a.example":                    "https://a.example/",
		"https://a.example/x/..":               "https://a.example/",
		"https://auth.example/id/v1/token?a=b": "https://auth.example/id/v1/token",
	} {
		if !sameURL(got, want) {
			t.Errorf("%s is not %s", got, want)
		}
	}
	for _, got := range []string{
		"", "/t", "a.example/t", "//a.example/t", "http://a.example/t", "https://a.example/t/", "https://a.example/T", "https://a.example//t", "https://b.example/t",
		"https://a.example:444/t", "https://u@a.example/t", "https://u:p@a.example/t", "https:a.example/t", "https://a.example./t", "https://a.example/t%2f",
		"https://a.example/t%00", "https://a.example%2ft", "https://a.example\\t", "javascript:alert(1)", "https://a.example/t%", " https://a.example/t",
	} {
		if sameURL(got, "https://a.example/t") {
			t.Errorf("%q is taken", got)
		}
	}
}
