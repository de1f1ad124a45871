package seal_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
)

func key(id string) registration.SymmetricKey {
	b := make([]byte, 32)
	copy(b, id)
	return registration.SymmetricKey{ID: id, Key: b}
}

func keys(k ...registration.SymmetricKey) func() []registration.SymmetricKey {
	return func() []registration.SymmetricKey { return k }
}

func TestSealer(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	old, current := key("old"), key("new")
	s := seal.New(keys(current, old), rand.Reader)
	sealed, err := s.Seal("flow", []byte("state"), now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}

	t.Run("opens to what was sealed", func(t *testing.T) {
		got, err := s.Open("flow", sealed, now)
		if err != nil || string(got) != "state" {
			t.Fatalf("%q, %v", got, err)
		}
	})
	t.Run("opens under a key that no longer seals", func(t *testing.T) {
		before, err := seal.New(keys(old), rand.Reader).Seal("flow", []byte("state"), now.Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open("flow", before, now); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("the first key seals", func(t *testing.T) {
		if _, err := seal.New(keys(current), rand.Reader).Open("flow", sealed, now); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.New(keys(old), rand.Reader).Open("flow", sealed, now); !errors.Is(err, seal.ErrInvalid) {
			t.Fatalf("error %v", err)
		}
	})
	t.Run("another purpose does not open it", func(t *testing.T) {
		if _, err := s.Open("token", sealed, now); !errors.Is(err, seal.ErrInvalid) {
			t.Fatalf("error %v", err)
		}
	})
	t.Run("ends at its time", func(t *testing.T) {
		if _, err := s.Open("flow", sealed, now.Add(time.Minute-time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open("flow", sealed, now.Add(time.Minute)); !errors.Is(err, seal.ErrExpired) {
			t.Fatalf("error %v", err)
		}
	})
	t.Run("any changed character is refused", func(t *testing.T) {
		for i := range sealed {
			b := []byte(sealed)
			b[i] = map[bool]byte{true: 'B', false: 'A'}[b[i] == 'A']
			if _, err := s.Open("flow", string(b), now); !errors.Is(err, seal.ErrInvalid) {
				t.Fatalf("character %d: error %v", i, err)
			}
		}
	})
	t.Run("garbage is refused", func(t *testing.T) {
		for _, g := range []string{"", "A", sealed[:20], sealed + "A", sealed + "=", string(bytes.Repeat([]byte("A"), seal.MaxSize+1))} {
			if _, err := s.Open("flow", g, now); !errors.Is(err, seal.ErrInvalid) {
				t.Fatalf("%.10q: error %v", g, err)
			}
		}
	})
	t.Run("the same state is never sealed to the same text", func(t *testing.T) {
		again, err := s.Seal("flow", []byte("state"), now.Add(time.Minute))
		if err != nil || again == sealed {
			t.Fatalf("%q, %v", again, err)
		}
	})
	t.Run("without a key nothing is sealed or opened", func(t *testing.T) {
		none := seal.New(keys(), rand.Reader)
		if _, err := none.Seal("flow", nil, now); !errors.Is(err, seal.ErrNoKey) {
			t.Fatalf("error %v", err)
		}
		if _, err := none.Open("flow", sealed, now); !errors.Is(err, seal.ErrInvalid) {
			t.Fatalf("error %v", err)
		}
	})
}
