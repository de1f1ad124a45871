package registry

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/jwkset"
)

// RefusedError says why a client that is registered is not served: its governing policy does not accept it, or is gone.
type RefusedError struct {
	// Policy is the name of the governing policy.
	Policy string
	// Findings are the reasons; none when there is no policy of that name, or it is broken.
	Findings []policy.Finding
	// Broken, if not empty, is what is wrong with the policy itself: it refuses everything.
	Broken string
}

// Error names the policy, fields, values and rules. It is for logs and status, not for whoever sent a request.
func (e *RefusedError) Error() string {
	switch {
	case e.Broken != "":
		return fmt.Sprintf("policy %s refuses everything, because it cannot be read whole: %s", e.Policy, e.Broken)
	case len(e.Findings) == 0:
		return fmt.Sprintf("policy %s does not exist", e.Policy)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "policy %s refuses", e.Policy)
	for i, f := range e.Findings {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, " %s %q by %s", f.Field, f.Value, f.Rule)
	}
	return b.String()
}

// judge is the signature of policy.Accepts.
type judge func(*registration.Policy, *registration.Client) []policy.Finding

// verdict evaluates a client's policy. Without one, or with one whose expression does not compile, nothing is served: default deny.
func (accepts judge) verdict(d *registration.Client, by *shared) *RefusedError {
	p, ok := by.policies[d.Policy]
	if !ok {
		return &RefusedError{Policy: d.Policy}
	}
	if broken := by.users[d.Policy].broken; broken != "" {
		return &RefusedError{Policy: d.Policy, Broken: broken}
	}
	if findings := accepts(p, d); len(findings) > 0 {
		return &RefusedError{Policy: d.Policy, Findings: findings}
	}
	return nil
}

// sameVerdict compares two verdicts by what they say.
func sameVerdict(a, b *RefusedError) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Policy == b.Policy && a.Broken == b.Broken && slices.Equal(a.Findings, b.Findings)
}

// newClient works out what requests need to know about a client.
func newClient(d *registration.Client, refused *RefusedError) *Client {
	c := &Client{
		Client:       d,
		ScopeSet:     set(d.Scopes),
		GrantTypeSet: set(d.GrantTypes),
		Public:       slices.Contains(d.Authentication.Methods, registration.AuthenticationNone),
		Subject:      "client:" + d.DocumentName(),
	}
	if len(d.Authentication.JWKS) > 0 {
		// Keys that cannot be used authenticate nobody.
		c.Keys, _ = jwkset.Parse(d.Authentication.JWKS, registration.MaxClientKeys)
	}
	if refused != nil { // a nil *RefusedError in the interface would not be nil
		c.Refused = refused
	}
	return c
}

// withVerdict is c with another verdict. Everything else is shared.
func withVerdict(c *Client, refused *RefusedError) *Client {
	next := *c
	next.Refused = nil
	if refused != nil {
		next.Refused = refused
	}
	return &next
}

// refusal is the client's verdict as newClient was given it.
func refusal(c *Client) *RefusedError {
	refused, _ := errors.AsType[*RefusedError](c.Refused)
	return refused
}

func set(values []string) map[string]struct{} {
	m := make(map[string]struct{}, len(values))
	for _, v := range values {
		m[v] = struct{}{}
	}
	return m
}
