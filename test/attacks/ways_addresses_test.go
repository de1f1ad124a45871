package attacks

import (
	"fmt"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// addressWays are about where people are sent, and what the server calls.
func addressWays() []way {
	refused := status(v1alpha1.ConditionAccepted, v1alpha1.ReasonPolicyRefused)
	redirects := func(uris ...string) func(*attack) {
		return func(a *attack) {
			for _, uri := range uris {
				a.creates(oauthClient("more", fmt.Sprintf("redirectURIs: [%q]", uri)))
			}
		}
	}
	// inside are addresses that the server can reach and the attacker's team cannot.
	inside := func(a *attack) []string {
		return []string{
			"https://169.254.169.254/latest/meta-data", "https://kubernetes.default.svc/api", "https://" + a.trap + "/x", "http://" + a.trap + "/x", "http://localhost:9081/metrics",
			"https://10.0.0.1/x", "https://[::1]:9081/x", "https://[::ffff:7f00:1]/x", "https://shop.victim.example/x",
		}
	}
	return []way{
		{"K07 has people sent to the victim's host, or to none that it was given", refused, func(a *attack) {
			for i, uri := range []string{
				"https://shop.victim.example/cb", "https://shop.victim.example.evil.example/cb", "https://mallory.example/cb", "https://evilmallory.example/cb",
				"https://app.mallory.example.evil.example/cb", "https://xn--mallry-6za.example/cb", "https://203.0.113.7/cb", "https://auth.platform.example/cb",
			} {
				a.waits(fmt.Sprintf("more-%d", i), fmt.Sprintf("redirectURIs: [%q]", uri), v1alpha1.ConditionAccepted)
			}
			a.waits("out", web+", postLogoutRedirectURIs: [https://shop.victim.example/bye]", v1alpha1.ConditionAccepted)
		}},
		{"K07 writes the victim's host so that a check may read another than browsers do", schema, redirects(
			"https://app.mallory.example@shop.victim.example/cb", "https://app.mallory.example:443@shop.victim.example/cb", `https://shop.victim.example\@app.mallory.example/cb`,
			`https://shop.victim.example\.mallory.example/cb`, "https://SHOP.victim.example/cb", "https://shop.victim.example./cb", "https://shop.victim.example%2f.mallory.example/cb",
			"https://shop.victim.example%00.mallory.example/cb", "https://shop。victim。example/cb", "https://ѕhop.victim.example/cb", "https:///shop.victim.example/cb",
			"https:/shop.victim.example/cb", "//shop.victim.example/cb", "https://app.mallory.example:0443/cb", "https://app.mallory.example:70000/cb",
			"https://app.mallory.example/../cb", "https://app.mallory.example/%2e%2e/cb", "https://2130706433/cb", "https://0x7f.1/cb",
		)},
		{"K07 has people sent to every host, by a wildcard or a fragment", schema, redirects(
			"https://app.mallory.example/*", "https://*.victim.example/cb", "https://*/cb", "https://app.mallory.example/cb#", "https://app.mallory.example/cb#x")},
		{"K13 has people sent to a scheme that runs or shows what it says, or to an app on their computer", schema, redirects(
			"javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x", "http://app.mallory.example/cb", "ftp://app.mallory.example/cb",
			"com.victim.shop:/cb", "victim:/cb", "blob:https://app.mallory.example/x")},
		{"K07 is called from pages of the victim", refused, func(a *attack) {
			a.waits("more", "type: Browser, "+web+`, allowedOrigins: ["https://shop.victim.example"]`, v1alpha1.ConditionAccepted)
		}},
		{"K14 has the server call an address inside the cluster, to tell it of logouts", refused, func(a *attack) {
			for i, uri := range inside(a)[:6] {
				a.waits(fmt.Sprintf("more-%d", i), fmt.Sprintf("%s, backChannelLogout: {uri: %q}", web, uri), v1alpha1.ConditionAccepted)
			}
		}},
		{"K14 has the server fetch keys from an address inside the cluster", refused, func(a *attack) {
			for i, uri := range inside(a) {
				name := fmt.Sprintf("more-%d", i)
				a.waits(name, fmt.Sprintf("%s, authentication: {privateKeyJWT: {jwksURI: %q}}", service, uri), v1alpha1.ConditionAccepted)
				a.isAnswered(a.byAssertion("mallory."+name, "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.eA"))
			}
		}},
		{"K14 has the server call a scheme or host that is none", schema, func(a *attack) {
			for _, uri := range []string{"file:///etc/passwd", "gopher://x/", "https://user:pw@app.mallory.example/x", "http://kubernetes.default.svc/x", "https://app.mallory.example/x#y", "https://app.mallory.example:0/x"} {
				a.creates(oauthClient("more", fmt.Sprintf("%s, authentication: {privateKeyJWT: {jwksURI: %q}}", service, uri)))
				a.creates(oauthClient("more", fmt.Sprintf("%s, backChannelLogout: {uri: %q}", web, uri)))
			}
		}},
		{"shows people a link that runs a script", schema, func(a *attack) {
			for _, uri := range []string{"javascript:alert(1)", "data:text/html,x", "https://shop.victim.example@app.mallory.example/"} {
				a.creates(oauthClient("more", fmt.Sprintf("%s, display: {homepage: %q}", web, uri)))
				a.creates(oauthClient("more", fmt.Sprintf("%s, display: {policyURI: %q}", web, uri)))
			}
		}},
	}
}
