package crd_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// TestConvention04KubectlGet holds what the real kubectl prints against golden files, narrow and wide (convention 4).
func TestConvention04KubectlGet(t *testing.T) {
	c, ctx := newClient(t), context.Background()
	ns := newNamespace(t, c)
	for _, obj := range tableObjects(ns) {
		written := obj.DeepCopyObject().(client.Object)
		if err := c.Create(ctx, written); err != nil {
			t.Fatal(err)
		}
		obj.SetResourceVersion(written.GetResourceVersion())
		if !hasStatus(obj) {
			continue
		}
		if err := c.Status().Update(ctx, obj); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range kinds() {
		resource := plural(kind)
		t.Run(resource, func(t *testing.T) {
			var out strings.Builder
			for _, args := range [][]string{{"get", resource}, {"get", resource, "-o", "wide"}} {
				stdout, stderr, err := kubectl(t, "", append(args, "-n", ns)...)
				if err != nil {
					t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, stderr)
				}
				fmt.Fprintf(&out, "$ kubectl %s\n%s\n", strings.Join(args, " "), ageless(t, stdout))
			}
			golden(t, "testdata/"+resource+".txt", []byte(out.String()))
		})
	}
}

func plural(kind string) string {
	if name, found := strings.CutSuffix(strings.ToLower(kind), "policy"); found {
		return name + "policies"
	}
	return strings.ToLower(kind) + "s"
}

// column finds the headers of a table: words that one space parts are one header.
var column = regexp.MustCompile(`\S+(?: \S+)*\s*`)

// ageless prints a table again with every age the same, however long the machine took.
func ageless(t *testing.T, table string) string {
	t.Helper()
	lines := strings.Split(strings.TrimRight(table, "\n"), "\n")
	starts := column.FindAllStringIndex(lines[0], -1)
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
	for i, line := range lines {
		for n, at := range starts {
			end := len(line)
			if n+1 < len(starts) {
				end = min(at[1], end)
			}
			cell := strings.TrimRight(line[min(at[0], end):end], " ")
			if i > 0 && strings.TrimSpace(lines[0][at[0]:at[1]]) == "AGE" {
				if _, err := time.ParseDuration(cell); err != nil {
					t.Errorf("AGE is %q: %v", cell, err)
				}
				cell = "0s"
			}
			if n > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func hasStatus(obj client.Object) bool { return obj.GetName() != "new" }

// tableObjects are one object of every kind that is well, one that is not, and one that no controller has seen.
func tableObjects(ns string) []client.Object {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: ns, Name: name} }
	// Far enough back that neither the hour nor the second of the run shows.
	days := func(n int) *metav1.Time {
		return &metav1.Time{Time: time.Now().Add(-time.Duration(n)*24*time.Hour - time.Hour)}
	}
	conditions := func(status metav1.ConditionStatus, reason v1alpha1.ConditionReason, message string) []metav1.Condition {
		return []metav1.Condition{{Type: string(v1alpha1.ConditionReady), Status: status, Reason: string(reason), Message: message, LastTransitionTime: *days(20)}}
	}
	well := conditions(metav1.ConditionTrue, v1alpha1.ReasonReady, "Everything is well")
	service := v1alpha1.OAuthClientSpec{Type: v1alpha1.ClientTypeService}
	device := v1alpha1.OAuthClientSpec{Type: v1alpha1.ClientTypeDevice}
	web := v1alpha1.OAuthClientSpec{RedirectURIs: []string{"https://reports.acme.example/cb"}}
	local := v1alpha1.OAuthIdentityProviderSpec{DisplayName: "Staff", Local: &v1alpha1.LocalProvider{AccountsSecretRef: v1alpha1.SecretReference{Name: "accounts"}}}
	corp := v1alpha1.OAuthIdentityProviderSpec{DisplayName: "Acme SSO", Order: -1, OIDC: &v1alpha1.OIDCProvider{Issuer: "https://idp.example", ClientID: "grantkeeper"}}
	main := &v1alpha1.LocalServerReference{Name: "main"}
	return []client.Object{
		&v1alpha1.OAuthServer{ObjectMeta: meta("main"), Spec: v1alpha1.OAuthServerSpec{Issuer: "https://login.example.com"},
			Status: v1alpha1.OAuthServerStatus{Replicas: 1, Clients: 12, Storage: "SQLite", ActiveKeySince: days(12), Conditions: well}},
		&v1alpha1.OAuthServer{ObjectMeta: meta("new"), Spec: v1alpha1.OAuthServerSpec{Issuer: "https://new.example.com"}},
		&v1alpha1.OAuthClient{ObjectMeta: meta("acme-reports"), Spec: web, Status: v1alpha1.OAuthClientStatus{
			ClientID: "acme-reports", Server: "oauth-system/main", Policy: "partners", Issuer: "https://login.example.com",
			GrantTypes: []string{"authorization_code", "refresh_token"}, Binding: &v1alpha1.ClientBinding{Name: "acme-reports-oauth"}, Conditions: well,
			Secrets: []v1alpha1.ClientSecretStatus{{ID: "s2", CreatedAt: *days(10), Current: true}, {ID: "s1", CreatedAt: *days(40), RetiresAt: days(9)}},
		}},
		&v1alpha1.OAuthClient{ObjectMeta: meta("tv"), Spec: device, Status: v1alpha1.OAuthClientStatus{
			ClientID: "partners.tv", Server: "oauth-system/main", GrantTypes: []string{string(v1alpha1.GrantTypeDeviceCode), "refresh_token"},
			Conditions: conditions(metav1.ConditionFalse, v1alpha1.ReasonPolicyRefused, "services: spec.grantTypes[0] is not in spec.allow.grantTypes"),
		}},
		&v1alpha1.OAuthClient{ObjectMeta: meta("new"), Spec: service},
		&v1alpha1.OAuthGrantPolicy{ObjectMeta: meta("services"), Spec: v1alpha1.OAuthGrantPolicySpec{ServerRef: main, Priority: 10, Allow: v1alpha1.PolicyAllow{
			GrantTypes: []v1alpha1.GrantType{"client_credentials"}, RedirectHosts: []string{"*.acme.example"},
		}}, Status: v1alpha1.OAuthGrantPolicyStatus{Clients: &v1alpha1.PolicyClientCounts{Accepted: 12, Refused: 1}, Conditions: well}},
		&v1alpha1.OAuthGrantPolicy{ObjectMeta: meta("new")},
		&v1alpha1.OAuthResource{ObjectMeta: meta("orders-api"), Spec: v1alpha1.OAuthResourceSpec{
			ServerRef: main, Identifier: "https://api.example.com", Title: "Orders", Scopes: []v1alpha1.ResourceScope{{Name: "orders.read", Title: "Read your orders"}},
		}, Status: v1alpha1.OAuthResourceStatus{Conditions: well}},
		&v1alpha1.OAuthResource{ObjectMeta: meta("new"), Spec: v1alpha1.OAuthResourceSpec{Identifier: "urn:example:new"}},
		&v1alpha1.OAuthIdentityProvider{ObjectMeta: meta("local"), Spec: local, Status: v1alpha1.OAuthIdentityProviderStatus{Type: "Local", Accounts: ptr.To[int32](3), Conditions: well}},
		&v1alpha1.OAuthIdentityProvider{ObjectMeta: meta("corp"), Spec: corp, Status: v1alpha1.OAuthIdentityProviderStatus{Type: "OIDC", Conditions: well}},
		&v1alpha1.OAuthIdentityProvider{ObjectMeta: meta("new"), Spec: local},
	}
}

// TestConvention05Names: every kind has its short name and is in the category, so that `kubectl get oauth` lists them all.
func TestConvention05Names(t *testing.T) {
	d, err := discovery.NewDiscoveryClientForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	resources, err := d.ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"OAuthServer": "oas", "OAuthClient": "oac", "OAuthGrantPolicy": "oagp", "OAuthResource": "oar", "OAuthIdentityProvider": "oaip"}
	for _, r := range resources.APIResources {
		if strings.Contains(r.Name, "/") {
			continue
		}
		if !slices.Equal(r.ShortNames, []string{want[r.Kind]}) || !slices.Equal(r.Categories, []string{"oauth"}) || !r.Namespaced {
			t.Errorf("%s has the short names %v, the categories %v and namespaced %t", r.Kind, r.ShortNames, r.Categories, r.Namespaced)
		}
		delete(want, r.Kind)
	}
	if len(want) > 0 {
		t.Errorf("kinds that are not served: %v", want)
	}
	if stdout, stderr, err := kubectl(t, "", "get", "oauth", "-A"); err != nil {
		t.Errorf("kubectl get oauth: %v\n%s%s", err, stdout, stderr)
	}
}
