package compile

import (
	"errors"

	corev1 "k8s.io/api/core/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// The kinds of identity providers, as status.type has them.
const (
	ProviderOIDC      = "OIDC"
	ProviderGoogle    = "Google"
	ProviderMicrosoft = "Microsoft"
	ProviderGitHub    = "GitHub"
	ProviderLDAP      = "LDAP"
	ProviderLocal     = "Local"
)

// ProviderType is the kind of a provider; empty when the manifest has none or several.
func ProviderType(spec *v1alpha1.OAuthIdentityProviderSpec) string {
	var found []string
	for _, k := range []struct {
		set  bool
		kind string
	}{
		{spec.OIDC != nil, ProviderOIDC},
		{spec.Google != nil, ProviderGoogle},
		{spec.Microsoft != nil, ProviderMicrosoft},
		{spec.GitHub != nil, ProviderGitHub},
		{spec.LDAP != nil, ProviderLDAP},
		{spec.Local != nil, ProviderLocal},
	} {
		if k.set {
			found = append(found, k.kind)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// ReferencedSecret is the name of the one Secret that a provider reads, in its own namespace; empty when it needs none.
func ReferencedSecret(spec *v1alpha1.OAuthIdentityProviderSpec) string {
	switch {
	case spec.OIDC != nil && spec.OIDC.ClientSecretRef != nil:
		return spec.OIDC.ClientSecretRef.Name
	case spec.Google != nil:
		return spec.Google.ClientSecretRef.Name
	case spec.Microsoft != nil:
		return spec.Microsoft.ClientSecretRef.Name
	case spec.GitHub != nil:
		return spec.GitHub.ClientSecretRef.Name
	case spec.LDAP != nil && spec.LDAP.BindSecretRef != nil:
		return spec.LDAP.BindSecretRef.Name
	case spec.Local != nil:
		return spec.Local.AccountsSecretRef.Name
	}
	return ""
}

// IdentityProvider compiles an OAuthIdentityProvider. secret is the one that it names (see ReferencedSecret), nil when it does
// not exist or does not opt in. The document is nil when there are findings, except that a local account that cannot be read
// is left out and the others stay: a slip in one of them must not sign everybody out. No finding holds anything of the Secret
// but its keys.
func IdentityProvider(p *v1alpha1.OAuthIdentityProvider, servers []v1alpha1.OAuthServer, secret *corev1.Secret) (*registration.IdentityProvider, []Finding) {
	if _, f := LocalServerOf(p.Spec.ServerRef, p.Namespace, servers); f != nil {
		return nil, []Finding{*f}
	}
	var k checker
	k.optionalText("spec.displayName", p.Spec.DisplayName, registration.MaxDisplayText)
	d := &registration.IdentityProvider{
		Namespace: p.Namespace, Name: p.Name, UID: string(p.UID), DisplayName: p.Spec.DisplayName, Order: p.Spec.Order, Allow: p.Spec.Allow,
	}
	if d.DisplayName == "" {
		d.DisplayName = p.Name
	}
	if m := p.Spec.Mapping; m != nil {
		d.Mapping = registration.Mapping{Username: m.Username, Name: m.Name, Email: m.Email, EmailVerified: m.EmailVerified, Groups: m.Groups}
	}
	k.expressions(d)
	var slips checker // in accounts, each of which stands for itself
	switch ProviderType(&p.Spec) {
	case ProviderLocal:
		d.Local = &registration.LocalProvider{Accounts: slips.accounts(p, secret)}
		k.local(d.Local, p.Spec.Local)
	case ProviderGitHub:
		d.GitHub = k.github(p, secret)
	case ProviderLDAP:
		d.LDAP = k.ldap(p, secret)
	case "":
		k.invalid("spec", "must have exactly one of oidc, google, microsoft, github, ldap and local")
	default:
		d.OIDC = k.oidc(p, secret)
	}
	for _, f := range slips.findings {
		if f.Reason != v1alpha1.ReasonSecretInvalid || d.Local.Accounts == nil {
			k.findings = append(k.findings, slips.findings...)
			break
		}
	}
	if !k.validates(d) {
		return nil, k.bounded()
	}
	return d, slips.bounded()
}

func (k *checker) local(d *registration.LocalProvider, l *v1alpha1.LocalProvider) {
	switch l.SecondFactor {
	case "", v1alpha1.SecondFactorOptional:
	case v1alpha1.SecondFactorRequired:
		d.SecondFactor = true
	default:
		// Who asks for more than there is must not get less.
		k.invalid("spec.local.secondFactor", "must be %s or %s", v1alpha1.SecondFactorOptional, v1alpha1.SecondFactorRequired)
	}
}

// expressions compiles what the server will evaluate.
func (k *checker) expressions(d *registration.IdentityProvider) {
	_, err := expression.CompileRules(d.Mapping, d.Allow)
	var several interface{ Unwrap() []error }
	switch {
	case err == nil:
	case errors.As(err, &several):
		for _, e := range several.Unwrap() {
			k.add(v1alpha1.ReasonInvalid, "spec.%v", e)
		}
	default:
		k.add(v1alpha1.ReasonInvalid, "spec.%v", err)
	}
}

// referenced reports whether the Secret that a field names was found. Only a Secret of the same namespace that was opted in
// is ever read (K3), whatever the caller hands over.
func (k *checker) referenced(p *v1alpha1.OAuthIdentityProvider, secret *corev1.Secret, field, name string) bool {
	if secret != nil && secret.Namespace == p.Namespace && secret.Name == name && secret.Labels[v1alpha1.LabelReferenced] == "true" {
		return true
	}
	k.add(v1alpha1.ReasonSecretNotFound, `%s %s: there is no Secret of this name with the label %s: "true" in namespace %s; create it, or label it`, field, show(name), v1alpha1.LabelReferenced, p.Namespace)
	return false
}
