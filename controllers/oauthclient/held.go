package oauthclient

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// held is everything that is known about the secrets of a client before a decision.
type held struct {
	// secret is the client's Secret, nil when there is none of ours under the name.
	secret *corev1.Secret
	// formers are Secrets of ours under names that the manifest gave before.
	formers []corev1.Secret
	// previous are the verifiers in the registration in force, the current one first.
	previous []registration.SecretHash
}

// current is what the client's Secret holds, or, if it has another name now, what its former one does.
func (h held) current(c *v1alpha1.OAuthClient, p *credentials.Prover) credentials.Held {
	if h.secret != nil {
		return h.read(c, p, h.secret)
	}
	for i := range h.formers {
		if found := h.read(c, p, &h.formers[i]); found.ID != "" {
			return found
		}
	}
	return credentials.Held{}
}

// read takes out of a Secret what the operator put there. A value that somebody else put there, even a good one, is never
// taken: who may write Secrets in a namespace must not choose credentials. Taken is
//   - what is proven, unless the registration knows a newer one: putting an old content back brings no old secret back;
//   - the value that is registered as the current one, whatever else was edited;
//   - where there is no registration, as when the server was deleted and made again, what the status knows by its id.
func (h held) read(c *v1alpha1.OAuthClient, p *credentials.Prover, s *corev1.Secret) credentials.Held {
	w := credentials.ReadWritten(s.Namespace, s.Name, c.Name, s.Annotations, s.Data)
	if p.Content(w, s.Annotations[credentials.AnnotationProof]) && h.newest(w) {
		value, _ := credentials.Find(s.Data, func(x registration.SecretHash) bool { return x.ID == w.ID })
		return credentials.Held{ID: w.ID, Value: value, CreatedAt: w.CreatedAt, BeforeEnds: w.BeforeEnds, Request: w.Request}
	}
	known := credentials.Held{Request: c.Status.RotateRequest}
	accept := func(registration.SecretHash) bool { return false }
	switch {
	case len(h.previous) > 0:
		known.ID, known.CreatedAt = h.previous[0].ID, h.previous[0].CreatedAt
		accept = func(x registration.SecretHash) bool { return x.SHA256 == h.previous[0].SHA256 }
	case owned.By(s, c.UID) && len(c.Status.Secrets) > 0 && c.Status.Secrets[0].Current:
		known.ID, known.CreatedAt = c.Status.Secrets[0].ID, c.Status.Secrets[0].CreatedAt.UTC()
		accept = func(x registration.SecretHash) bool { return x.ID == known.ID }
	}
	value, ok := credentials.Find(s.Data, accept)
	if !ok {
		return credentials.Held{}
	}
	known.Value = value
	return known
}

// newest reports whether what a Secret proves to hold is not older than what is registered.
func (h held) newest(w credentials.Written) bool {
	if len(h.previous) == 0 || w.ID == h.previous[0].ID {
		return true
	}
	for i, p := range h.previous {
		if i > 0 && p.ID == w.ID {
			return p.NotAfter.IsZero() // it was staged, and was handed out
		}
	}
	return w.CreatedAt.After(h.previous[0].CreatedAt)
}

// cookie is the secret for cookies that the client's Secret holds, empty when there is none.
func (h held) cookie() string {
	if h.secret != nil {
		return credentials.FindCookie(h.secret.Data)
	}
	for i := range h.formers {
		if found := credentials.FindCookie(h.formers[i].Data); found != "" {
			return found
		}
	}
	return ""
}
