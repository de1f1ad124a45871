// Package slim makes objects smaller on their way into the operator's cache, which holds all clients and two Secrets of each:
// what nobody reads is left out, and words that are the same in all of them are kept once.
//
// It changes nothing that the operator reads or writes back: Secrets, which are updated from the cache, keep everything but
// their managed fields, which the API server keeps by itself.
package slim

import (
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

const (
	// maxWords bounds how many words are kept; what is beyond is left as it came.
	maxWords = 8192
	// maxWord bounds their length in bytes.
	maxWord = 256
)

// Transform returns a transformation for a cache. It is safe for concurrent use.
func Transform() func(any) (any, error) {
	w := &words{known: map[string]string{}}
	return func(o any) (any, error) {
		m, err := meta.Accessor(o)
		if err != nil {
			return o, nil //nolint:nilerr // the tombstone of an object that went, or something else that is not ours to change
		}
		m.SetManagedFields(nil)
		w.metadata(m)
		switch x := o.(type) {
		case *v1alpha1.OAuthClient:
			w.client(x)
		case *corev1.Secret:
			w.secret(x)
		}
		return o, nil
	}
}

// words keeps each of the words that come again and again once.
type words struct {
	mu    sync.Mutex
	known map[string]string
}

func (w *words) one(s *string) {
	if *s == "" || len(*s) > maxWord {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if known, ok := w.known[*s]; ok {
		*s = known
		return
	}
	if len(w.known) < maxWords {
		own := strings.Clone(*s)
		w.known[own] = own
		*s = own
	}
}

func (w *words) all(s []string) {
	for i := range s {
		w.one(&s[i])
	}
}

// pairs keeps keys, and values too if they come again and again.
func (w *words) pairs(m map[string]string, values bool) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		w.one(&k)
		if values {
			w.one(&v)
		}
		out[k] = v
	}
	return out
}

func (w *words) metadata(m metav1.Object) {
	m.SetLabels(w.pairs(m.GetLabels(), true))
	m.SetAnnotations(w.pairs(m.GetAnnotations(), false))
	namespace := m.GetNamespace()
	w.one(&namespace)
	m.SetNamespace(namespace)
	owners := m.GetOwnerReferences()
	for i := range owners {
		w.one(&owners[i].APIVersion)
		w.one(&owners[i].Kind)
	}
	m.SetOwnerReferences(owners)
}

func (w *words) client(c *v1alpha1.OAuthClient) {
	// The whole manifest once more, for kubectl alone. The operator never writes anything but the status of a client.
	delete(c.Annotations, corev1.LastAppliedConfigAnnotation)
	w.one((*string)(&c.Spec.Type))
	w.all(c.Spec.Scopes)
	s := &c.Status
	w.one(&s.Issuer)
	w.one(&s.Server)
	w.one(&s.Policy)
	w.all(s.GrantTypes)
	for i := range s.Conditions {
		x := &s.Conditions[i]
		w.one(&x.Type)
		w.one((*string)(&x.Status))
		w.one(&x.Reason)
		switch v1alpha1.ConditionType(x.Type) {
		case v1alpha1.ConditionReady, v1alpha1.ConditionProgrammed:
			w.one(&x.Message) // the others name the client
		}
	}
}

func (w *words) secret(s *corev1.Secret) {
	w.one((*string)(&s.Type))
	if len(s.Data) == 0 {
		return
	}
	data := make(map[string][]byte, len(s.Data))
	for k, v := range s.Data {
		w.one(&k)
		data[k] = v
	}
	s.Data = data
}
