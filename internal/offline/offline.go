package offline

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Inputs is everything that is known.
type Inputs struct {
	Set *manifest.Set
	// Secrets are the verifiers of clients that have a secret, by namespace and name, the current one first.
	Secrets map[types.NamespacedName][]registration.SecretHash
	// Previous are the registrations in force, by the client's namespace and name.
	Previous map[types.NamespacedName]*registration.Client
	// StandIn is the Secret that takes the place of one that no manifest declares, for what an identity provider names; it may be nil,
	// and may return nil.
	StandIn func(p *v1alpha1.OAuthIdentityProvider, name string) *corev1.Secret
}

// Result is what became of every object, in the order of the Set.
type Result struct {
	// Objects are the servers, policies, resources and identity providers, in this order.
	Objects []Object
	Clients []Client
}

// Object is what became of one object that is not a client.
type Object struct {
	Key manifest.ObjectKey
	// Server is the one that the object belongs to, one of the Set's; nil when there is none.
	Server *v1alpha1.OAuthServer
	// Kind and Document are what to serve; Document is nil when there is nothing.
	Kind     registration.Kind
	Document registration.Document
	// Findings, if any, are why the object was refused.
	Findings []compile.Finding
}

// Client is what became of one client.
type Client struct {
	// Manifest is one of the Set's.
	Manifest *v1alpha1.OAuthClient
	compile.ClientResult
}

// Key names the client's object.
func (c *Client) Key() manifest.ObjectKey { return keyOf("OAuthClient", c.Manifest) }

// Compile compiles every object of the Set.
func Compile(in Inputs) Result {
	var r Result
	set := in.Set
	for i := range set.Servers {
		o := &set.Servers[i]
		doc, findings := compile.Server(o, set.Servers)
		r.add(keyOf("OAuthServer", o), o, registration.KindServer, orNil(doc), findings)
	}
	for i := range set.Policies {
		o := &set.Policies[i]
		doc, findings := compile.Policy(o, set.Servers)
		r.add(keyOf("OAuthGrantPolicy", o), serverOf(set, o.Spec.ServerRef, o), registration.KindPolicy, orNil(doc), findings)
	}
	for i := range set.Resources {
		o := &set.Resources[i]
		doc, findings := compile.Resource(o, set.Servers, set.Resources)
		r.add(keyOf("OAuthResource", o), serverOf(set, o.Spec.ServerRef, o), registration.KindResource, orNil(doc), findings)
	}
	for i := range set.IdentityProviders {
		o := &set.IdentityProviders[i]
		doc, findings := compile.IdentityProvider(o, set.Servers, in.secretOf(o))
		r.add(keyOf("OAuthIdentityProvider", o), serverOf(set, o.Spec.ServerRef, o), registration.KindIdentityProvider, orNil(doc), findings)
	}
	r.Clients = in.clients()
	return r
}

// clients compiles the clients in the order in which places of policies are given away (spec.limits.clients): who is registered keeps
// the one it has, then the older come first.
func (in Inputs) clients() []Client {
	set := in.Set
	order := make([]int, len(set.Clients))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := &set.Clients[i], &set.Clients[j]
		if x, y := in.Previous[nameOf(a)] != nil, in.Previous[nameOf(b)] != nil; x != y {
			if x {
				return -1
			}
			return 1
		}
		return compile.AgeOf(a).Compare(compile.AgeOf(b))
	})
	var places compile.Places
	var expressions expression.Memo
	registered := func(c *v1alpha1.OAuthClient) bool { return in.Previous[nameOf(c)] != nil }
	rivals := in.rivals(registered)
	inputs := func(c *v1alpha1.OAuthClient) compile.ClientInputs {
		return compile.ClientInputs{
			Client:          c,
			Servers:         set.Servers,
			NamespaceLabels: set.NamespaceLabels(c.Namespace),
			Policies:        set.Policies,
			Resources:       set.Resources,
			Rivals:          others(rivals[compile.ClientID(c)], c),
			Secrets:         in.Secrets[nameOf(c)],
			Expressions:     &expressions,
			Previous:        in.Previous[nameOf(c)],
		}
	}
	out := make([]Client, len(set.Clients))
	for _, i := range order {
		c := &set.Clients[i]
		out[i] = Client{c, places.Client(inputs(c))}
	}
	// Who is refused for whatever else is told of the client id too, once somebody else is registered under it. That changes nobody's
	// place, since only who has none is asked again.
	accepted := map[types.NamespacedName]bool{}
	for i := range out {
		accepted[nameOf(out[i].Manifest)] = len(out[i].Findings) == 0 && in.hasSecret(out[i].Manifest)
	}
	rivals = in.rivals(func(c *v1alpha1.OAuthClient) bool { return registered(c) || accepted[nameOf(c)] })
	for i := range out {
		c := out[i].Manifest
		if len(out[i].Findings) > 0 && slices.ContainsFunc(others(rivals[compile.ClientID(c)], c), func(r compile.Rival) bool { return accepted[nameOf(&r.Client)] }) {
			if again := compile.Client(inputs(c)); len(again.Findings) > 0 && again.Findings[0].Reason == v1alpha1.ReasonClientIDConflict {
				out[i].ClientResult = again
			}
		}
	}
	return out
}

// hasSecret reports whether the secret that a client brings is among the manifests; a client that waits for it is not registered.
func (in Inputs) hasSecret(c *v1alpha1.OAuthClient) bool {
	ref := compile.InboundSecret(c)
	if ref == nil {
		return true
	}
	_, f := compile.InboundValue(c, in.Set.Secret(c.Namespace, ref.Name))
	return f == nil
}

func nameOf(c *v1alpha1.OAuthClient) types.NamespacedName {
	return types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
}

func (r *Result) add(key manifest.ObjectKey, server *v1alpha1.OAuthServer, kind registration.Kind, d registration.Document, findings []compile.Finding) {
	r.Objects = append(r.Objects, Object{Key: key, Server: server, Kind: kind, Document: d, Findings: findings})
}

// orNil keeps a nil document from becoming an interface that is not nil.
func orNil[T any, D interface {
	*T
	registration.Document
}](d D) registration.Document {
	if d == nil {
		return nil
	}
	return d
}

func keyOf(kind string, o metav1.Object) manifest.ObjectKey {
	return manifest.ObjectKey{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
}

func serverOf(set *manifest.Set, ref *v1alpha1.LocalServerReference, o metav1.Object) *v1alpha1.OAuthServer {
	s, f := compile.LocalServerOf(ref, o.GetNamespace(), set.Servers)
	if f != nil {
		return nil
	}
	return s
}

// secretOf is the Secret that an identity provider names; nil when none opted in.
func (in Inputs) secretOf(o *v1alpha1.OAuthIdentityProvider) *corev1.Secret {
	name := compile.ReferencedSecret(&o.Spec)
	if name == "" {
		return nil
	}
	s := in.Set.Secret(o.Namespace, name)
	switch {
	case s == nil && in.StandIn != nil:
		return in.StandIn(o, name)
	case s == nil || s.Labels[v1alpha1.LabelReferenced] != "true":
		return nil
	}
	return s
}

// rivals are the clients by their client ids, those ids alone that several want.
func (in Inputs) rivals(registered func(*v1alpha1.OAuthClient) bool) map[string][]compile.Rival {
	wanted := map[string]int{}
	for i := range in.Set.Clients {
		wanted[compile.ClientID(&in.Set.Clients[i])]++
	}
	out := map[string][]compile.Rival{}
	for i := range in.Set.Clients {
		c := &in.Set.Clients[i]
		id := compile.ClientID(c)
		if wanted[id] < 2 {
			continue
		}
		out[id] = append(out[id], compile.Rival{Client: *c, NamespaceLabels: in.Set.NamespaceLabels(c.Namespace), Registered: registered(c)})
	}
	return out
}

func others(rivals []compile.Rival, c *v1alpha1.OAuthClient) []compile.Rival {
	var out []compile.Rival
	for i := range rivals {
		if rivals[i].Client.UID != c.UID {
			out = append(out, rivals[i])
		}
	}
	return out
}
