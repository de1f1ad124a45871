package compile

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// documentPrefix begins the names of all documents. No Secret of a client may begin with it.
const documentPrefix = "gk-"

// ClientID is the client id of a manifest: the declared one, or "namespace.name".
func ClientID(c *v1alpha1.OAuthClient) string {
	if c.Spec.ClientID != "" {
		return c.Spec.ClientID
	}
	// A namespace has no dot, so that no two objects derive the same.
	return c.Namespace + "." + c.Name
}

// SecretName is the name of the Secret that the operator writes for the client.
func SecretName(c *v1alpha1.OAuthClient) string {
	if c.Spec.Secret != nil && c.Spec.Secret.Name != "" {
		return c.Spec.Secret.Name
	}
	return c.Name + "-oauth"
}

// DocumentName is the name of the Secret or file that holds the document of a manifest: fixed for kind, namespace and
// name, and a valid object name: "gk-", the kind and 160 bits of a hash.
func DocumentName(kind registration.Kind, owner types.NamespacedName) string {
	h := sha256.New()
	for _, part := range []string{string(kind), owner.Namespace, owner.Name} {
		// With its length before it, no part can be taken for the end of another.
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return documentPrefix + strings.ToLower(string(kind)) + "-" + hex.EncodeToString(h.Sum(nil)[:20])
}

// older reports whether a was made before b. Objects of the same second are ordered by namespace and name, so that
// everybody finds the same winner.
func older(a, b metav1.Object) bool {
	at, bt := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if !at.Time.Equal(bt.Time) {
		return at.Time.Before(bt.Time)
	}
	if a.GetNamespace() != b.GetNamespace() {
		return a.GetNamespace() < b.GetNamespace()
	}
	return a.GetName() < b.GetName()
}

func sameObject(a, b metav1.Object) bool {
	return a.GetNamespace() == b.GetNamespace() && a.GetName() == b.GetName()
}

func namespacedName(o metav1.Object) string { return o.GetNamespace() + "/" + o.GetName() }
