package compile

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Finding is one thing that keeps a manifest from being accepted.
type Finding struct {
	// Reason becomes the reason of the condition.
	Reason v1alpha1.ConditionReason
	// Message names field, value, rule and fix in one line.
	Message string
}

// ClientInputs is everything that decides about a client.
type ClientInputs struct {
	Client *v1alpha1.OAuthClient
	// Servers are all OAuthServers; which one serves the client is decided here.
	Servers []v1alpha1.OAuthServer
	// NamespaceLabels are those of the client's namespace.
	NamespaceLabels map[string]string
	// Policies, Resources are all of them in all namespaces; those of other servers are passed over.
	Policies  []v1alpha1.OAuthGrantPolicy
	Resources []v1alpha1.OAuthResource
	// Rivals are the other OAuthClients that have, or derive, the same client id (see ClientID).
	Rivals []v1alpha1.OAuthClient
	// Secrets are the verifiers of the client's secrets, the current one first; empty for a public client.
	Secrets []registration.SecretHash
	// Previous is the registration in force, nil when there is none: what is served on when an edit is refused.
	Previous *registration.Client
}

// ClientResult is what became of a client.
type ClientResult struct {
	// Server is the server of the client, nil when none was found.
	Server *v1alpha1.OAuthServer
	// ClientID in force.
	ClientID string
	// Registration is what to serve: the compiled client, or the previous one while an edit is refused and the policies still
	// accept the previous one, or nil.
	Registration *registration.Client
	// Current is true when Registration was compiled from this generation of the manifest.
	Current bool
	// Policy is the governing policy of Registration.
	Policy string
	// GrantTypes in force by the manifest, defaults included.
	GrantTypes []string
	// Findings, if any, are why the manifest was refused.
	Findings []Finding
}

// Client compiles an OAuthClient.
func Client(in ClientInputs) ClientResult { panic("to be written") }

// ClientID is the client id of a manifest: the declared one, or "namespace.name".
func ClientID(c *v1alpha1.OAuthClient) string { panic("to be written") }

// NeedsSecret reports whether the client has a client secret.
func NeedsSecret(c *v1alpha1.OAuthClient) bool { panic("to be written") }

// SecretName is the name of the Secret that the operator writes for the client.
func SecretName(c *v1alpha1.OAuthClient) string { panic("to be written") }

// ServerOf finds the server of a client among all servers, or says why there is none.
func ServerOf(c *v1alpha1.OAuthClient, servers []v1alpha1.OAuthServer) (*v1alpha1.OAuthServer, *Finding) {
	panic("to be written")
}

// LocalServerOf finds the server of a policy, resource or identity provider among the servers of its namespace, or says
// why there is none.
func LocalServerOf(ref *v1alpha1.LocalServerReference, namespace string, servers []v1alpha1.OAuthServer) (*v1alpha1.OAuthServer, *Finding) {
	panic("to be written")
}

// Server compiles an OAuthServer. others are all OAuthServers, for conflicts of the issuer.
func Server(s *v1alpha1.OAuthServer, others []v1alpha1.OAuthServer) (*registration.Server, []Finding) {
	panic("to be written")
}

// Policy compiles an OAuthGrantPolicy.
func Policy(p *v1alpha1.OAuthGrantPolicy, servers []v1alpha1.OAuthServer) (*registration.Policy, []Finding) {
	panic("to be written")
}

// PolicyMatches reports whether the selectors of a policy match a client.
func PolicyMatches(p *v1alpha1.OAuthGrantPolicy, c *v1alpha1.OAuthClient, namespaceLabels map[string]string) (bool, error) {
	panic("to be written")
}

// Resource compiles an OAuthResource. others are all OAuthResources, for conflicts of identifier and scope names.
func Resource(r *v1alpha1.OAuthResource, servers []v1alpha1.OAuthServer, others []v1alpha1.OAuthResource) (*registration.Resource, []Finding) {
	panic("to be written")
}

// IdentityProvider compiles an OAuthIdentityProvider. accounts is the Secret that spec.local names, nil when it does not
// exist or does not opt in.
func IdentityProvider(p *v1alpha1.OAuthIdentityProvider, servers []v1alpha1.OAuthServer, accounts *corev1.Secret) (*registration.IdentityProvider, []Finding) {
	panic("to be written")
}

// DocumentName is the name of the Secret or file that holds the document of a manifest: fixed for kind, namespace and
// name, and a valid object name.
func DocumentName(kind registration.Kind, owner types.NamespacedName) string { panic("to be written") }
