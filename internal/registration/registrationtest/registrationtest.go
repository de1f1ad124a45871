package registrationtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Keys are new keys of the server oauth/main: one ES256 and one RS256 key in use, whose ids end in suffix, and one of each other
// kind.
func Keys(t testing.TB, suffix string, now time.Time) *registration.Keys {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signing := func(id, algorithm string, key any) registration.SigningKey {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return registration.SigningKey{ID: id + suffix, Algorithm: algorithm, State: registration.KeyActive, PKCS8: der, CreatedAt: now, ActiveAt: now}
	}
	symmetric := func(id string) []registration.SymmetricKey {
		b := make([]byte, 32)
		_, _ = rand.Read(b) // never fails
		return []registration.SymmetricKey{{ID: id, Key: b, CreatedAt: now}}
	}
	return &registration.Keys{
		Namespace: "oauth", Name: "main", Signing: []registration.SigningKey{signing("ec", "ES256", ec), signing("rsa", "RS256", rs)},
		Sealing: symmetric("seal"), Derivation: symmetric("derive"), AtRest: symmetric("rest"),
	}
}

// SecretHash is how a document has a client secret.
func SecretHash(secret string) []registration.SecretHash {
	sum := sha256.Sum256([]byte(secret))
	return []registration.SecretHash{{ID: "s1", SHA256: hex.EncodeToString(sum[:])}}
}

// Folder is a folder of documents, one file for each.
type Folder string

// Path is where a document is.
func (f Folder) Path(d registration.Document) string {
	return filepath.Join(string(f), strings.ToLower(string(d.DocumentKind()))+"-"+strings.ReplaceAll(d.DocumentName(), "/", "-")+".json")
}

// Write puts a document in the folder, as a whole, in place of the one of the same name.
func (f Folder) Write(t testing.TB, d registration.Document) {
	t.Helper()
	b, err := registration.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	part := f.Path(d) + ".part"
	if err := os.WriteFile(part, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, f.Path(d)); err != nil {
		t.Fatal(err)
	}
}

// Remove deletes a document.
func (f Folder) Remove(t testing.TB, d registration.Document) {
	t.Helper()
	if err := os.Remove(f.Path(d)); err != nil {
		t.Fatal(err)
	}
}
