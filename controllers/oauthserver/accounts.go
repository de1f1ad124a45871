package oauthserver

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// +kubebuilder:rbac:urls=/.well-known/openid-configuration;/openid/v1/jwks,verbs=get

// ClusterKeys tells with which keys the cluster signs the tokens of its ServiceAccounts: *cluster.Keys.
type ClusterKeys interface {
	// Current returns what is known, nil for nothing, when to ask again, and why the last attempt to read it failed.
	Current(ctx context.Context, now time.Time) (issuer *registration.ServiceAccountIssuer, next time.Time, err error)
}

// serviceAccounts lets the server verify tokens of the cluster's ServiceAccounts, and returns what to say when it cannot learn how. It
// never holds up the rest: clients with a secret need nothing of it.
func (x *run) serviceAccounts(ctx context.Context) (advice string) {
	issuer, next, err := x.cluster.Current(ctx, x.now)
	x.document.ServiceAccounts = issuer
	x.wake = status.Earliest(x.wake, next)
	if err == nil {
		return ""
	}
	logf.FromContext(ctx).Error(err, "the cluster's keys for tokens of ServiceAccounts cannot be read; those read before stay", "again", next)
	x.clusterAway = true
	return " The cluster's keys for tokens of ServiceAccounts cannot be read, so that clients with kubernetesServiceAccount may be refused: " +
		"let the operator get the URLs /.well-known/openid-configuration and /openid/v1/jwks, as the ClusterRole system:service-account-issuer-discovery does."
}

// keepAccounts takes the cluster's keys from the document that is there while the cluster cannot be asked: the operator may be new.
func (x *run) keepAccounts(found []corev1.Secret) {
	if !x.clusterAway || x.document.ServiceAccounts != nil {
		return
	}
	s := document.In(found, client.ObjectKeyFromObject(x.server).Namespace)
	if s == nil {
		return
	}
	d, err := registration.Decode(s.Data[registration.DataKey])
	if before, ok := d.(*registration.Server); err == nil && ok {
		x.document.ServiceAccounts = before.ServiceAccounts
	}
}
