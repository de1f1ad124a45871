package compile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Resource compiles an OAuthResource. others are all OAuthResources, for conflicts of identifier and scope names within
// one server: the older one keeps them. The document is nil when there are findings.
func Resource(r *v1alpha1.OAuthResource, servers []v1alpha1.OAuthServer, others []v1alpha1.OAuthResource) (*registration.Resource, []Finding) {
	server, f := LocalServerOf(r.Spec.ServerRef, r.Namespace, servers)
	if f != nil {
		return nil, []Finding{*f}
	}
	var k checker
	k.check("spec.identifier", orEmpty(r.Spec.Identifier), registration.CheckResourceIdentifier(r.Spec.Identifier))
	k.optionalText("spec.title", r.Spec.Title, registration.MaxDisplayText)
	k.resourceScopes(r.Spec.Scopes)
	var holders []*v1alpha1.OAuthResource
	for i := range others {
		o := &others[i]
		// The cheap tests come first: this runs for every pair.
		if o.Namespace != r.Namespace || sameObject(o, r) || !older(o, r) {
			continue
		}
		if s, f := LocalServerOf(o.Spec.ServerRef, o.Namespace, servers); f == nil && s.Name == server.Name {
			holders = append(holders, o)
		}
	}
	// A cache lists in no order; what status says must not change with it.
	slices.SortFunc(holders, func(a, b *v1alpha1.OAuthResource) int {
		if older(a, b) {
			return -1
		}
		return 1
	})
	for _, o := range holders {
		k.resourceConflict(r, o)
	}
	d := &registration.Resource{Namespace: r.Namespace, Name: r.Name, Identifier: r.Spec.Identifier, Title: r.Spec.Title}
	if d.Title == "" {
		d.Title = d.Identifier
	}
	for _, s := range r.Spec.Scopes {
		d.Scopes = append(d.Scopes, registration.Scope{Name: s.Name, Title: s.Title, Description: s.Description, Sensitive: s.Sensitive})
	}
	d.Choices = k.choices(r.Spec.Choices)
	for i, ref := range r.Spec.ResourceServers {
		field := fmt.Sprintf("spec.resourceServers[%d]", i)
		namespace := ref.Namespace
		if namespace == "" {
			namespace = r.Namespace
		}
		k.check(field+".name", orEmpty(ref.Name), registration.CheckName(ref.Name))
		k.check(field+".namespace", orEmpty(namespace), registration.CheckNamespace(namespace))
		d.ResourceServers = append(d.ResourceServers, namespace+"/"+ref.Name)
	}
	if !k.validates(d) {
		return nil, k.bounded()
	}
	return d, nil
}

// choices is what people choose among, nil for nothing.
func (k *checker) choices(c *v1alpha1.ResourceChoices) *registration.Choices {
	if c == nil {
		return nil
	}
	d := &registration.Choices{Type: c.Type, Title: c.Title, URL: c.Source.URL}
	for _, e := range c.Source.Static {
		d.Static = append(d.Static, registration.Choice{ID: e.ID, Title: e.Title, Parent: e.Parent})
	}
	for _, e := range registration.CheckChoices(d) {
		field := e.Field
		if field == "url" || strings.HasPrefix(field, "static") {
			field = "source." + field
		}
		k.check("spec.choices."+field, "", e.Err)
	}
	return d
}

func (k *checker) resourceScopes(scopes []v1alpha1.ResourceScope) {
	if len(scopes) > registration.MaxResourceScopes {
		k.invalid("spec.scopes", "must have at most %d entries, not %d", registration.MaxResourceScopes, len(scopes))
		return
	}
	for i, s := range scopes {
		field := fmt.Sprintf("spec.scopes[%d]", i)
		k.check(field+".name", orEmpty(s.Name), registration.CheckScope(s.Name))
		if registration.IsIdentityScope(s.Name) {
			k.check(field+".name", s.Name, errors.New("is a scope of OpenID Connect, about the user and of no resource; choose another name"))
		}
		if slices.ContainsFunc(scopes[:i], func(o v1alpha1.ResourceScope) bool { return o.Name == s.Name }) {
			k.check(field+".name", orEmpty(s.Name), errors.New("is there twice; remove one of them"))
		}
		k.check(field+".title", orEmpty(s.Title), registration.CheckText(s.Title, registration.MaxDisplayText))
		k.optionalText(field+".description", s.Description, registration.MaxDescription)
	}
}

func (k *checker) resourceConflict(r, o *v1alpha1.OAuthResource) {
	if o.Spec.Identifier == r.Spec.Identifier {
		k.add(v1alpha1.ReasonIdentifierConflict, "spec.identifier %s: the older OAuthResource %s has this identifier; choose another, or add the scopes there", show(r.Spec.Identifier), namespacedName(o))
	}
	for i, s := range r.Spec.Scopes {
		if slices.ContainsFunc(o.Spec.Scopes, func(os v1alpha1.ResourceScope) bool { return os.Name == s.Name }) {
			k.add(v1alpha1.ReasonIdentifierConflict, "spec.scopes[%d].name %s: the older OAuthResource %s has this scope; choose another name", i, show(s.Name), namespacedName(o))
		}
	}
}

// declaringResources finds, for each scope of a client, the name of the OAuthResource of the server that declares it: empty for a scope of
// OpenID Connect, and for one that cannot be a scope. unknown are those, by index, that nothing declares.
func declaringResources(in ClientInputs, server *v1alpha1.OAuthServer, scopes []string) (resources []string, unknown []int) {
	accepted := map[int]bool{} // resources by index; each is compiled once, and only if it matters
	resources = make([]string, len(scopes))
	for i, scope := range scopes {
		if registration.IsIdentityScope(scope) || registration.CheckScope(scope) != nil {
			continue
		}
		if resources[i] = declaring(in, server, scope, accepted); resources[i] == "" {
			unknown = append(unknown, i)
		}
	}
	return resources, unknown
}

// declaring finds the accepted resource of the server that declares a scope; empty for none.
func declaring(in ClientInputs, server *v1alpha1.OAuthServer, scope string, accepted map[int]bool) string {
	for i := range in.Resources {
		r := &in.Resources[i]
		if r.Namespace != server.Namespace || !slices.ContainsFunc(r.Spec.Scopes, func(s v1alpha1.ResourceScope) bool { return s.Name == scope }) {
			continue
		}
		ok, known := accepted[i]
		if !known {
			s, f := LocalServerOf(r.Spec.ServerRef, r.Namespace, in.Servers)
			if f == nil && s.Name == server.Name {
				_, findings := Resource(r, in.Servers, in.Resources)
				ok = len(findings) == 0
			}
			accepted[i] = ok
		}
		if ok {
			return r.Name
		}
	}
	return ""
}

// namesOnce are the names that there are, each once, sorted; nil for none.
func namesOnce(names []string) []string {
	var out []string
	for _, n := range names {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}
