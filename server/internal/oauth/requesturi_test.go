package oauth

import (
	"bytes"
	"crypto/rand"
	"regexp"
	"strings"
	"testing"
)

func TestRequestURIs(t *testing.T) {
	uri, hash, err := NewRequestURI(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := NewRequestURI(rand.Reader)
	if err != nil || other == uri {
		t.Fatalf("%s twice, %v", uri, err)
	}
	t.Run("G01 a reference has 256 random bits, a type and a checksum", func(t *testing.T) {
		if !regexp.MustCompile(`^urn:ietf:params:oauth:request_uri:gkp_[A-Za-z0-9_-]{49}$`).MatchString(uri) {
			t.Error(uri)
		}
		if got, ok := ParseRequestURI(uri); !ok || got != hash || !IsRequestURI(uri) {
			t.Errorf("%s: %x, %v", uri, got, ok)
		}
	})
	t.Run("what is none is told without asking the database", func(t *testing.T) {
		value := strings.TrimPrefix(uri, requestURI)
		for _, s := range []string{"", value, requestURI, requestURI + "x", uri + "x", uri[:len(uri)-1], strings.ToUpper(uri), " " + uri, requestURI + "gkc_" + value[4:],
			"https://elsewhere.example/" + value, strings.Replace(uri, "urn:", "URN:", 1), requestURI + uri} {
			if _, ok := ParseRequestURI(s); ok {
				t.Errorf("%q is one", s)
			}
		}
		if IsRequestURI("https://elsewhere.example/") || !IsRequestURI(requestURI+"garbage") {
			t.Error("references are told from addresses by their namespace")
		}
		if _, ok := ParseCredential(PrefixCode, value); ok {
			t.Error("C08 it is taken for a code")
		}
	})
	t.Run("no reference without randomness", func(t *testing.T) {
		if uri, _, err := NewRequestURI(bytes.NewReader(make([]byte, 31))); err == nil || uri != "" {
			t.Errorf("%q, %v", uri, err)
		}
	})
}

func TestSizeOfParams(t *testing.T) {
	p, fail := ParseForm("a=%C3%A4&client_secret=xxxxxxxx&resource=1&resource=2")
	if fail != nil {
		t.Fatal(fail)
	}
	if got, want := p.Size("client_secret"), 3+9+9; got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}
