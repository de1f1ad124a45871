package clients

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/grantkeeper/grantkeeper/test/browser"
)

// commandLine is what the database cloud's command line does (mission.md): paths appended to an endpoint, JSON in and out,
// no scope, no secret until it logs out.
type commandLine struct {
	t *testing.T
	// polls is what each poll was answered: an error code, or "".
	polls []string
	// beforePoll is called with the device code before each poll.
	beforePoll func(deviceCode string)
}

// device is what the login is told.
type device struct {
	code, userCode, uri, complete string
	interval                      time.Duration
}

// text is a member of an answer that has to be a string with something in it.
func text(answer map[string]any, name string) (string, error) {
	if s, ok := answer[name].(string); ok && s != "" {
		return s, nil
	}
	return "", fmt.Errorf("%s is %v", name, answer[name])
}

// whole is a member of an answer that has to be a positive integer.
func whole(answer map[string]any, name string) (int, error) {
	n, ok := answer[name].(float64)
	if !ok || n <= 0 || n != float64(int(n)) {
		return 0, fmt.Errorf("%s is %v", name, answer[name])
	}
	return int(n), nil
}

// start is the first request of the login.
func (c *commandLine) start() device {
	c.t.Helper()
	status, answer := call(c.t, "/v1/device_authorization", jsonType, map[string]string{"client_id": partnerCLI})
	if status < 200 || status > 299 {
		c.t.Fatalf("device authorization: %d %v", status, answer)
	}
	var d device
	for name, into := range map[string]*string{
		"device_code": &d.code, "user_code": &d.userCode, "verification_uri": &d.uri, "verification_uri_complete": &d.complete,
	} {
		var err error
		if *into, err = text(answer, name); err != nil {
			c.t.Fatal(err)
		}
	}
	interval, err := whole(answer, "interval")
	if err != nil {
		c.t.Fatal(err)
	}
	d.interval = time.Duration(interval) * time.Second
	if _, err := whole(answer, "expires_in"); err != nil {
		c.t.Error(err)
	}
	return d
}

// tokens are what a login ends with. The program itself forgets the refresh token.
type tokens struct {
	access, refresh string
	lifetime        time.Duration
}

// await polls as the program does: first after one interval, and a second more between polls after each slow_down. Its
// error is the code of any other error.
func (c *commandLine) await(ctx context.Context, d device) (tokens, error) {
	interval := d.interval
	for {
		wait := time.NewTimer(interval)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return tokens{}, ctx.Err()
		}
		if c.beforePoll != nil {
			c.beforePoll(d.code)
		}
		status, answer, err := try(ctx, "/v1/token", jsonType, map[string]string{"device_code": d.code, "grant_type": deviceGrant, "client_id": partnerCLI})
		if err != nil {
			return tokens{}, err
		}
		code, _ := answer["error"].(string)
		c.polls = append(c.polls, code)
		switch {
		case status < 400:
			return readTokens(answer)
		case code == "authorization_pending":
		case code == "slow_down":
			interval += time.Second
		default:
			return tokens{}, fmt.Errorf("%d %s", status, code)
		}
	}
}

func readTokens(answer map[string]any) (tokens, error) {
	access, err := text(answer, "access_token")
	if err != nil {
		return tokens{}, err
	}
	refresh, err := text(answer, "refresh_token")
	if err != nil {
		return tokens{}, err
	}
	if kind, err := text(answer, "token_type"); err != nil || kind != "Bearer" {
		return tokens{}, fmt.Errorf("token_type is %q, %w", kind, err)
	}
	seconds, err := whole(answer, "expires_in")
	return tokens{access, refresh, time.Duration(seconds) * time.Second}, err
}

// login is a login that a person decides on, without a browser.
func (c *commandLine) login(decision string) (tokens, error) {
	c.t.Helper()
	d := c.start()
	world.Decide(c.t, d.complete, d.userCode, decision)
	return c.await(c.t.Context(), d)
}

// logout is the last request of the program. secret nil leaves the member out.
func (c *commandLine) logout(accessToken string, secret *string) (int, map[string]any) {
	c.t.Helper()
	body := map[string]string{"token": accessToken, "token_type_hint": "access_token", "client_id": partnerCLI}
	if secret != nil {
		body["client_secret"] = *secret
	}
	return call(c.t, "/v1/revoke", jsonType, body)
}

// remember keeps in mind the cookies that the browser has, which are to be found nowhere.
func remember(p *browser.Page) {
	p.Helper()
	got, err := chromedp.Call(p.Tab, network.GetCookies, network.GetCookiesParams{})
	if err != nil || len(got.Cookies) == 0 {
		p.Fatalf("%d cookies, %v", len(got.Cookies), err)
	}
	for _, c := range got.Cookies {
		world.Witness.See("the cookie "+c.Name, c.Value)
	}
}

// decide is a person in Chromium: opens the link that the program opens, signs in as the demo account with the printed
// password, compares the codes and decides.
func decide(t *testing.T, d device, decision, done string) {
	t.Helper()
	p := browser.New(t)
	p.Open(d.complete)
	p.Heading("Sign in")
	p.Type("#username", world.User)
	p.Type("#password", world.Password+kb.Enter)
	p.Heading("Give Partner CLI access to your account?")
	if shown := browser.Eval[string](p, `document.querySelector("output.code").textContent`); shown != d.userCode {
		t.Errorf("the page shows the code %q, the command line %q", shown, d.userCode)
	}
	remember(p)
	p.Click(`button[value="` + decision + `"]`)
	p.Heading(done)
}

func TestCommandLineOfADatabaseCloud(t *testing.T) {
	t.Parallel()
	active := resourceServer(t)

	t.Run("log in with Chromium, who am I, log out with the secret", func(t *testing.T) {
		t.Parallel()
		c := &commandLine{t: t}
		d := c.start()
		if d.complete != d.uri+"?user_code="+d.userCode {
			t.Errorf("the complete link is %s", d.complete)
		}
		// The program polls while the person decides.
		type result struct {
			tokens
			err error
		}
		done := make(chan result, 1)
		go func() {
			got, err := c.await(t.Context(), d)
			done <- result{got, err}
		}()
		decide(t, d, "approve", "Approved")
		got := <-done
		if got.err != nil {
			t.Fatal(got.err)
		}
		if got.lifetime != 168*time.Hour {
			t.Errorf("the access token lives for %v; the program cannot refresh it", got.lifetime)
		}
		status, me := whoAmI(t, got.access)
		if status != http.StatusOK || me["email"] != "demo@example.com" || me["username"] != world.User {
			t.Errorf("who am I: %d %v", status, me)
		}
		if !active(got.access) {
			t.Error("the API is told that the token is not good")
		}
		secret := cliSecret(t)
		if status, answer := c.logout(got.access, &secret); status != http.StatusOK {
			t.Errorf("logout: %d %v", status, answer)
		}
		dead(t, got.access, got.refresh)
		if active(got.access) {
			t.Error("the API is told that the token is good after the logout")
		}
	})
	t.Run("denied in Chromium ends it with access_denied", func(t *testing.T) {
		t.Parallel()
		c := &commandLine{t: t}
		d := c.start()
		decide(t, d, "deny", "Denied")
		if _, err := c.await(t.Context(), d); err == nil || err.Error() != "400 access_denied" {
			t.Errorf("it ends with %v", err)
		}
	})
	t.Run("slow_down is no end: a second more between polls, and it goes on", func(t *testing.T) {
		t.Parallel()
		c := &commandLine{t: t}
		d := c.start()
		c.beforePoll = func(code string) {
			switch len(c.polls) {
			case 0: // two more polls, as of a second terminal, make three in one interval
				for range 2 {
					_, answer := call(t, "/v1/token", jsonType, map[string]string{"device_code": code, "grant_type": deviceGrant, "client_id": partnerCLI})
					if answer["error"] != "authorization_pending" {
						t.Errorf("a poll of the other terminal: %v", answer)
					}
				}
			case 1:
				world.Decide(t, d.complete, d.userCode, "approve")
			}
		}
		if _, err := c.await(t.Context(), d); err != nil {
			t.Error(err)
		}
		if len(c.polls) != 2 || c.polls[0] != "slow_down" || c.polls[1] != "" {
			t.Errorf("the polls were answered %q", c.polls)
		}
	})
	for name, secret := range map[string]*string{"an empty secret": new(string), "no secret at all": nil} {
		t.Run("log out with "+name, func(t *testing.T) {
			t.Parallel()
			c := &commandLine{t: t}
			got, err := c.login("approve")
			if err != nil {
				t.Fatal(err)
			}
			if status, answer := c.logout(got.access, secret); status != http.StatusOK {
				t.Errorf("logout: %d %v", status, answer)
			}
			dead(t, got.access, got.refresh)
			if active(got.access) {
				t.Error("the API is told that the token is good")
			}
		})
	}
	t.Run("a wrong secret at the logout is refused, and nothing is revoked", func(t *testing.T) {
		t.Parallel()
		c := &commandLine{t: t}
		got, err := c.login("approve")
		if err != nil {
			t.Fatal(err)
		}
		wrong := "gkcs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		if status, answer := c.logout(got.access, &wrong); status != http.StatusUnauthorized || answer["error"] != "invalid_client" {
			t.Errorf("logout: %d %v", status, answer)
		}
		if status, _ := whoAmI(t, got.access); status != http.StatusOK || !active(got.access) {
			t.Errorf("the access token is dead: %d", status)
		}
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {partnerCLI}, "refresh_token": {got.refresh}}
		if status, answer := call(t, "/v1/token", formType, form); status != http.StatusOK {
			t.Errorf("the refresh token is dead: %d %v", status, answer["error"])
		}
	})
}
