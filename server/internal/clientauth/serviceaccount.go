package clientauth

import (
	"context"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// accountLife is how long a ServiceAccount's token may live. The cluster is not asked whether the pod is still there, so that the
// end of the token is what ends it.
const accountLife = 24 * time.Hour

// verifyServiceAccount checks a token of the cluster for a pod of the client's ServiceAccount, by the keys that the operator read from
// the cluster. The same token may come again until it ends: a pod is given a new one only every hour or so. ErrRefused also where
// the cluster's keys are not known: a server without a cluster never has them, so that to try again would be no use.
func (m *PrivateKeyJWT) verifyServiceAccount(ctx context.Context, x *assertion, c *registry.Client, at At) (Proof, error) {
	keys, accounts := at.Snapshot.ServiceAccountKeys(), at.Snapshot.Server().ServiceAccounts
	_, err := keys.Verify(x.signed)
	if keys == nil || accounts == nil {
		m.warn(ctx, c, at.Now)
		return Proof{}, ErrRefused
	}
	if err != nil {
		return Proof{}, ErrRefused
	}
	k := x.claims.Kubernetes
	holds := x.claims.Issuer == accounts.Issuer && x.claims.Subject == c.Authentication.ServiceAccount &&
		// Exactly one audience: a token for somebody else too could have come from there.
		len(x.claims.Audience) == 1 && x.claims.Audience[0] == at.Snapshot.Server().Issuer &&
		x.claims.timely(at.Now, accountLife) &&
		// A token that no pod holds was made by hand and works wherever it is copied to.
		k.Pod.Name != "" && k.Pod.UID != "" && k.ServiceAccount.UID != "" &&
		strings.Join([]string{"system:serviceaccount", k.Namespace, k.ServiceAccount.Name}, ":") == x.claims.Subject
	if !holds {
		return Proof{}, ErrRefused
	}
	return Proof{Authenticated: true}, nil
}

// warn says, at most once a minute, that ServiceAccounts cannot be verified.
func (m *PrivateKeyJWT) warn(ctx context.Context, c *registry.Client, now time.Time) {
	last, minute := m.warned.Load(), now.Unix()/60
	if last == minute || !m.warned.CompareAndSwap(last, minute) {
		return
	}
	m.log.WarnContext(ctx, "a client that authenticates by its ServiceAccount was refused: the keys of the cluster are not known. "+
		"The operator reads them from the API server, /openid/v1/jwks; a server without a cluster has none", "client", c.ClientID)
}
