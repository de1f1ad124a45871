package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Client compiles an OAuthClient.
//
// A server that is missing and another client with the same client id end what was served before; a server that does not let
// the namespace in any more cuts it off. Whatever else is found about a manifest is about this edit alone, and what was accepted before is served
// on, as long as a policy that matches the client still accepts it, and suspended otherwise.
func Client(in ClientInputs) ClientResult {
	c := in.Client
	r := ClientResult{ClientID: ClientID(c), GrantTypes: grantTypes(c)}
	server, f := ServerOf(c, in.Servers)
	if f != nil {
		r.Findings = []Finding{*f}
		return r
	}
	r.Server = server
	if f := clientIDConflict(in, server); f != nil {
		r.Findings = []Finding{*f}
		return r
	}
	if f := attachment(in, server); f != nil {
		r.Findings = []Finding{*f}
		r.Registration, r.CutOff = lastAccepted(in, nil)
		return r
	}

	var k checker
	compiled := k.client(c)
	k.secretTarget(c, compiled, server.Spec.Issuer)
	invalid := len(k.findings) > 0
	resources, unknown := declaringResources(in, server, compiled.Scopes)
	compiled.Resources = namesOnce(resources)
	for _, i := range unknown {
		k.add(v1alpha1.ReasonScopeUnknown, "spec.scopes[%d] %s: no OAuthResource of server %s declares it; correct it, or ask the platform team for it", i, show(compiled.Scopes[i]), namespacedName(server))
	}
	governors := governorsOf(in, server)
	if !invalid {
		compiled.Authentication.Secrets = slices.Clone(in.Secrets)
		compiled, r.Waiting = k.govern(in, server, governors, compiled, resources)
	}
	if len(k.findings) > 0 {
		r.Findings = k.bounded()
		r.Registration, r.CutOff = lastAccepted(in, governors)
		if r.Registration != nil && !r.CutOff {
			r.Policy = r.Registration.Policy
		}
		return r
	}
	r.Policy = compiled.Policy
	if NeedsSecret(c) && len(in.Secrets) == 0 {
		return r
	}
	if err := compiled.Validate(); err != nil {
		// The checks above are those of the contract, so that this is never reached; but a document that the server would
		// refuse must not be written.
		k.add(v1alpha1.ReasonInvalid, "spec: %v", err)
		r.Policy, r.Findings = "", k.bounded()
		return r
	}
	r.Registration, r.Current = compiled, true
	return r
}

// attachment says whether the server lets the client's namespace attach clients.
func attachment(in ClientInputs, server *v1alpha1.OAuthServer) *Finding {
	if server.Spec.Clients == nil || server.Spec.Clients.NamespaceSelector == nil {
		return nil
	}
	// A selector that cannot be read lets nobody in; the server's own status says what is wrong with it.
	if ok, err := selects(server.Spec.Clients.NamespaceSelector, in.NamespaceLabels); ok && err == nil {
		return nil
	}
	var k checker
	k.add(v1alpha1.ReasonServerRefused, "metadata.namespace %s: server %s does not take clients of this namespace (its spec.clients.namespaceSelector); ask the platform team to label the namespace", in.Client.Namespace, namespacedName(server))
	return &k.findings[0]
}

// clientIDConflict finds who holds the client id that the client wants: among those who are registered under it, the
// oldest; if nobody is, the oldest that may be. So a name cannot be taken by a manifest that no policy accepts, and nobody
// who is in service loses it to one who comes to be accepted later.
func clientIDConflict(in ClientInputs, server *v1alpha1.OAuthServer) *Finding {
	registered := in.Previous != nil && in.Previous.UID == string(in.Client.UID) && in.Previous.ClientID == ClientID(in.Client)
	var holder *v1alpha1.OAuthClient
	for i := range in.Rivals {
		o := &in.Rivals[i]
		if !o.holds(in, server, registered) {
			continue
		}
		if holder == nil || older(&o.Client, holder) {
			holder = &o.Client
		}
	}
	if holder == nil {
		return nil
	}
	var k checker
	k.add(v1alpha1.ReasonClientIDConflict, "spec.clientID %s: the OAuthClient %s of server %s has this client id; choose another", show(ClientID(in.Client)), namespacedName(holder), namespacedName(server))
	return &k.findings[0]
}

// holds reports whether the rival keeps the client, which is registered or not, from the client id.
func (o *Rival) holds(in ClientInputs, server *v1alpha1.OAuthServer, registered bool) bool {
	if sameObject(&o.Client, in.Client) || ClientID(&o.Client) != ClientID(in.Client) {
		return false
	}
	if s, f := ServerOf(&o.Client, in.Servers); f != nil || !sameObject(s, server) {
		return false
	}
	switch {
	case o.Registered:
		return !registered || older(&o.Client, in.Client)
	case registered:
		return false
	default:
		return older(&o.Client, in.Client) && o.acceptable(in)
	}
}

// acceptable reports whether the rival would be registered if it were alone.
func (o *Rival) acceptable(in ClientInputs) bool {
	alone := in
	alone.Client, alone.NamespaceLabels = &o.Client, o.NamespaceLabels
	alone.Rivals, alone.Secrets, alone.Previous, alone.Before = nil, nil, nil, nil
	return len(Client(alone).Findings) == 0
}

// governor is a policy whose selectors match the client. It is compiled when it is asked: mostly the first one accepts.
type governor struct {
	manifest *v1alpha1.OAuthGrantPolicy
	servers  []v1alpha1.OAuthServer
	memo     *expression.Memo
	compiled bool
	document *registration.Policy
}

// policy is what the governor allows, nil when its manifest is not accepted itself.
func (g *governor) policy() *registration.Policy {
	if !g.compiled {
		g.document, _ = compilePolicy(g.manifest, g.servers, g.memo)
		g.compiled = true
	}
	return g.document
}

func governorsOf(in ClientInputs, server *v1alpha1.OAuthServer) []*governor {
	var g []*governor
	for _, p := range matchingPolicies(in, server) {
		g = append(g, &governor{manifest: p, servers: in.Servers, memo: in.Expressions})
	}
	return g
}

// govern finds the one policy that governs the client: the first that accepts it whole, and has a place for it. Otherwise it adds what
// every policy has against it. Policies are never combined. waiting are those that came first and have no place.
func (k *checker) govern(in ClientInputs, server *v1alpha1.OAuthServer, governors []*governor, base *registration.Client, resources []string) (client *registration.Client, waiting []string) {
	if len(governors) == 0 {
		k.add(v1alpha1.ReasonNoPolicy, "metadata.namespace %s: no OAuthGrantPolicy of server %s selects this client; ask the platform team for a policy whose spec.clients matches the labels of the namespace or of the client", in.Client.Namespace, namespacedName(server))
		return base, nil
	}
	// Each policy has its say, however much the others have.
	most := max(2, maxFindings/len(governors))
	// Who is refused anyway wants no place: whether there is one now must not change what is said of it.
	wants := len(k.findings) == 0
	var refused checker
	for _, g := range governors {
		allowed := g.policy()
		if allowed == nil {
			refused.add(v1alpha1.ReasonPolicyRefused, "metadata.namespace %s: policy %s selects this client and is not valid itself, so that it accepts nothing; ask the platform team to mend it", in.Client.Namespace, g.manifest.Name)
			continue
		}
		candidate := governed(base, in.Client.Spec.Tokens, allowed)
		findings := policy.Accepts(allowed, candidate)
		if len(findings) == 0 && (!wants || !full(in, allowed)) {
			return candidate, waiting
		}
		if len(findings) == 0 {
			waiting = append(waiting, allowed.Name)
			findings = append(findings, noPlace(in.Client, allowed))
		}
		for i, f := range findings {
			if i == most-1 && len(findings) > most {
				refused.add(v1alpha1.ReasonPolicyRefused, "spec: policy %s has %d more against it; mend those above first", allowed.Name, len(findings)-i)
				break
			}
			refused.add(v1alpha1.ReasonPolicyRefused, "%s", ofManifest(in.Client, f, resources))
		}
	}
	k.findings = append(k.findings, refused.findings...)
	return base, waiting
}

// ofManifest tells a finding in terms of the manifest. resources are those that declare the client's scopes, see declaringResources.
func ofManifest(c *v1alpha1.OAuthClient, f policy.Finding, resources []string) policy.Finding {
	f.Field, f.Value = declaredField(c, f.Field), show(f.Value)
	if f.Rule == policy.ResourcesRule {
		if i := slices.Index(resources, f.Value); i >= 0 {
			f.Field, f.Value = fmt.Sprintf("spec.scopes[%d]", i), show(c.Spec.Scopes[i])+" of OAuthResource "+f.Value
		}
	}
	return f
}

// declaredField says where a refused value came from when the manifest leaves its field out.
func declaredField(c *v1alpha1.OAuthClient, field string) string {
	switch {
	case strings.HasPrefix(field, "spec.grantTypes") && len(c.Spec.GrantTypes) == 0:
		return fmt.Sprintf("spec.grantTypes (default of type %s)", show(string(typeOf(c))))
	case field == "spec.authentication" && c.Spec.Authentication == nil:
		return fmt.Sprintf("spec.authentication (default of type %s)", show(string(typeOf(c))))
	}
	return field
}

// ownKeys is how a client authenticates whose manifest lists its public keys; ok is false for any other, and for keys that are not in
// order. No policy judges keys: they are the app team's to choose, as secrets are.
func ownKeys(c *v1alpha1.OAuthClient) (keys registration.Authentication, ok bool) {
	if a := c.Spec.Authentication; a == nil || a.PrivateKeyJWT == nil || a.PrivateKeyJWT.JWKS == nil {
		return keys, false
	}
	var k checker
	keys = k.authentication(c)
	return keys, len(k.findings) == 0
}

// lastAccepted is the previous registration as it may be served while an edit is refused, or nil. Nothing of an object
// that was deleted and made again, or that has another client id now, is served on. When no policy accepts the previous
// registration either, it is cut off: suspended rather than withdrawn, since a withdrawn client loses what users granted
// it, and a policy that was tightened by mistake is soon loosened again. Where the policy that governed it still selects it,
// nothing is written at all: the server itself refuses what its policy refuses, and takes it again as soon as that policy
// is loosened, however many clients it governs.
func lastAccepted(in ClientInputs, governors []*governor) (last *registration.Client, cutOff bool) {
	c, previous := in.Client, in.Previous
	if previous == nil || previous.UID != string(c.UID) || previous.ClientID != ClientID(c) ||
		previous.Namespace != c.Namespace || previous.Name != c.Name {
		return nil, false
	}
	served := *previous
	// Some things of the manifest always count: nobody would expect a refused edit to bring a withdrawn secret or key back, or to
	// keep a client going that is being suspended.
	served.Suspended = c.Spec.Suspended
	if keys, ok := ownKeys(c); ok && len(served.Authentication.JWKS) > 0 {
		served.Authentication = keys
	}
	if slices.Contains(served.Authentication.Methods, registration.AuthenticationClientSecret) && len(in.Secrets) > 0 {
		served.Authentication.Secrets = slices.Clone(in.Secrets)
	}
	cutOff = true
	refusedByServer := false
	for _, g := range governors {
		allowed := g.policy()
		if allowed == nil {
			continue
		}
		accepted := len(policy.Accepts(allowed, &served)) == 0
		if accepted && !full(in, allowed) {
			served.Policy, cutOff = allowed.Name, false
			break
		}
		// The server knows nothing of places: it would take a client again that has lost its place meanwhile.
		refusedByServer = refusedByServer || allowed.Name == served.Policy && !accepted && allowed.Limits.Clients == nil
	}
	if cutOff && !refusedByServer {
		served.Suspended = true
	}
	if served.Validate() != nil {
		return nil, false
	}
	return &served, cutOff
}
