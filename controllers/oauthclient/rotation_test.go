package oauthclient

import (
	"crypto/rand"
	"errors"
	"testing"
	"testing/iotest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func generate(t *testing.T) string {
	t.Helper()
	v, err := credentials.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// holding is a Secret as the operator writes it.
func holding(value string) *corev1.Secret {
	data := credentials.Data(credentials.Input{ClientID: "a", ClientSecret: value, Issuer: "https://a.example"})
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{credentials.AnnotationContentHash: credentials.ContentHash(data)}},
		Data:       data,
	}
}

func TestDecide(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	mine, older, foreign := generate(t), generate(t), generate(t)
	edited := func(s *corev1.Secret, value string) *corev1.Secret {
		s.Data[credentials.KeyClientSecret] = []byte(value)
		return s
	}
	extra := func(s *corev1.Secret) *corev1.Secret { s.Data["extra"] = []byte("x"); return s }
	ending := func(value string, in time.Duration) registration.SecretHash {
		h := credentials.Hash(value)
		h.NotAfter = now.Add(in)
		return h
	}
	for name, c := range map[string]struct {
		held held
		// value that stays; empty when a new one has to be made.
		value string
		// old are the verifiers after the current one.
		old []registration.SecretHash
	}{
		"nothing is known: a new one": {held{}, "", nil},
		"the Secret is as it was written": {
			held{secret: holding(mine), previous: []registration.SecretHash{credentials.Hash(mine)}}, mine, nil,
		},
		"the registration is gone: the Secret is the truth": {held{secret: holding(mine)}, mine, nil},
		"the operator died between Secret and registration: the older one is honoured for the grace": {
			held{secret: holding(mine), previous: []registration.SecretHash{credentials.Hash(older)}}, mine,
			[]registration.SecretHash{ending(older, grace)},
		},
		"the Secret was deleted: a new one, and the old one for the grace": {
			held{previous: []registration.SecretHash{credentials.Hash(mine)}}, "", []registration.SecretHash{ending(mine, grace)},
		},
		"the value was edited: a new one, never the edited one": {
			held{secret: edited(holding(mine), foreign), previous: []registration.SecretHash{credentials.Hash(mine)}}, "",
			[]registration.SecretHash{ending(mine, grace)},
		},
		"the value was edited to an older one of ours: a new one": {
			held{secret: edited(holding(mine), older), previous: []registration.SecretHash{credentials.Hash(mine), ending(older, time.Minute)}}, "",
			[]registration.SecretHash{ending(mine, grace), ending(older, time.Minute)},
		},
		"something else was edited: the value stays": {
			held{secret: extra(holding(mine)), previous: []registration.SecretHash{credentials.Hash(mine)}}, mine, nil,
		},
		"a value that is not of our making is never taken": {held{secret: holding("guessable")}, "", nil},
		"the Secret was renamed: the value moves": {
			held{formers: []corev1.Secret{*holding(mine)}, previous: []registration.SecretHash{credentials.Hash(mine)}}, mine, nil,
		},
		"an end once set is never moved, and what is over is dropped": {
			held{secret: holding(mine), previous: []registration.SecretHash{credentials.Hash(mine), ending(older, time.Second), ending(foreign, 0)}}, mine,
			[]registration.SecretHash{ending(older, time.Second)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := decide(c.held, now, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			if d.made != (c.value == "") || c.value != "" && d.value != c.value || !credentials.Usable(d.value) {
				t.Errorf("made %v, and kept the value: %v", d.made, d.value == c.value)
			}
			if d.made && (d.value == mine || d.value == older || d.value == foreign) {
				t.Error("an old value came back")
			}
			if len(d.hashes) != 1+len(c.old) || d.hashes[0] != credentials.Hash(d.value) {
				t.Fatalf("got %d verifiers, want %d", len(d.hashes), 1+len(c.old))
			}
			for i, want := range c.old {
				if got := d.hashes[1+i]; got.SHA256 != want.SHA256 || !got.NotAfter.Equal(want.NotAfter) {
					t.Errorf("verifier %d: got id %s until %s, want id %s until %s", 1+i, got.ID, got.NotAfter, want.ID, want.NotAfter)
				}
			}
		})
	}
}

func TestDecideFailsWithoutRandomness(t *testing.T) {
	if _, err := decide(held{}, time.Now(), iotest.ErrReader(errors.New("no randomness"))); err == nil {
		t.Error("a secret was made of nothing")
	}
}
