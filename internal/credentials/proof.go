package credentials

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Annotations of the Secret. Nobody but the operator writes them.
const (
	// AnnotationContentHash changes whenever the content does, for those that restart workloads.
	AnnotationContentHash = "grantkeeper.dev/content-hash"
	// AnnotationProof proves that the operator made the Secret, and that it put there what is in it; see [Prover].
	AnnotationProof = "grantkeeper.dev/proof"
	// AnnotationSecretID is the id of the client secret in the Secret, as in the status of the OAuthClient.
	AnnotationSecretID = "grantkeeper.dev/secret-id"
	// AnnotationCreatedAt is when that client secret was made, in RFC 3339.
	AnnotationCreatedAt = "grantkeeper.dev/secret-created-at"
	// AnnotationBeforeEnds is when the client secret before it ends, in RFC 3339; absent when there was none.
	AnnotationBeforeEnds = "grantkeeper.dev/secret-before-ends"
	// AnnotationRotateRequest is the request for a new secret that was last done.
	AnnotationRotateRequest = "grantkeeper.dev/rotate-request"
)

// maxRequest is how long a request for a new secret may be to be kept as it is, in bytes.
const maxRequest = 256

// Request is the value of the annotation that asks for a new secret, as it is remembered: a long one as its hash.
func Request(value string) string {
	if len(value) <= maxRequest {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return "sha256-" + hex.EncodeToString(sum[:])
}

// Written is what the operator says of a Secret that it wrote.
type Written struct {
	// Namespace, Secret and Client are where it is, what it is called, and for which OAuthClient it is.
	Namespace, Secret, Client string
	// ID of the client secret in it; empty when there is none.
	ID         string
	CreatedAt  time.Time
	BeforeEnds time.Time
	Request    string
	Data       map[string][]byte
}

// Annotations say it, without the proof.
func (w Written) Annotations() map[string]string {
	a := map[string]string{AnnotationContentHash: ContentHash(w.Data)}
	if w.ID != "" {
		a[AnnotationSecretID] = w.ID
		a[AnnotationCreatedAt] = stamp(w.CreatedAt)
	}
	if !w.BeforeEnds.IsZero() {
		a[AnnotationBeforeEnds] = stamp(w.BeforeEnds)
	}
	if w.Request != "" {
		a[AnnotationRotateRequest] = w.Request
	}
	return a
}

// ReadWritten reads back what [Written.Annotations] wrote. Nothing of it is proven.
func ReadWritten(namespace, secret, client string, annotations map[string]string, data map[string][]byte) Written {
	at := func(key string) time.Time {
		t, err := time.Parse(time.RFC3339Nano, annotations[key])
		if err != nil {
			return time.Time{}
		}
		return t
	}
	return Written{
		Namespace: namespace, Secret: secret, Client: client,
		ID: annotations[AnnotationSecretID], Request: annotations[AnnotationRotateRequest],
		CreatedAt: at(AnnotationCreatedAt), BeforeEnds: at(AnnotationBeforeEnds), Data: data,
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Prover proves that the operator wrote a Secret, with keys that nobody else has: whoever may write Secrets in a namespace can
// neither pass one off as the operator's nor have a value taken that it chose. A proof has two parts. One is about the object
// alone (namespace, name, and client), so that one that somebody edited is still known to be the operator's; the other is about
// what is in it, so that it can be taken for true even when nothing else is left of a cluster.
type Prover struct{ keys []proofKey }

type proofKey struct {
	id  string
	key []byte
}

// NewProver derives the keys of proofs from a server's keys at rest. The first one proves; all are good for checking, because
// keys at rest are never dropped, so that no Secret has to be written anew when they rotate.
func NewProver(atRest []registration.SymmetricKey) (*Prover, error) {
	if len(atRest) == 0 {
		return nil, errors.New("there is no key at rest")
	}
	p := &Prover{}
	for _, k := range atRest {
		key, err := hkdf.Key(sha256.New, k.Key, nil, "grantkeeper proof of a client's Secret", sha256.Size)
		if err != nil {
			return nil, err
		}
		// Whatever the id of a key is made of, its hash has no dot.
		id := sha256.Sum256([]byte(k.ID))
		p.keys = append(p.keys, proofKey{hex.EncodeToString(id[:4]), key})
	}
	return p, nil
}

// Prove is the value of [AnnotationProof]. One that is good already stays as it is.
func (p *Prover) Prove(w Written, have string) string {
	if p.Origin(w.Namespace, w.Secret, w.Client, have) && p.Content(w, have) {
		return have
	}
	k := p.keys[0]
	return k.id + "." + k.origin(w.Namespace, w.Secret, w.Client) + "." + k.content(w)
}

// Origin reports whether the operator made the Secret of that name for that client, whatever is in it now.
func (p *Prover) Origin(namespace, secret, client, proof string) bool {
	k, origin, _, ok := p.parts(proof)
	return ok && hmac.Equal([]byte(origin), []byte(k.origin(namespace, secret, client)))
}

// Content reports whether a Secret is, in all that [Written] has, but for its name, as the operator wrote it.
func (p *Prover) Content(w Written, proof string) bool {
	k, _, content, ok := p.parts(proof)
	return ok && hmac.Equal([]byte(content), []byte(k.content(w)))
}

func (p *Prover) parts(proof string) (k proofKey, origin, content string, ok bool) {
	if p == nil {
		return k, "", "", false
	}
	id, rest, _ := strings.Cut(proof, ".")
	origin, content, _ = strings.Cut(rest, ".")
	for _, k := range p.keys {
		if k.id == id {
			return k, origin, content, true
		}
	}
	return k, "", "", false
}

func (k proofKey) origin(namespace, secret, client string) string {
	return k.mac("origin", nil, namespace, secret, client)
}

func (k proofKey) content(w Written) string {
	return k.mac("content", w.Data, w.Namespace, w.Client, w.ID, stamp(w.CreatedAt), stamp(w.BeforeEnds), w.Request)
}

// mac is 128 bits in hex.
func (k proofKey) mac(what string, data map[string][]byte, parts ...string) string {
	h := hmac.New(sha256.New, k.key)
	writePart(h, []byte(what))
	for _, s := range parts {
		writePart(h, []byte(s))
	}
	writeContent(h, data)
	return hex.EncodeToString(h.Sum(nil)[:16])
}
