package compile

import (
	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Finding is one thing that keeps a manifest from being accepted.
type Finding struct {
	// Reason becomes the reason of the condition.
	Reason v1alpha1.ConditionReason
	// Message names field, value, rule and fix in one line, for a person who has never seen the project. It holds nothing
	// secret.
	Message string
}

// Rival is another OAuthClient with the same client id.
type Rival struct {
	Client v1alpha1.OAuthClient
	// NamespaceLabels are those of its namespace.
	NamespaceLabels map[string]string
	// Registered is true when the client's server has a registration of it now.
	Registered bool
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
	Rivals []Rival
	// Secrets are the verifiers of the client's secrets, the current one first; empty for a public client.
	Secrets []registration.SecretHash
	// Before is how many clients come before this one when places are given away: for a client that holds a place of a policy those
	// that hold one and are older, otherwise all that hold one, and those older ones that wait (see [Age]); by the names of the
	// policies of the client's server that have spec.limits.clients. None is no client. See [Places] for who compiles offline.
	Before map[string]int
	// Expressions remembers the users expressions of policies, for who compiles many clients; nil remembers nothing.
	Expressions *expression.Memo
	// Previous is the registration in force at the client's server (see ServerOf), nil when there is none: what is served on
	// when an edit is refused.
	Previous *registration.Client
}

// ClientResult is what became of a client.
type ClientResult struct {
	// Server is the server of the client, nil when none was found.
	Server *v1alpha1.OAuthServer
	// ClientID in force.
	ClientID string
	// Registration is what to serve: the compiled client, or the previous one while an edit is refused and the policies still
	// accept the previous one, or nil. Without findings it is nil only when the client needs a secret (see NeedsSecret) and
	// the inputs had none.
	Registration *registration.Client
	// Current is true when Registration was compiled from this generation of the manifest.
	Current bool
	// CutOff is true when Registration is the previous one, suspended because no policy accepts it any more: the client is
	// refused at once, and what users granted it is kept for when a policy accepts it again.
	CutOff bool
	// Policy is the governing policy of Registration; without findings it is set even when Registration is nil.
	Policy string
	// Waiting are the policies that are asked before Policy, or all when there is none, and that would accept the client, had they a place
	// left for it (spec.limits.clients).
	Waiting []string
	// GrantTypes in force by the manifest, defaults included.
	GrantTypes []string
	// Findings, if any, are why the manifest was refused, the most telling first.
	Findings []Finding
}
