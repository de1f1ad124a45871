package credentials

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func generate(t *testing.T) string {
	t.Helper()
	s, err := Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGenerate(t *testing.T) {
	form := regexp.MustCompile(`^gkcs_[A-Za-z0-9_-]{43}$`)
	seen := map[string]bool{}
	for range 100 {
		s := generate(t)
		if !form.MatchString(s) || !Usable(s) || seen[s] {
			t.Fatalf("%q is not of the form, not usable or not new", s)
		}
		seen[s] = true
	}
	if _, err := Generate(bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("a random source that ends early made a secret")
	}
	broken := errors.New("broken")
	if _, err := Generate(errReader{broken}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestUsable(t *testing.T) {
	good := generate(t)
	for name, s := range map[string]string{
		"nothing":                          "",
		"the prefix alone":                 Prefix,
		"another prefix":                   "gkcx_" + good[5:],
		"a character too many":             good + "A",
		"a character too few":              good[:len(good)-1],
		"a trailing line end":              good + "\n",
		"a line end inside":                good[:20] + "\n" + good[21:],
		"a password somebody made up":      "correct horse battery staple",
		"the standard alphabet of base64":  Prefix + strings.Repeat("+", 43),
		"a second spelling of the same":    Prefix + strings.Repeat("A", 42) + "B",
		"a character outside of ASCII":     Prefix + strings.Repeat("A", 40) + "ä" + "A",
		"the secret base64-encoded anew":   "Z2tjc19BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB",
		"spaces around an otherwise right": " " + good[1:],
	} {
		if Usable(s) {
			t.Errorf("%s is taken for usable", name)
		}
		if got, ok := FromSecret(map[string][]byte{KeyClientSecret: []byte(s)}); ok || got != "" {
			t.Errorf("%s is read from a Secret: %q", name, got)
		}
	}
	if got, ok := FromSecret(Data(Input{ClientSecret: good})); !ok || got != good {
		t.Errorf("got %q, %v", got, ok)
	}
	if _, ok := FromSecret(nil); ok {
		t.Error("a Secret without content has a secret")
	}
}

func TestHash(t *testing.T) {
	secret := generate(t)
	h := Hash(secret)
	want := sha256.Sum256([]byte(secret))
	if h.SHA256 != hex.EncodeToString(want[:]) || !h.NotAfter.IsZero() {
		t.Errorf("the verifier is not the hash of the secret's bytes without an end")
	}
	if len(h.ID) != 8 || strings.Contains(h.SHA256, h.ID) {
		t.Errorf("the id %s must be 8 digits and none of the verifier's", h.ID)
	}
	if Hash(secret) != h || Hash(generate(t)).ID == h.ID {
		t.Error("the id must be the same for the same secret, and another for another")
	}
}

func TestContentHash(t *testing.T) {
	t.Run("the same content has the same hash, and no other has it", rapid.MakeCheck(func(t *rapid.T) {
		content := rapid.MapOfN(rapid.StringN(0, 3, 6), rapid.SliceOfN(rapid.Byte(), 0, 3), 0, 4)
		a, b := content.Draw(t, "a"), content.Draw(t, "b")
		same := len(a) == len(b)
		for k, v := range a {
			w, ok := b[k]
			same = same && ok && bytes.Equal(v, w)
		}
		if (ContentHash(a) == ContentHash(b)) != same {
			t.Fatalf("same is %v, hashes %s and %s", same, ContentHash(a), ContentHash(b))
		}
	}))
	t.Run("moving a byte from a key to its value changes the hash", func(t *testing.T) {
		a := ContentHash(map[string][]byte{"ab": []byte("c")})
		b := ContentHash(map[string][]byte{"a": []byte("bc")})
		if a == b || len(a) != 32 {
			t.Errorf("%s and %s", a, b)
		}
	})
}
