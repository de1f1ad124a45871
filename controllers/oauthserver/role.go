package oauthserver

import (
	rbacv1 "k8s.io/api/rbac/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// role is all that a replica may do (K1): read the documents of its namespace and report in a Lease. Secrets cannot be
// narrowed to those with documents, because a list or a watch has no names.
func role(s *v1alpha1.OAuthServer) *rbacv1ac.RoleApplyConfiguration {
	return rbacv1ac.Role(workloadName(s.Name), s.Namespace).
		WithLabels(labels(s)).WithOwnerReferences(owner(s)).
		WithRules(
			rbacv1ac.PolicyRule().WithAPIGroups("").WithResources("secrets").WithVerbs("get", "list", "watch"),
			rbacv1ac.PolicyRule().WithAPIGroups("coordination.k8s.io").WithResources("leases").WithVerbs("create", "patch"),
		)
}

// roleBinding gives the role to the replicas.
func roleBinding(s *v1alpha1.OAuthServer) *rbacv1ac.RoleBindingApplyConfiguration {
	name := workloadName(s.Name)
	return rbacv1ac.RoleBinding(name, s.Namespace).
		WithLabels(labels(s)).WithOwnerReferences(owner(s)).
		WithRoleRef(rbacv1ac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind("Role").WithName(name)).
		WithSubjects(rbacv1ac.Subject().WithKind(rbacv1.ServiceAccountKind).WithName(name).WithNamespace(s.Namespace))
}
