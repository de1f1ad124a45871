package credentials

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// crowded is a client with lists as long as they may be.
func crowded() Input {
	in := confidential()
	in.Scopes, in.RedirectURIs = nil, nil
	for i := range 100 {
		in.Scopes = append(in.Scopes, fmt.Sprintf("scope-%03d.%s", i, strings.Repeat("x", 100)))
	}
	for i := range 20 {
		in.RedirectURIs = append(in.RedirectURIs, fmt.Sprintf("https://%d.example/%s", i, strings.Repeat("y", 400)))
	}
	return in
}

func TestTemplates(t *testing.T) {
	for name, tc := range map[string]struct{ source, want string }{
		"text":                       {"hello", "hello"},
		"nothing but a comment":      {"{{/* nothing */}}", ""},
		"every name of the client":   {"{{ .Namespace }}/{{ .Name }} {{ .ClientID }} {{ .ClientSecret }}", "partners/reports acme-reports " + placeholderSecret},
		"every endpoint":             {"{{ .Issuer }} {{ .AuthorizationEndpoint }} {{ .TokenEndpoint }} {{ .UserinfoEndpoint }} {{ .JWKSURI }}", "https://login.example.com https://login.example.com/v1/authorize https://login.example.com/v1/token https://login.example.com/v1/userinfo https://login.example.com/v1/jwks"},
		"a list joined":              {`{{ join " " .Scopes }} {{ .GrantTypes | join "," }}`, "openid orders.read authorization_code,refresh_token"},
		"the first of a list":        {"{{ index .RedirectURIs 0 }}", "https://a.example/cb"},
		"a loop with a separator":    {"{{ range $i, $s := .Scopes }}{{ if $i }}, {{ end }}{{ $s }}{{ end }}", "openid, orders.read"},
		"a loop in a loop":           {"{{ range .Scopes }}{{ range $.GrantTypes }}x{{ end }}{{ end }}", "xxxx"},
		"a loop over the data again": {"{{ range $.Scopes }}{{ . }} of {{ $.ClientID }};{{ end }}", "openid of acme-reports;orders.read of acme-reports;"},
		"a loop that ends early":     {"{{ range .Scopes }}{{ . }}{{ break }}{{ end }}", "openid"},
		"conditions":                 {`{{ if and .ClientSecret (eq (len .Scopes) 2) }}yes{{ else }}no{{ end }}{{ with .Name }}, {{ . }}{{ end }}`, "yes, reports"},
		"a variable":                 {"{{ $id := .ClientID }}{{ upper $id }}", "ACME-REPORTS"},
		"functions, one after other": {`{{ .ClientID | replace "-" "_" | upper | b64enc }}`, "QUNNRV9SRVBPUlRT"},
		"JSON as people write it":    {`{{ toJson "a<b>&" }}{{ quote "x\"y" }}{{ toJson .RedirectURIs }}`, `"a<b>&""x\"y"["https://a.example/cb","https://b.example/cb"]`},
		"a part of an address":       {"{{ urlquery .Issuer }}", "https%3A%2F%2Flogin.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := Target{Preset: None, Templates: map[string]string{"k": tc.source}}.Render(confidential())
			if err != nil || string(data["k"]) != tc.want {
				t.Errorf("got %q, %v", data["k"], err)
			}
		})
	}
	t.Run("a key of the preset is replaced, and others stay", func(t *testing.T) {
		data, err := Target{Preset: ArgoCD, Templates: map[string]string{"client-id": "mine", "more": "{{ .Name }}"}}.Render(confidential())
		if err != nil || text(data) != "client-id: mine\nclient-secret: "+placeholderSecret+"\nmore: reports\n" {
			t.Errorf("%v:\n%s", err, text(data))
		}
	})
}

// Whatever a template tries ends soon, with an error that names its key, and costs little.
func TestHostileTemplates(t *testing.T) {
	nested := func(depth int, list, body string) string {
		return strings.Repeat("{{range $."+list+"}}", depth) + body + strings.Repeat("{{end}}", depth)
	}
	for name, tc := range map[string]struct{ source, problem string }{
		"a width of a billion":            {`{{ printf "%1000000000s" .Name }}`, "must not call printf"},
		"a width of a billion, hidden":    {`{{ if false }}{{ (printf "%1000000000s" "") | len }}{{ end }}`, "must not call printf"},
		"print and println":               {`{{ println .Name }}`, "must not call println"},
		"a template that calls itself":    {`{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}`, "must not define or call another template"},
		"a template that only is defined": {`{{ define "a" }}x{{ end }}`, "must not define or call another template"},
		"a block":                         {`{{ block "a" . }}x{{ end }}`, "must not define or call another template"},
		"a template that is not there":    {`{{ template "nope" }}`, "must not define or call another template"},
		"call":                            {`{{ call .Name }}`, "must not call call"},
		"html and js, which grow":         {`{{ html .Name }}`, "must not call html"},
		"js":                              {`{{ .Name | js }}`, "must not call js"},
		"slice":                           {`{{ slice .ClientSecret 0 3 }}`, "must not call slice"},
		"a function of Helm that reads the world":     {`{{ lookup "v1" "Secret" "kube-system" "x" }}`, `function "lookup" not defined`},
		"the environment":                             {`{{ env "PATH" }}`, `function "env" not defined`},
		"a range over a number":                       {`{{ range 1000000000 }}{{ end }}`, "range must be over one of the lists"},
		"a range over a text":                         {`{{ range .ClientSecret }}{{ . }}{{ end }}`, "range must be over one of the lists"},
		"a range over a variable":                     {`{{ $x := .Scopes }}{{ range $x }}{{ end }}`, "range must be over one of the lists"},
		"a range over what a function returns":        {`{{ range index .Scopes 0 }}{{ end }}`, "range must be over one of the lists"},
		"a range over the dot":                        {`{{ with .Scopes }}{{ range . }}{{ end }}{{ end }}`, "range must be over one of the lists"},
		"six loops in each other":                     {nested(6, "Scopes", "x"), "must not do so much"},
		"six loops in each other that write nothing":  {nested(6, "Scopes", ""), "must not do so much"},
		"three loops side by side, each of two":       {strings.Repeat(nested(2, "Scopes", `{{ upper "x" }}`), 3), "must not do so much"},
		"much text in loops":                          {nested(2, "Scopes", strings.Repeat("x", 1000)), "must not write more than 65536 bytes"},
		"a text that doubles":                         {`{{ $x := "aaaaaaaaaa" }}` + strings.Repeat(`{{ $x = replace "a" "aaaaaaaaaa" $x }}`, 50), "must not write more than 65536 bytes"},
		"a text that doubles in one pipe":             {`{{ "aaaaaaaaaa" ` + strings.Repeat(`| replace "a" "aaaaaaaaaa" `, 50) + `| len }}`, "must not write more than 65536 bytes"},
		"a text that grows by encoding":               {`{{ .JWKSURI ` + strings.Repeat(`| b64enc `, 60) + `}}`, "must not write more than 65536 bytes"},
		"a text that grows by quoting":                {`{{ "\"" ` + strings.Repeat(`| quote `, 60) + `}}`, "must not write more than 65536 bytes"},
		"work without output":                         {nested(1, "Scopes", strings.Repeat(`{{ if eq (upper (join "" $.Scopes)) "" }}{{ end }}`, 20)), "must not do so much"},
		"replacing nothing":                           {`{{ replace "" "x" .Name }}`, "must replace something"},
		"the data as a whole":                         {`{{ . }}`, "must not write the dot alone"},
		"the data as a whole, by its name":            {`{{ $ }}`, "is not there; there are .Namespace"},
		"the data as JSON":                            {`{{ toJson $ }}`, "is not there; there are .Namespace"},
		"a name that does not exist":                  {`{{ .Token }}`, ".Token is not there; there are .Namespace"},
		"a name that does not exist, where none goes": {`{{ if false }}{{ .Token }}{{ end }}`, ".Token is not there"},
		"a field of a text":                           {`{{ .ClientID.String }}`, "is not there"},
		"a field of what a function returns":          {`{{ (index .Scopes 0).Foo }}`, "must not have"},
		"a name inside of a loop":                     {`{{ range .Scopes }}{{ .ClientID }}{{ end }}`, "write $.ClientID inside of range"},
		"more of a list than there is":                {`{{ index .Scopes 500 }}`, "index out of range"},
		"no template at all":                          {`{{ `, "unclosed action"},
		"parentheses, thousands deep":                 {"{{ " + strings.Repeat("(", 2000) + ".Name" + strings.Repeat(")", 2000) + " }}", ""},
		"conditions, hundreds deep":                   {strings.Repeat("{{if .Name}}", 150) + "x" + strings.Repeat("{{end}}", 150), ""},
		"more source than there may be":               {strings.Repeat("x", MaxTemplateSource+1), "must have at most 4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			target := Target{Preset: ArgoCD, Templates: map[string]string{"k": tc.source}}
			err := target.Check(crowded(), true, true)
			if tc.problem == "" {
				if err != nil {
					t.Error(err)
				}
			} else {
				bad := (*TemplateError)(nil)
				if !errors.As(err, &bad) || bad.Key != "k" || !strings.Contains(err.Error(), tc.problem) {
					t.Errorf("got %v", err)
				}
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	t.Run("sixteen that each write what one may write", func(t *testing.T) {
		templates := map[string]string{}
		for i := range MaxTemplates {
			templates[fmt.Sprint("k", i)] = `{{ range .Scopes }}` + strings.Repeat("x", 600) + `{{ end }}`
		}
		if err := (Target{Templates: templates}).Check(crowded(), true, true); !errors.Is(err, errOutput) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an error shows nothing secret", func(t *testing.T) {
		_, err := newBudget(confidential()).render(`{{ index .Scopes .ClientSecret }}{{ .CookieSecret | len | index .Scopes }}`)
		if err == nil || strings.Contains(err.Error(), placeholderSecret) {
			t.Errorf("got %v", err)
		}
	})
}

// What is kept nowhere but in the Secret has to be there as it is.
func TestSecretsCanBeReadBack(t *testing.T) {
	for name, tc := range map[string]struct {
		target            Target
		secret, generated bool
		problem           string
	}{
		"a preset has it":                           {Target{Preset: Grafana}, true, true, ""},
		"a template alone has it":                   {Target{Preset: None, Templates: map[string]string{"c.ini": "secret={{ .ClientSecret }}"}}, true, true, ""},
		"a template alone has it changed":           {Target{Preset: None, Templates: map[string]string{"c": "{{ b64enc .ClientSecret }}"}}, true, true, "no key of the Secret has the client secret as it is"},
		"a template takes the preset's key away":    {Target{Preset: ArgoCD, Templates: map[string]string{"client-secret": "x"}}, true, true, "no key of the Secret has the client secret as it is"},
		"one that the app team brings need not be":  {Target{Preset: None, Templates: map[string]string{"c": "{{ b64enc .ClientSecret }}"}}, true, false, ""},
		"a client without one has nothing to show":  {Target{Preset: None, Templates: map[string]string{"c": "{{ .ClientID }}"}}, false, false, ""},
		"a cookie secret from a template":           {Target{Preset: ArgoCD, Templates: map[string]string{"c": "{{ .CookieSecret }}"}}, true, true, ""},
		"a cookie secret that is changed":           {Target{Preset: ArgoCD, Templates: map[string]string{"c": "{{ b64enc $.CookieSecret }}"}}, true, true, "no key of the Secret has the cookie secret as it is"},
		"a template takes the cookie secret away":   {Target{Preset: OAuth2Proxy, Templates: map[string]string{"cookie-secret": "x"}}, true, true, ""},
		"something that looks like it stands first": {Target{Preset: OAuth2Proxy, Templates: map[string]string{"a": "gkck_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}, true, true, "no key of the Secret has the cookie secret as it is"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.target.Check(confidential(), tc.secret, tc.generated)
			if tc.problem == "" && err != nil || tc.problem != "" && (err == nil || !strings.Contains(err.Error(), tc.problem)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Templates made of what templates are made of: each ends soon, within its bounds, and the same each time.
func TestTemplateProperties(t *testing.T) {
	pieces := []string{
		"x", "{{ .ClientID }}", "{{ join `,` .Scopes }}", "{{ range .Scopes }}", "{{ range $.RedirectURIs }}", "{{ end }}", "{{ if .Name }}",
		"{{ else }}", "{{ with .Issuer }}", "{{ . }}", "{{ $x := `a` }}", "{{ $x = replace `a` `aaa` $x }}", "{{ $x }}", "{{ break }}",
		"{{ index .Scopes 1 }}", "{{ $.ClientSecret | b64enc | upper }}", "{{ toJson $.Scopes }}", "{{ printf `%s` . }}", "{{ template `` }}",
	}
	in := crowded()
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 30).Draw(t, "pieces"), "")
		target := Target{Preset: None, Templates: map[string]string{"k": source}}
		began := time.Now()
		data, err := target.Render(in)
		again, errAgain := target.Render(in)
		if took := time.Since(began); took > 4*time.Second {
			t.Fatalf("it took %v", took)
		}
		if (err == nil) != (errAgain == nil) || text(data) != text(again) {
			t.Fatal("it is not the same each time")
		}
		if len(data["k"]) > MaxOutput {
			t.Fatalf("%d bytes", len(data["k"]))
		}
		if err != nil && (!utf8.ValidString(err.Error()) || strings.Contains(err.Error(), in.ClientSecret)) {
			t.Fatalf("got %q", err)
		}
	})
}
