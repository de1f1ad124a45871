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
	"github.com/grantkeeper/grantkeeper/internal/offline"
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
	clients   []offline.Client
	// refused are the objects other than clients that were refused.
	refused []refusal
	// demo is true when the demo account can sign in.
	demo bool
}

// refusal is an object with what is wrong with it.
type refusal struct {
	key      manifest.ObjectKey
	findings []compile.Finding
}

// compileSet is the one-way flow of the cluster with a folder in place of it, for the server that is served. It is pure.
func compileSet(in inputs) project {
	p := project{documents: map[string]registration.Document{}}
	r := offline.Compile(offline.Inputs{Set: in.set, Secrets: in.secrets, Previous: in.previous, StandIn: in.standIn})
	here := func(s *v1alpha1.OAuthServer) bool {
		return s != nil && s.Namespace == in.server.Namespace && s.Name == in.server.Name
	}
	for _, o := range r.Objects {
		// What belongs to another server is passed over; what belongs to none is not, so that it is reported.
		if o.Server != nil && !here(o.Server) {
			continue
		}
		if len(o.Findings) > 0 {
			p.refused = append(p.refused, refusal{o.Key, o.Findings})
		}
		if o.Document != nil {
			p.documents[fileName(o.Kind, types.NamespacedName{Namespace: o.Key.Namespace, Name: o.Key.Name})] = o.Document
			p.demo = p.demo || in.demo(o)
		}
	}
	for _, c := range r.Clients {
		if c.Server != nil && !here(c.Server) {
			continue
		}
		if r := c.Registration; r != nil && r.Authentication.ServiceAccount != "" {
			c.Registration, c.Findings = nil, append(slices.Clip(c.Findings), noCluster())
		}
		p.clients = append(p.clients, c)
		if c.Registration != nil {
			p.documents[fileName(registration.KindClient, types.NamespacedName{Namespace: c.Manifest.Namespace, Name: c.Manifest.Name})] = c.Registration
		}
	}
	return p
}

// noCluster is why nobody authenticates by a ServiceAccount here.
func noCluster() compile.Finding {
	return compile.Finding{
		Reason: v1alpha1.ReasonInvalid,
		Message: "spec.authentication.kubernetesServiceAccount: needs a cluster, whose keys verify the tokens, and files mode has none; " +
			"run grantkeeper dev without --files, or use another way to authenticate here",
	}
}

// standIn is the demo account's Secret, where no manifest declares the one with local accounts.
func (in inputs) standIn(o *v1alpha1.OAuthIdentityProvider, name string) *corev1.Secret {
	if o.Spec.Local == nil || in.accounts == nil {
		return nil
	}
	return in.accounts.secret(o.Namespace, name)
}

// demo reports whether the demo account signs in by a provider that is served.
func (in inputs) demo(o offline.Object) bool {
	for i := range in.set.IdentityProviders {
		p := &in.set.IdentityProviders[i]
		if o.Kind == registration.KindIdentityProvider && p.Namespace == o.Key.Namespace && p.Name == o.Key.Name {
			name := compile.ReferencedSecret(&p.Spec)
			return p.Spec.Local != nil && in.accounts != nil && in.set.Secret(p.Namespace, name) == nil
		}
	}
	return false
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
