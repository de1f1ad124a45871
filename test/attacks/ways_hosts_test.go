package attacks

import "strings"

// hostWays route the host of the issuer, where people type their passwords, to the attacker.
func hostWays() []way {
	tries := func(manifests ...string) func(*attack) {
		return func(a *attack) {
			for _, m := range manifests {
				a.creates(m)
			}
		}
	}
	const backend = "{service: {name: door, port: {number: 80}}}"
	annotated := func(annotation string) string {
		return strings.Replace(ingress("host: door.mallory.example"), "namespace: mallory", "namespace: mallory, annotations: {"+annotation+"}", 1)
	}
	return []way{
		{"K11 takes the issuer's host by an Ingress", policies, tries(ingress("host: "+issuerHost),
			strings.Replace(ingress("host: door.mallory.example"), "spec: {", "spec: {tls: [{hosts: ["+issuerHost+"], secretName: c}], ", 1))},
		{"K11 takes it by a wildcard", policies, tries(ingress(`host: "*.platform.example"`), httpRoute("*.platform.example"))},
		{"K11 takes it by a rule for every host, or by a backend for what nobody else wants", policies, tries(
			ingress("http: {paths: [{path: /, pathType: Prefix, backend: "+backend+"}]}"),
			"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: door, namespace: mallory}\nspec: {defaultBackend: "+backend+"}\n")},
		{"K11 takes it by an alias, or a regular expression, in an annotation", policies, tries(
			annotated("nginx.ingress.kubernetes.io/server-alias: "+issuerHost), annotated(`nginx.ingress.kubernetes.io/server-alias: "~^log[i]n"`), annotated(`konghq.com/host-aliases: "`+issuerHost+`"`))},
		{"K11 takes it by a route of the Gateway API, with the host or without any", policies, tries(httpRoute(issuerHost), httpRoute())},
		{"K11 has it published in DNS by a Service", policies, tries(
			"apiVersion: v1\nkind: Service\nmetadata: {name: door, namespace: mallory, annotations: {external-dns.alpha.kubernetes.io/hostname: " + issuerHost + "}}\nspec: {type: LoadBalancer, ports: [{port: 443}]}\n")},
		{"K11 takes it later, by an edit of an Ingress that was harmless", policies, func(a *attack) {
			o := a.makes(ingress("host: door.mallory.example"))
			a.denied(a.mallory.Patch(a.Context(), o, patch(`{"spec":{"rules":[{"host":"`+issuerHost+`"}]}}`)))
		}},
	}
}
