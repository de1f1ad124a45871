package attacks

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// peopleWays are requests, once there is a client.
func peopleWays() []way {
	page := "the server: 400, a page"
	return []way{
		{"K07 sends people to the victim's host, by the redirect_uri of a request", page, func(a *attack) {
			for _, uri := range []string{
				"https://shop.victim.example/cb", "https://app.mallory.example/cb/../../x", "https://app.mallory.example/cb?x=1", "https://APP.mallory.example/cb",
				"https://app.mallory.example:443/cb", "https://app.mallory.example/CB", "http://127.0.0.1/cb", "",
			} {
				a.shownTo(uri, a.app.id, url.Values{})
			}
			a.shownTo("https://app.mallory.example/cb", a.shop.id, url.Values{})
			a.shownTo("https://app.mallory.example/cb", a.app.id, url.Values{"redirect_uri": {"https://app.mallory.example/cb", "https://shop.victim.example/cb"}})
		}},
		{"K09 does without PKCE, or with a challenge that anybody can see through", "the server: `invalid_request`", func(a *attack) {
			a.sentBack(url.Values{"code_challenge": nil, "code_challenge_method": nil})
			a.sentBack(url.Values{"code_challenge": {verifier}, "code_challenge_method": {"plain"}})
			a.sentBack(url.Values{"code_challenge_method": nil})
			a.isAnswered(a.post(a.T, "/v1/par", &a.app, "response_type", "code", "redirect_uri", "https://app.mallory.example/cb", "scope", "openid"))
		}},
		{"K09 asks for tokens in the address, or for what people have not agreed to", "the server: `unsupported_response_type`", func(a *attack) {
			a.sentBack(url.Values{"response_type": {"token"}})
			a.sentBack(url.Values{"response_type": {"code id_token"}})
			a.sentBack(url.Values{"prompt": {"none"}})
			a.sentBack(url.Values{"scope": {"openid orders.admin"}})
			a.sentBack(url.Values{"resource": {"https://payroll.platform.example"}})
		}},
		{"K05 lets one person's grants pile up, so that an old one stays unseen", server(http.StatusBadRequest, "invalid_grant"), func(a *attack) {
			c := a.registers("many", "redirectURIs: [https://many.mallory.example/cb], scopes: [openid, offline_access, orders.read]")
			var tokens []answer
			for range 3 {
				tokens = append(tokens, a.signsIn(a.T, c, "https://many.mallory.example/cb"))
			}
			a.isAnswered(a.refresh(a.T, c, tokens[0].RefreshToken))
			for _, kept := range tokens[1:] {
				if got := a.refresh(a.T, c, kept.RefreshToken); got.Status != http.StatusOK {
					a.Errorf("a newer one is over: %d %s", got.Status, got.Body)
				}
			}
		}},
		{"K18 holds its client with a finalizer, so that it is served on after it was deleted", unknown, func(a *attack) {
			c := a.registers("more", service)
			hold := func(finalizers string) {
				if err := a.mallory.Patch(a.Context(), a.client("more"), patch(`{"metadata":{"finalizers":`+finalizers+`}}`)); err != nil {
					a.Fatal(err)
				}
			}
			hold(`["mallory.example/hold"]`)
			if err := a.Admin.Delete(a.Context(), a.client("more")); err != nil {
				a.Fatal(err)
			}
			defer hold("null")
			a.forgotten(c)
			a.isAnswered(a.token(a.T, c))
		}},
		{"K10 asks for the server under another name, to have links, cookies and an issuer that lead there", "the server: 421", otherHost},
	}
}

// otherHost: the issuer is what is declared, whatever a request says (RFC 9110 section 15.5.20).
func otherHost(a *attack) {
	get := func(host, name, value string) (int, string) {
		a.Helper()
		req, err := http.NewRequestWithContext(a.Context(), http.MethodGet, a.site.Issuer+"/.well-known/openid-configuration", nil)
		if err != nil {
			a.Fatal(err)
		}
		req.Host = host
		if name != "" {
			req.Header.Set(name, value)
		}
		resp, err := a.site.Witness.Client().Do(req)
		if err != nil {
			a.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			a.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	for _, host := range []string{"app.mallory.example", "localhost", "127.0.0.1", "127.0.0.1:1", strings.TrimPrefix(a.site.Issuer, "http://") + ".mallory.example"} {
		code, body := get(host, "", "")
		if code != http.StatusMisdirectedRequest || strings.Contains(body, `"issuer"`) {
			a.Errorf("host %q: %d %s", host, code, body)
			continue
		}
		var said answer
		if err := json.Unmarshal([]byte(body), &said); err != nil {
			a.Fatal(err)
		}
		a.refused("the server: 421", said.Description)
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-Host", "X-Original-Host", "X-Forwarded-Proto"} {
		value := map[string]string{"Forwarded": "host=app.mallory.example;proto=https", "X-Forwarded-Proto": "https"}[name]
		if value == "" {
			value = "app.mallory.example"
		}
		if code, body := get("", name, value); code != http.StatusOK || strings.Contains(body, "mallory") || strings.Contains(body, "https://127.0.0.1") {
			a.Errorf("%s: %d %s", name, code, body)
		}
	}
}

// authorization is the address of an authorization request that is right but for change.
func (a *attack) authorization(change url.Values) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {a.app.id}, "redirect_uri": {"https://app.mallory.example/cb"}, "scope": {"openid orders.read"},
		"state": {"state"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for k, v := range change {
		if q[k] = v; v == nil {
			q.Del(k)
		}
	}
	return a.site.Issuer + "/v1/authorize?" + q.Encode()
}

// authorize sends a browser without cookies to the authorization endpoint. It returns the status, where the answer leads, by any of its
// headers, and the page; it follows nothing.
func (a *attack) authorize(change url.Values) (code int, to, page string) {
	a.Helper()
	req, err := http.NewRequestWithContext(a.Context(), http.MethodGet, a.authorization(change), nil)
	if err != nil {
		a.Fatal(err)
	}
	resp, err := a.site.Witness.Client().Do(req)
	if err != nil {
		a.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Location") + resp.Header.Get("Refresh"), string(body)
}

// shownTo checks that a request with this redirect URI ends on a page of the server's, and leads nowhere.
func (a *attack) shownTo(redirect, id string, more url.Values) {
	a.Helper()
	change := url.Values{"client_id": {id}, "redirect_uri": {redirect}}
	for k, v := range more {
		change[k] = v
	}
	code, to, body := a.authorize(change)
	if code != http.StatusBadRequest || to != "" || redirect != "" && strings.Contains(body, `href="`+redirect) {
		a.Errorf("%s: %d, and it leads to %q", redirect, code, to)
		return
	}
	a.refused("the server: 400, a page", heading(body))
}

// sentBack has ada sign in and agree to a request, which all the same ends at the app with an error and without a code.
func (a *attack) sentBack(change url.Values) {
	a.Helper()
	callback, _ := a.site.Authorize(a.T, a.authorization(change))
	to, err := url.Parse(callback)
	if err != nil {
		a.Fatal(err)
	}
	q := to.Query()
	if q.Get("error") == "" || q.Get("code") != "" || q.Get("access_token") != "" || !strings.HasPrefix(callback, "https://app.mallory.example/cb?") {
		a.Errorf("%v: it leads to %q", change, callback)
		return
	}
	a.refused("the server: `"+q.Get("error")+"`", q.Get("error_description"))
}
