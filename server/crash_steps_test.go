package server

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// scene is one login in progress.
type scene struct {
	p *process
	b *tab
	// user signs in, with one of the recovery codes where a second factor is asked for.
	user, recovery string
	started        answer // the device's
	link           string // to a pushed request
	tokens         answer
}

func (p *process) scene(t *testing.T, user string) *scene {
	p.t = t
	return &scene{p: p, b: p.tab(t), user: user}
}

type crashStep struct {
	name string
	do   func(s *scene)
}

// always asks, also who was asked before.
func always() string {
	return authorization("prompt", "consent", "scope", "openid email offline_access")
}

func (s *scene) request() { s.b.go1(http.MethodGet, s.p.url+always(), "") }
func (s *scene) follow()  { s.b.follow() }
func (s *scene) push() {
	s.link = s.p.pushed(webID, []string{"prompt", "consent"}, withBasic(webID, secret))
}
func (s *scene) openPushed()   { s.b.go1(http.MethodGet, s.p.url+s.link, "") }
func (s *scene) sendPassword() { s.b.sends(s.password()...) }
func (s *scene) password() []string {
	s.b.see("Sign in")
	return []string{"username", s.user, "password", "correct horse"}
}
func (s *scene) second() []string {
	s.b.see("Confirm that it is you")
	return []string{"code", s.recovery}
}
func (s *scene) sendSecond() { s.b.sends(s.second()...) }

// consent makes sure that the page asks.
func (s *scene) consent() []string {
	if !strings.Contains(s.b.page.body, `value="approve"`) {
		s.p.t.Fatalf("nothing is asked at %s: %d %s", s.b.at, s.b.page.status, s.b.page.body)
	}
	return []string{"decision", "approve"}
}
func (s *scene) sendConsent() { s.b.sends(s.consent()...) }
func (s *scene) code() string {
	q := s.b.answered(webCallback)
	if q.Get("code") == "" {
		s.p.t.Fatalf("got %v", q)
	}
	return q.Get("code")
}

func (s *scene) redeem() {
	s.tokens = s.p.redeem(webID, s.code())
	want(s.p.t, s.tokens, 200, "")
}

func (s *scene) refresh() {
	s.tokens = s.p.refresh(webID, s.tokens.text("refresh_token"), "client_secret", secret)
	want(s.p.t, s.tokens, 200, "")
}

func (s *scene) userinfo() {
	a := s.p.send(http.MethodGet, "/v1/userinfo", "", "", withHeader("Authorization", "Bearer "+s.tokens.text("access_token")))
	if a.status != 200 || !strings.HasPrefix(a.text("sub"), "user") && a.text("sub") == "" {
		s.p.t.Errorf("userinfo: %d %s", a.status, a.body)
	}
}

func (s *scene) device() {
	s.started = s.p.device(cliID, "scope", "openid offline_access")
	s.b.go1(http.MethodGet, s.started.text("verification_uri_complete"), "")
}

func (s *scene) poll() {
	s.tokens = s.p.poll(cliID, s.started.text("device_code"))
	want(s.p.t, s.tokens, 200, "")
}

// end is what is left of a code flow, with whatever pages come.
func (s *scene) end() {
	s.p.t.Helper()
	for range 4 {
		switch s.b.follow(); {
		case s.b.left != nil:
			s.redeem()
			s.userinfo()
			return
		case s.b.heading() == "Sign in":
			s.sendPassword()
		default:
			s.sendConsent()
		}
	}
	s.p.t.Fatalf("no end at %s: %d %s", s.b.at, s.b.page.status, s.b.page.body)
}

var againLink = regexp.MustCompile(`href="(/login/again\?flow=[^"]+)"`)

// restart follows the link of the page that says that the request was answered.
func (s *scene) restart() {
	s.p.t.Helper()
	link := againLink.FindStringSubmatch(s.b.page.body)
	if s.b.page.status != http.StatusConflict || link == nil {
		s.p.t.Fatalf("no way on: %d %s", s.b.page.status, s.b.page.body)
	}
	s.b.go1(http.MethodGet, s.p.url+link[1], "")
}

func codeSteps() []crashStep {
	return []crashStep{
		{"the app's request", (*scene).request}, {"the sign-in page", (*scene).follow}, {"the password", (*scene).sendPassword}, {"the consent page", (*scene).follow},
		{"the consent", (*scene).sendConsent}, {"the way to the app", (*scene).follow}, {"the redemption of the code", (*scene).redeem},
		{"the first refresh", (*scene).refresh}, {"userinfo", (*scene).userinfo},
	}
}

func pushedSteps() []crashStep {
	reload := func(s *scene) {
		s.b.follow()
		s.openPushed()
	}
	return append([]crashStep{
		{"the push", (*scene).push}, {"the use of the reference", (*scene).openPushed}, {"reloading the reference", reload},
	}, codeSteps()[1:]...)
}

func secondFactorSteps() []crashStep {
	steps := codeSteps()
	return append(append(steps[:3:3], crashStep{"the page of the second factor", (*scene).follow}, crashStep{"the second factor", (*scene).sendSecond}), steps[3:]...)
}

func deviceSteps() []crashStep {
	return []crashStep{
		{"the device's request", (*scene).device}, {"the sign-in page", (*scene).follow}, {"the password", (*scene).sendPassword}, {"the page that asks", (*scene).follow},
		{"the decision", (*scene).sendConsent}, {"the page that says so", (*scene).follow}, {"the poll", (*scene).poll},
		{"the use of a token", func(s *scene) { s.userinfo() }},
	}
}

// enrolled gives an account a second factor and returns its recovery codes.
func (p *process) enrolled(t *testing.T, user string) []string {
	t.Helper()
	b := p.tab(t)
	b.open("/account/security/app")
	b.submit("username", user, "password", "correct horse")
	_, codes := b.setUp()
	if len(codes) < 8 {
		t.Fatalf("recovery codes: %q", codes)
	}
	return codes
}

// TestKilledBetweenSteps kills the real server with SIGKILL before a step of a login, and starts it over the same data. Who is logging
// in goes on as if nothing had happened.
func TestKilledBetweenSteps(t *testing.T) {
	p := newProcess(t)
	codes := p.enrolled(t, "grace")
	recovery := func() string {
		code := codes[0]
		codes = codes[1:]
		return code
	}
	for name, flow := range map[string]struct {
		user  string
		steps []crashStep
		// only are the steps that other flows do not have; all when empty.
		only []string
	}{
		"code":                      {"ada", codeSteps(), nil},
		"code with a second factor": {"grace", secondFactorSteps(), []string{"the page of the second factor", "the second factor", "the consent page"}},
		"pushed code":               {"ada", pushedSteps(), []string{"the use of the reference", "reloading the reference", "the sign-in page"}},
		"device":                    {"ada", deviceSteps(), nil},
	} {
		run := func(t *testing.T, before func(step string) bool) {
			s := p.scene(t, flow.user)
			if flow.user == "grace" {
				s.recovery = recovery()
			}
			for _, step := range flow.steps {
				if before(step.name) {
					p.again()
				}
				step.do(s)
			}
		}
		t.Run(name+": killed before every step", func(t *testing.T) { run(t, func(string) bool { return true }) })
		for _, step := range flow.steps {
			if flow.only == nil || strings.Contains(fmt.Sprintf("%q", flow.only), fmt.Sprintf("%q", step.name)) {
				t.Run(name+": killed before "+step.name, func(t *testing.T) { run(t, func(name string) bool { return name == step.name }) })
			}
		}
	}
}

// TestKilledBeforeTheAnswer kills the real server after it has done what it was asked, and before anybody hears of it.
func TestKilledBeforeTheAnswer(t *testing.T) {
	p := newProcess(t)
	codes := p.enrolled(t, "grace")
	for name, row := range map[string]func(t *testing.T, s *scene){
		"the app's request: the browser asks again": func(_ *testing.T, s *scene) {
			s.b.asks(p, beforeTheAnswer, http.MethodGet, p.url+always(), "")
			s.request()
			s.end()
		},
		"the app's request by POST: the browser sends it again": func(_ *testing.T, s *scene) {
			_, query, _ := strings.Cut(always(), "?")
			s.b.asks(p, beforeTheAnswer, http.MethodPost, p.url+"/v1/authorize", query)
			s.b.go1(http.MethodPost, p.url+"/v1/authorize", query)
			s.end()
		},
		"the password: the browser sends it again": func(_ *testing.T, s *scene) {
			s.request()
			s.follow()
			s.b.loses(p, beforeTheAnswer, s.password()...)
			s.sendPassword()
			s.end()
		},
		"the second factor: used up, so another code": func(_ *testing.T, s *scene) {
			s.user = "grace"
			s.request()
			s.follow()
			s.sendPassword()
			s.follow()
			s.recovery = codes[0]
			s.b.loses(p, beforeTheAnswer, s.second()...)
			s.sendSecond()
			s.follow()
			s.recovery = codes[1]
			s.sendSecond()
			s.end()
		},
		"the consent: the page that says so leads on": func(_ *testing.T, s *scene) {
			s.request()
			s.follow()
			s.sendPassword()
			s.follow()
			s.b.loses(p, beforeTheAnswer, s.consent()...)
			s.sendConsent()
			s.restart()
			s.end()
		},
		"the consent: from the app again": func(_ *testing.T, s *scene) {
			s.request()
			s.follow()
			s.sendPassword()
			s.follow()
			s.b.loses(p, beforeTheAnswer, s.consent()...)
			s.request()
			s.end()
		},
		"C11 the redemption: invalid_grant, what it made is ended, and the app sends the person again, who is still signed in": func(t *testing.T, s *scene) {
			s.request()
			s.end() // and in the meantime somebody is signed in
			s.request()
			s.follow()
			s.sendConsent()
			s.follow()
			form := form(redemption(webID, s.code())...)
			p.posts(beforeTheAnswer, "/v1/token", form)
			orphan := regexp.MustCompile(`"access_token":"([^"]+)"`).FindStringSubmatch(p.lost)
			if orphan == nil {
				t.Fatalf("lost was %s", p.lost)
			}
			p.eventually(t, "the tokens that nobody got are ended", func() bool {
				want(t, p.send(http.MethodPost, "/v1/token", formType, form), 400, "invalid_grant")
				return !p.active(orphan[1])
			})
			s.request()
			s.follow()
			s.sendConsent()
			s.end()
		},
		"the refresh: the same token again gives the same successor": func(t *testing.T, s *scene) {
			s.request()
			s.end()
			refresh := form("grant_type", "refresh_token", "refresh_token", s.tokens.text("refresh_token"), "client_id", webID, "client_secret", secret)
			p.posts(beforeTheAnswer, "/v1/token", refresh)
			a := p.send(http.MethodPost, "/v1/token", formType, refresh)
			if want(t, a, 200, ""); a.text("refresh_token") == "" || !strings.Contains(p.lost, `"`+a.text("refresh_token")+`"`) {
				t.Errorf("another successor")
			}
			s.tokens = a
			s.refresh()
		},
		"the device's code that is typed: the browser sends it again": func(_ *testing.T, s *scene) {
			s.started = p.device(cliID, "scope", "openid")
			s.b.open("/device")
			s.b.submit(s.password()...)
			typed := []string{"user_code", s.started.text("user_code")}
			s.b.loses(p, beforeTheAnswer, typed...)
			s.b.submit(typed...)
			s.sendConsent()
			s.follow()
			s.poll()
		},
		"the decision about a device: it counts": func(t *testing.T, s *scene) {
			s.device()
			s.follow()
			s.sendPassword()
			s.follow()
			s.b.loses(p, beforeTheAnswer, s.consent()...)
			if s.sendConsent(); s.b.page.status != http.StatusConflict {
				t.Errorf("sent again: %d %s", s.b.page.status, s.b.page.body)
			}
			s.poll()
		},
		"the device's poll: never tokens twice, and a new login goes through": func(t *testing.T, s *scene) {
			s.device()
			s.follow()
			s.sendPassword()
			s.follow()
			s.sendConsent()
			poll := form("grant_type", deviceCode, "device_code", s.started.text("device_code"), "client_id", cliID)
			p.posts(beforeTheAnswer, "/v1/token", poll)
			want(t, p.poll(cliID, s.started.text("device_code")), 400, "invalid_grant")
			s.device()
			s.follow()
			s.sendConsent()
			s.poll()
		},
	} {
		t.Run(name, func(t *testing.T) { row(t, p.scene(t, "ada")) })
	}
}

// eventually waits for what is allowed to take a moment: the grace for who sends a request twice.
func (p *process) eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	end := time.NewTimer(20 * time.Second)
	defer end.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-end.C:
			t.Fatal(what + ": not so")
		case <-again.C:
		}
	}
}

// TestKilledUnderWay kills the real server while it is at work on a form: what became of it nobody knows, and the person gets through.
func TestKilledUnderWay(t *testing.T) {
	p := newProcess(t)
	for i := range 6 {
		t.Run(fmt.Sprintf("the password and the consent, %d", i), func(t *testing.T) {
			s := p.scene(t, "ada")
			s.request()
			s.follow()
			s.b.loses(p, underWay, s.password()...)
			s.sendPassword()
			s.follow()
			s.b.loses(p, underWay, s.consent()...)
			if s.sendConsent(); s.b.page.status == http.StatusConflict {
				s.restart()
			}
			s.end()
		})
	}
}
