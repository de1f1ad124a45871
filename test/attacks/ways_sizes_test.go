package attacks

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// sizeWays are input that is huge, nested or misleading.
func sizeWays() []way {
	return []way{
		{"K13 registers a hundred addresses, or ten thousand scopes, or one of them endless", schema, func(a *attack) {
			many := func(n int, format string) string {
				var all []string
				for i := range n {
					all = append(all, fmt.Sprintf(format, i))
				}
				return strings.Join(all, ", ")
			}
			a.creates(oauthClient("more", "redirectURIs: ["+many(100, "'https://app.mallory.example/%d'")+"]"))
			a.creates(oauthClient("more", "type: Service, scopes: ["+many(10_000, "orders.%d")+"]"))
			a.creates(oauthClient("more", "redirectURIs: ['https://app.mallory.example/"+strings.Repeat("x", 100_000)+"']"))
			a.creates(oauthClient("more", service+", secret: {template: {"+many(100, "'k%d': x")+"}}"))
			a.creates(oauthClient("more", service+", secret: {template: {k: '"+strings.Repeat("x", 100_000)+"'}}"))
			a.creates(oauthClient("more", service+", secret: {metadata: {annotations: {a: '"+strings.Repeat("x", 100_000)+"'}}}"))
			a.creates(oauthClient("more", service+", display: {name: '"+strings.Repeat("x", 10_000)+"'}"))
		}},
		{"makes its client so large that nobody can keep it", api, func(a *attack) {
			large := strings.Replace(oauthClient("more", service), "namespace: mallory", "namespace: mallory, annotations: {a: '"+strings.Repeat("x", 1_500_000)+"'}", 1)
			a.creates(large)
			a.creates(strings.Replace(large, "'"+strings.Repeat("x", 1_500_000), "'"+strings.Repeat("x", 4_000_000), 1))
		}},
		{"nests its client a hundred thousand levels deep", api, nested},
		{"registers ninety keys, or one that takes minutes to verify with", schema, func(a *attack) {
			keys := strings.TrimSuffix(strings.Repeat("{kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}, ", 90), ", ")
			a.creates(oauthClient("more", service+", authentication: {privateKeyJWT: {jwks: {keys: ["+keys+"]}}}"))
			a.creates(oauthClient("more", service+", authentication: {privateKeyJWT: {jwks: {keys: [{kty: RSA, e: AQAB, n: '"+strings.Repeat("x", 50_000)+"'}]}}}"))
			a.creates(oauthClient("more", service+", authentication: {privateKeyJWT: {jwks: {keys: [{kty: oct, x: c2VjcmV0}]}}}"))
		}},
		{"has a name shown that reads backwards, or hides what it is", schema, func(a *attack) {
			for _, name := range []string{`Shop\u202Egnp.exe`, `\u2066Shop\u2069`, `Shop\u200b`, `Shop\u00ad`, `Shop\nby Victim`, `Shop\u0007`, `\u3164`, " Shop", `Shop\u2028`, strings.Repeat("S", 101)} {
				a.creates(oauthClient("more", web+`, display: {name: "`+name+`"}`))
				a.creates(oauthClient("more", web+`, display: {publisher: "`+name+`"}`))
			}
		}},
		{"asks for a new secret by an endless word, with an overlap that never ends", status(v1alpha1.ConditionAccepted, v1alpha1.ReasonInvalid), func(a *attack) {
			a.makes(strings.Replace(oauthClient("more", service), "namespace: mallory", "namespace: mallory, annotations: {grantkeeper.dev/rotate: '"+strings.Repeat("x", 200_000)+"', grantkeeper.dev/rotate-overlap: 999999h}", 1))
			a.isRefused("more", v1alpha1.ConditionAccepted)
		}},
		{"sends the server a form of a hundred thousand letters, or a scope of thousands of words", server(http.StatusRequestEntityTooLarge, "invalid_request"), func(a *attack) {
			a.isAnswered(a.token(a.T, a.app, "scope", strings.Repeat("x", 100_000)))
			a.isAnswered(a.token(a.T, a.app, "scope", strings.Repeat("orders.read ", 2000)))
			a.isAnswered(a.byAssertion(a.app.id, strings.Repeat("e", 60_000)))
		}},
	}
}

// nested sends JSON as it is: the client could not make so much of it.
func nested(a *attack) {
	const levels = 100_000
	body := `{"apiVersion":"grantkeeper.dev/v1alpha1","kind":"OAuthClient","metadata":{"name":"more","namespace":"mallory"},"spec":` +
		strings.Repeat(`{"spec":`, levels) + `{}` + strings.Repeat(`}`, levels) + `}`
	transport, err := rest.HTTPClientFor(a.certificate)
	if err != nil {
		a.Fatal(err)
	}
	req, err := http.NewRequestWithContext(a.Context(), http.MethodPost, strings.TrimSuffix(a.certificate.Host, "/")+"/apis/grantkeeper.dev/v1alpha1/namespaces/mallory/oauthclients", strings.NewReader(body))
	if err != nil {
		a.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := transport.Do(req)
	if err != nil {
		a.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		a.Fatal(err)
	}
	var said metav1.Status
	if err := json.Unmarshal(answer, &said); err != nil || resp.StatusCode < 400 || said.Message == "" {
		a.Fatalf("%s %.300s %v", resp.Status, answer, err)
	}
	a.refused(api, said.Message)
}

var markup = regexp.MustCompile(`(?s)<(style|head)\b.*?</(style|head)>|<[^>]*>`)

var title = regexp.MustCompile(`(?s)<h1\b[^>]*>(.*?)</h1>`)

// heading is what a page says first.
func heading(page string) string {
	if h := title.FindStringSubmatch(page); h != nil {
		return text(h[1])
	}
	return text(page)
}

// text is what a page says.
func text(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(markup.ReplaceAllString(page, " "))), " ")
}
