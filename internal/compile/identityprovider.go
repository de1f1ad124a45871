package compile

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// maxAccountYAML bounds one account, in bytes.
const maxAccountYAML = 16 << 10

// account is what a key of the accounts Secret holds, in YAML.
type account struct {
	PasswordHash  string   `json:"passwordHash"`
	Name          string   `json:"name"`
	Email         string   `json:"email"`
	EmailVerified bool     `json:"emailVerified"`
	Groups        []string `json:"groups"`
	Disabled      bool     `json:"disabled"`
}

// IdentityProvider compiles an OAuthIdentityProvider. accounts is the Secret that spec.local names, nil when it does not
// exist or does not opt in. The document is nil when there are findings, except that an account that cannot be read is
// left out and the others stay: a slip in one of them must not sign everybody out. No finding holds anything of the Secret
// but its keys.
func IdentityProvider(p *v1alpha1.OAuthIdentityProvider, servers []v1alpha1.OAuthServer, accounts *corev1.Secret) (*registration.IdentityProvider, []Finding) {
	if _, f := LocalServerOf(p.Spec.ServerRef, p.Namespace, servers); f != nil {
		return nil, []Finding{*f}
	}
	var k checker
	k.optionalText("spec.displayName", p.Spec.DisplayName, registration.MaxDisplayText)
	d := &registration.IdentityProvider{Namespace: p.Namespace, Name: p.Name, UID: string(p.UID), DisplayName: p.Spec.DisplayName}
	if d.DisplayName == "" {
		d.DisplayName = p.Name
	}
	if p.Spec.Local == nil {
		k.invalid("spec.local", "must be set; it is the only kind of provider so far")
		return nil, k.bounded()
	}
	var slips checker
	d.Local = &registration.LocalProvider{Accounts: slips.accounts(p, accounts)}
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

func (k *checker) accounts(p *v1alpha1.OAuthIdentityProvider, secret *corev1.Secret) []registration.LocalAccount {
	name := p.Spec.Local.AccountsSecretRef.Name
	// Only a Secret of the same namespace that was opted in is ever read (K3), whatever the caller hands over.
	if secret == nil || secret.Namespace != p.Namespace || secret.Name != name || secret.Labels[v1alpha1.LabelReferenced] != "true" {
		k.add(v1alpha1.ReasonSecretNotFound, `spec.local.accountsSecretRef.name %s: there is no Secret of this name with the label %s: "true" in namespace %s; create it, or label it`, show(name), v1alpha1.LabelReferenced, p.Namespace)
		return nil
	}
	if len(secret.Data) > registration.MaxAccounts {
		k.add(v1alpha1.ReasonSecretInvalid, "Secret %s: must have at most %d accounts, not %d", name, registration.MaxAccounts, len(secret.Data))
		return nil
	}
	var found []registration.LocalAccount
	usernames := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		a, ok := k.account(name, key, secret.Data[key])
		if !ok {
			continue
		}
		folded := strings.ToLower(key)
		if first, twice := usernames[folded]; twice {
			k.add(v1alpha1.ReasonSecretInvalid, "Secret %s key %s: differs from key %s in case alone, which makes no difference to a username; remove one", name, show(key), show(first))
			continue
		}
		usernames[folded] = key
		found = append(found, a)
	}
	return found
}

// account reads one account. What the YAML library says about bad input is left out: it may repeat it.
func (k *checker) account(secret, key string, value []byte) (registration.LocalAccount, bool) {
	bad := func(field string, err any) {
		k.add(v1alpha1.ReasonSecretInvalid, "Secret %s key %s%s: %v", secret, show(key), field, err)
	}
	if err := registration.CheckUsername(key); err != nil {
		bad("", err)
		return registration.LocalAccount{}, false
	}
	var a account
	if len(value) > maxAccountYAML || yaml.UnmarshalStrict(value, &a) != nil {
		bad("", "must be YAML with passwordHash and, if need be, name, email, emailVerified, groups and disabled, nothing else, each once")
		return registration.LocalAccount{}, false
	}
	local := registration.LocalAccount{
		Username: key, PasswordHash: a.PasswordHash, Name: a.Name, Email: a.Email,
		EmailVerified: a.EmailVerified, Groups: a.Groups, Disabled: a.Disabled,
	}
	problems := registration.CheckAccount(&local)
	for _, e := range problems {
		bad(" field "+e.Field, e.Err)
	}
	return local, len(problems) == 0
}
