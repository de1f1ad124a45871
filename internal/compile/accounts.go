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

	Profile registration.Profile `json:"profile"`
}

// accounts reads the accounts of a provider of the kind local, nil when there is no Secret to read.
func (k *checker) accounts(p *v1alpha1.OAuthIdentityProvider, secret *corev1.Secret) []registration.LocalAccount {
	name := p.Spec.Local.AccountsSecretRef.Name
	if !k.referenced(p, secret, "spec.local.accountsSecretRef.name", name) {
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
		bad("", "must be YAML with passwordHash and, if need be, name, email, emailVerified, groups, profile and disabled, nothing else, each once")
		return registration.LocalAccount{}, false
	}
	local := registration.LocalAccount{
		Username: key, PasswordHash: a.PasswordHash, Name: a.Name, Email: a.Email,
		EmailVerified: a.EmailVerified, Groups: a.Groups, Disabled: a.Disabled, Profile: a.Profile,
	}
	problems := registration.CheckAccount(&local)
	for _, e := range problems {
		bad(" field "+e.Field, e.Err)
	}
	return local, len(problems) == 0
}
