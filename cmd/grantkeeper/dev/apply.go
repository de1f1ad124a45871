package dev

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
)

// fieldOwner owns the fields that manifests set.
const fieldOwner = client.FieldOwner("grantkeeper-dev")

// apply brings the manifests into the cluster, what others depend on first.
func (c *clusterMode) apply(ctx context.Context) error {
	objects := slices.Clone(c.set.Objects)
	slices.SortStableFunc(objects, func(a, b manifest.Object) int { return cmp.Compare(rank(a.Key.Kind), rank(b.Key.Kind)) })
	for _, o := range objects {
		if err := c.needNamespace(ctx, o.Key.Namespace); err != nil {
			return err
		}
		content := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(o.Content)}
		if o.Key.Kind == "OAuthServer" && o.Key.Namespace == c.server.Namespace && o.Key.Name == c.server.Name {
			// The issuer has to be where the server listens, or nobody gets past its Host check.
			if err := unstructured.SetNestedField(content.Object, c.issuer(), "spec", "issuer"); err != nil {
				return err
			}
		}
		if err := c.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(content), fieldOwner, client.ForceOwnership); err != nil {
			return fmt.Errorf("%s: apply %s: %w", c.set.Origin(o.Key.Kind, o.Key.Namespace, o.Key.Name), o.Key, err)
		}
	}
	return c.demoAccounts(ctx)
}

// rank orders kinds: namespaces, what is read by reference, servers, what belongs to them, clients.
func rank(kind string) int {
	return slices.Index([]string{"Namespace", "Secret", "OAuthServer", "OAuthResource", "OAuthGrantPolicy", "OAuthIdentityProvider", "OAuthClient"}, kind)
}

// needNamespace makes a namespace that no manifest declares.
func (c *clusterMode) needNamespace(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	err := c.client.Get(ctx, types.NamespacedName{Name: name}, &corev1.Namespace{})
	if !apierrors.IsNotFound(err) {
		return err
	}
	line(c.Err, "making namespace %s, which no manifest declares", name)
	return client.IgnoreAlreadyExists(c.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
}

// demoAccounts gives every identity provider of the server that keeps local accounts its Secret with the demo account, unless
// somebody made that Secret.
func (c *clusterMode) demoAccounts(ctx context.Context) error {
	var providers v1alpha1.OAuthIdentityProviderList
	if err := c.client.List(ctx, &providers); err != nil {
		return err
	}
	for i := range providers.Items {
		p := &providers.Items[i]
		if p.Spec.Local == nil {
			continue
		}
		name := types.NamespacedName{Namespace: p.Namespace, Name: p.Spec.Local.AccountsSecretRef.Name}
		var secret corev1.Secret
		switch err := c.client.Get(ctx, name, &secret); {
		case apierrors.IsNotFound(err):
			if err := c.client.Create(ctx, c.account.secret(name.Namespace, name.Name), fieldOwner); err != nil {
				return fmt.Errorf("make Secret %s with the demo account: %w", name, err)
			}
		case err != nil:
			return err
		case secret.Labels[LabelMadeBy] == "dev":
			want := c.account.secret(name.Namespace, name.Name)
			secret.Labels, secret.Data = want.Labels, want.Data
			if err := c.client.Update(ctx, &secret, fieldOwner); err != nil {
				return fmt.Errorf("renew the demo account in Secret %s: %w", name, err)
			}
		default:
			continue // somebody's own accounts
		}
		c.demo = c.demo || p.Namespace == c.server.Namespace
	}
	return nil
}
