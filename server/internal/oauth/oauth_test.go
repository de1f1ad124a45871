package oauth

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseForm(t *testing.T) {
	tests := map[string]struct {
		body string
		want map[string]string
		err  string
	}{
		"a plain form":                                     {body: "grant_type=client_credentials&scope=a+b", want: map[string]string{"grant_type": "client_credentials", "scope": "a b"}},
		"escapes are decoded once":                         {body: "x=%2525", want: map[string]string{"x": "%25"}},
		"an empty body has no parameters":                  {body: "", want: map[string]string{"x": ""}},
		"A08 an empty value is an omitted one":             {body: "scope=", want: map[string]string{"scope": ""}},
		"a name without an equals sign has an empty value": {body: "scope&x=1", want: map[string]string{"scope": "", "x": "1"}},
		"empty fields are passed over":                     {body: "&&x=1&", want: map[string]string{"x": "1"}},
		"a semicolon is no separator":                      {body: "x=1;y=2", want: map[string]string{"x": "1;y=2", "y": ""}},
		"text beyond ASCII is kept":                        {body: "x=%C3%A4", want: map[string]string{"x": "ä"}},
		"B03 a repeated parameter is refused":              {body: "x=1&x=2", err: "parameter x is repeated"},
		"B03 repeated although empty is refused":           {body: "x=1&x=", err: "parameter x is repeated"},
		"B03 repeated in another spelling is refused":      {body: "x=1&%78=2", err: "parameter x is repeated"},
		"B21 a NUL is refused":                             {body: "x=a%00", err: "a parameter has bytes that are not text"},
		"B21 a line feed is refused":                       {body: "x=a%0Ab", err: "a parameter has bytes that are not text"},
		"B21 a raw control character is refused":           {body: "x=a\x07", err: "a parameter has bytes that are not text"},
		"B21 a C1 control character is refused":            {body: "x=%C2%85", err: "a parameter has bytes that are not text"},
		"B21 invalid UTF-8 is refused":                     {body: "x=%FF", err: "a parameter has bytes that are not text"},
		"B21 a control character in a name is refused":     {body: "x%01=1", err: "a parameter has bytes that are not text"},
		"a bad escape is refused":                          {body: "x=%zz", err: "the body is not form-encoded"},
		"a cut escape is refused":                          {body: "x=%4", err: "the body is not form-encoded"},
		"64 parameters are enough for anybody":             {body: strings.Repeat("&resource=a", 65), err: "too many parameters"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { check(t, tt.want, tt.err)(ParseForm(tt.body)) })
	}
}

func TestParseJSON(t *testing.T) {
	tests := map[string]struct {
		body string
		want map[string]string
		err  string
	}{
		"an object of strings":                  {body: `{"client_id":"cli","token":"x"}`, want: map[string]string{"client_id": "cli", "token": "x"}},
		"null is absent":                        {body: `{"a":null}`, want: map[string]string{"a": ""}},
		"an empty object":                       {body: `{}`, want: map[string]string{"a": ""}},
		"space around it":                       {body: " {\"a\":\"b\"}\n", want: map[string]string{"a": "b"}},
		"B03 a repeated member is refused":      {body: `{"a":"1","a":"2"}`, err: "parameter a is repeated"},
		"B21 a NUL is refused":                  {body: `{"a":"\u0000"}`, err: "a parameter has bytes that are not text"},
		"B21 invalid UTF-8 is refused":          {body: "{\"a\":\"\xff\"}", err: "the body is not a JSON object of strings"},
		"B21 a lone surrogate is no surprise":   {body: `{"a":"\ud800"}`, want: map[string]string{"a": "\ufffd"}},
		"a number is refused":                   {body: `{"a":1}`, err: "the body is not a JSON object of strings"},
		"a nested object is refused":            {body: `{"a":{"b":"c"}}`, err: "the body is not a JSON object of strings"},
		"an array for a single one is refused":  {body: `{"a":["b"]}`, err: "the body is not a JSON object of strings"},
		"an array is refused":                   {body: `["a"]`, err: "the body is not a JSON object of strings"},
		"a string is refused":                   {body: `"a"`, err: "the body is not a JSON object of strings"},
		"nothing is refused":                    {body: ``, err: "the body is not a JSON object of strings"},
		"a cut object is refused":               {body: `{"a":"b"`, err: "the body is not a JSON object of strings"},
		"something after the object is refused": {body: `{"a":"b"} {}`, err: "the body is not a JSON object of strings"},
		"a bracket too many is refused":         {body: `{"a":"b"}}`, err: "the body is not a JSON object of strings"},
		"a bracket and more is refused":         {body: `{"a":"b"}]{"a":"c"}`, err: "the body is not a JSON object of strings"},
		"B03 a member beside a null is refused": {body: `{"a":"1","a":null}`, err: "parameter a is repeated"},
		"B03 a null beside a member is refused": {body: `{"a":null,"a":"1"}`, err: "parameter a is repeated"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { check(t, tt.want, tt.err)(ParseJSON([]byte(tt.body))) })
	}
	p, err := ParseJSON([]byte(`{"resource":["https://a","https://b"]}`))
	if err != nil || !cmp.Equal(p.All("resource"), []string{"https://a", "https://b"}) {
		t.Errorf("resource as an array: %v, %v", p.All("resource"), err)
	}
}

func check(t *testing.T, want map[string]string, wantErr string) func(Params, *Error) {
	return func(p Params, err *Error) {
		t.Helper()
		if wantErr != "" {
			if err == nil || err.Description != wantErr || err.Code != "invalid_request" {
				t.Fatalf("got %v, want invalid_request: %s", err, wantErr)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range want {
			if got := p.Get(k); got != v {
				t.Errorf("%s: got %q, want %q", k, got, v)
			}
		}
	}
}

func TestParseScope(t *testing.T) {
	tests := map[string]struct {
		scope string
		want  []string
		bad   bool
	}{
		"nothing":                      {scope: "", want: nil},
		"two in order":                 {scope: "b a", want: []string{"b", "a"}},
		"a repetition is dropped":      {scope: "a b a", want: []string{"a", "b"}},
		"two spaces are refused":       {scope: "a  b", bad: true},
		"a leading space is refused":   {scope: " a", bad: true},
		"a quotation mark is refused":  {scope: `a"b`, bad: true},
		"a backslash is refused":       {scope: `a\b`, bad: true},
		"beyond ASCII is refused":      {scope: "ä", bad: true},
		"a tab is refused":             {scope: "a\tb", bad: true},
		"more than 4 KiB are refused":  {scope: strings.Repeat("a", 4097), bad: true},
		"every allowed character goes": {scope: "!#[]~a:/.", want: []string{"!#[]~a:/."}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseScope(tt.scope)
			if (err != nil) != tt.bad || !cmp.Equal(got, tt.want) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	value, err := NewCredential(PrefixDeviceCode, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hash, ok := ParseCredential(PrefixDeviceCode, value)
	if !ok || hash == ([32]byte{}) {
		t.Fatalf("%s does not parse", value)
	}
	t.Run("C08 a credential of one kind is none of another", func(t *testing.T) {
		for _, p := range []Prefix{PrefixRefreshToken, PrefixSession} {
			if _, ok := ParseCredential(p, value); ok {
				t.Errorf("a device code parses as %s", p)
			}
		}
	})
	t.Run("C01 truncated, longer, or with one character changed it is no credential", func(t *testing.T) {
		for n := range len(value) {
			if _, ok := ParseCredential(PrefixDeviceCode, value[:n]); ok {
				t.Errorf("parses when cut to %d", n)
			}
			for _, c := range "A_z" {
				changed := value[:n] + string(c) + value[n+1:]
				if got, ok := ParseCredential(PrefixDeviceCode, changed); ok && changed != value {
					t.Errorf("parses with character %d changed: %x", n, got)
				}
			}
		}
		if _, ok := ParseCredential(PrefixDeviceCode, value+"A"); ok {
			t.Error("parses with a character more")
		}
	})
	t.Run("any 256 bits survive", rapid.MakeCheck(func(t *rapid.T) {
		raw := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "raw"))
		if _, ok := ParseCredential(PrefixRefreshToken, Credential(PrefixRefreshToken, raw)); !ok {
			t.Fatal("does not parse")
		}
	}))
}

func TestUserCodes(t *testing.T) {
	t.Run("F01 a user code is 8 of BCDFGHJKLMNPQRSTVWXZ", func(t *testing.T) {
		seen := map[byte]bool{}
		for range 500 {
			code, err := NewUserCode(rand.Reader)
			if err != nil || len(code) != 8 || strings.Trim(code, UserCodeAlphabet) != "" {
				t.Fatalf("%q, %v", code, err)
			}
			for i := range code {
				seen[code[i]] = true
			}
		}
		if len(seen) != len(UserCodeAlphabet) {
			t.Errorf("only %d letters are ever used", len(seen))
		}
	})
	tests := map[string]struct {
		typed string
		want  string
	}{
		"as shown":                         {"BCDF-GHJK", "BCDFGHJK"},
		"F08 lower case":                   {"bcdf-ghjk", "BCDFGHJK"},
		"F08 without the dash":             {"BCDFGHJK", "BCDFGHJK"},
		"F08 with spaces":                  {" bcdf ghjk ", "BCDFGHJK"},
		"F08 with a dash of a word editor": {"BCDF–GHJK", "BCDFGHJK"},
		"too short":                        {"BCDF-GHJ", ""},
		"too long":                         {"BCDF-GHJKL", ""},
		"a vowel":                          {"BCDF-GHJA", ""},
		"a digit":                          {"BCDF-GHJ1", ""},
		"a letter that looks like one":     {"ВCDF-GHJK", ""},
		"nothing":                          {"", ""},
		"very long":                        {strings.Repeat("-", 65) + "BCDFGHJK", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := NormalizeUserCode(tt.typed)
			if ok != (tt.want != "") || (ok && got != tt.want) {
				t.Errorf("got %q, %v", got, ok)
			}
		})
	}
}

func TestSanitize(t *testing.T) {
	for in, want := range map[string]string{
		"plain text.":       "plain text.",
		"a \"quoted\" word": "a ?quoted? word",
		"back\\slash":       "back?slash",
		"line\nfeed":        "line?feed",
		"ä":                 "?",
	} {
		if got := Sanitize(in); got != want {
			t.Errorf("Sanitize(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParams(f *testing.F) {
	f.Add("a=b&c=d")
	f.Add(`{"a":"b"}`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range []func() (Params, *Error){func() (Params, *Error) { return ParseForm(s) }, func() (Params, *Error) { return ParseJSON([]byte(s)) }} {
			got, err := p()
			if err != nil {
				continue
			}
			if len(got.pairs) > MaxParams {
				t.Fatalf("%d parameters", len(got.pairs))
			}
			for _, kv := range got.pairs {
				if !clean(kv.name) || !clean(kv.value) {
					t.Fatalf("%q=%q is not clean", kv.name, kv.value)
				}
			}
		}
	})
}
