package oauthclient

import (
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// grace is how long the server honours a secret after it was replaced because its Secret was deleted or edited, so that
// an app that still runs with the old one is not cut off before it has read the new one.
const grace = 10 * time.Minute

// held is everything that is known about the secrets of a client before a decision.
type held struct {
	// secret is the client's Secret, nil when there is none of ours under the name.
	secret *corev1.Secret
	// formers are Secrets of ours under names that the manifest gave before.
	formers []corev1.Secret
	// previous are the verifiers in the registration in force, the current one first.
	previous []registration.SecretHash
}

// decision is what the secrets of a client are to be.
type decision struct {
	// value is the current secret.
	value string
	// hashes are the verifiers, the current one first.
	hashes []registration.SecretHash
	// made is true when value is new.
	made bool
	// retires is when the next of the older secrets ends; zero when there is none.
	retires time.Time
}

// decide keeps the value in the Secret if the operator made it, else makes a new one; what was current before is
// honoured until its grace ends. It is pure but for random.
func decide(h held, now time.Time, random io.Reader) (decision, error) {
	var d decision
	d.value = h.value()
	if d.value == "" {
		value, err := credentials.Generate(random)
		if err != nil {
			return d, err
		}
		d.value, d.made = value, true
	}
	d.hashes = credentials.Secrets(d.value, h.previous, now, grace)
	for _, old := range d.hashes[1:] {
		d.retires = status.Earliest(d.retires, old.NotAfter)
	}
	return d, nil
}

// value is the current secret if it can be had from a Secret, else empty. A renamed Secret hands its value on.
func (h held) value() string {
	if v, ok := madeByUs(h.secret, h.previous); ok {
		return v
	}
	for i := range h.formers {
		if v, ok := madeByUs(&h.formers[i], h.previous); ok && h.secret == nil {
			return v
		}
	}
	return ""
}

// madeByUs reads the value of a Secret and reports whether the operator put it there: the content is what it was when
// the operator wrote it, or the server knows the value as the current one. A value that somebody else put there, even a
// good one, is never taken: who may write Secrets in a namespace must not choose credentials that skip the rules for them.
func madeByUs(s *corev1.Secret, previous []registration.SecretHash) (string, bool) {
	if s == nil {
		return "", false
	}
	value, ok := credentials.FromSecret(s.Data)
	if !ok {
		return "", false
	}
	if credentials.ContentHash(s.Data) == s.Annotations[credentials.AnnotationContentHash] {
		return value, true
	}
	return value, len(previous) > 0 && previous[0].SHA256 == credentials.Hash(value).SHA256
}

// retired lists the ids of secrets that the registration had and that a decision has not.
func retired(previous, now []registration.SecretHash) []string {
	var out []string
	for _, p := range previous {
		gone := true
		for _, n := range now {
			gone = gone && n.SHA256 != p.SHA256
		}
		if gone {
			out = append(out, p.ID)
		}
	}
	return out
}
