package jwkset

import (
	"crypto"
	"encoding/json"
	"errors"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// ErrNoKeys means that a set cannot be read or has no key of use.
var ErrNoKeys = errors.New("it is no JSON Web Key Set, or none of its keys can verify a signature (EC on P-256, OKP on Ed25519, RSA of 2048 to 4096 bits)")

// maxRead bounds how many keys of a set are looked at; the others are passed over.
const maxRead = 64

// Set is a set of public keys. It never changes; nil has none.
type Set struct{ keys []key }

type key struct {
	id        string
	algorithm string // empty for every one that fits
	kind      kind
	public    crypto.PublicKey
}

// Parse takes the keys of a set that are public, strong enough and meant for signatures, at most most of them, and passes over the
// others: a set may be for other uses too. ErrNoKeys when none is left. The error and what is passed over show nothing of a key.
func Parse(raw []byte, most int) (*Set, error) {
	var members struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, ErrNoKeys
	}
	s := &Set{}
	for _, m := range members.Keys[:min(len(members.Keys), maxRead)] {
		if k, ok := parseKey(m); ok && len(s.keys) < most {
			s.keys = append(s.keys, k)
		}
	}
	if len(s.keys) == 0 {
		return nil, ErrNoKeys
	}
	return s, nil
}

func parseKey(raw json.RawMessage) (key, bool) {
	if len(raw) > registration.MaxJWKS-len(`{"keys":[]}`) {
		return key{}, false
	}
	alone := slices.Concat([]byte(`{"keys":[`), raw, []byte(`]}`))
	if registration.CheckPublicJWKS(alone, 1) != nil {
		return key{}, false
	}
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON(raw); err != nil || !k.Valid() || k.Use != "" && k.Use != "sig" {
		return key{}, false
	}
	kind, ok := kindOf(k.Key)
	if !ok || k.Algorithm != "" && kindFor(k.Algorithm) != kind {
		return key{}, false
	}
	return key{id: k.KeyID, algorithm: k.Algorithm, kind: kind, public: k.Key}, true
}

// Has reports whether a key has this id.
func (s *Set) Has(id string) bool {
	return s != nil && slices.ContainsFunc(s.keys, func(k key) bool { return k.id == id })
}

// Len is how many keys there are.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.keys)
}

// candidates are the keys that a signature by an algorithm may be of: the one with the id, or all that fit when there is no id. A
// key without an id of its own can be meant by any.
func (s *Set) candidates(algorithm, id string) []key {
	if s == nil {
		return nil
	}
	var out []key
	for _, k := range s.keys {
		if k.kind == kindFor(algorithm) && (k.algorithm == "" || k.algorithm == algorithm) && (id == "" || k.id == "" || k.id == id) {
			out = append(out, k)
		}
	}
	return out
}
