package attacks

import (
	"fmt"
	"strings"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// templateWays reach out of, or blow up, what is written into the attacker's Secret.
func templateWays() []way {
	// template tries templates, each as the key of a client of its own.
	template := func(sources ...string) func(*attack) {
		return func(a *attack) {
			for i, source := range sources {
				a.waits(fmt.Sprintf("more-%d", i), fmt.Sprintf("%s, secret: {template: {key: %q}}", service, source), v1alpha1.ConditionAccepted)
			}
		}
	}
	invalid := status(v1alpha1.ConditionAccepted, v1alpha1.ReasonInvalid)
	return []way{
		{"has a template read the environment, files, addresses or the cluster", invalid, template(
			`{{env "HOME"}}`, `{{readFile "/var/run/secrets/kubernetes.io/serviceaccount/token"}}`, `{{lookup "v1" "Secret" "victim" "shop-oauth"}}`,
			`{{include "x" .}}`, `{{.Files.Get "x"}}`, `{{getHostByName "x"}}`)},
		{"has a template call what package text/template brings along", invalid, template(
			`{{call .ClientID}}`, `{{printf "%999999999d" 1}}`, `{{print .}}`, `{{html .ClientID}}`, `{{js .ClientID}}`, `{{slice .ClientID 0 1}}`)},
		{"has a template write out all that it is given, or call a method", invalid, template(
			`{{.}}`, `{{$}}`, `{{.ClientID.String}}`, `{{.Registration}}`, `{{.ClientSecret.Hash}}`, `{{.Issuer.Keys}}`)},
		{"has a template call itself, or run for ever", invalid, template(
			`{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, `{{block "a" .}}x{{end}}`, `{{range 1000000000}}x{{end}}`,
			`{{range $i, $e := .ClientSecret}}x{{end}}`, `{{if .ClientID}}`)},
		{"has a template write megabytes, by loops within loops", invalid, func(a *attack) {
			nested := strings.Repeat(`{{range $.RedirectURIs}}`, 6) + "x" + strings.Repeat(`{{end}}`, 6)
			wide := `{{range $.RedirectURIs}}` + strings.Repeat("x", 4000) + `{{end}}`
			doubled := strings.Repeat(`{{join (join (join $.ClientID $.RedirectURIs) $.RedirectURIs) $.RedirectURIs}}`, 40)
			var uris []string
			for i := range 20 {
				uris = append(uris, fmt.Sprintf("https://app.mallory.example/%d/%s", i, strings.Repeat("x", 400)))
			}
			for i, source := range []string{nested, wide, doubled} {
				a.waits(fmt.Sprintf("more-%d", i), fmt.Sprintf("redirectURIs: ['%s'], secret: {template: {key: %q}}", strings.Join(uris, "', '"), source), v1alpha1.ConditionAccepted)
			}
		}},
		{"gives a key of its Secret a name that is a path", schema, func(a *attack) {
			for _, key := range []string{"../../etc/passwd", "/etc/passwd", "a/b", `..\\x`, "a\x20b", strings.Repeat("k", 300), ".", "..", "..a"} {
				a.creates(oauthClient("more", fmt.Sprintf(`%s, secret: {template: {%q: "x"}}`, service, key)))
			}
		}},
		{"puts labels and annotations of the operator's on its Secret", schema, func(a *attack) {
			for _, metadata := range []string{
				"labels: {grantkeeper.dev/managed-by: somebody}", "labels: {grantkeeper.dev/server: main}", `labels: {"x.grantkeeper.dev/a": b}`,
				"labels: {app.kubernetes.io/managed-by: helm}", "annotations: {grantkeeper.dev/proof: x}", "annotations: {grantkeeper.dev/owner: victim/shop}",
				`annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}`,
			} {
				a.creates(oauthClient("more", service+", secret: {metadata: {"+metadata+"}}"))
			}
		}},
	}
}
