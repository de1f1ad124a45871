package credentials

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

func atRest(ids ...string) []registration.SymmetricKey {
	var keys []registration.SymmetricKey
	for _, id := range ids {
		keys = append(keys, registration.SymmetricKey{ID: id, Key: bytes.Repeat([]byte(id[:1]), 32)})
	}
	return keys
}

func proverOf(t *testing.T, ids ...string) *Prover {
	t.Helper()
	p, err := NewProver(atRest(ids...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func written() Written {
	return Written{
		Namespace: "partners", Secret: "reports-oauth", Client: "reports", ID: "5e4dbeef",
		CreatedAt:  time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC),
		BeforeEnds: time.Date(2026, 1, 3, 3, 4, 5, 0, time.UTC), Request: "7",
		Data: map[string][]byte{"client-id": []byte("a"), "client-secret": []byte("b")},
	}
}

func TestProof(t *testing.T) {
	p := proverOf(t, "one", "two")
	proof := p.Prove(written(), "")
	for name, tc := range map[string]struct {
		change          func(*Written)
		origin, content bool
	}{
		"as it was written":              {func(*Written) {}, true, true},
		"in another namespace":           {func(w *Written) { w.Namespace = "others" }, false, false},
		"for another client":             {func(w *Written) { w.Client = "other" }, false, false},
		"under another name":             {func(w *Written) { w.Secret = "other" }, false, true},
		"with another value":             {func(w *Written) { w.Data["client-secret"] = []byte("c") }, true, false},
		"with a key more":                {func(w *Written) { w.Data["x"] = nil }, true, false},
		"with a key less":                {func(w *Written) { delete(w.Data, "client-id") }, true, false},
		"with another id":                {func(w *Written) { w.ID = "00000000" }, true, false},
		"made at another time":           {func(w *Written) { w.CreatedAt = w.CreatedAt.Add(1) }, true, false},
		"the one before ends later":      {func(w *Written) { w.BeforeEnds = w.BeforeEnds.Add(time.Hour) }, true, false},
		"another request was done":       {func(w *Written) { w.Request = "8" }, true, false},
		"in another zone, the same time": {func(w *Written) { w.CreatedAt = w.CreatedAt.In(time.FixedZone("x", 3600)) }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := written()
			tc.change(&w)
			if got := p.Origin(w.Namespace, w.Secret, w.Client, proof); got != tc.origin {
				t.Errorf("its origin is proven: %v", got)
			}
			if got := p.Content(w, proof); got != tc.content {
				t.Errorf("its content is proven: %v", got)
			}
		})
	}
	for name, bad := range map[string]string{
		"nothing": "", "dots": "..", "a key that nobody has": "00000000" + proof[8:], "no content": proof[:strings.LastIndex(proof, ".")],
		"the two parts exchanged": strings.Split(proof, ".")[0] + "." + strings.Split(proof, ".")[2] + "." + strings.Split(proof, ".")[1],
	} {
		if w := written(); p.Content(w, bad) || name != "no content" && p.Origin(w.Namespace, w.Secret, w.Client, bad) {
			t.Errorf("%s proves something", name)
		}
	}
	t.Run("nothing is proven without keys", func(t *testing.T) {
		var none *Prover
		if w := written(); none.Content(w, proof) || none.Origin(w.Namespace, w.Secret, w.Client, proof) {
			t.Error("it is")
		}
		if _, err := NewProver(nil); err == nil {
			t.Error("a prover was made of no key")
		}
	})
	t.Run("a key that is new first leaves good proofs as they are", func(t *testing.T) {
		rotated := proverOf(t, "three", "one", "two")
		if got := rotated.Prove(written(), proof); got != proof {
			t.Error("it was proven anew")
		}
		w := written()
		w.Request = "8"
		if got := rotated.Prove(w, proof); got == proof || !rotated.Content(w, got) || p.Content(w, got) {
			t.Error("what changed is not proven by the new key")
		}
	})
	t.Run("other keys prove nothing of it", func(t *testing.T) {
		if other := proverOf(t, "other"); other.Content(written(), proof) || other.Prove(written(), proof) == proof {
			t.Error("they do")
		}
	})
	t.Run("the proof shows neither keys nor values", func(t *testing.T) {
		if strings.Contains(proof, "one") || len(proof) != 8+1+32+1+32 {
			t.Errorf("got %s", proof)
		}
	})
}

func TestWrittenIsReadBack(t *testing.T) {
	for name, change := range map[string]func(*Written){
		"whole":                   func(*Written) {},
		"without one before":      func(w *Written) { w.BeforeEnds = time.Time{} },
		"without a request":       func(w *Written) { w.Request = "" },
		"without a secret at all": func(w *Written) { w.ID, w.CreatedAt, w.BeforeEnds, w.Request = "", time.Time{}, time.Time{}, "" },
	} {
		t.Run(name, func(t *testing.T) {
			w := written()
			change(&w)
			got := ReadWritten(w.Namespace, w.Secret, w.Client, w.Annotations(), w.Data)
			if diff := cmp.Diff(w, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("times that are none are none", func(t *testing.T) {
		a := written().Annotations()
		a[AnnotationCreatedAt] = "yesterday"
		if got := ReadWritten("a", "b", "c", a, nil); !got.CreatedAt.IsZero() {
			t.Errorf("got %v", got.CreatedAt)
		}
	})
	t.Run("the content hash changes with the content alone", func(t *testing.T) {
		a, b := written(), written()
		b.CreatedAt = b.CreatedAt.Add(time.Hour)
		if a.Annotations()[AnnotationContentHash] != b.Annotations()[AnnotationContentHash] {
			t.Error("it changes with the time")
		}
		b.Data = maps.Clone(b.Data)
		b.Data["x"] = nil
		if a.Annotations()[AnnotationContentHash] == b.Annotations()[AnnotationContentHash] {
			t.Error("it does not change with the content")
		}
	})
	t.Run("a long request is remembered by its hash", func(t *testing.T) {
		if got := Request(strings.Repeat("x", 300)); len(got) > 256 || got == Request(strings.Repeat("x", 301)) || Request("7") != "7" {
			t.Errorf("got %s", got)
		}
	})
}
