package guards

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

// takeover is the stage of K11: a server in namespace login with the issuer https://login.example.com, every kind of route, and
// mallory, who may write all of them in namespace shop.
func takeover(t *testing.T) (mallory client.Client) {
	t.Helper()
	world.InstallGatewayAPI(t, "gateways", "httproutes", "grpcroutes", "tlsroutes", "listenersets")
	if _, err := world.Kubectl("", "apply", "--server-side", "-f", "testdata/routes.yaml"); err != nil {
		t.Fatal(err)
	}
	world.Namespace(t, "login", nil)
	world.Namespace(t, "shop", nil)
	world.Namespace(t, "edge", map[string]string{"grantkeeper.dev/may-route-issuers": "true"})
	world.Apply(t, `
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthServer
metadata: {name: main, namespace: login}
spec: {issuer: "https://login.example.com/tenants/a", expose: {ingress: {}}}
`)
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "routes"}, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{
			"", "networking.k8s.io", "gateway.networking.k8s.io", "route.openshift.io", "projectcontour.io", "networking.istio.io", "k8s.nginx.org", "traefik.io", "externaldns.k8s.io",
		},
		Resources: []string{"*"}, Verbs: []string{"*"},
	}}}
	if err := world.Admin.Create(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"shop", "login", "edge"} {
		world.Bind(t, namespace, "mallory", "routes")
	}
	mallory = world.As(t, "mallory")
	demo.Eventually(t, soon, "the policies of every kind are in force", func() error {
		for _, kind := range everyKind(t) {
			o := Object(t, kind.of("shop", "login.example.com"))
			if err := mallory.Create(t.Context(), o, client.DryRunAll); !Refused(err) {
				return fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
			}
		}
		return nil
	})
	return mallory
}

// route is a manifest of a kind with places for namespace and host.
type route struct{ name, manifest string }

func (r route) of(namespace, host string) string {
	return strings.NewReplacer("NAMESPACE", namespace, "HOST", host).Replace(r.manifest)
}

// everyKind is every way of asking for a host, one manifest for each.
func everyKind(t *testing.T) []route {
	t.Helper()
	meta := func(api, kind, annotations string) string {
		return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: route, namespace: NAMESPACE, annotations: {%s}}\n", api, kind, annotations)
	}
	const (
		rules    = "spec: {rules: [{host: shop.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]}}]"
		listener = `"HOST", port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}`
		parent   = "spec: {parentRefs: [{name: shared, namespace: edge}], "
	)
	return []route{
		{"Ingress", meta("networking.k8s.io/v1", "Ingress", "") + strings.Replace(rules, "shop.example.com", `"HOST"`, 1) + "}"},
		{"Ingress, among others", meta("networking.k8s.io/v1", "Ingress", "") + rules + `, tls: [{hosts: [shop.example.com, "HOST"], secretName: c}]}`},
		{"Ingress, by an alias of nginx", meta("networking.k8s.io/v1", "Ingress", `nginx.ingress.kubernetes.io/server-alias: "www.example.com, HOST"`) + rules + "}"},
		{"Ingress, by an alias of Kong", meta("networking.k8s.io/v1", "Ingress", `konghq.com/host-aliases: "HOST"`) + rules + "}"},
		{"Ingress, by an alias of HAProxy", meta("networking.k8s.io/v1", "Ingress", `haproxy-ingress.github.io/server-alias: "HOST"`) + rules + "}"},
		{"Ingress, by an alias of HAProxy under its old name", meta("networking.k8s.io/v1", "Ingress", `ingress.kubernetes.io/server-alias: "HOST"`) + rules + "}"},
		{"Ingress, by a redirect of HAProxy", meta("networking.k8s.io/v1", "Ingress", `haproxy-ingress.github.io/redirect-from: "HOST"`) + rules + "}"},
		{"Ingress, by an extension of Azure", meta("networking.k8s.io/v1", "Ingress", `appgw.ingress.kubernetes.io/hostname-extension: "www.example.com, HOST"`) + rules + "}"},
		{"Ingress, in DNS", meta("networking.k8s.io/v1", "Ingress", `external-dns.alpha.kubernetes.io/hostname: "HOST."`) + rules + "}"},
		{"HTTPRoute", meta("gateway.networking.k8s.io/v1", "HTTPRoute", "") + parent + `hostnames: [shop.example.com, "HOST"]}`},
		{"HTTPRoute, as it was", meta("gateway.networking.k8s.io/v1beta1", "HTTPRoute", "") + parent + `hostnames: ["HOST"]}`},
		{"HTTPRoute, in DNS", meta("gateway.networking.k8s.io/v1", "HTTPRoute", `external-dns.alpha.kubernetes.io/hostname: "HOST"`) + parent + `hostnames: [shop.example.com]}`},
		{"GRPCRoute", meta("gateway.networking.k8s.io/v1", "GRPCRoute", "") + parent + `hostnames: ["HOST"]}`},
		{"TLSRoute", meta("gateway.networking.k8s.io/v1", "TLSRoute", "") + parent + `hostnames: ["HOST"], rules: [{backendRefs: [{name: shop, port: 443}]}]}`},
		{"Gateway", meta("gateway.networking.k8s.io/v1", "Gateway", "") + `spec: {gatewayClassName: c, listeners: [{name: a, hostname: ` + listener + "}]}"},
		{"ListenerSet", meta("gateway.networking.k8s.io/v1", "ListenerSet", "") + `spec: {parentRef: {name: shared, namespace: edge}, listeners: [{name: a, hostname: ` + listener + "}]}"},
		{"Service, in DNS", meta("v1", "Service", `external-dns.alpha.kubernetes.io/hostname: "shop.example.com,HOST"`) + "spec: {type: LoadBalancer, ports: [{port: 443}]}"},
		{"Service, in DNS inside", meta("v1", "Service", `external-dns.alpha.kubernetes.io/internal-hostname: "HOST"`) + "spec: {ports: [{port: 443}]}"},
		{"Route of OpenShift", meta("route.openshift.io/v1", "Route", "") + `spec: {host: "HOST"}`},
		{"HTTPProxy of Contour", meta("projectcontour.io/v1", "HTTPProxy", "") + `spec: {virtualhost: {fqdn: "HOST"}}`},
		{"VirtualService of Istio", meta("networking.istio.io/v1", "VirtualService", "") + `spec: {gateways: [edge/shared], hosts: ["HOST"]}`},
		{"ServiceEntry of Istio", meta("networking.istio.io/v1", "ServiceEntry", "") + `spec: {hosts: ["HOST"], resolution: STATIC}`},
		{"Gateway of Istio", meta("networking.istio.io/v1", "Gateway", "") + `spec: {servers: [{hosts: ["./HOST"]}]}`},
		{"VirtualServer of nginx", meta("k8s.nginx.org/v1", "VirtualServer", "") + `spec: {host: "HOST"}`},
		{"TransportServer of nginx", meta("k8s.nginx.org/v1", "TransportServer", "") + `spec: {host: "HOST"}`},
		{"DNSEndpoint", meta("externaldns.k8s.io/v1", "DNSEndpoint", "") + `spec: {endpoints: [{dnsName: "HOST"}]}`},
	}
}

// TestK11HostnameTakeover: a tenant who may create every kind of route tries to get the host where people type their passwords.
func TestK11HostnameTakeover(t *testing.T) {
	mallory := takeover(t)
	try := func(manifest string) error {
		return mallory.Create(t.Context(), Object(t, manifest), client.DryRunAll)
	}
	for _, kind := range everyKind(t) {
		t.Run(kind.name, func(t *testing.T) {
			for _, host := range []string{"login.example.com", "*.example.com"} {
				if err := try(kind.of("shop", host)); !Refused(err, "host login.example.com belongs to the OAuthServer of namespace login", "Name the hosts that are yours") {
					t.Errorf("%s: want a refusal that says whose it is and what to do, got %v", host, err)
				}
			}
			for _, host := range []string{"shop.example.org", "*.shop.example.com", "xlogin.example.com", "login.example.com.example.org"} {
				if err := try(kind.of("shop", host)); err != nil {
					t.Errorf("%s, which is nobody's, is refused: %v", host, err)
				}
			}
			for _, namespace := range []string{"login", "edge"} {
				if err := try(kind.of(namespace, "login.example.com")); err != nil {
					t.Errorf("it is refused in namespace %s: %v", namespace, err)
				}
			}
		})
	}
	t.Run("without any host", func(t *testing.T) { everyHost(t, try) })
	t.Run("Traefik's rules", func(t *testing.T) { traefik(t, try) })
	t.Run("later, by an edit", func(t *testing.T) { laterByEdit(t, mallory) })
	t.Run("by a label of the namespace", func(t *testing.T) {
		ns := &corev1.Namespace{}
		if err := world.Admin.Get(t.Context(), client.ObjectKey{Name: "shop"}, ns); err != nil {
			t.Fatal(err)
		}
		ns.Labels["grantkeeper.dev/may-route-issuers"] = "true"
		if err := world.As(t, "erin").Update(t.Context(), ns); err == nil {
			t.Error("whoever edits in a namespace may label it")
		}
	})
	t.Run("the operator knows the hosts", func(t *testing.T) {
		var list corev1.ConfigMap
		if err := world.Admin.Get(t.Context(), client.ObjectKey{Namespace: operatorNamespace, Name: "grantkeeper-issuers"}, &list); err != nil {
			t.Fatal(err)
		}
		if len(list.Data) != 1 || list.Data["login.example.com"] != "login" {
			t.Errorf("got %v", list.Data)
		}
	})
}

// everyHost: what names no host takes all of them.
func everyHost(t *testing.T, try func(string) error) {
	const ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: route, namespace: NAMESPACE, annotations: {ANNOTATION}}\n"
	const backend = "{service: {name: shop, port: {number: 80}}}"
	const path = "http: {paths: [{path: /.well-known/openid-configuration, pathType: Exact, backend: " + backend + "}]}"
	const gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: KIND\nmetadata: {name: route, namespace: NAMESPACE}\n"
	for name, c := range map[string]struct{ manifest, says string }{
		"a rule without a host":                    {ingress + "spec: {rules: [{host: shop.example.com, " + path + "}, {" + path + "}]}", "spec.rules: a rule without a host"},
		"a backend by default":                     {ingress + "spec: {defaultBackend: " + backend + "}", "spec.defaultBackend"},
		"a backend beside rules":                   {ingress + "spec: {defaultBackend: " + backend + ", rules: [{host: shop.example.com}]}", "spec.defaultBackend"},
		"a pattern of nginx":                       {strings.Replace(ingress, "ANNOTATION", `nginx.ingress.kubernetes.io/server-alias: "~^log[i]n"`, 1) + "spec: {rules: [{host: shop.example.com}]}", "a pattern"},
		"a wildcard of nginx that looks like none": {strings.Replace(ingress, "ANNOTATION", `nginx.ingress.kubernetes.io/server-alias: ".example.com"`, 1) + "spec: {rules: [{host: shop.example.com}]}", "a pattern"},
		"a pattern of HAProxy":                     {strings.Replace(ingress, "ANNOTATION", `haproxy-ingress.github.io/server-alias-regex: "^log[i]n"`, 1) + "spec: {rules: [{host: shop.example.com}]}", "a pattern"},
		"a wildcard at the end":                    {strings.Replace(ingress, "ANNOTATION", `nginx.ingress.kubernetes.io/server-alias: "login.example.*"`, 1) + "spec: {rules: [{host: shop.example.com}]}", "a pattern"},
		"an HTTPRoute":                             {strings.Replace(gateway, "KIND", "HTTPRoute", 1) + "spec: {parentRefs: [{name: shared, namespace: edge}]}", "spec.hostnames"},
		"a GRPCRoute":                              {strings.Replace(gateway, "KIND", "GRPCRoute", 1) + "spec: {parentRefs: [{name: shared, namespace: edge}]}", "spec.hostnames"},
		"a Gateway":                                {strings.Replace(gateway, "KIND", "Gateway", 1) + "spec: {gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}]}", "spec.listeners"},
		"a ListenerSet":                            {strings.Replace(gateway, "KIND", "ListenerSet", 1) + "spec: {parentRef: {name: shared, namespace: edge}, listeners: [{name: a, port: 80, protocol: HTTP}]}", "spec.listeners"},
		"Istio's star":                             {"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: route, namespace: NAMESPACE}\nspec: {servers: [{hosts: ['*']}]}", "login.example.com"},
		"OpenShift's subdomains":                   {"apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: route, namespace: NAMESPACE}\nspec: {host: www.example.com, wildcardPolicy: Subdomain}", "login.example.com"},
		"a route of a mesh has no part":            {strings.Replace(gateway, "KIND", "HTTPRoute", 1) + "spec: {parentRefs: [{kind: Service, group: '', name: shop, port: 80}]}", ""},
		"a Service without DNS":                    {"apiVersion: v1\nkind: Service\nmetadata: {name: route, namespace: NAMESPACE}\nspec: {ports: [{port: 80}]}", ""},
	} {
		manifest := strings.NewReplacer("NAMESPACE", "shop", "ANNOTATION", "").Replace(c.manifest)
		err := try(manifest)
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s is refused: %v", name, err)
		case c.says != "" && !Refused(err, c.says, "login.example.com"):
			t.Errorf("%s: want a refusal with %q, got %v", name, c.says, err)
		}
		if err := try(strings.NewReplacer("NAMESPACE", "login", "ANNOTATION", "").Replace(c.manifest)); err != nil {
			t.Errorf("%s is refused in the server's namespace: %v", name, err)
		}
	}
}

// traefik: its rules are a language, and only what is plain gets through.
func traefik(t *testing.T, try func(string) error) {
	for match, allowed := range map[string]bool{
		"Host(`shop.example.com`)":                                                                        true,
		"Host(`shop.example.com`) && PathPrefix(`/login.example.com`)":                                    true,
		"Host(`a.example.com`) || Host(`b.example.com`)":                                                  true,
		"(Host(`a.example.com`) || Host(`b.example.com`)) && (PathPrefix(`/a`) || Header(`X-A`, `true`))": true,
		"Host(`a.example.com`, `b.example.com`) && !PathPrefix(`/a`)":                                     true,
		"HostSNI(`shop.example.com`)":                                                                     true,
		"Host(`login.example.com`)":                                                                       false,
		"Host(`LOGIN.example.com`)":                                                                       false,
		"Host(`a.example.com`) || Host(`login.example.com`)":                                              false,
		"Host(`a.example.com`) || PathPrefix(`/`)":                                                        false,
		"Host(`a.example.com`) && Path(`/a`) || Path(`/v1`)":                                              false,
		"PathPrefix(`/`)":                   false,
		"!Host(`a.example.com`)":            false,
		"HostRegexp(`log[i]n.example.com`)": false,
		"HostSNI(`*`)":                      false,
		"":                                  false,
		"PathPrefix(`/`) || Host(`a.example.com`)":              false,
		"(Host(`a.example.com`) || Path(`/`)) && Method(`GET`)": false,
	} {
		manifest := fmt.Sprintf("apiVersion: traefik.io/v1\nkind: IngressRoute\nmetadata: {name: route, namespace: shop}\nspec:\n  routes:\n    - match: %q\n", match)
		err := try(manifest)
		switch {
		case allowed && err != nil:
			t.Errorf("%s is refused: %v", match, err)
		case !allowed && !Refused(err, "spec.routes[].match", "login.example.com"):
			t.Errorf("%s: want a refusal, got %v", match, err)
		}
	}
}

// laterByEdit: what is harmless when it is made is judged again when it is changed, and only then.
func laterByEdit(t *testing.T, mallory client.Client) {
	routes := everyKind(t)
	made := Object(t, routes[0].of("shop", "shop.example.com"))
	if err := mallory.Create(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	for name, manifest := range map[string]string{"its rule": routes[0].of("shop", "login.example.com"), "its annotation": routes[2].of("shop", "login.example.com")} {
		err := mallory.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(Object(t, manifest)), client.FieldOwner("m"), client.ForceOwnership)
		if !Refused(err, "login.example.com") {
			t.Errorf("%s: want a refusal, got %v", name, err)
		}
	}
	// Who was there first, before the issuer, is not locked in: labels and finalizers of the object may still change.
	world.Apply(t, `
apiVersion: v1
kind: Namespace
metadata: {name: early}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: early, namespace: early, finalizers: [example.com/hold]}
spec: {rules: [{host: early.example.net}]}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthServer
metadata: {name: early, namespace: login}
spec: {issuer: "https://early.example.net"}
`)
	world.Bind(t, "early", "mallory", "routes")
	demo.Eventually(t, soon, "the new issuer is guarded", func() error {
		taken := Object(t, strings.ReplaceAll(routes[0].of("early", "early.example.net"), "name: route,", "name: late,"))
		if err := mallory.Create(t.Context(), taken, client.DryRunAll); !Refused(err, "early.example.net") {
			return fmt.Errorf("it is not refused: %w", err)
		}
		return nil
	})
	early := Object(t, "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: early, namespace: early}")
	if err := mallory.Delete(t.Context(), early); err != nil {
		t.Fatal(err)
	}
	if err := mallory.Get(t.Context(), client.ObjectKeyFromObject(early), early); err != nil {
		t.Fatal(err)
	}
	early.SetFinalizers(nil)
	if err := mallory.Update(t.Context(), early); err != nil {
		t.Errorf("an Ingress that is being deleted hangs: %v", err)
	}
	// With its server goes the claim.
	if err := world.Admin.Delete(t.Context(), Object(t, "apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthServer\nmetadata: {name: early, namespace: login}")); err != nil {
		t.Fatal(err)
	}
	demo.Eventually(t, soon, "the host is free again", func() error {
		return mallory.Create(t.Context(), Object(t, routes[0].of("early", "early.example.net")), client.DryRunAll)
	})
}
