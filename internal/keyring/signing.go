package keyring

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const rsaBits = 2048

// rotateSigning brings the keys of one algorithm up to date: one signs, one is published to sign next, and old ones are
// kept for as long as a token of theirs may live.
func (r *ring) rotateSigning(algorithm string) error {
	active, next := r.find(algorithm, registration.KeyActive), r.find(algorithm, registration.KeyNext)
	if active == nil && next != nil {
		// Somebody took the active key away. The next one has to stand in, however short it was published.
		r.activate(next)
		active, next = next, nil
	}
	if active == nil {
		if err := r.addSigning(algorithm, registration.KeyActive); err != nil {
			return err
		}
		active = r.find(algorithm, registration.KeyActive)
	}
	if next != nil && r.due(later(active.ActiveAt.Add(r.RotateEvery), next.CreatedAt.Add(r.PublishFor))) {
		active.State, active.RetiredAt = registration.KeyRetired, r.now
		r.activate(next)
		active, next = next, nil
	}
	activeAt := active.ActiveAt // addSigning may move the keys
	if next == nil {
		// The next key is made as soon as its place is free, so that it is published for a whole rotation.
		if err := r.addSigning(algorithm, registration.KeyNext); err != nil {
			return err
		}
		r.due(later(activeAt.Add(r.RotateEvery), r.now.Add(r.PublishFor)))
	}
	r.keys.Signing = slices.DeleteFunc(r.keys.Signing, func(k registration.SigningKey) bool {
		drop := k.Algorithm == algorithm && k.State == registration.KeyRetired && r.due(k.RetiredAt.Add(r.signingRetention()))
		r.changed = r.changed || drop
		return drop
	})
	return nil
}

// find returns the key of a state, the one published longest if there are several.
func (r *ring) find(algorithm string, state registration.KeyState) *registration.SigningKey {
	var found *registration.SigningKey
	for i := range r.keys.Signing {
		k := &r.keys.Signing[i]
		if k.Algorithm == algorithm && k.State == state && (found == nil || k.CreatedAt.Before(found.CreatedAt)) {
			found = k
		}
	}
	return found
}

func (r *ring) activate(k *registration.SigningKey) {
	k.State, k.ActiveAt = registration.KeyActive, r.now
	r.changed = true
}

func (r *ring) addSigning(algorithm string, state registration.KeyState) error {
	k, err := r.newKey(algorithm, r.random)
	if err != nil {
		return fmt.Errorf("making an %s key: %w", algorithm, err)
	}
	k.State, k.CreatedAt = state, r.now
	if state == registration.KeyActive {
		k.ActiveAt = r.now
	}
	r.keys.Signing = append(r.keys.Signing, k)
	r.changed = true
	return nil
}

// newSigningKey makes a key pair. Its id is the thumbprint of the public key (RFC 7638).
func newSigningKey(algorithm string, random io.Reader) (registration.SigningKey, error) {
	var private crypto.Signer
	var err error
	switch algorithm {
	case registration.AlgorithmES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), random)
	case registration.AlgorithmRS256:
		private, err = rsa.GenerateKey(random, rsaBits)
	default:
		err = fmt.Errorf("the algorithm is unknown")
	}
	if err != nil {
		return registration.SigningKey{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return registration.SigningKey{}, err
	}
	thumbprint, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return registration.SigningKey{}, err
	}
	return registration.SigningKey{
		ID:        base64.RawURLEncoding.EncodeToString(thumbprint),
		Algorithm: algorithm,
		PKCS8:     der,
	}, nil
}

// Status describes the signing keys for the status of an OAuthServer, by algorithm and age. It holds no key.
func Status(keys *registration.Keys) []v1alpha1.SigningKeyStatus {
	if keys == nil {
		return nil
	}
	status := make([]v1alpha1.SigningKeyStatus, 0, len(keys.Signing))
	for i := range keys.Signing {
		k := &keys.Signing[i]
		since := k.CreatedAt
		switch k.State {
		case registration.KeyActive:
			since = k.ActiveAt
		case registration.KeyRetired:
			since = k.RetiredAt
		}
		status = append(status, v1alpha1.SigningKeyStatus{ID: k.ID, Algorithm: k.Algorithm, State: string(k.State), Since: metav1.NewTime(since)})
	}
	slices.SortFunc(status, func(a, b v1alpha1.SigningKeyStatus) int {
		return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), a.Since.Compare(b.Since.Time), cmp.Compare(a.State, b.State), cmp.Compare(a.ID, b.ID))
	})
	return status
}

// ActiveSince is when the longest active of the signing keys began to sign; zero when none does.
func ActiveSince(keys *registration.Keys) time.Time {
	var since time.Time
	if keys == nil {
		return since
	}
	for i := range keys.Signing {
		if k := &keys.Signing[i]; k.State == registration.KeyActive && (since.IsZero() || k.ActiveAt.Before(since)) {
			since = k.ActiveAt
		}
	}
	return since
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
