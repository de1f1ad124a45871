package compile

import (
	"cmp"
	"fmt"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// A policy with spec.limits.clients has so many places. Who holds one keeps it against those who come later; among those who wait, and
// among those who hold one when the limit is lowered, the older come first. Which clients there are is gathered; here it is only
// decided by a number, see [ClientInputs.Before].

// Age is what decides which of two clients comes first when places are given away.
type Age struct {
	// Created is when it was made; the zero time for one that no API server has seen.
	Created         time.Time
	Namespace, Name string
}

// AgeOf is the age of a client.
func AgeOf(c *v1alpha1.OAuthClient) Age {
	return Age{Created: c.CreationTimestamp.Time, Namespace: c.Namespace, Name: c.Name}
}

// Compare is negative when a comes before b: it was made earlier, or in the same second and comes first by namespace and name.
func (a Age) Compare(b Age) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// Places compiles clients one after the other and keeps count of the places that are taken. It is for who compiles all clients together
// and starts from nothing, as an offline check does: they have to come in the order of [Age.Compare]. The zero value is ready.
type Places struct {
	// taken is by the namespace of the server, then by policy.
	taken map[string]map[string]int
}

// Client is [Client] with the places that the clients before have left.
func (p *Places) Client(in ClientInputs) ClientResult {
	namespace := ""
	if server, f := ServerOf(in.Client, in.Servers); f == nil {
		namespace = server.Namespace
	}
	in.Before = maps.Clone(p.taken[namespace])
	r := Client(in)
	if r.Policy == "" {
		return r
	}
	if p.taken == nil {
		p.taken = map[string]map[string]int{}
	}
	if p.taken[namespace] == nil {
		p.taken[namespace] = map[string]int{}
	}
	p.taken[namespace][r.Policy]++
	return r
}

// LimitedPolicies lists the policies of the client's server that select the client and have spec.limits.clients, by name, with their
// limits: those that [ClientInputs.Before] is about. server is nil when there is none.
func LimitedPolicies(in ClientInputs) (server *types.NamespacedName, limits map[string]int32) {
	found, f := ServerOf(in.Client, in.Servers)
	if f != nil {
		return nil, nil
	}
	server = &types.NamespacedName{Namespace: found.Namespace, Name: found.Name}
	for i := range in.Policies {
		if l := in.Policies[i].Spec.Limits; l == nil || l.Clients == nil {
			continue
		}
		for _, p := range matchingPolicies(in, found) {
			if l := p.Spec.Limits; l != nil && l.Clients != nil {
				if limits == nil {
					limits = map[string]int32{}
				}
				limits[p.Name] = *l.Clients
			}
		}
		break
	}
	return server, limits
}

// full reports whether the policy has no place for the client.
func full(in ClientInputs, p *registration.Policy) bool {
	return p.Limits.Clients != nil && in.Before[p.Name] >= int(*p.Limits.Clients)
}

func noPlace(c *v1alpha1.OAuthClient, p *registration.Policy) policy.Finding {
	allowed := fmt.Sprintf("at most %d clients, and so many came first", *p.Limits.Clients)
	if *p.Limits.Clients == 0 {
		allowed = "no clients"
	}
	return policy.Finding{
		Policy: p.Name, Field: "metadata.name", Value: c.Name, Rule: "spec.limits.clients", Allowed: allowed,
		Fix: "delete a client that is not needed any more or ask the platform team to change the policy",
	}
}
