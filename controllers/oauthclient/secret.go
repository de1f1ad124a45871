package oauthclient

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// clientSecret builds the Secret of a client. value is empty for a public client, which gets its id and endpoints. It is
// pure.
func clientSecret(c *v1alpha1.OAuthClient, reg *registration.Client, issuer, value string, createdAt time.Time) *corev1.Secret {
	data := credentials.Data(credentials.Input{
		ClientID:     reg.ClientID,
		ClientSecret: value,
		Issuer:       issuer,
		GrantTypes:   reg.GrantTypes,
		RedirectURIs: reg.RedirectURIs,
		Scopes:       reg.Scopes,
	})
	annotations := map[string]string{credentials.AnnotationContentHash: credentials.ContentHash(data)}
	if value != "" {
		annotations[owned.AnnotationCreatedAt] = createdAt.UTC().Format(time.RFC3339)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       c.Namespace,
			Name:            compile.SecretName(c),
			Labels:          map[string]string{owned.LabelManagedBy: owned.ManagedBy},
			Annotations:     annotations,
			OwnerReferences: []metav1.OwnerReference{owned.Reference(c, owned.KindClient)},
		},
		Type: credentials.SecretType,
		Data: data,
	}
}

// createdAt is when the current value was made: now if it is new, else what the Secret that has it says.
func createdAt(h held, d decision, now time.Time) time.Time {
	if d.made {
		return now
	}
	from := h.secret
	for i := range h.formers {
		if from == nil {
			from = &h.formers[i]
		}
	}
	if from == nil {
		return now
	}
	if at, err := time.Parse(time.RFC3339, from.Annotations[owned.AnnotationCreatedAt]); err == nil {
		return at
	}
	return from.CreationTimestamp.Time
}

// secretStatuses lists a client's secrets as its status shows them. When an older one was made is remembered by the
// status alone; where that is lost, the client's own age stands in.
func secretStatuses(c *v1alpha1.OAuthClient, hashes []registration.SecretHash, current time.Time) []v1alpha1.ClientSecretStatus {
	known := map[string]metav1.Time{}
	for _, s := range c.Status.Secrets {
		known[s.ID] = s.CreatedAt
	}
	var out []v1alpha1.ClientSecretStatus
	for i, h := range hashes {
		s := v1alpha1.ClientSecretStatus{ID: h.ID, Current: i == 0, CreatedAt: metav1.NewTime(current.Truncate(time.Second))}
		if i > 0 {
			at, ok := known[h.ID]
			if !ok {
				at = c.CreationTimestamp
			}
			s.CreatedAt = at
		}
		if !h.NotAfter.IsZero() {
			at := metav1.NewTime(h.NotAfter)
			s.RetiresAt = &at
		}
		out = append(out, s)
	}
	return out
}
