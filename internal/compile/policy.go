package compile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var errPositive = errors.New("must be more than zero")

// Policy compiles an OAuthGrantPolicy. The document is nil when there are findings: a policy that cannot be read as a
// whole allows nothing.
func Policy(p *v1alpha1.OAuthGrantPolicy, servers []v1alpha1.OAuthServer) (*registration.Policy, []Finding) {
	return compilePolicy(p, servers, nil)
}

// compilePolicy is [Policy] with a memory of users expressions, nil for none.
func compilePolicy(p *v1alpha1.OAuthGrantPolicy, servers []v1alpha1.OAuthServer, memo *expression.Memo) (*registration.Policy, []Finding) {
	if _, f := LocalServerOf(p.Spec.ServerRef, p.Namespace, servers); f != nil {
		return nil, []Finding{*f}
	}
	var k checker
	allow := p.Spec.Allow
	k.selector("spec.clients.namespaceSelector", p.Spec.Clients.NamespaceSelector)
	k.selector("spec.clients.selector", p.Spec.Clients.Selector)
	checkList(&k, "spec.allow.grantTypes", allow.GrantTypes, registration.MaxPolicyEntries, registration.CheckGrantType)
	checkList(&k, "spec.allow.scopes", allow.Scopes, registration.MaxPolicyEntries, registration.CheckScope)
	checkList(&k, "spec.allow.redirectHosts", allow.RedirectHosts, registration.MaxPolicyEntries, registration.CheckRedirectHost)
	checkList(&k, "spec.allow.authentication", allow.Authentication, registration.MaxPolicyEntries, func(s string) error {
		return registration.CheckAuthenticationMethod(registration.AuthenticationMethod(s))
	})
	if allow.IdentityProviders != nil && len(allow.IdentityProviders) == 0 {
		// Absent means every provider, and an empty list looks like none.
		k.invalid("spec.allow.identityProviders", "must have at least one entry, or be left out to allow every provider")
	}
	checkList(&k, "spec.allow.identityProviders", allow.IdentityProviders, registration.MaxProviders, registration.CheckName)
	if allow.Resources != nil && len(allow.Resources) == 0 {
		k.invalid("spec.allow.resources", "must have at least one entry, or be left out to allow every resource whose scopes are allowed")
	}
	resources := namesOf(allow.Resources)
	checkList(&k, "spec.allow.resources", resources, registration.MaxPolicyResources, registration.CheckName)
	d := &registration.Policy{
		Namespace: p.Namespace,
		Name:      p.Name,
		Priority:  p.Spec.Priority,
		Allow: registration.Allow{
			GrantTypes:        stringsOf(allow.GrantTypes),
			Scopes:            slices.Clone(allow.Scopes),
			Resources:         resources,
			RedirectHosts:     slices.Clone(allow.RedirectHosts),
			IdentityProviders: slices.Clone(allow.IdentityProviders),
			SkipConsent:       allow.SkipConsent,
			WithoutPKCE:       allow.WithoutPKCE,
		},
	}
	for _, m := range allow.Authentication {
		d.Allow.Authentication = append(d.Allow.Authentication, registration.AuthenticationMethod(m))
	}
	if len(d.Allow.Authentication) == 0 {
		d.Allow.Authentication = []registration.AuthenticationMethod{
			registration.AuthenticationClientSecret, registration.AuthenticationPrivateKeyJWT, registration.AuthenticationServiceAccount, registration.AuthenticationNone,
		}
	}
	k.require(d, p.Spec.Require)
	k.limits(d, p.Spec.Limits)
	err := registration.CheckExpressionText(p.Spec.Users)
	if err == nil {
		_, err = memo.Users(p.Spec.Users)
	}
	k.check("spec.users", "", err)
	d.Users = p.Spec.Users
	if !k.validates(d) {
		return nil, k.bounded()
	}
	return d, nil
}

// UnknownProviders lists the providers that a policy names and its server does not have, in the policy's order. That is no reason
// to refuse the policy: they may come later, and until then they let nobody in.
func UnknownProviders(p *v1alpha1.OAuthGrantPolicy, providers []v1alpha1.OAuthIdentityProvider, servers []v1alpha1.OAuthServer) []string {
	server, f := LocalServerOf(p.Spec.ServerRef, p.Namespace, servers)
	if f != nil {
		return nil
	}
	known := map[string]bool{}
	for i := range providers {
		if s, f := LocalServerOf(providers[i].Spec.ServerRef, providers[i].Namespace, servers); f == nil && s.Namespace == server.Namespace && s.Name == server.Name {
			known[providers[i].Name] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(p.Spec.Allow.IdentityProviders), func(name string) bool { return known[name] })
}

// UnknownResources lists the OAuthResources that a policy names and its server does not have, in the policy's order. That is no reason to
// refuse the policy: they may come later, and until then nothing is allowed by their names.
func UnknownResources(p *v1alpha1.OAuthGrantPolicy, resources []v1alpha1.OAuthResource, servers []v1alpha1.OAuthServer) []string {
	server, f := LocalServerOf(p.Spec.ServerRef, p.Namespace, servers)
	if f != nil {
		return nil
	}
	known := map[string]bool{}
	for i := range resources {
		if s, f := LocalServerOf(resources[i].Spec.ServerRef, resources[i].Namespace, servers); f == nil && s.Namespace == server.Namespace && s.Name == server.Name {
			known[resources[i].Name] = true
		}
	}
	return slices.DeleteFunc(namesOf(p.Spec.Allow.Resources), func(name string) bool { return known[name] })
}

func (k *checker) require(d *registration.Policy, r *v1alpha1.PolicyRequire) {
	if r == nil {
		return
	}
	d.Require = registration.Require{
		Consent:                     registration.ConsentMode(r.Consent),
		MFA:                         r.MFA,
		DPoP:                        r.DPoP,
		PushedAuthorizationRequests: r.PushedAuthorizationRequests,
	}
	switch {
	case r.Consent != "" && r.Consent != v1alpha1.RequiredConsentAlways:
		k.check("spec.require.consent", string(r.Consent), fmt.Errorf("must be %s or absent", v1alpha1.RequiredConsentAlways))
	case r.Consent != "" && d.Allow.SkipConsent:
		k.check("spec.require.consent", string(r.Consent), errors.New("contradicts allow.skipConsent; remove one of them"))
	}
}

func (k *checker) limits(d *registration.Policy, l *v1alpha1.PolicyLimits) {
	if l == nil {
		return
	}
	d.Limits.AccessTokenTTL = k.lifetime("spec.limits.accessTokenTTL", l.AccessTokenTTL, 0, registration.MinAccessTokenTTL, registration.MaxAccessTokenTTL)
	d.Limits.RefreshTokenTTL = k.lifetime("spec.limits.refreshTokenTTL", l.RefreshTokenTTL, 0, registration.MinRefreshTokenTTL, registration.MaxRefreshTokenTTL)
	if n := l.Clients; n != nil {
		d.Limits.Clients = new(*n)
		if *n < 0 {
			k.check("spec.limits.clients", strconv.Itoa(int(*n)), errors.New("must not be negative; set how many clients the policy may govern, or leave it out for no limit"))
		}
	}
	if n := l.GrantsPerUser; n != nil {
		d.Limits.GrantsPerUser = *n
		if *n < 1 {
			// Zero in the document means no limit, which nobody who writes 0 here expects.
			k.check("spec.limits.grantsPerUser", strconv.Itoa(int(*n)), errors.New("must be at least 1; leave it out for no limit"))
		}
	}
}

func namesOf(references []v1alpha1.ResourceReference) []string {
	if len(references) == 0 {
		return nil
	}
	names := make([]string, len(references))
	for i, r := range references {
		names[i] = r.Name
	}
	return names
}

// PolicyMatches reports whether the selectors of a policy match a client. It does not ask whether they belong to the
// same server. The error says which selector cannot be read; such a policy matches nothing.
func PolicyMatches(p *v1alpha1.OAuthGrantPolicy, c *v1alpha1.OAuthClient, namespaceLabels map[string]string) (bool, error) {
	if p.Spec.Clients.NamespaceSelector == nil {
		// Absent is narrow, as everywhere: the policy's own namespace.
		if p.Namespace != c.Namespace {
			return false, nil
		}
	} else if ok, err := selects(p.Spec.Clients.NamespaceSelector, namespaceLabels); !ok || err != nil {
		return false, err
	}
	if p.Spec.Clients.Selector == nil {
		return true, nil
	}
	return selects(p.Spec.Clients.Selector, c.Labels)
}

func selects(s *metav1.LabelSelector, set map[string]string) (bool, error) {
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return false, err
	}
	return selector.Matches(labels.Set(set)), nil
}

// matchingPolicies finds the policies of a server whose selectors match the client, in the order in which they are
// asked: by priority, the higher first, then by name.
func matchingPolicies(in ClientInputs, server *v1alpha1.OAuthServer) []*v1alpha1.OAuthGrantPolicy {
	var matching []*v1alpha1.OAuthGrantPolicy
	for i := range in.Policies {
		p := &in.Policies[i]
		if p.Namespace != server.Namespace {
			continue
		}
		if s, f := LocalServerOf(p.Spec.ServerRef, p.Namespace, in.Servers); f != nil || s.Name != server.Name {
			continue
		}
		if ok, err := PolicyMatches(p, in.Client, in.NamespaceLabels); ok && err == nil {
			matching = append(matching, p)
		}
	}
	slices.SortFunc(matching, func(a, b *v1alpha1.OAuthGrantPolicy) int {
		return cmp.Or(cmp.Compare(b.Spec.Priority, a.Spec.Priority), cmp.Compare(a.Name, b.Name))
	})
	return matching
}
