package document

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/index"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Store keeps documents in Secrets.
type Store struct {
	Secrets owned.Secrets
}

// Find lists the Secrets with the document of a manifest, in all namespaces: usually one, two while a client moves from
// one server to another. Only those that the operator made count: a Secret that merely carries the same labels is
// neither read nor removed (K4).
//
// What the operator itself has written in the namespace, which is where the document belongs, is found at once; what it wrote
// elsewhere a moment ago comes with its event, which wakes the manifest. To list consistently would be to wait for whatever
// is being written for any other manifest.
func (s Store) Find(ctx context.Context, kind registration.Kind, owner types.NamespacedName, namespace string) ([]corev1.Secret, error) {
	name := compile.DocumentName(kind, owner)
	if namespace != "" {
		if err := s.Secrets.Seen(ctx, types.NamespacedName{Namespace: namespace, Name: name}); err != nil {
			return nil, status.Failed(err, "read the document of %s", owner)
		}
	}
	var list corev1.SecretList
	err := s.Secrets.Client.List(ctx, &list, client.MatchingFields{index.Document: index.DocumentOf(kind, owner.String())},
		client.DisableReadYourWritesConsistency)
	found := slices.DeleteFunc(list.Items, func(x corev1.Secret) bool {
		return x.Name != name || owned.ControllerName(&x, owned.KindServer) != x.Labels[registration.LabelServer]
	})
	return found, status.Failed(err, "list the documents of %s", owner)
}

// Count says how many documents of a kind a server has.
func (s Store) Count(ctx context.Context, kind registration.Kind, server types.NamespacedName) (int, error) {
	var list corev1.SecretList
	err := s.Secrets.Client.List(ctx, &list, client.InNamespace(server.Namespace),
		client.MatchingFields{index.ServerDocuments: index.DocumentsFor(kind, server.Name)},
		client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	return len(list.Items), status.Failed(err, "list the documents of OAuthServer %s", server)
}

// All lists the Secrets with the documents of a kind and server, from the cache's own objects, which the caller must not change. Only
// those that the operator made count.
func (s Store) All(ctx context.Context, kind registration.Kind, server types.NamespacedName) ([]corev1.Secret, error) {
	var list corev1.SecretList
	err := s.Secrets.Client.List(ctx, &list, client.InNamespace(server.Namespace),
		client.MatchingFields{index.ServerDocuments: index.DocumentsFor(kind, server.Name)},
		client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	found := slices.DeleteFunc(list.Items, func(x corev1.Secret) bool { return owned.ControllerName(&x, owned.KindServer) != server.Name })
	return found, status.Failed(err, "list the documents of OAuthServer %s", server)
}

// Put writes the document of a manifest for a server and returns the resourceVersion that a replica has to reach to
// serve it. found are those that Find found.
func (s Store) Put(ctx context.Context, server *v1alpha1.OAuthServer, d registration.Document, owner types.NamespacedName, found []corev1.Secret) (string, error) {
	want, err := Secret(server, d, owner)
	if err != nil {
		return "", status.Failed(err, "encode the %s document of %s", d.DocumentKind(), owner)
	}
	version, _, err := s.Secrets.Put(ctx, In(found, server.Namespace), want)
	return version, status.Failed(err, "write the %s document of %s in namespace %s", d.DocumentKind(), owner, server.Namespace)
}

// Remove deletes those found, but for the one in the namespace keep.
func (s Store) Remove(ctx context.Context, found []corev1.Secret, keep string) error {
	for i := range found {
		if found[i].Namespace == keep {
			continue
		}
		if err := s.Secrets.Delete(ctx, &found[i]); err != nil {
			return status.Failed(err, "remove the document in namespace %s", found[i].Namespace)
		}
	}
	return nil
}

// Withdraw removes every document of a manifest.
func (s Store) Withdraw(ctx context.Context, kind registration.Kind, owner types.NamespacedName) error {
	found, err := s.Find(ctx, kind, owner, "")
	if err != nil {
		return err
	}
	return s.Remove(ctx, found, "")
}

// In is the one of those found that is in a namespace, or nil.
func In(found []corev1.Secret, namespace string) *corev1.Secret {
	for i := range found {
		if found[i].Namespace == namespace {
			return &found[i]
		}
	}
	return nil
}

// Secret renders a document. It fails when the document does not validate.
func Secret(server *v1alpha1.OAuthServer, d registration.Document, owner types.NamespacedName) (*corev1.Secret, error) {
	data, err := registration.Encode(d)
	if err != nil {
		return nil, err
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: server.Namespace,
			Name:      compile.DocumentName(d.DocumentKind(), owner),
			Labels: map[string]string{
				owned.LabelManagedBy:       owned.ManagedBy,
				registration.LabelServer:   server.Name,
				registration.LabelDocument: string(d.DocumentKind()),
			},
			Annotations: map[string]string{registration.AnnotationOwner: owner.String()},
			OwnerReferences: []metav1.OwnerReference{
				// The garbage collector takes the documents of a server that is deleted while the operator is away.
				owned.Reference(server, owned.KindServer),
			},
		},
		Type: registration.SecretType,
		Data: map[string][]byte{registration.DataKey: data},
	}, nil
}

// Owner reads from a Secret which manifest its document was made from; ok is false for any other Secret.
func Owner(s *corev1.Secret, kind registration.Kind) (owner types.NamespacedName, ok bool) {
	if s.Type != registration.SecretType || s.Labels[registration.LabelDocument] != string(kind) {
		return owner, false
	}
	namespace, name, ok := strings.Cut(s.Annotations[registration.AnnotationOwner], "/")
	return types.NamespacedName{Namespace: namespace, Name: name}, ok && namespace != "" && name != ""
}
