package dev

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// inputs is everything that files mode knows at one moment.
type inputs struct {
	set *manifest.Set
	// server is the one that is served, one of set.Servers.
	server *v1alpha1.OAuthServer
	// secrets holds the verifiers of clients that have a secret.
	secrets map[types.NamespacedName][]registration.SecretHash
	// previous holds the registrations in force.
	previous map[types.NamespacedName]*registration.Client
	// accounts is the demo account's value for Secrets that no manifest declares; nil for none.
	accounts *account
}

// project is what a set of manifests comes to, for one server.
type project struct {
	// documents by file name, without the keys.
	documents map[string]registration.Document
	clients   []clientOutcome
	// refused are the objects other than clients that were refused.
	refused []refusal
	// demo is true when the demo account can sign in.
	demo bool
}

// clientOutcome is what became of one client.
type clientOutcome struct {
	client *v1alpha1.OAuthClient
	compile.ClientResult
}

// refusal is an object with what is wrong with it.
type refusal struct {
	key      manifest.ObjectKey
	findings []compile.Finding
}

// compileSet is the one-way flow of the cluster with a folder in place of it: the same functions, called on all manifests
// at once. It is pure.
func compileSet(in inputs) project {
	p := project{documents: map[string]registration.Document{}}
	servers := in.set.Servers
	doc, findings := compile.Server(in.server, servers)
	p.keep("OAuthServer", in.server, registration.KindServer, orNil(doc), findings)
	// What belongs to another server is passed over; what belongs to none is not, so that it is reported.
	here := func(ref *v1alpha1.LocalServerReference, o metav1.Object) bool {
		s, f := compile.LocalServerOf(ref, o.GetNamespace(), servers)
		return f != nil || s.Namespace == in.server.Namespace && s.Name == in.server.Name
	}
	for i := range in.set.Policies {
		o := &in.set.Policies[i]
		if here(o.Spec.ServerRef, o) {
			doc, findings := compile.Policy(o, servers)
			p.keep("OAuthGrantPolicy", o, registration.KindPolicy, orNil(doc), findings)
		}
	}
	for i := range in.set.Resources {
		o := &in.set.Resources[i]
		if here(o.Spec.ServerRef, o) {
			doc, findings := compile.Resource(o, servers, in.set.Resources)
			p.keep("OAuthResource", o, registration.KindResource, orNil(doc), findings)
		}
	}
	for i := range in.set.IdentityProviders {
		o := &in.set.IdentityProviders[i]
		if here(o.Spec.ServerRef, o) {
			secret, demo := in.secretOf(o)
			doc, findings := compile.IdentityProvider(o, servers, secret)
			p.keep("OAuthIdentityProvider", o, registration.KindIdentityProvider, orNil(doc), findings)
			p.demo = p.demo || demo && doc != nil
		}
	}
	for i := range in.set.Clients {
		p.client(in, &in.set.Clients[i])
	}
	return p
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

// keep adds a document, and notes what is wrong with its manifest.
func (p *project) keep(kind string, o metav1.Object, document registration.Kind, d registration.Document, findings []compile.Finding) {
	if len(findings) > 0 {
		p.refused = append(p.refused, refusal{manifest.ObjectKey{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}, findings})
	}
	if d != nil {
		p.documents[fileName(document, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()})] = d
	}
}

// secretOf is the Secret that an identity provider names, nil when none opted in. Where no manifest declares the one with
// local accounts, the demo account's stands in.
func (in inputs) secretOf(o *v1alpha1.OAuthIdentityProvider) (secret *corev1.Secret, demo bool) {
	name := compile.ReferencedSecret(&o.Spec)
	if name == "" {
		return nil, false
	}
	if s := in.set.Secret(o.Namespace, name); s != nil {
		if s.Labels[v1alpha1.LabelReferenced] != "true" {
			return nil, false
		}
		return s, false
	}
	if o.Spec.Local == nil || in.accounts == nil {
		return nil, false
	}
	return in.accounts.secret(o.Namespace, name), true
}

func (p *project) client(in inputs, c *v1alpha1.OAuthClient) {
	name := types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
	r := compile.Client(compile.ClientInputs{
		Client:          c,
		Servers:         in.set.Servers,
		NamespaceLabels: in.set.NamespaceLabels(c.Namespace),
		Policies:        in.set.Policies,
		Resources:       in.set.Resources,
		Rivals:          in.rivals(c),
		Secrets:         in.secrets[name],
		Previous:        in.previous[name],
	})
	if r.Server != nil && (r.Server.Namespace != in.server.Namespace || r.Server.Name != in.server.Name) {
		return
	}
	p.clients = append(p.clients, clientOutcome{c, r})
	if r.Registration != nil {
		p.documents[fileName(registration.KindClient, name)] = r.Registration
	}
}

// rivals are the other clients with the same client id.
func (in inputs) rivals(c *v1alpha1.OAuthClient) []compile.Rival {
	var out []compile.Rival
	for i := range in.set.Clients {
		o := &in.set.Clients[i]
		if o.UID != c.UID && compile.ClientID(o) == compile.ClientID(c) {
			registered := in.previous[types.NamespacedName{Namespace: o.Namespace, Name: o.Name}] != nil
			out = append(out, compile.Rival{Client: *o, NamespaceLabels: in.set.NamespaceLabels(o.Namespace), Registered: registered})
		}
	}
	return out
}

func fileName(kind registration.Kind, owner types.NamespacedName) string {
	return compile.DocumentName(kind, owner) + ".json"
}

// chooseServer picks the server that dev runs: the default one, else the oldest.
func chooseServer(servers []v1alpha1.OAuthServer) *v1alpha1.OAuthServer {
	if len(servers) == 0 {
		return nil
	}
	i := slices.IndexFunc(servers, func(s v1alpha1.OAuthServer) bool {
		return s.Annotations[v1alpha1.AnnotationDefaultServer] == "true"
	})
	return &servers[max(i, 0)]
}

// carryOver keeps what stood in files that are broken now: an object of before whose file has a problem, and that is not
// found anywhere any more, is added to the new set as it was.
func carryOver(before, now *manifest.Set, problems []manifest.Problem) {
	broken := map[string]bool{}
	for _, p := range problems {
		broken[p.File] = true
	}
	keep := func(kind string, o metav1.Object) bool {
		key := manifest.ObjectKey{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
		at, was := before.Origins[key]
		if _, is := now.Origins[key]; is || !was || !broken[at.File] {
			return false
		}
		return true
	}
	carry(&now.Servers, before.Servers, "OAuthServer", keep)
	carry(&now.Clients, before.Clients, "OAuthClient", keep)
	carry(&now.Policies, before.Policies, "OAuthGrantPolicy", keep)
	carry(&now.Resources, before.Resources, "OAuthResource", keep)
	carry(&now.IdentityProviders, before.IdentityProviders, "OAuthIdentityProvider", keep)
	carry(&now.Namespaces, before.Namespaces, "Namespace", keep)
	carry(&now.Secrets, before.Secrets, "Secret", keep)
	for key, at := range before.Origins {
		if _, is := now.Origins[key]; !is && broken[at.File] {
			now.Origins[key] = at
		}
	}
}

// carry adds the kept ones, and sorts by age so that who came first stays first.
func carry[T any, P interface {
	*T
	metav1.Object
}](into *[]T, from []T, kind string, keep func(string, metav1.Object) bool) {
	for i := range from {
		if keep(kind, P(&from[i])) {
			*into = append(*into, from[i])
		}
	}
	slices.SortStableFunc(*into, func(a, b T) int {
		return cmp.Or(P(&a).GetCreationTimestamp().Compare(P(&b).GetCreationTimestamp().Time), cmp.Compare(P(&a).GetName(), P(&b).GetName()))
	})
}
