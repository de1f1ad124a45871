package kube

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// tape is a sink that writes down what it is told.
type tape []string

func (p *tape) Replace(docs []registry.Change, version string) {
	*p = append(*p, "replace "+show(docs)+" @"+version)
}
func (p *tape) Apply(changes []registry.Change, version string) {
	*p = append(*p, "apply "+show(changes)+" @"+version)
}

func show(changes []registry.Change) string {
	s := ""
	for _, c := range changes {
		switch {
		case c.Err != nil:
			s += "!" + string(c.Key)
		case c.Document == nil:
			s += "-" + string(c.Key)
		default:
			s += "+" + string(c.Key)
		}
	}
	return s
}

func secret(name, version string) *corev1.Secret {
	content := fmt.Appendf(nil, `{"version":1,"kind":"Resource","spec":{"namespace":"n","name":%q,"identifier":"https://a.example"}}`, name)
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: version},
		Type:       registration.SecretType,
		Data:       map[string][]byte{registration.DataKey: content},
	}
}

func empty(name, version string) *corev1.Secret {
	s := secret(name, version)
	s.Data = nil
	return s
}

func opaque(name, version string) *corev1.Secret {
	s := secret(name, version)
	s.Type = corev1.SecretTypeOpaque
	return s
}

func TestFeed(t *testing.T) {
	add := func(s *corev1.Secret) func(*feed) error { return func(f *feed) error { return f.Add(s) } }
	update := func(s *corev1.Secret) func(*feed) error { return func(f *feed) error { return f.Update(s) } }
	remove := func(s *corev1.Secret) func(*feed) error { return func(f *feed) error { return f.Delete(s) } }
	bookmark := func(v string) func(*feed) error { return func(f *feed) error { return f.Bookmark(v) } }
	replace := func(v string, list ...any) func(*feed) error {
		return func(f *feed) error { return f.Replace(list, v) }
	}
	tests := map[string]struct {
		events []func(*feed) error
		want   []string
	}{
		"events are handed on in their order": {
			events: []func(*feed) error{replace("5", secret("a", "3")), add(secret("b", "6")), update(secret("a", "7")), remove(secret("b", "8")), bookmark("20")},
			want:   []string{"replace +a @5", "apply +b @6", "apply +a @7", "apply -b @8", "apply  @20"},
		},
		"a replay neither undoes an edit nor brings back what was deleted": {
			events: []func(*feed) error{replace("9"), add(secret("a", "10")), remove(secret("a", "11")), add(secret("a", "10")), update(secret("a", "9")), bookmark("10"), remove(secret("a", "11"))},
			want:   []string{"replace  @9", "apply +a @10", "apply -a @11"},
		},
		"versions are compared as numbers": {
			events: []func(*feed) error{replace("9"), add(secret("a", "10")), add(secret("b", "100")), add(secret("c", "99"))},
			want:   []string{"replace  @9", "apply +a @10", "apply +b @100"},
		},
		"a version that is no number is followed": {
			events: []func(*feed) error{replace("x1"), add(secret("a", "x0")), bookmark("x0")},
			want:   []string{"replace  @x1", "apply +a @x0", "apply  @x0"},
		},
		"a Secret without the key is an unreadable document": {
			events: []func(*feed) error{replace("1", empty("a", "1")), update(empty("b", "2"))},
			want:   []string{"replace !a @1", "apply !b @2"},
		},
		"a Secret of another type is no document": {
			events: []func(*feed) error{replace("1", opaque("a", "1"), secret("c", "1")), update(opaque("b", "2"))},
			want:   []string{"replace +c @1"},
		},
		"a list that goes back in time, after a restore, is taken as it is": {
			events: []func(*feed) error{replace("100", secret("a", "90")), replace("50", secret("b", "40")), add(secret("c", "51"))},
			want:   []string{"replace +a @100", "replace +b @50", "apply +c @51"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got tape
			f := newFeed(&got)
			for _, e := range test.events {
				if err := e(f); err != nil {
					t.Errorf("an error would make the reflector log the Secret: %v", err)
				}
			}
			if diff := cmp.Diff(test.want, []string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheSameBytesAreDecodedOnce(t *testing.T) {
	f := newFeed(new(tape))
	first := f.decode(secret("a", "1"))
	f.decoded["a"] = first
	if again := f.decode(secret("a", "2")); again.change.Document != first.change.Document {
		t.Error("the same bytes gave another document")
	}
	changed := secret("a", "3")
	changed.Data[registration.DataKey] = secret("b", "3").Data[registration.DataKey]
	if f.decode(changed).change.Document == first.change.Document {
		t.Error("other bytes gave the same document")
	}
}
