package registration

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden pins the stored form of version 1. A change here is a new version, or breaks every installation.
func TestGolden(t *testing.T) {
	for name, d := range samples(t) {
		t.Run(name, func(t *testing.T) {
			b, err := Encode(d)
			if err != nil {
				t.Fatal(err)
			}
			var indented bytes.Buffer
			if err := json.Indent(&indented, b, "", "  "); err != nil {
				t.Fatal(err)
			}
			indented.WriteByte('\n')
			path := filepath.Join("testdata", "v1", name+".json")
			if *update {
				if err := os.WriteFile(path, indented.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(golden), indented.String()); diff != "" {
				t.Errorf("(-golden +got):\n%s", diff)
			}
			got, err := Decode(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !sameDocument(d, got) {
				t.Error("the golden file is read as another document")
			}
		})
	}
}

// sameDocument compares by content; the documents print as REDACTED and a diff of them would say nothing.
func sameDocument(a, b Document) bool { return cmp.Equal(a, b) }

func TestDecodeIsStrict(t *testing.T) {
	good, err := Encode(sampleResource())
	if err != nil {
		t.Fatal(err)
	}
	doc := string(good)
	replaced := func(from, to string) string {
		if !strings.Contains(doc, from) {
			t.Fatalf("%s is not in %s", from, doc)
		}
		return strings.Replace(doc, from, to, 1)
	}
	cases := map[string]struct{ input, want string }{
		"nothing":                                      {"", "cut off"},
		"a document cut off":                           {doc[:len(doc)-1], "cut off"},
		"a document cut off within its spec":           {doc[:len(doc)-4], "cut off"},
		"not JSON":                                     {"version: 1", "not valid JSON"},
		"null":                                         {"null", "version 0"},
		"an array":                                     {"[]", "array is not expected"},
		"a string":                                     {`"x"`, "cannot unmarshal"},
		"an unknown version":                           {replaced(`"version":1`, `"version":2`), "version 2: this server reads version 1"},
		"no version":                                   {replaced(`"version":1,`, ``), "version 0"},
		"an unknown kind":                              {replaced(`"Resource"`, `"Gizmo"`), `kind "Gizmo" is unknown`},
		"the spec of another kind":                     {replaced(`"Resource"`, `"Client"`), `unknown field "identifier"`},
		"no spec":                                      {`{"version":1,"kind":"Resource"}`, "Resource"},
		"a spec of null":                               {`{"version":1,"kind":"Resource","spec":null}`, "namespace"},
		"an unknown field of the envelope":             {replaced(`"version":1`, `"version":1,"extra":1`), `unknown field "extra"`},
		"an unknown field of the spec":                 {replaced(`"title":"Orders"`, `"title":"Orders","extra":1`), `unknown field "extra"`},
		"an unknown field deep down":                   {replaced(`"name":"orders.read"`, `"name":"orders.read","extra":{"a":1}`), `unknown field "scopes[0].extra"`},
		"a field in another case":                      {replaced(`"title":"Orders"`, `"Title":"Orders"`), `unknown field "Title"`},
		"an envelope field in another case":            {replaced(`"kind"`, `"Kind"`), `unknown field "Kind"`},
		"a repeated field of the envelope":             {replaced(`"version":1`, `"version":2,"version":1`), `field "version" is there twice`},
		"a repeated field of the spec":                 {replaced(`"title":"Orders"`, `"title":"Orders","title":"Others"`), `field "title" is there twice`},
		"a repeated field deep down":                   {replaced(`"name":"orders.read"`, `"name":"a","name":"orders.read"`), `field "scopes[0].name" is there twice`},
		"a repeated field that is spelled differently": {replaced(`"title":"Orders"`, `"title":"Orders","\u0074itle":"Others"`), "twice"},
		"data behind the document":                     {doc + "{}", "trailing data"},
		"a second document":                            {doc + doc, "trailing data"},
		"garbage behind the document":                  {doc + "x", "trailing data"},
		"an object where a text is expected":           {replaced(`"title":"Orders"`, `"title":{"a":1}`), "title: an object is not expected"},
		"an array where a text is expected":            {replaced(`"title":"Orders"`, `"title":[]`), "title: an array is not expected"},
		"a number where a text is expected":            {replaced(`"title":"Orders"`, `"title":7`), "cannot unmarshal"},
		"invalid UTF-8":                                {replaced("Orders", "Ord\xffers"), "not valid UTF-8"},
		"a field that does not validate":               {replaced("https://api.example.com", "not a URI"), "identifier"},
		"more than a document may have":                {doc + strings.Repeat(" ", MaxSize), "more than the 524288"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d, err := Decode([]byte(tc.input))
			if err == nil || d != nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, %v; want an error with %q", d, err, tc.want)
			}
		})
	}
	t.Run("white space around a document is none of our business", func(t *testing.T) {
		if _, err := Decode([]byte("\n " + doc + "\n")); err != nil {
			t.Error(err)
		}
	})
	t.Run("bytes given as numbers are another spelling and refused", func(t *testing.T) {
		b, err := Encode(sampleKeys(t))
		if err != nil {
			t.Fatal(err)
		}
		s := strings.Replace(string(b), `"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="`, "["+strings.Repeat("2,", 31)+"2]", 1)
		if _, err := Decode([]byte(s)); err == nil || !strings.Contains(err.Error(), "derivation[0].key: an array") {
			t.Errorf("got %v", err)
		}
	})
}

func TestEncodeRefuses(t *testing.T) {
	t.Run("what does not validate", func(t *testing.T) {
		c := sampleClient()
		c.Policy = ""
		if b, err := Encode(c); err == nil || b != nil || !strings.Contains(err.Error(), "Client partners/acme-cli: policy") {
			t.Errorf("got %s, %v", b, err)
		}
	})
	t.Run("what is too large", func(t *testing.T) {
		r := sampleResource()
		r.Scopes = nil
		for range MaxResourceScopes {
			r.Scopes = append(r.Scopes, Scope{Name: strings.Repeat("a", 100) + string(rune('0'+len(r.Scopes)%10)) + strings.Repeat("b", len(r.Scopes)/10), Title: strings.Repeat("\U0001F600", 100), Description: strings.Repeat("\U0001F600", 500)})
		}
		if _, err := Encode(r); err != nil {
			t.Fatalf("the largest resource: %v", err)
		}
		p := sampleProvider()
		p.Local.Accounts = nil
		for i := range MaxAccounts {
			p.Local.Accounts = append(p.Local.Accounts, LocalAccount{Username: strings.Repeat("u", 248) + string([]byte{'a' + byte(i/676), 'a' + byte(i/26%26), 'a' + byte(i%26)}), PasswordHash: samplePassword})
		}
		if _, err := Encode(p); err == nil || !strings.Contains(err.Error(), "more than the") {
			t.Errorf("got %v", err)
		}
	})
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := document().Draw(t, "document")
		b, err := Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		again, err := Encode(got)
		if err != nil || !bytes.Equal(b, again) {
			t.Fatalf("%v:\n%s\n%s", err, b, again)
		}
	})
}

// document makes valid documents without keys, which are slow to make.
func document() *rapid.Generator[Document] {
	name := rapid.StringMatching(`[a-z][a-z0-9]{0,10}(-[a-z0-9]{1,5})?`)
	text := rapid.StringMatching(`[\pL\pN<&"'.]{1,20}`)
	scope := rapid.StringMatching(`[!#-\[\]-~]{1,20}`)
	times := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds")).UTC()
	})
	seconds := func(least, most time.Duration) *rapid.Generator[Duration] {
		return rapid.Map(rapid.Int64Range(int64(least/time.Second), int64(most/time.Second)), func(s int64) Duration {
			return Duration(time.Duration(s) * time.Second)
		})
	}
	methods := rapid.Permutation([]AuthenticationMethod{AuthenticationNone, AuthenticationClientSecret})
	return rapid.OneOf(
		rapid.Custom(func(t *rapid.T) Document {
			c := sampleClient()
			c.Namespace, c.Name = name.Draw(t, "namespace"), name.Draw(t, "name")
			c.Generation = rapid.Int64Range(0, 1<<62).Draw(t, "generation")
			c.Display = Display{Name: text.Draw(t, "display"), Publisher: text.Draw(t, "publisher")}
			c.RedirectURIs = rapid.SliceOfNDistinct(rapid.StringMatching(`https://[a-z]{1,9}(\.[a-z]{2,5}){1,3}(:[1-9][0-9]{0,3})?(/[a-z0-9._~!$&'()+,;=:@-]{1,9})?(\?[a-z0-9=&]{0,9})?`), 0, 5, rapid.ID[string]).Filter(allValid(CheckRedirectURI)).Draw(t, "redirects")
			c.Scopes = rapid.SliceOfNDistinct(scope, 0, 10, rapid.ID[string]).Draw(t, "scopes")
			c.Authentication.Methods = methods.Draw(t, "methods")
			c.Tokens.AccessTokenTTL = seconds(MinAccessTokenTTL, MaxAccessTokenTTL).Draw(t, "ttl")
			c.Suspended = rapid.Bool().Draw(t, "suspended")
			c.CreatedAt = times.Draw(t, "created")
			return c
		}),
		rapid.Custom(func(t *rapid.T) Document {
			p := samplePolicy()
			p.Name, p.Priority = name.Draw(t, "name"), rapid.Int32().Draw(t, "priority")
			p.Allow.Scopes = rapid.SliceOfNDistinct(scope, 0, 10, rapid.ID[string]).Draw(t, "scopes")
			p.Limits.RefreshTokenTTL = rapid.OneOf(rapid.Just(Duration(0)), seconds(MinRefreshTokenTTL, MaxRefreshTokenTTL)).Draw(t, "limit")
			return p
		}),
		rapid.Custom(func(t *rapid.T) Document {
			s := sampleServer()
			s.DisplayName, s.JSONRequestBodies = text.Draw(t, "display"), rapid.Bool().Draw(t, "json")
			s.Device.CodeTTL = seconds(MaxDeviceInterval+time.Second, MaxDeviceCodeTTL).Draw(t, "ttl")
			return s
		}),
	)
}

func allValid(check func(string) error) func([]string) bool {
	return func(values []string) bool {
		for _, v := range values {
			if check(v) != nil {
				return false
			}
		}
		return true
	}
}

// FuzzDecode looks for input that crashes the decoder, or that it reads and cannot write back the same.
func FuzzDecode(f *testing.F) {
	for _, d := range samples(f) {
		b, err := Encode(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"version":1,"version":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Decode(b)
		if err != nil {
			return
		}
		written, err := Encode(d)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := Decode(written)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		rewritten, err := Encode(again)
		if err != nil || !bytes.Equal(written, rewritten) {
			t.Fatalf("%v:\n%s\n%s", err, written, rewritten)
		}
	})
}
