package credentials

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var update = flag.Bool("update", false, "write the golden files")

func confidential() Input {
	return Input{
		Namespace: "partners", Name: "reports", ClientID: "acme-reports", ClientSecret: placeholderSecret, Issuer: "https://login.example.com",
		GrantTypes:   []string{"authorization_code", "refresh_token"},
		RedirectURIs: []string{"https://a.example/cb", "https://b.example/cb"},
		Scopes:       []string{"openid", "orders.read"},
		CookieSecret: placeholderCookie,
	}
}

// public is a client with nothing but its id.
func public() Input {
	return Input{Namespace: "partners", Name: "cli", ClientID: "cli", Issuer: "https://login.example.com"}
}

// text writes the content of a Secret as people read it.
func text(data map[string][]byte) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(data)) {
		fmt.Fprintf(&b, "%s: %s\n", key, data[key])
	}
	return b.String()
}

func TestPresets(t *testing.T) {
	for _, preset := range Presets() {
		for name, in := range map[string]Input{"confidential": confidential(), "public": public()} {
			t.Run(fmt.Sprint(preset, " ", name), func(t *testing.T) {
				target := Target{Preset: preset}
				if !target.Cookie() {
					in.CookieSecret = ""
				}
				data, err := target.Render(in)
				if err != nil {
					t.Fatal(err)
				}
				golden := filepath.Join("testdata", strings.ToLower(string(preset))+"-"+name+".txt")
				got := text(data)
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Error(diff)
				}
				if found, ok := Find(data, func(h registration.SecretHash) bool { return h == Hash(in.ClientSecret) }); in.ClientSecret != "" && preset != None && (!ok || found != in.ClientSecret) {
					t.Error("the secret cannot be read back")
				}
			})
		}
	}
	t.Run("Spring is the default", func(t *testing.T) {
		a, _ := Target{}.Render(confidential())
		b, _ := Target{Preset: Spring}.Render(confidential())
		if diff := cmp.Diff(text(a), text(b)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("Argo CD finds its Secret by a label", func(t *testing.T) {
		if got := (Target{Preset: ArgoCD}).Labels()["app.kubernetes.io/part-of"]; got != "argocd" {
			t.Errorf("got %q", got)
		}
	})
}

// What the consumers themselves make of it.
func TestConsumersReadIt(t *testing.T) {
	t.Run("oauth2-proxy takes the cookie secret for 32 bytes", func(t *testing.T) {
		made, err := GenerateCookie(strings.NewReader(strings.Repeat("x", 32)))
		if err != nil {
			t.Fatal(err)
		}
		// As SecretBytes of its package encryption does.
		for _, s := range []string{made, placeholderCookie} {
			if b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "=")); err != nil || len(b) != 32 || !usableCookie(s) {
				t.Errorf("%d bytes, %v", len(b), err)
			}
		}
	})
	t.Run("an env file has each of its lines read back, unquoted", func(t *testing.T) {
		for _, preset := range []Preset{Env, Grafana} {
			data, err := Target{Preset: preset}.Render(confidential())
			if err != nil {
				t.Fatal(err)
			}
			var file strings.Builder
			for key, value := range data {
				fmt.Fprintf(&file, "%s=%s\n", key, value)
			}
			read := map[string][]byte{}
			for lines := bufio.NewScanner(strings.NewReader(file.String())); lines.Scan(); {
				key, value, _ := strings.Cut(lines.Text(), "=")
				read[key] = []byte(value)
			}
			if diff := cmp.Diff(data, read); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("a template of a JSON file is JSON", func(t *testing.T) {
		source := `{"client_id": {{ quote .ClientID }}, "client_secret": {{ .ClientSecret | toJson }}, "scopes": {{ toJson .Scopes }}}`
		data, err := Target{Preset: None, Templates: map[string]string{"config.json": source}}.Render(confidential())
		if err != nil {
			t.Fatal(err)
		}
		var read struct {
			ID     string   `json:"client_id"`
			Secret string   `json:"client_secret"`
			Scopes []string `json:"scopes"`
		}
		if err := json.Unmarshal(data["config.json"], &read); err != nil || read.ID != "acme-reports" || read.Secret != placeholderSecret || len(read.Scopes) != 2 {
			t.Errorf("%v: %+v", err, read)
		}
	})
}

func TestFind(t *testing.T) {
	a, b := generate(t), generate(t)
	is := func(want string) func(registration.SecretHash) bool {
		return func(h registration.SecretHash) bool { return h == Hash(want) }
	}
	var decoys strings.Builder
	for range maxCandidates {
		decoys.WriteString(generate(t) + " ")
	}
	for name, tc := range map[string]struct {
		data map[string][]byte
		want string
		ok   bool
	}{
		"alone in a value":                       {map[string][]byte{"x": []byte(a)}, a, true},
		"inside of a value":                      {map[string][]byte{"x": []byte("postgres://u:" + a + "@h/db")}, a, true},
		"with letters of its own kind around it": {map[string][]byte{"x": []byte("gkcs_" + a + "AAAA")}, a, true},
		"behind another":                         {map[string][]byte{"a": []byte(b), "x": []byte(a)}, a, true},
		"not there":                              {map[string][]byte{"a": []byte(b)}, a, false},
		"cut short":                              {map[string][]byte{"a": []byte(a[:len(a)-1])}, a, false},
		"behind more others than are looked at":  {map[string][]byte{"a": []byte(decoys.String()), "x": []byte(a)}, a, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := Find(tc.data, is(tc.want)); ok != tc.ok || ok && got != tc.want {
				t.Errorf("got %v", ok)
			}
		})
	}
	cookie, _ := GenerateCookie(strings.NewReader(strings.Repeat("y", 64)))
	if got := FindCookie(map[string][]byte{"c": []byte("secret = '" + cookie + "'")}); got != cookie {
		t.Errorf("got %q", got)
	}
	if got := FindCookie(map[string][]byte{"c": []byte("gkck_short")}); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestCheckInbound(t *testing.T) {
	good := "AbCdEfGhIjKlMnOpQrStUvWxYz012345"
	for name, tc := range map[string]struct{ value, problem string }{
		"32 characters are enough":               {good, ""},
		"every character of the alphabet":        {good + "._~-", ""},
		"one that is generated here":             {placeholderSecret, ""},
		"nothing":                                {"", "fewer than 32 characters"},
		"one too short":                          {good[1:], "fewer than 32 characters"},
		"far too long":                           {strings.Repeat(good, 17), "more than 512 characters"},
		"a line end at its end":                  {good + "\n", "a line end at its end, perhaps"},
		"a space":                                {good + " x", "a character other than"},
		"a letter that is not ASCII":             {good + "ä", "a character other than"},
		"standard base64, which is not sent raw": {good + "+/=", "a character other than"},
		"one character again and again":          {strings.Repeat("a", 64), "fewer than 10 different characters"},
		"nine characters again and again":        {strings.Repeat("abcdefghi", 8), "fewer than 10 different characters"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckInbound(tc.value)
			switch {
			case tc.problem == "" && err != nil, tc.problem != "" && (err == nil || !strings.Contains(err.Error(), tc.problem)):
				t.Errorf("got %v", err)
			case err != nil && tc.value != "" && strings.Contains(err.Error(), tc.value):
				t.Error("the value is in the error")
			}
		})
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	in := confidential()
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(format, in); !strings.Contains(got, "REDACTED") || strings.Contains(got, in.ClientSecret) || strings.Contains(got, in.CookieSecret) {
			t.Errorf("%s prints %s", format, got)
		}
	}
}
