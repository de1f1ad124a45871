package expression_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const claims = `{
	"sub": "1", "preferred_username": "Ada", "email": "ada@acme.example", "email_verified": true, "level": 3,
	"groups": ["app-admin", "app-dev", "wifi"], "roles": [{"name": "owner"}, {"name": "viewer"}], "nothing": null,
	"mixed": ["a", 1], "uid": ["ada"]
}`

func input(t *testing.T) expression.Input {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(claims), &m); err != nil {
		t.Fatal(err)
	}
	return expression.Input{Claims: m, User: expression.User{Username: "ada", Name: "Ada Lovelace", Email: "ada@acme.example", EmailVerified: true, Groups: []string{"staff"}}}
}

func TestEvaluate(t *testing.T) {
	for source, want := range map[string]any{
		`claims.preferred_username`:                                            "Ada",
		`claims.preferred_username.lowerAscii() + "@corp"`:                     "ada@corp",
		`user.email.split("@")[0]`:                                             "ada",
		`user.email.replace("@acme.example", "")`:                              "ada",
		`claims.?nickname.orValue(user.name)`:                                  "Ada Lovelace",
		`has(claims.nickname) ? claims.nickname : "none"`:                      "none",
		`claims.uid[0]`:                                                        "ada",
		`claims.email.endsWith("@acme.example")`:                               true,
		`claims.level >= 3 && user.emailVerified`:                              true,
		`claims.level == 3`:                                                    true,
		`"staff" in user.groups`:                                               true,
		`user.groups.exists(g, g == "admin")`:                                  false,
		`claims.email.matches("^[a-z]+@acme[.]example$")`:                      true,
		`claims.groups.filter(g, g.startsWith("app-"))`:                        []string{"app-admin", "app-dev"},
		`claims.groups.map(g, "corp:" + g)`:                                    []string{"corp:app-admin", "corp:app-dev", "corp:wifi"},
		`claims.roles.map(r, r.name)`:                                          []string{"owner", "viewer"},
		`claims.groups + user.groups`:                                          []string{"app-admin", "app-dev", "wifi", "staff"},
		`claims.groups.filter(g, g.startsWith("app-")).map(g, g.substring(4))`: []string{"admin", "dev"},
		`["a", "b"]`: []string{"a", "b"},
		`[]`:         []string{},
	} {
		t.Run(source, func(t *testing.T) {
			got, err := evaluate(t.Context(), t, source, want, input(t))
			if err != nil || !cmp.Equal(want, got) {
				t.Errorf("%#v, error %v", got, err)
			}
		})
	}
}

// evaluate compiles for the type of like.
func evaluate(ctx context.Context, t *testing.T, source string, like any, in expression.Input) (any, error) {
	t.Helper()
	kind := expression.String
	switch like.(type) {
	case bool:
		kind = expression.Bool
	case []string:
		kind = expression.Strings
	}
	p, err := expression.Compile(source, kind)
	if err != nil {
		t.Fatal(err)
	}
	switch kind {
	case expression.Bool:
		return p.Bool(ctx, in)
	case expression.Strings:
		return p.Strings(ctx, in)
	default:
		return p.String(ctx, in)
	}
}

func TestCompileErrors(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		want   expression.Type
		says   string
	}{
		"nothing":                 {"  ", expression.String, "empty"},
		"too long":                {`"` + strings.Repeat("x", expression.MaxSource) + `"`, expression.String, "at most 4096 bytes"},
		"half an expression":      {`claims.groups.filter(g,`, expression.Strings, "line 1, column 24: Syntax error"},
		"an unknown variable":     {`claim.groups`, expression.Strings, "line 1, column 1: undeclared reference to 'claim'"},
		"an unknown field":        {"true &&\nuser.usrname == ''", expression.Bool, "line 2, column 5: undefined field 'usrname'"},
		"an unknown function":     {`fetch("https://example.com")`, expression.String, "undeclared reference to 'fetch'"},
		"another type":            {`user.groups`, expression.String, "yields list(string), and must yield string"},
		"another type of list":    {`[1, 2]`, expression.Strings, "yields list(int), and must yield list(string)"},
		"types that do not match": {`user.username + 1`, expression.String, "found no matching overload"},
		"a bad pattern":           {`user.email.matches("(")`, expression.Bool, "invalid matches argument"},
		"nested too deep":         {`user.groups.map(a, user.groups.map(b, user.groups.map(c, user.groups.map(d, d)))) == []`, expression.Bool, "nest"},
		"a thousand parentheses":  {strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000), expression.String, "recursion"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := expression.Compile(c.source, c.want)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v", err)
			}
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 600 {
				t.Errorf("no message for a status: %q", err)
			}
		})
	}
}

func TestEvaluationErrors(t *testing.T) {
	in := input(t)
	many := make([]any, 1000)
	for i := range many {
		many[i] = "group"
	}
	in.Claims["many"] = many
	for name, c := range map[string]struct {
		source string
		want   error
	}{
		"a claim that is missing":          {`claims.nickname`, expression.ErrMissing},
		"a claim in a claim":               {`claims.roles[0].title`, expression.ErrMissing},
		"an element that is missing":       {`claims.uid[3]`, expression.ErrMissing},
		"a cost beyond the limit":          {`claims.many.map(a, claims.many.exists(b, a + b == "x") ? "y" : "n").join("")`, expression.ErrCost},
		"a string that is made very large": {`claims.many.join("").replace("", claims.many.join(""))`, expression.ErrCost},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := evaluate(t.Context(), t, c.source, "", in); !errors.Is(err, c.want) {
				t.Errorf("%#v, error %v", got, err)
			}
		})
	}
	for name, c := range map[string]struct {
		source string
		like   any
	}{
		"a number for a string":         {`claims.level`, ""},
		"null for a string":             {`claims.nothing`, ""},
		"a list with a number":          {`claims.mixed`, []string(nil)},
		"a string for a list":           {`claims.email`, []string(nil)},
		"a string for true":             {`claims.email`, false},
		"a function of the wrong thing": {`claims.level.startsWith("a")`, false},
		"a division by zero":            {`1 / int(claims.level - 3.0) > 0`, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := evaluate(t.Context(), t, c.source, c.like, in)
			if err == nil || errors.Is(err, expression.ErrMissing) {
				t.Errorf("%#v, error %v", got, err)
			}
		})
	}
	t.Run("an evaluation whose context has ended is interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := evaluate(ctx, t, `claims.many.map(g, g + "x").join("")`, "", in); !errors.Is(err, context.Canceled) {
			t.Errorf("%#v, error %v", got, err)
		}
	})
}

func TestRules(t *testing.T) {
	ada := input(t).User
	for name, c := range map[string]struct {
		mapping registration.Mapping
		allow   string
		want    expression.User
		refused bool
	}{
		"nothing declared": {want: ada},
		"every field mapped": {
			mapping: registration.Mapping{Username: `claims.preferred_username`, Name: `"Countess " + user.name`, Email: `"countess@acme.example"`,
				EmailVerified: `claims.email_verified`, Groups: `claims.groups.filter(g, g.startsWith("app-"))`},
			want: expression.User{Username: "Ada", Name: "Countess Ada Lovelace", Email: "countess@acme.example", EmailVerified: true, Groups: []string{"app-admin", "app-dev"}},
		},
		"A36 another address is not verified by the word on the first": {
			mapping: registration.Mapping{Email: `"root@acme.example"`},
			want:    expression.User{Username: "ada", Name: "Ada Lovelace", Email: "root@acme.example", Groups: []string{"staff"}},
		},
		"a missing claim is nothing": {
			mapping: registration.Mapping{Name: `claims.nickname`, EmailVerified: `claims.mail_ok`, Groups: `claims.teams.map(t, t.name)`},
			want:    expression.User{Username: "ada", Email: "ada@acme.example"},
		},
		"a missing username is nobody":              {mapping: registration.Mapping{Username: `claims.nickname`}, refused: true},
		"let in by a claim":                         {allow: `claims.email.endsWith("@acme.example")`, want: ada},
		"let in by what the mapping makes":          {mapping: registration.Mapping{Groups: `claims.groups`}, allow: `"wifi" in user.groups`, want: expression.User{Username: "ada", Name: "Ada Lovelace", Email: "ada@acme.example", EmailVerified: true, Groups: []string{"app-admin", "app-dev", "wifi"}}},
		"not by what the mapping has taken away":    {mapping: registration.Mapping{Groups: `claims.groups`}, allow: `"staff" in user.groups`, refused: true},
		"not let in":                                {allow: `claims.email.endsWith("@other.example")`, refused: true},
		"not let in for want of what is looked for": {allow: `claims.department == "R&D"`, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			rules, err := expression.CompileRules(c.mapping, c.allow)
			if err != nil {
				t.Fatal(err)
			}
			got, err := rules.Apply(t.Context(), input(t).Claims, ada)
			if c.refused != errors.Is(err, expression.ErrNotAllowed) || !c.refused && err != nil {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("an expression that fails lets nobody in, and says which", func(t *testing.T) {
		rules, err := expression.CompileRules(registration.Mapping{Groups: `claims.email`}, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := rules.Apply(t.Context(), input(t).Claims, ada); err == nil || !strings.HasPrefix(err.Error(), "mapping.groups: ") || got.Username != "" {
			t.Errorf("%+v, error %v", got, err)
		}
	})
	t.Run("errors name the field", func(t *testing.T) {
		_, err := expression.CompileRules(registration.Mapping{Username: `nope`, Groups: `user.name`}, `1`)
		for _, want := range []string{"mapping.username: line 1", "mapping.groups: the expression yields string", "allow: the expression yields int"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not say %q", err, want)
			}
		}
	})
}

func FuzzCompile(f *testing.F) {
	f.Add(`claims.groups.filter(g, g.startsWith("app-"))`)
	f.Add(`user.email.split("@")[0]`)
	f.Fuzz(func(t *testing.T, source string) {
		if p, err := expression.Compile(source, expression.Strings); err == nil {
			_, _ = p.Strings(t.Context(), expression.Input{})
		}
	})
}
