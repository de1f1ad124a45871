package manifest

import (
	"crypto/sha256"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// Set is what a folder declares, each slice in the order in which it was read: files by path, documents from top to
// bottom.
//
// What an API server would assign is derived. The UID follows from kind, namespace and name: a manifest that is removed
// and brought back is the same object, unlike in a cluster. The creation timestamp follows from the order of reading, one second
// apart, so that "the older one wins" is decided, the same way each time. The generation is 1.
type Set struct {
	Servers           []v1alpha1.OAuthServer
	Clients           []v1alpha1.OAuthClient
	Policies          []v1alpha1.OAuthGrantPolicy
	Resources         []v1alpha1.OAuthResource
	IdentityProviders []v1alpha1.OAuthIdentityProvider
	Namespaces        []corev1.Namespace
	// Secrets have their stringData merged into data.
	Secrets []corev1.Secret
	// PassedOver lists what was read and is of no concern here: objects of other groups and kinds.
	PassedOver []Problem
	// Files are the manifests that were read, by path.
	Files []string
	// Origins says where each object stands.
	Origins map[ObjectKey]Origin
	// Objects holds every object above as it was written, without defaults, for whoever applies it to a cluster.
	Objects []Object

	// documents finds lines; judged are objects of our kinds with defaults, as they would be stored; ages is the order of
	// creation; context has what was read for reference alone.
	documents map[ObjectKey]*document
	judged    map[ObjectKey]map[string]any
	ages      map[ObjectKey]int
	context   map[ObjectKey]bool
}

// Object is one object as it was written. Its metadata.namespace is filled in.
type Object struct {
	Key ObjectKey
	// Content is the object in the form of JSON; whoever reads it must not change it.
	Content map[string]any
}

// ObjectKey names one object of a Set.
type ObjectKey struct{ Kind, Namespace, Name string }

// String is the key as kubectl would have it: "OAuthClient partners/acme".
func (k ObjectKey) String() string {
	if k.Namespace == "" {
		return k.Kind + " " + k.Name
	}
	return k.Kind + " " + k.Namespace + "/" + k.Name
}

// Origin is a place in a file.
type Origin struct {
	// File is the path as it was found below the folder that was loaded, with the folder in front.
	File string
	// Line counts from 1; 0 when the problem is the file's as a whole.
	Line int
}

// String is the place as editors and terminals understand it: "dir/file.yaml:12".
func (o Origin) String() string {
	if o.Line == 0 {
		return o.File
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// Problem is one thing that is wrong, and where.
type Problem struct {
	Origin
	// Object is the object it is in; its Kind is empty when it is not known.
	Object ObjectKey
	// Message says what is wrong, for a field of our kinds in the words of the API server. It never holds a value of a Secret.
	Message string
	// Refused is true when the object was read and an API server would refuse it; false when something could not be read.
	Refused bool
	// InContext is true when it is in what was read for reference alone (Options.Context).
	InContext bool
}

// String is the problem in one line: place, object, message.
func (p Problem) String() string {
	if p.Object.Kind == "" {
		return p.Origin.String() + ": " + p.Message
	}
	return p.Origin.String() + ": " + p.Object.String() + ": " + p.Message
}

// NamespaceLabels are the labels of a namespace, as the API server would have them: kubernetes.io/metadata.name is
// always there, also for a namespace that no manifest declares.
func (s *Set) NamespaceLabels(name string) map[string]string {
	labels := map[string]string{}
	for i := range s.Namespaces {
		if s.Namespaces[i].Name != name {
			continue
		}
		for k, v := range s.Namespaces[i].Labels {
			labels[k] = v
		}
	}
	labels[corev1.LabelMetadataName] = name
	return labels
}

// Secret finds a Secret; nil when there is none.
func (s *Set) Secret(namespace, name string) *corev1.Secret {
	for i := range s.Secrets {
		if s.Secrets[i].Namespace == namespace && s.Secrets[i].Name == name {
			return &s.Secrets[i]
		}
	}
	return nil
}

// Origin is where an object was read from; the zero Origin when it is not in the Set.
func (s *Set) Origin(kind, namespace, name string) Origin {
	return s.Origins[ObjectKey{kind, namespace, name}]
}

// InContext reports whether an object was read for reference alone, see Options.Context.
func (s *Set) InContext(key ObjectKey) bool { return s.context[key] }

// Locate is where a field of an object stands, by its path as messages have it ("spec.redirectURIs[1]"), or the nearest thing around it
// that is written down; the zero Origin when the object is not in the Set.
func (s *Set) Locate(key ObjectKey, path string) Origin {
	at, ok := s.Origins[key]
	if d := s.documents[key]; ok && d != nil {
		at.Line = d.line(path)
	}
	return at
}

// epoch is the creation timestamp of the first object of a Set.
const epoch = 946684800 // 2000-01-01T00:00:00Z

// assign gives an object what an API server would.
func assign(m *metav1.ObjectMeta, key ObjectKey, order int) {
	m.UID = UID(key)
	m.CreationTimestamp = metav1.NewTime(time.Unix(epoch+int64(order), 0).UTC())
	m.Generation = 1
}

// UID derives an object's UID from its name, in the form of a UUID of version 8 (RFC 9562 section 5.8).
func UID(key ObjectKey) types.UID {
	// Quoting keeps ("a", "b/c") and ("a/b", "c") apart.
	h := sha256.Sum256(fmt.Appendf(nil, "grantkeeper.dev/manifest\n%q\n%q\n%q", key.Kind, key.Namespace, key.Name))
	u := h[:16]
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return types.UID(fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16]))
}
