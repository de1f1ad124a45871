package policy

import (
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Finding is one reason why a policy refuses a client.
type Finding struct {
	// Policy is the policy's name.
	Policy string
	// Field is the field of the OAuthClient, as in "spec.redirectURIs[1]".
	Field string
	// Value is what the client has there.
	Value string
	// Rule is the field of the OAuthGrantPolicy that refuses it, as in "spec.allow.redirectHosts".
	Rule string
	// Fix says in one line what to do about it.
	Fix string
}

// Accepts evaluates a policy against a whole client and returns every reason to refuse it, in the order of the client's
// fields; none means that the policy accepts it.
func Accepts(p *registration.Policy, c *registration.Client) []Finding {
	panic("to be written")
}
