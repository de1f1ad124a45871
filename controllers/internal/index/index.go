// Package index names the field indexes of the operator's cache and registers them, so that every reconciler finds what
// an event affects without walking all objects. It does not read anything itself.
package index

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// The indexes. Each says what its value is; the functions below make values.
const (
	// ClientID finds OAuthClients by the client id in force.
	ClientID = "clientID"
	// ServerRef finds OAuthClients by their server; see Server and DefaultServer.
	ServerRef = "serverRef"
	// Policy finds OAuthClients by the policy that governs them, and those that are refused by their server's namespace; see
	// Governed and Refused.
	Policy = "policy"
	// ReferencedSecret finds OAuthIdentityProviders and OAuthClients by the Secret that they name.
	ReferencedSecret = "referencedSecret"
	// RetiringSecret finds OAuthClients by their secrets that are not the current one; see registration.SecretUse.
	RetiringSecret = "retiringSecret"
	// Document finds Secrets with a document by the manifest it was made from; see DocumentOf.
	Document = "document"
	// ServerDocuments finds Secrets with a document by kind and server; see DocumentsFor.
	ServerDocuments = "serverDocuments"
	// Controller finds Secrets by the object of ours that controls them, or that they were made for and outlive; see ControlledBy.
	Controller = "controller"
)

// DefaultServer is the value of ServerRef of a client that names no server.
const DefaultServer = "*"

// Server is the value of ServerRef of a client that names one.
func Server(namespace, name string) string { return namespace + "/" + name }

// Governed is the value of Policy of a client that a policy governs, by its status.
func Governed(namespace, policy string) string { return namespace + "/" + policy }

// Refused is the value of Policy of a client that no policy accepts, by its status; namespace is its server's.
func Refused(namespace string) string { return namespace + "/" }

// DocumentOf is the value of Document; owner is "namespace/name".
func DocumentOf(kind registration.Kind, owner string) string { return string(kind) + ":" + owner }

// DocumentsFor is the value of ServerDocuments.
func DocumentsFor(kind registration.Kind, server string) string { return string(kind) + ":" + server }

// ControlledBy is the value of Controller.
func ControlledBy(kind, name string) string { return kind + "/" + name }

// Register adds every index.
func Register(ctx context.Context, to client.FieldIndexer) error {
	for _, x := range []struct {
		obj   client.Object
		field string
		value client.IndexerFunc
	}{
		{&v1alpha1.OAuthClient{}, ClientID, func(o client.Object) []string {
			return []string{compile.ClientID(o.(*v1alpha1.OAuthClient))}
		}},
		{&v1alpha1.OAuthClient{}, ServerRef, func(o client.Object) []string {
			return []string{serverRef(o.(*v1alpha1.OAuthClient))}
		}},
		{&v1alpha1.OAuthClient{}, Policy, func(o client.Object) []string { return policy(o.(*v1alpha1.OAuthClient)) }},
		{&v1alpha1.OAuthIdentityProvider{}, ReferencedSecret, func(o client.Object) []string {
			if name := compile.ReferencedSecret(&o.(*v1alpha1.OAuthIdentityProvider).Spec); name != "" {
				return []string{name}
			}
			return nil
		}},
		{&v1alpha1.OAuthClient{}, ReferencedSecret, func(o client.Object) []string {
			if ref := compile.InboundSecret(o.(*v1alpha1.OAuthClient)); ref != nil {
				return []string{ref.Name}
			}
			return nil
		}},
		{&v1alpha1.OAuthClient{}, RetiringSecret, retiring},
		{&corev1.Secret{}, Document, document},
		{&corev1.Secret{}, ServerDocuments, serverDocuments},
		{&corev1.Secret{}, Controller, controller},
	} {
		if err := to.IndexField(ctx, x.obj, x.field, x.value); err != nil {
			return fmt.Errorf("index %s: %w", x.field, err)
		}
	}
	return nil
}

func serverRef(c *v1alpha1.OAuthClient) string {
	ref := c.Spec.ServerRef
	switch {
	case ref == nil:
		return DefaultServer
	case ref.Namespace == "":
		return Server(c.Namespace, ref.Name)
	}
	return Server(ref.Namespace, ref.Name)
}

func policy(c *v1alpha1.OAuthClient) []string {
	namespace, _, _ := strings.Cut(c.Status.Server, "/")
	switch {
	case namespace == "":
		return nil
	case c.Status.Policy != "":
		return []string{Governed(namespace, c.Status.Policy)}
	case meta.IsStatusConditionFalse(c.Status.Conditions, string(v1alpha1.ConditionAccepted)):
		return []string{Refused(namespace)}
	}
	return nil
}

func document(o client.Object) []string {
	if kind, ok := documentKind(o); ok {
		return []string{DocumentOf(kind, o.GetAnnotations()[registration.AnnotationOwner])}
	}
	return nil
}

func serverDocuments(o client.Object) []string {
	if kind, ok := documentKind(o); ok {
		return []string{DocumentsFor(kind, o.GetLabels()[registration.LabelServer])}
	}
	return nil
}

func documentKind(o client.Object) (registration.Kind, bool) {
	s := o.(*corev1.Secret)
	kind := s.Labels[registration.LabelDocument]
	return registration.Kind(kind), s.Type == registration.SecretType && kind != "" && owned.Managed(s)
}

func retiring(o client.Object) []string {
	c := o.(*v1alpha1.OAuthClient)
	var out []string
	for _, s := range c.Status.Secrets {
		if !s.Current {
			out = append(out, registration.SecretUse{ClientUID: string(c.UID), SecretID: s.ID}.Key())
		}
	}
	return out
}

func controller(o client.Object) []string {
	if name := owned.ClientOf(o); name != "" {
		return []string{ControlledBy(owned.KindClient, name)}
	}
	for _, kind := range []string{owned.KindServer, owned.KindClient} {
		if name := owned.ControllerName(o, kind); name != "" && owned.Managed(o) {
			return []string{ControlledBy(kind, name)}
		}
	}
	return nil
}
