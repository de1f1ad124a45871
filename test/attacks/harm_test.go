package attacks

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/test/demo"
)

// unharmed checks, after each way, that nothing was gained and nobody harmed. before is what [stage.outside] was.
func (s *stage) unharmed(t *testing.T, before map[string]string) {
	t.Helper()
	demo.Eventually(t, soon, "outside of the attacker's namespace everything is as it was", func() error {
		if diff := cmp.Diff(before, s.outside(t)); diff != "" {
			return fmt.Errorf("it differs (-before +after):\n%s", diff)
		}
		return nil
	})
	s.showsNothing(t)
	if n := s.caught.Load(); n > 0 {
		t.Errorf("an address inside was called %d times", n)
	}
	if a := s.token(t, s.shop); a.Status != http.StatusOK {
		t.Errorf("the victim's client gets no token any more: %d %s", a.Status, a.Body)
	}
	if a := s.token(t, s.app); a.Status != http.StatusOK || a.Scope != "orders.read" || a.ExpiresIn > 900 {
		t.Errorf("the attacker's client gets another token than before: %d %s", a.Status, a.Body)
	}
}

// outside is a digest of everything that is declared, allowed or kept outside of the attacker's namespace, by kind, namespace and
// name. What the operator registers for the attacker's own clients is left out.
func (s *stage) outside(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, list := range []client.ObjectList{
		&corev1.SecretList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{}, &appsv1.DeploymentList{}, &corev1.ServiceAccountList{}, &corev1.NamespaceList{}, &corev1.PodList{},
		&rbacv1.RoleList{}, &rbacv1.RoleBindingList{}, &rbacv1.ClusterRoleList{}, &rbacv1.ClusterRoleBindingList{}, &networkingv1.IngressList{},
		&v1alpha1.OAuthServerList{}, &v1alpha1.OAuthGrantPolicyList{}, &v1alpha1.OAuthResourceList{}, &v1alpha1.OAuthIdentityProviderList{},
		&v1alpha1.OAuthClientList{},
	} {
		if err := s.Admin.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		items := struct {
			Items []struct {
				Metadata struct {
					Name, Namespace, UID string
					Labels, Annotations  map[string]string
				}
				Spec, Data, Rules, Subjects, RoleRef json.RawMessage
			}
		}{}
		b, err := json.Marshal(list)
		if err == nil {
			err = json.Unmarshal(b, &items)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range items.Items {
			owner, _, _ := strings.Cut(x.Metadata.Annotations[registration.AnnotationOwner], "/")
			if x.Metadata.Namespace == own || owner == own {
				continue
			}
			b, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			found[fmt.Sprintf("%T %s/%s", list, x.Metadata.Namespace, x.Metadata.Name)] = fmt.Sprintf("%x", sha256.Sum256(b))
		}
	}
	return found
}

// showsNothing looks through everything that the attacker may read for what is secret elsewhere.
func (s *stage) showsNothing(t *testing.T) {
	t.Helper()
	secrets := []string{s.shop.secret, brought, password}
	var keys corev1.SecretList
	if err := s.Admin.List(t.Context(), &keys, client.InNamespace(platform)); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys.Items {
		if strings.HasPrefix(k.Annotations[registration.AnnotationOwner], own+"/") {
			continue
		}
		for _, v := range k.Data {
			secrets = append(secrets, string(v))
		}
	}
	for _, list := range []client.ObjectList{&corev1.SecretList{}, &corev1.ConfigMapList{}, &corev1.EventList{}, &v1alpha1.OAuthClientList{}} {
		if err := s.mallory.List(t.Context(), list, client.InNamespace(own)); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range secrets {
			plain, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			encoded, err := json.Marshal([]byte(v))
			if err != nil {
				t.Fatal(err)
			}
			if text := string(b); strings.Contains(text, string(plain[1:len(plain)-1])) || strings.Contains(text, strings.Trim(string(encoded), `"=`)) {
				t.Errorf("%T shows the attacker what is secret elsewhere", list)
			}
		}
	}
}
