package registration

import "time"

// KeyState is where a key is in its life.
type KeyState string

// A key is published while it is next, signs while it is active, and is published until the longest token that it
// signed has expired while it is retired.
const (
	KeyNext    KeyState = "Next"
	KeyActive  KeyState = "Active"
	KeyRetired KeyState = "Retired"
)

// Keys is a server's private material.
type Keys struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Signing holds at most one active key per algorithm.
	Signing []SigningKey `json:"signing"`
	// Sealing are AEAD keys for what the browser keeps; the first seals, all open.
	Sealing []SymmetricKey `json:"sealing"`
	// Derivation keys derive the successors of refresh tokens; the first is used for new families.
	Derivation []SymmetricKey `json:"derivation"`
	// AtRest are AEAD keys for what the database keeps and the server must read again; the first seals, all open, and none
	// is ever dropped.
	AtRest []SymmetricKey `json:"atRest,omitempty"`
}

// SigningKey is one key pair.
type SigningKey struct {
	// ID is the JWK thumbprint (RFC 7638), used as kid.
	ID string `json:"id"`
	// Algorithm is ES256 or RS256 (RFC 7518 section 3.1).
	Algorithm string   `json:"algorithm"`
	State     KeyState `json:"state"`
	// PKCS8 is the private key, DER.
	PKCS8     []byte    `json:"pkcs8"`
	CreatedAt time.Time `json:"createdAt"`
	// ActiveAt and RetiredAt are when it entered the state; zero before.
	ActiveAt  time.Time `json:"activeAt,omitzero"`
	RetiredAt time.Time `json:"retiredAt,omitzero"`
}

// SymmetricKey is 256 random bits.
type SymmetricKey struct {
	ID        string    `json:"id"`
	Key       []byte    `json:"key"`
	CreatedAt time.Time `json:"createdAt"`
	// ActiveAt is when it came first; zero before.
	ActiveAt time.Time `json:"activeAt,omitzero"`
}
