package idp_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
)

// says is a provider that says of everybody what a test wants.
type says idp.Identity

func (s says) Authenticate(context.Context, string, string) (idp.Identity, error) {
	return idp.Identity(s), nil
}

func TestEveryIdentityIsBounded(t *testing.T) {
	many := make([]string, idp.MaxGroups+1)
	for i := range many {
		many[i] = fmt.Sprint("group-", i)
	}
	long := strings.Repeat("é", 2000)
	for name, c := range map[string]struct {
		said    idp.Identity
		want    idp.Identity
		refused bool
	}{
		"as it should be":                 {said: idp.Identity{Name: "Ada", Groups: []string{"b", "a"}}, want: idp.Identity{Name: "Ada", Groups: []string{"b", "a"}}},
		"groups that are none, and twice": {said: idp.Identity{Groups: []string{"a", "", "a", "b\u202e", "c\x00", "\xff", strings.Repeat("x", idp.MaxGroup+1)}}, want: idp.Identity{Groups: []string{"a"}}},
		"no groups":                       {said: idp.Identity{Groups: []string{}}},
		"too many groups":                 {said: idp.Identity{Groups: many}, refused: true},
		"as many groups as may be":        {said: idp.Identity{Groups: many[1:]}, want: idp.Identity{Groups: many[1:]}},
		"A36 an address with two @":       {said: idp.Identity{Email: "a@b@c.example", EmailVerified: true}},
		"A36 an address without a domain": {said: idp.Identity{Email: "a@", EmailVerified: true}},
		"A36 an address with a line end":  {said: idp.Identity{Email: "a@b.example\r\nx", EmailVerified: true}},
		"A36 an address that is too long": {said: idp.Identity{Email: "a@" + long, EmailVerified: true}},
		"A36 verified without an address": {said: idp.Identity{EmailVerified: true}},
		"an address":                      {said: idp.Identity{Email: "a@b.example", EmailVerified: true}, want: idp.Identity{Email: "a@b.example", EmailVerified: true}},
		"a name that is cut between letters": {said: idp.Identity{Name: "x" + long, Profile: registration.Profile{Locale: long}},
			want: idp.Identity{Name: "x" + long[:254], Profile: registration.Profile{Locale: long[:256]}}},
		"an address of the post that is cut": {said: idp.Identity{Profile: registration.Profile{Address: &registration.Address{Country: long}}},
			want: idp.Identity{Profile: registration.Profile{Address: &registration.Address{Country: long[:512]}}}},
		"more kept than may be":     {said: idp.Identity{Kept: make([]byte, idp.MaxKept+1)}},
		"no subject":                {said: idp.Identity{Subject: "-"}, refused: true},
		"a subject that is no text": {said: idp.Identity{Subject: "\xff"}, refused: true},
		"a subject without end":     {said: idp.Identity{Subject: long}, refused: true},
		"methods that are none": {said: idp.Identity{Methods: []string{"pwd", "", "m fa", "mfa\x00", strings.Repeat("x", 65), "urn:x:mfa"}},
			want: idp.Identity{Methods: []string{"pwd", "urn:x:mfa"}}},
		"no username":           {said: idp.Identity{Username: "-"}, refused: true},
		"an invisible username": {said: idp.Identity{Username: "ad\u200ba"}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			fill := func(s *string, text string) {
				switch *s {
				case "":
					*s = text
				case "-":
					*s = ""
				}
			}
			fill(&c.said.Subject, "1")
			fill(&c.said.Username, "ada")
			c.want.Subject, c.want.Username = "1", "ada"
			set := idp.NewSet(func(*registration.IdentityProvider) (idp.Provider, bool) {
				return idp.Provider{Password: says(c.said)}, true
			})
			got, err := set.Providers([]*registration.IdentityProvider{{UID: "x"}})[0].Password.Authenticate(t.Context(), "", "")
			if c.refused {
				if !errors.Is(err, idp.ErrNotAllowed) || got.Subject != "" {
					t.Errorf("%+v, error %v", got, err)
				}
				return
			}
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("error %v\n%s", err, diff)
			}
		})
	}
}

func TestKept(t *testing.T) {
	sealer := func() *seal.Sealer {
		key := registration.SymmetricKey{ID: "k", Key: make([]byte, 32)}
		_, _ = rand.Read(key.Key)
		return seal.New(func() []registration.SymmetricKey { return []registration.SymmetricKey{key} }, rand.Reader)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	one := sealer()
	sealed, err := idp.SealKept(one, "corp", "ada", []byte("refresh-token"))
	if err != nil || strings.Contains(string(sealed), "refresh-token") {
		t.Fatalf("%q, error %v", sealed, err)
	}
	if got, err := idp.OpenKept(one, "corp", "ada", sealed, now.AddDate(100, 0, 0)); err != nil || string(got) != "refresh-token" {
		t.Errorf("%q, error %v", got, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another account":  func() ([]byte, error) { return idp.OpenKept(one, "corp", "grace", sealed, now) },
		"another provider": func() ([]byte, error) { return idp.OpenKept(one, "lab", "ada", sealed, now) },
		"another key":      func() ([]byte, error) { return idp.OpenKept(sealer(), "corp", "ada", sealed, now) },
	} {
		if got, err := open(); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	refused := idp.Refused(sealed)
	if idp.WasRefused(sealed) || !idp.WasRefused(refused) || !bytes.Equal(idp.Refused(refused), refused) {
		t.Errorf("marked as refused: %q, then %q", sealed, refused)
	}
	if got, err := idp.OpenKept(one, "corp", "ada", refused, now); err != nil || string(got) != "refresh-token" {
		t.Errorf("what was refused: %q, error %v", got, err)
	}
	if got, err := idp.OpenKept(one, "corp", "grace", refused, now); err == nil {
		t.Errorf("what was refused to another account: %q", got)
	}
	if none := idp.Refused(nil); none != nil || idp.WasRefused(none) {
		t.Errorf("nothing was refused: %q", none)
	}
	if got, err := idp.SealKept(one, "corp", "ada", nil); got != nil || err != nil {
		t.Errorf("of nothing: %q, error %v", got, err)
	}
	if got, err := idp.OpenKept(one, "corp", "ada", nil, now); got != nil || err != nil {
		t.Errorf("of nothing: %q, error %v", got, err)
	}
	if _, err := idp.SealKept(one, "corp", "ada", make([]byte, idp.MaxKept+1)); err == nil {
		t.Error("too much is kept")
	}
	if most, err := idp.SealKept(one, "corp", "ada", make([]byte, idp.MaxKept)); err != nil {
		t.Error(err)
	} else if _, err := idp.OpenKept(one, "corp", "ada", most, now); err != nil {
		t.Errorf("as much as may be does not open: %v", err)
	}
}
