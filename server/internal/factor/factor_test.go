package factor_test

import (
	"bytes"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/factor/factortest"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// enrol sets up an authenticator app and returns its secret.
func (f *fixture) enrol(u storage.User) string {
	f.Helper()
	start, err := f.factors.StartTOTP(u, "Example: Login", f.clock())
	if err != nil {
		f.Fatal(err)
	}
	if err := f.factors.ConfirmTOTP(f.Context(), u.ID, start.Pending, factortest.Code(f, start.Secret, f.clock()), f.clock()); err != nil {
		f.Fatal(err)
	}
	return start.Secret
}

func is(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || want == nil && got != nil {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestTOTP(t *testing.T) {
	t.Run("an app is set up by a secret and a right code", func(t *testing.T) {
		f := newFixture(t, issuer)
		start, err := f.factors.StartTOTP(f.ada, "Example: Login", f.clock())
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(start.URI)
		if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != start.Secret || u.Query().Get("issuer") != "Example  Login" ||
			u.Path != "/Example  Login:ada" {
			t.Errorf("the URI is %s", start.URI)
		}
		if strings.Contains(start.Pending, start.Secret) {
			t.Error("the pending secret is not sealed")
		}
		code := factortest.Code(t, start.Secret, f.clock())
		is(t, "a wrong code", f.factors.ConfirmTOTP(t.Context(), f.ada.ID, start.Pending, "000000", f.clock()), factor.ErrWrong)
		is(t, "another user's pending secret", f.factors.ConfirmTOTP(t.Context(), f.grace.ID, start.Pending, code, f.clock()), factor.ErrWrong)
		is(t, "a forged pending secret", f.factors.ConfirmTOTP(t.Context(), f.ada.ID, start.Pending+"A", code, f.clock()), factor.ErrWrong)
		if e, err := f.factors.Enrolled(t.Context(), f.ada.ID); err != nil || e.Any() {
			t.Errorf("before it is confirmed: %+v, %v", e, err)
		}
		again, err := f.factors.ResumeTOTP(f.ada, "Example: Login", start.Pending, f.clock())
		if err != nil || again != start {
			t.Errorf("shown once more: %+v, %v; want %+v", again, err, start)
		}
		is(t, "a right code", f.factors.ConfirmTOTP(t.Context(), f.ada.ID, start.Pending, code, f.clock()), nil)
		if e, err := f.factors.Enrolled(t.Context(), f.ada.ID); err != nil || !e.TOTP || !e.Any() {
			t.Errorf("after it is confirmed: %+v, %v", e, err)
		}
		is(t, "the code that confirmed", f.factors.VerifyTOTP(t.Context(), f.ada.ID, code, f.clock()), factor.ErrWrong)
		f.advance(factor.PendingTTL)
		is(t, "a secret that was pending for too long", f.factors.ConfirmTOTP(t.Context(), f.ada.ID, start.Pending, factortest.Code(t, start.Secret, f.clock()), f.clock()), factor.ErrWrong)
	})

	t.Run("a code counts once, and none before it", func(t *testing.T) {
		f := newFixture(t, issuer)
		secret := f.enrol(f.ada)
		f.advance(5 * time.Minute)
		before, code, after := factortest.Code(t, secret, f.clock().Add(-30*time.Second)), factortest.Code(t, secret, f.clock()), factortest.Code(t, secret, f.clock().Add(30*time.Second))
		is(t, "without an app", f.factors.VerifyTOTP(t.Context(), f.grace.ID, code, f.clock()), factor.ErrWrong)
		is(t, "now", f.factors.VerifyTOTP(t.Context(), f.ada.ID, code, f.clock()), nil)
		is(t, "again", f.factors.VerifyTOTP(t.Context(), f.ada.ID, code, f.clock()), factor.ErrWrong)
		is(t, "the step before", f.factors.VerifyTOTP(t.Context(), f.ada.ID, before, f.clock()), factor.ErrWrong)
		is(t, "the step after", f.factors.VerifyTOTP(t.Context(), f.ada.ID, after, f.clock()), nil)
		is(t, "too far ahead", f.factors.VerifyTOTP(t.Context(), f.ada.ID, factortest.Code(t, secret, f.clock().Add(time.Minute)), f.clock()), factor.ErrWrong)
	})

	t.Run("32 requests with one code: one wins", func(t *testing.T) {
		f := newFixture(t, issuer)
		secret := f.enrol(f.ada)
		f.advance(5 * time.Minute)
		code := factortest.Code(t, secret, f.clock())
		var wg sync.WaitGroup
		results := make([]error, 32)
		for i := range results {
			wg.Go(func() { results[i] = f.factors.VerifyTOTP(t.Context(), f.ada.ID, code, f.clock()) })
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			} else if !errors.Is(err, factor.ErrWrong) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d won", won)
		}
	})

	t.Run("the secret is sealed at rest, for its user", func(t *testing.T) {
		f := newFixture(t, issuer)
		secret := f.enrol(f.ada)
		row, err := f.db.TOTP(t.Context(), f.ada.ID)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(row.Secret, []byte(secret)) {
			t.Error("the secret is stored as it is")
		}
		row.UserID, row.LastStep = f.grace.ID, 0
		if err := f.db.PutTOTP(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		f.advance(time.Minute)
		err = f.factors.VerifyTOTP(t.Context(), f.grace.ID, factortest.Code(t, secret, f.clock()), f.clock())
		if err == nil || errors.Is(err, factor.ErrWrong) {
			t.Errorf("a row that was moved to another user: %v, want an error of ours", err)
		}
	})
}

func TestRecoveryCodes(t *testing.T) {
	f := newFixture(t, issuer)
	_, err := f.factors.NewRecoveryCodes(t.Context(), f.ada.ID, f.clock())
	is(t, "without a factor to stand in for", err, factor.ErrNone)
	f.enrol(f.ada)
	f.enrol(f.grace)
	codes, err := f.factors.NewRecoveryCodes(t.Context(), f.ada.ID, f.clock())
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$`)
	for i, c := range codes {
		if !form.MatchString(c) || slices.Index(codes, c) != i || !factor.LooksLikeRecoveryCode(c) {
			t.Errorf("code %q", c)
		}
	}
	if e, err := f.factors.Enrolled(t.Context(), f.ada.ID); err != nil || e.RecoveryCodes != factor.RecoveryCodes || len(codes) != factor.RecoveryCodes {
		t.Errorf("%d codes; enrolled %+v, %v", len(codes), e, err)
	}
	use := func(u storage.User, code string) error {
		return f.factors.VerifyRecoveryCode(t.Context(), u.ID, code, f.clock())
	}
	is(t, "of somebody else", use(f.grace, codes[0]), factor.ErrWrong)
	is(t, "as shown", use(f.ada, codes[0]), nil)
	is(t, "again", use(f.ada, codes[0]), factor.ErrWrong)
	is(t, "typed otherwise", use(f.ada, strings.ToLower(strings.NewReplacer("-", " ", "0", "o", "1", "l").Replace(codes[1]))), nil)
	is(t, "a digit short", use(f.ada, codes[2][1:]), factor.ErrWrong)
	is(t, "nothing", use(f.ada, ""), factor.ErrWrong)

	again, err := f.factors.NewRecoveryCodes(t.Context(), f.ada.ID, f.clock())
	if err != nil {
		t.Fatal(err)
	}
	is(t, "from before new ones were made", use(f.ada, codes[3]), factor.ErrWrong)
	var wg sync.WaitGroup
	var won sync.Map
	for i := range 16 {
		wg.Go(func() {
			if use(f.ada, again[0]) == nil {
				won.Store(i, true)
			}
		})
	}
	wg.Wait()
	n := 0
	won.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("of 16 requests with one code %d won", n)
	}
	is(t, "remove the app", f.factors.RemoveTOTP(t.Context(), f.ada.ID, f.clock()), nil)
	is(t, "remove it again", f.factors.RemoveTOTP(t.Context(), f.ada.ID, f.clock()), factor.ErrNone)
	is(t, "with no factor left to stand in for", use(f.ada, again[1]), factor.ErrWrong)
}

func TestCombine(t *testing.T) {
	for name, c := range map[string]struct{ first, second, want []string }{
		"a password and a code":              {[]string{"pwd"}, factor.MethodsTOTP(), []string{"pwd", "otp", "mfa"}},
		"a password and a verifying passkey": {[]string{"pwd"}, []string{"hwk", "mfa"}, []string{"pwd", "hwk", "mfa"}},
		"a provider that says nothing":       {nil, factor.MethodsRecovery(), []string{"otp", "mfa"}},
	} {
		got := factor.Combine(c.first, c.second)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if !oauth.ACRSatisfies(oauth.ACROf(got), oauth.ACRMultiFactor) {
			t.Errorf("%s does not reach %s", name, oauth.ACRMultiFactor)
		}
	}
}
