package argon2id_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/argon2id"
)

func cheap() argon2id.Params { return argon2id.Params{Memory: 64, Time: 1, Threads: 1} }

func TestRoundTrip(t *testing.T) {
	h, err := argon2id.New("correct horse", cheap(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	back, err := argon2id.Parse(h.String())
	if err != nil {
		t.Fatal(err)
	}
	if back.String() != h.String() || back.Params() != cheap() {
		t.Fatalf("%s became %s", h, back)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horse ": false, "": false, "Correct horse": false} {
		if got := back.Matches(password); got != want {
			t.Errorf("%q matches: %v", password, got)
		}
	}
}

func TestForeignHash(t *testing.T) {
	// Made with the reference implementation: printf password | argon2 somesalt -id -v 13 -t 2 -k 65536 -p 1 -e (its README
	// and test vectors, argon2id v=19).
	h, err := argon2id.Parse("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if err != nil {
		t.Fatal(err)
	}
	if !h.Matches("password") {
		t.Error("the reference implementation's hash does not match its password")
	}
}

func TestNormalForm(t *testing.T) {
	h, err := argon2id.New("caf\u00e9", cheap(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if !h.Matches("cafe\u0301") {
		t.Error("the same password, decomposed, does not match")
	}
}

func TestDummyMatchesNothing(t *testing.T) {
	d := argon2id.Dummy(cheap())
	if d.Matches("") || d.Matches("x") {
		t.Error("a dummy matched")
	}
	if d.Params() != cheap() {
		t.Error("a dummy costs something else")
	}
}

func TestParseRefuses(t *testing.T) {
	const salt, hash = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for name, s := range map[string]string{
		"nothing":                    "",
		"a plain password":           "hunter2",
		"argon2i":                    "$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + hash,
		"bcrypt":                     "$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghij",
		"an old version":             "$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + hash,
		"gigabytes of memory":        "$argon2id$v=19$m=4194304,t=1,p=1$" + salt + "$" + hash,
		"a million passes":           "$argon2id$v=19$m=64,t=1000000,p=1$" + salt + "$" + hash,
		"large times large":          "$argon2id$v=19$m=131072,t=16,p=1$" + salt + "$" + hash,
		"256 lanes, one in a byte":   "$argon2id$v=19$m=4096,t=1,p=257$" + salt + "$" + hash,
		"no lanes":                   "$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + hash,
		"less memory than its lanes": "$argon2id$v=19$m=8,t=1,p=2$" + salt + "$" + hash,
		"a sign":                     "$argon2id$v=19$m=+64,t=1,p=1$" + salt + "$" + hash,
		"a leading zero":             "$argon2id$v=19$m=064,t=1,p=1$" + salt + "$" + hash,
		"parameters in other order":  "$argon2id$v=19$t=1,m=64,p=1$" + salt + "$" + hash,
		"a fourth parameter":         "$argon2id$v=19$m=64,t=1,p=1,x=1$" + salt + "$" + hash,
		"padding":                    "$argon2id$v=19$m=64,t=1,p=1$" + salt + "=$" + hash,
		"a short salt":               "$argon2id$v=19$m=64,t=1,p=1$c29t$" + hash,
		"a short hash":               "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$c29tZXNhbHQ",
		"a field more":               "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + hash + "$x",
		"a very long string":         "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + strings.Repeat("A", 4096),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := argon2id.Parse(s)
			if !errors.Is(err, argon2id.ErrFormat) {
				t.Fatalf("error %v", err)
			}
			if strings.Contains(err.Error(), hash) {
				t.Error("the error repeats the hash")
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := argon2id.New("x", argon2id.Params{}, rand.Reader); err == nil {
		t.Error("no costs were taken")
	}
	if _, err := argon2id.New("x", cheap(), bytes.NewReader(nil)); err == nil {
		t.Error("no randomness was taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := argon2id.Parse(s)
		if err == nil && h.String() != s {
			t.Errorf("%q is another spelling of %q", s, h)
		}
	})
}
