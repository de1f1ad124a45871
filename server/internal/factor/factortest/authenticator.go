// Package factortest has what proves second factors in tests: an authenticator for passkeys and an authenticator app, with
// real cryptography.
package factortest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/pquerna/otp/totp"
)

// The flags of authenticator data (Web Authentication Level 3 section 6.1).
const (
	flagPresent    = 0x01
	flagVerified   = 0x04
	flagBackupable = 0x08
	flagBackedUp   = 0x10
	flagAttested   = 0x40
)

// Authenticator is a browser with a device that holds passkeys. Its fields may be changed between ceremonies.
type Authenticator struct {
	testing.TB
	// Origin is what the browser says it is at.
	Origin string
	// Verifies its user, by a PIN or a fingerprint; Synced passkeys may be copied between devices and do not count their uses.
	Verifies, Synced bool
	// Counter is the signature counter.
	Counter  uint32
	passkeys []passkey
}

type passkey struct {
	id, user []byte
	rp       string
	key      *ecdsa.PrivateKey
}

// New makes an authenticator at an origin that verifies its user.
func New(t testing.TB, origin string) *Authenticator {
	return &Authenticator{TB: t, Origin: origin, Verifies: true}
}

// descriptor names a passkey in options.
type descriptor struct {
	ID string `json:"id"`
}

// options are the parts of the options that matter here, of creation and of request.
type options struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		RPID      string `json:"rpId"`
		RP        struct {
			ID string `json:"id"`
		} `json:"rp"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
		UserVerification string       `json:"userVerification"`
		Allow            []descriptor `json:"allowCredentials"`
		Exclude          []descriptor `json:"excludeCredentials"`
	} `json:"publicKey"`
}

func (a *Authenticator) read(raw string) options {
	a.Helper()
	var o options
	if err := json.Unmarshal([]byte(raw), &o); err != nil {
		a.Fatalf("the options are not JSON: %v", err)
	}
	return o
}

// Create makes a passkey, as navigator.credentials.create and the page's script do.
func (a *Authenticator) Create(raw string) []byte {
	a.Helper()
	o := a.read(raw)
	for _, d := range o.PublicKey.Exclude {
		if slices.ContainsFunc(a.passkeys, func(p passkey) bool { return encode(p.id) == d.ID }) {
			a.Fatal("this authenticator holds one of the excluded passkeys")
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.Fatal(err)
	}
	id := make([]byte, 32)
	if _, err := rand.Read(id); err != nil {
		a.Fatal(err)
	}
	a.passkeys = append(a.passkeys, passkey{id: id, user: a.decode(o.PublicKey.User.ID), rp: o.PublicKey.RP.ID, key: key})
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		a.Fatal(err)
	}
	cose := a.cbor(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	data := a.data(o.PublicKey.RP.ID, flagAttested)
	data = append(data, make([]byte, 16)...) // AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(id)))
	data = append(append(data, id...), cose...)
	object := a.cbor(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	return a.answer(id, map[string]string{"clientDataJSON": encode(a.client("webauthn.create", o)), "attestationObject": encode(object)})
}

// Get proves the latest passkey that is asked for, as navigator.credentials.get and the page's script do.
func (a *Authenticator) Get(raw string) []byte {
	a.Helper()
	o := a.read(raw)
	for _, p := range slices.Backward(a.passkeys) {
		asked := len(o.PublicKey.Allow) == 0 || slices.ContainsFunc(o.PublicKey.Allow, func(d descriptor) bool { return d.ID == encode(p.id) })
		if p.rp == o.PublicKey.RPID && asked {
			return a.sign(p, o)
		}
	}
	a.Fatal("this authenticator holds none of the passkeys that are asked for")
	return nil
}

func (a *Authenticator) sign(p passkey, o options) []byte {
	if !a.Synced {
		a.Counter++
	}
	client := a.client("webauthn.get", o)
	data := a.data(p.rp, 0)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(slices.Clone(data), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, p.key, digest[:])
	if err != nil {
		a.Fatal(err)
	}
	return a.answer(p.id, map[string]string{
		"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature), "userHandle": encode(p.user),
	})
}

// data is the authenticator data (section 6.1).
func (a *Authenticator) data(rp string, flags byte) []byte {
	flags |= flagPresent
	if a.Verifies {
		flags |= flagVerified
	}
	if a.Synced {
		flags |= flagBackupable | flagBackedUp
	}
	hash := sha256.Sum256([]byte(rp))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), a.Counter)
}

func (a *Authenticator) client(kind string, o options) []byte {
	return a.json(map[string]any{"type": kind, "challenge": o.PublicKey.Challenge, "origin": a.Origin, "crossOrigin": false})
}

func (a *Authenticator) answer(id []byte, response map[string]string) []byte {
	return a.json(map[string]any{"id": encode(id), "rawId": encode(id), "type": "public-key", "response": response})
}

func (a *Authenticator) json(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		a.Fatal(err)
	}
	return raw
}

func (a *Authenticator) cbor(v any) []byte {
	raw, err := webauthncbor.Marshal(v)
	if err != nil {
		a.Fatal(err)
	}
	return raw
}

func (a *Authenticator) decode(s string) []byte {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		a.Fatal(err)
	}
	return raw
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Code is what an authenticator app shows at a time; secret is as it is shown for typing in, spaces or none.
func Code(t testing.TB, secret string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}
