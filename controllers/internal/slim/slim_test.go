package slim

import (
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

func client() *v1alpha1.OAuthClient {
	return &v1alpha1.OAuthClient{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "reports", Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"note": "x"}},
		Spec:       v1alpha1.OAuthClientSpec{Type: "Service", Scopes: []string{"orders.read"}},
		Status: v1alpha1.OAuthClientStatus{Policy: "services", GrantTypes: []string{"client_credentials"}, Conditions: []metav1.Condition{
			{Type: "Ready", Status: "True", Reason: "Ready", Message: "Everything is in place and served."},
			{Type: "Accepted", Status: "True", Reason: "Accepted", Message: "Client a is accepted."},
		}},
	}
}

func TestWhatTheOperatorReadsStaysAsItIs(t *testing.T) {
	slim := Transform()
	for name, c := range map[string]struct{ have, want metav1.Object }{
		"a client loses what is for kubectl alone": {
			have: func() *v1alpha1.OAuthClient {
				c := client()
				c.Annotations[corev1.LastAppliedConfigAnnotation] = "{}"
				c.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
				return c
			}(),
			want: client(),
		},
		"a Secret, which is written back, keeps its annotations": {
			have: &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "a", Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "{}"}, ManagedFields: []metav1.ManagedFieldsEntry{{}}}, Data: map[string][]byte{"k": []byte("v")}},
			want: &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "a", Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "{}"}}, Data: map[string][]byte{"k": []byte("v")}},
		},
		"a Secret without anything": {have: &corev1.Secret{}, want: &corev1.Secret{}},
		"metadata alone": {
			have: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "ns", Labels: map[string]string{"team": "a"}}},
			want: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "ns", Labels: map[string]string{"team": "a"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := slim(c.have)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	tombstone := cache.DeletedFinalStateUnknown{Key: "apps/reports"}
	if got, err := slim(tombstone); err != nil || got != tombstone {
		t.Errorf("a tombstone became %v, %v", got, err)
	}
}

func TestWordsAreKeptOnce(t *testing.T) {
	slim := Transform()
	read := func() *v1alpha1.OAuthClient {
		c := client()
		// As a decoder makes them: every string its own.
		c.Status.Policy = string([]byte("services"))
		c.Status.Conditions[0].Message = string([]byte("Everything is in place and served."))
		if _, err := slim(c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	a, b := read(), read()
	for what, pair := range map[string][2]string{
		"policy":  {a.Status.Policy, b.Status.Policy},
		"message": {a.Status.Conditions[0].Message, b.Status.Conditions[0].Message},
	} {
		if unsafe.StringData(pair[0]) != unsafe.StringData(pair[1]) {
			t.Errorf("%s is kept twice", what)
		}
	}
}

func TestWordsAreBounded(t *testing.T) {
	w := &words{known: map[string]string{}}
	for i := range maxWords + 10 {
		s := string(rune(i + 0x100000))
		w.one(&s)
	}
	long := string(make([]byte, maxWord+1))
	w.one(&long)
	if len(w.known) != maxWords {
		t.Errorf("%d words are kept", len(w.known))
	}
}
