package oauth

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReceive(t *testing.T) {
	tests := map[string]struct {
		raw      string
		want     map[string]string
		unusable []string
		fault    string
		many     bool
	}{
		"a plain query":                                         {raw: "a=1&b=x+y%2B", want: map[string]string{"a": "1", "b": "x y+"}},
		"nothing":                                               {raw: "", want: map[string]string{"a": ""}},
		"A06 it is decoded once":                                {raw: "a=%252F", want: map[string]string{"a": "%2F"}},
		"A08 an empty value is an omitted one":                  {raw: "a=&b", want: map[string]string{"a": "", "b": ""}},
		"A07 of a repeated parameter no value is used":          {raw: "a=1&b=2&a=3", want: map[string]string{"a": "", "b": "2"}, unusable: []string{"a"}, fault: "parameter a is repeated"},
		"A07 three times, and in another spelling":              {raw: "a=1&%61=2&a=3", want: map[string]string{"a": ""}, unusable: []string{"a"}, fault: "parameter a is repeated"},
		"A07 repeated although empty":                           {raw: "a=1&a=", want: map[string]string{"a": ""}, unusable: []string{"a"}, fault: "parameter a is repeated"},
		"resource may be repeated":                              {raw: "resource=a&resource=b", want: map[string]string{"resource": "a"}},
		"B21 a value that is not text":                          {raw: "a=%00&b=%ff&c=3", want: map[string]string{"a": "", "b": "", "c": "3"}, unusable: []string{"a", "b"}, fault: "parameter a cannot be read"},
		"B21 a value that is not text, and the same as text":    {raw: "a=%00&a=1", want: map[string]string{"a": ""}, unusable: []string{"a"}, fault: "parameter a cannot be read"},
		"B21 text, and the same as what is not":                 {raw: "a=1&a=%zz", want: map[string]string{"a": ""}, unusable: []string{"a"}, fault: "parameter a cannot be read"},
		"B21 a name that is not text":                           {raw: "%0a=1&b=2", want: map[string]string{"b": "2"}, fault: "the name of a parameter cannot be read"},
		"a resource that is not text leaves none of the others": {raw: "resource=a&resource=%00&resource=b", want: map[string]string{"resource": "b"}, unusable: []string{"resource"}, fault: "parameter resource cannot be read"},
		"the first fault is told":                               {raw: "b=1&b=2&a=%zz", want: map[string]string{}, unusable: []string{"a", "b"}, fault: "parameter b is repeated"},
		"A38 64 parameters":                                     {raw: "x=1" + strings.Repeat("&resource=a", 63), want: map[string]string{"x": "1"}},
		"A38 65 parameters":                                     {raw: "x=1" + strings.Repeat("&resource=a", 64), want: map[string]string{"x": "1"}, fault: "too many parameters", many: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := Receive(tt.raw)
			for k, want := range tt.want {
				if got := r.Get(k); got != want {
					t.Errorf("%s is %q, want %q", k, got, want)
				}
			}
			for _, k := range tt.unusable {
				if !r.Unusable(k) {
					t.Errorf("%s is usable", k)
				}
			}
			fault := ""
			if e := r.Fault(); e != nil {
				fault = e.Description
				if e.Code != "invalid_request" {
					t.Errorf("the fault is %s", e.Code)
				}
			}
			if fault != tt.fault || r.TooMany() != tt.many {
				t.Errorf("the fault is %q, %v", fault, r.TooMany())
			}
		})
	}
}

func TestParseClaims(t *testing.T) {
	tests := map[string]struct {
		raw  string
		want *ClaimsRequest
		bad  bool
	}{
		"the example of OpenID Connect Core section 5.5": {
			raw: `{"userinfo":{"given_name":{"essential":true},"nickname":null,"email":{"essential":true},"email_verified":{"essential":true},"picture":null,"http://example.info/claims/groups":null},
 "id_token":{"auth_time":{"essential":true},"acr":{"values":["urn:mace:incommon:iap:silver"]}}}`,
			want: &ClaimsRequest{
				UserInfo: map[string]ClaimRequest{"given_name": {Essential: true}, "nickname": {}, "email": {Essential: true}, "email_verified": {Essential: true}, "picture": {}},
				IDToken:  map[string]ClaimRequest{"auth_time": {Essential: true}, "acr": {Values: []any{"urn:mace:incommon:iap:silver"}}},
			}},
		"a value is the one of the values":         {raw: `{"id_token":{"sub":{"value":"ada"}}}`, want: &ClaimsRequest{IDToken: map[string]ClaimRequest{"sub": {Values: []any{"ada"}}}}},
		"nothing is asked for":                     {raw: `{}`},
		"nothing that is known":                    {raw: `{"userinfo":{"shoe_size":null},"access_token":{"x":1}}`},
		"null for a member":                        {raw: `{"userinfo":null}`},
		"an array":                                 {raw: `[]`, bad: true},
		"no JSON":                                  {raw: `x`, bad: true},
		"cut off":                                  {raw: `{"userinfo":{"name":null}`, bad: true},
		"something after it":                       {raw: `{} {}`, bad: true},
		"a claim that is a word":                   {raw: `{"userinfo":{"name":"essential"}}`, bad: true},
		"essential that is a word":                 {raw: `{"userinfo":{"name":{"essential":"yes"}}}`, bad: true},
		"values that are none":                     {raw: `{"userinfo":{"name":{"values":"x"}}}`, bad: true},
		"a member twice":                           {raw: `{"userinfo":{"name":null},"userinfo":{"email":null}}`, bad: true},
		"more values than anybody needs":           {raw: `{"id_token":{"acr":{"values":[` + strings.Repeat(`"a",`, maxClaimsValues) + `"a"]}}}`, bad: true},
		"nested beyond reason":                     {raw: `{"x":` + strings.Repeat(`{"a":`, 20) + `1` + strings.Repeat(`}`, 20) + `}`, bad: true},
		"nested beyond reason, of arrays unclosed": {raw: `{"x":` + strings.Repeat(`[`, 4000), bad: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseClaims(tt.raw)
			if (err != nil) != tt.bad || !cmp.Equal(got, tt.want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}
