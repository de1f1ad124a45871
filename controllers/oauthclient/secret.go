package oauthclient

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
)

// clientSecret builds the Secret of a client with a content. w says which client secret is in it, and have is the proof that it
// carries now. It is pure.
//
// With deletionPolicy Retain it has no owner, from the beginning: whatever collects garbage while the operator is away must not
// take it.
func clientSecret(c *v1alpha1.OAuthClient, data map[string][]byte, w credentials.Written, p *credentials.Prover, have string) *corev1.Secret {
	w.Namespace, w.Secret, w.Client, w.Data = c.Namespace, compile.SecretName(c), c.Name, data
	labels, annotations := compile.SecretMetadata(c)
	if keys := slices.Concat(prefixed("label ", labels), prefixed("annotation ", annotations)); len(keys) > 0 {
		annotations[owned.AnnotationMetadata] = strings.Join(keys, ",")
	}
	labels[owned.LabelManagedBy], labels[owned.LabelClient] = owned.ManagedBy, c.Name
	maps.Copy(annotations, w.Annotations())
	annotations[credentials.AnnotationProof] = p.Prove(w, have)
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: w.Secret, Labels: labels, Annotations: annotations},
		Type:       credentials.SecretType,
		Data:       data,
	}
	if c.Spec.DeletionPolicy != v1alpha1.DeletionRetain {
		s.OwnerReferences = []metav1.OwnerReference{owned.Reference(c, owned.KindClient)}
	}
	return s
}

func prefixed(prefix string, m map[string]string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, prefix+key)
	}
	return out
}
