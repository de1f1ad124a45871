package dev

import (
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/argon2id"
)

// LabelMadeBy, with the value "dev", marks the Secrets that grantkeeper dev made. It changes no others.
const LabelMadeBy = "grantkeeper.dev/made-by"

// demoUser is the name of the demo account.
const demoUser = "demo"

// account is the demo account of this run. Its password is on the terminal and nowhere else.
type account struct {
	password string
	// value is what a Secret of accounts has under the account's name: YAML with the password's hash.
	value []byte
}

// newAccount makes the account with a password of 75 random bits, in letters and digits that are not mistaken for each other.
func newAccount(random io.Reader) (*account, error) {
	const alphabet = "abcdefghjkmnpqrstuvwxyz23456789" // 31
	password := make([]byte, 0, 17)
	for b := make([]byte, 1); len(password) < cap(password); {
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, err
		}
		if len(password) == 5 || len(password) == 11 {
			password = append(password, '-')
		}
		// 248 is the largest multiple of 31 that fits a byte: above it, letters would not be equally likely.
		if b[0] < 248 {
			password = append(password, alphabet[b[0]%31])
		}
	}
	hash, err := argon2id.New(string(password), argon2id.Default(), random)
	if err != nil {
		return nil, err
	}
	value, err := yaml.Marshal(map[string]any{
		"passwordHash":  hash.String(),
		"name":          "Demo User",
		"email":         "demo@example.com",
		"emailVerified": true,
		"groups":        []string{"demo"},
	})
	return &account{password: string(password), value: value}, err
}

// secret is the Secret of accounts that an identity provider names.
func (a *account) secret(namespace, name string) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Labels: map[string]string{LabelMadeBy: "dev", v1alpha1.LabelReferenced: "true"},
		},
		Data: map[string][]byte{demoUser: a.value},
	}
}
