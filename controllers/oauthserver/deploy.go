package oauthserver

import (
	"context"
	"errors"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
)

// desired is one object of the workload and where to read what is there.
type desired struct {
	want owned.Configuration
	have client.Object
}

// objects lists the workload of a server in the order in which it is applied: what a Pod needs comes before the Pod.
func objects(s *v1alpha1.OAuthServer, image string, deployed *appsv1.Deployment) []desired {
	list := []desired{
		{serviceAccount(s), &corev1.ServiceAccount{}},
		{role(s), &rbacv1.Role{}},
		{roleBinding(s), &rbacv1.RoleBinding{}},
		{volumeClaim(s), &corev1.PersistentVolumeClaim{}},
		{deployment(s, image), deployed},
		{service(s), &corev1.Service{}},
	}
	if i := ingress(s); i != nil {
		list = append(list, desired{i, &networkingv1.Ingress{}})
	}
	return list
}

// rollOut applies the workload of a server that is accepted and has its keys.
func (x *run) rollOut(ctx context.Context) error {
	if !x.deploy || !x.accepted || !x.marks.IsTrue(v1alpha1.ConditionKeysReady) {
		return nil
	}
	for _, d := range objects(x.server, x.image, &x.deployment) {
		err := x.applier.Apply(ctx, x.server, owned.KindServer, d.want, d.have)
		if errors.Is(err, owned.ErrTaken) {
			x.nameTaken = *d.want.GetName()
			return nil
		}
		if err != nil {
			return status.Failed(err, "apply %T %s/%s", d.have, x.server.Namespace, *d.want.GetName())
		}
	}
	if ingress(x.server) == nil {
		name := types.NamespacedName{Namespace: x.server.Namespace, Name: workloadName(x.server.Name)}
		if err := x.applier.Delete(ctx, x.server, name, &networkingv1.Ingress{}); err != nil {
			return status.Failed(err, "delete Ingress %s", name)
		}
	}
	return nil
}

// rolledOut reports whether a Deployment runs what it was last told to. One that no controller has ever looked at, as
// on an API server without a kubelet, has nothing to say.
func rolledOut(d *appsv1.Deployment) bool {
	s := d.Status
	return s.ObservedGeneration == 0 ||
		s.ObservedGeneration >= d.Generation && s.UpdatedReplicas >= 1 && s.UpdatedReplicas == s.Replicas && s.AvailableReplicas >= 1
}
