package login

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

func TestThrottleOfCodes(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	enter := func(p *person, code string) *answer {
		a := p.open("/device")
		return p.submit(a, url.Values{"user_code": {code}})
	}

	t.Run("F07 five misses of one address, then 429", func(t *testing.T) {
		f.in(t)
		code := f.startDevice()
		ada, grace := f.signedIn(goodUser, goodPassword), f.signedIn("grace", "nanosecond")
		for range 3 {
			enter(ada, "BCDFGHJK").want(400)
		}
		grace.open("/device?user_code=BCDFGHJK").want(400) // by the complete link it is a guess as well
		enter(grace, "not a code").want(400)
		a := enter(grace, code).want(429, "Too many tries", "Wait 10 min")
		if s, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || s < 1 || s > 600 {
			t.Errorf("Retry-After: %s", a.header.Get("Retry-After"))
		}
		ada.open("/device?user_code=" + code).want(429)
		f.advance(web.GuessWindow + time.Second)
		f.advance(-time.Second)
		ada.open("/device?user_code="+code).want(200, "Did you start this just now?")
	})

	t.Run("F07 five misses of one account from many addresses, then 429", func(t *testing.T) {
		f.in(t)
		f.advance(web.GuessWindow + time.Second)
		code := f.startDevice()
		p := f.signedIn(goodUser, goodPassword)
		for i := range web.MaxCodeMisses {
			f.from(fmt.Sprintf("192.0.2.%d", i+1))
			enter(p, "BCDFGHJK").want(400)
		}
		f.from("192.0.2.99")
		enter(p, code).want(429)
		f.signedIn("grace", "nanosecond").confirmPage(code) // another account is not held up
	})

	t.Run("codes that are right do not use it up", func(t *testing.T) {
		f.in(t)
		f.advance(web.GuessWindow + time.Second)
		p := f.signedIn(goodUser, goodPassword)
		for range 3 * web.MaxCodeMisses {
			p.confirmPage(f.startDevice())
		}
	})

	t.Run("an IPv6 network is one address", func(t *testing.T) {
		f.in(t)
		f.advance(web.GuessWindow + time.Second)
		p := f.signedIn(goodUser, goodPassword)
		grace := f.signedIn("grace", "nanosecond")
		for i := range web.MaxCodeMisses {
			f.from(fmt.Sprintf("2001:db8:1:2::%d", i+1))
			enter(p, "BCDFGHJK").want(400)
		}
		f.from("2001:db8:1:2:ffff::1")
		enter(grace, "BCDFGHJK").want(429)
	})
}

func TestThrottleOfSignIns(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	fresh := func() { f.advance(web.GuessWindow + time.Second) }

	t.Run("A34 a user is throttled whatever the spelling, known or unknown alike", func(t *testing.T) {
		f.in(t)
		for name, spellings := range map[string][]string{"known": {"ada", "ADA", " Ada", "a\u0064a"}, "unknown": {"nobody", "NOBODY", " Nobody\t", "nobodY"}} {
			fresh()
			p := f.person()
			for i := range web.MaxSignInsOfPair {
				a := p.signIn(p.open("/login"), spellings[i%len(spellings)], "wrong").want(400, "Username or password is wrong.")
				if a.header.Get("Retry-After") != "" {
					t.Error("told to wait")
				}
			}
			p.signIn(p.open("/login"), spellings[1], goodPassword).want(429, "Too many tries")
			p.signIn(p.open("/login"), "grace", "nanosecond").want(303) // another user from there
			f.from("192.0.2.7")
			if name == "known" {
				q := f.person()
				q.signIn(q.open("/login"), goodUser, goodPassword).want(303) // the same user from elsewhere
			}
			f.from("203.0.113.9")
		}
	})

	t.Run("A34 a known and an unknown user get the same answer", func(t *testing.T) {
		f.in(t)
		fresh()
		texts := map[string]string{}
		for _, c := range [][2]string{{"ada", "wrong"}, {"nobody", "wrong"}, {"mallory", "let me in"}, {"mallory", "wrong"}, {"\u202eada", "x"}} {
			p := f.person()
			a := p.signIn(p.open("/login"), c[0], c[1]).want(400, "Username or password is wrong.")
			texts[fmt.Sprint(a.status, a.text(), a.header.Get("Content-Security-Policy"))] = c[0]
		}
		if len(texts) != 1 {
			t.Errorf("%d answers: %v", len(texts), texts)
		}
	})

	t.Run("A34 what is left is said, of unknown users too", func(t *testing.T) {
		f.in(t)
		for _, user := range []string{"ada", "nobody"} {
			fresh()
			p := f.person()
			for i := range 3 {
				a := p.signIn(p.open("/login"), user, "wrong").want(400)
				if got, want := strings.Join(a.header.Values("RateLimit"), ", "), fmt.Sprintf(`"signin-address";r=%d;t=600, "signin-pair";r=%d;t=600`, web.MaxSignInsOfAddress-i-1, web.MaxSignInsOfPair-i-1); got != want {
					t.Errorf("%s: RateLimit: %s, want %s", user, got, want)
				}
				if got := strings.Join(a.header.Values("RateLimit-Policy"), ", "); got != `"signin-address";q=100;w=600, "signin-pair";q=10;w=600, "signin-user";q=100;w=600` {
					t.Errorf("RateLimit-Policy: %s", got)
				}
			}
		}
	})

	t.Run("signing in does not use it up", func(t *testing.T) {
		f.in(t)
		fresh()
		for range 3 * web.MaxSignInsOfPair {
			f.signedIn(goodUser, goodPassword)
		}
	})

	t.Run("A34 many tries at once do not outrun the limit", func(t *testing.T) {
		f.in(t)
		fresh()
		var tried atomic.Int64
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				p := f.person()
				switch a := p.signIn(p.open("/login"), goodUser, "wrong"); a.status {
				case http.StatusBadRequest:
					tried.Add(1)
				case http.StatusTooManyRequests:
				default:
					t.Errorf("%d", a.status)
				}
			})
		}
		group.Wait()
		if tried.Load() != web.MaxSignInsOfPair {
			t.Errorf("%d passwords were tried", tried.Load())
		}
	})

	t.Run("one address cannot lock a user out", func(t *testing.T) {
		f.in(t)
		fresh()
		p := f.person()
		for range web.MaxSignInsOfUser + 5 {
			if a := p.signIn(p.open("/login"), goodUser, "wrong"); a.status != 400 && a.status != 429 {
				t.Fatal(a.status)
			}
		}
		f.from("192.0.2.8")
		f.signedIn(goodUser, goodPassword)
		f.from("203.0.113.9")
	})

	t.Run("nothing entered is no guess", func(t *testing.T) {
		f.in(t)
		fresh()
		p := f.person()
		before := f.storage.writes.Load()
		p.signIn(p.open("/login"), "", "").want(400, "Enter your username and your password.")
		p.signIn(p.open("/login"), "ada", "").want(400, "Enter your username and your password.")
		if f.storage.writes.Load() != before {
			t.Error("it was counted")
		}
	})
}
