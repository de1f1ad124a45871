package check

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/offline"
)

// clientNotes are what manifests alone cannot decide about a client, and what keeps one that is accepted from being ready.
func (r *reporter) clientNotes(c *offline.Client) []string {
	var notes []string
	o := c.Manifest
	if ref := compile.InboundSecret(o); ref != nil {
		notes = append(notes, r.inboundNotes(o, ref)...)
	}
	if holder := r.secretHolder(o); holder != "" {
		notes = append(notes, fmt.Sprintf("spec.secret.name %s: %s has that name already; choose another, or the client does not become ready", compile.SecretName(o), holder))
	}
	if len(c.Findings) == 0 {
		return notes
	}
	switch c.Findings[0].Reason {
	case v1alpha1.ReasonServerNotFound:
		if len(r.set.Servers) == 0 {
			notes = append(notes, "there is no OAuthServer among the manifests; name the folder with the platform's own by --policies")
		}
	case v1alpha1.ReasonNoPolicy, v1alpha1.ReasonPolicyRefused, v1alpha1.ReasonServerRefused:
		if !r.namespaceKnown(o.Namespace) {
			notes = append(notes, fmt.Sprintf("Namespace %s is not among the manifests, so that its labels are not known here; name a folder with it by --policies if they matter", o.Namespace))
		}
	}
	return notes
}

func (r *reporter) namespaceKnown(name string) bool {
	for i := range r.set.Namespaces {
		if r.set.Namespaces[i].Name == name {
			return true
		}
	}
	return false
}

// inboundNotes are about the Secret that a client's secret is read from. They show nothing of it.
func (r *reporter) inboundNotes(c *v1alpha1.OAuthClient, ref *v1alpha1.SecretKeyReference) []string {
	s := r.set.Secret(c.Namespace, ref.Name)
	if s == nil {
		return []string{fmt.Sprintf("spec.authentication.clientSecret.secretRef.name %s: this Secret is not known here; the client waits until the cluster has it", ref.Name)}
	}
	if _, f := compile.InboundValue(c, s); f != nil {
		return []string{f.Message}
	}
	return nil
}

// secretHolder is who else has the name of the Secret that the operator writes for a client: an older client, or a Secret.
func (r *reporter) secretHolder(c *v1alpha1.OAuthClient) string {
	name := compile.SecretName(c)
	if s := r.set.Secret(c.Namespace, name); s != nil {
		return "Secret " + name
	}
	if r.holders == nil {
		r.holders = map[types.NamespacedName]*v1alpha1.OAuthClient{}
		for i := range r.set.Clients {
			o := &r.set.Clients[i]
			at := types.NamespacedName{Namespace: o.Namespace, Name: compile.SecretName(o)}
			if first := r.holders[at]; first == nil || compile.AgeOf(o).Compare(compile.AgeOf(first)) < 0 {
				r.holders[at] = o
			}
		}
	}
	if first := r.holders[types.NamespacedName{Namespace: c.Namespace, Name: name}]; first.Name != c.Name {
		return "OAuthClient " + first.Name
	}
	return ""
}

// policyNotes are about what a policy names that is not among the manifests.
func (r *reporter) policyNotes(o offline.Object) []string {
	i := slices.IndexFunc(r.set.Policies, func(p v1alpha1.OAuthGrantPolicy) bool {
		return o.Key.Kind == "OAuthGrantPolicy" && p.Namespace == o.Key.Namespace && p.Name == o.Key.Name
	})
	if i < 0 {
		return nil
	}
	unknown := compile.UnknownProviders(&r.set.Policies[i], r.set.IdentityProviders, r.set.Servers)
	if len(unknown) == 0 {
		return nil
	}
	return []string{"spec.allow.identityProviders: " + strings.Join(unknown, ", ") + " is not known here; nobody signs in there until the server has it"}
}
