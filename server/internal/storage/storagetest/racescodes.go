package storagetest

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

func testPeopleRaces(t *testing.T, f *fixture) {
	t.Run("A27 64 parallel submissions of one consent give exactly one code", func(t *testing.T) {
		for range Rounds(5, 50, 1000) {
			raceCreate(t, f)
		}
	})
	t.Run("C07 64 parallel redemptions within the grace give exactly one success, whose tokens live", func(t *testing.T) {
		for range Rounds(10, 200, 1000) {
			raceExchange(t, f, codeGrace)
		}
	})
	t.Run("C06 64 parallel redemptions without a grace give exactly one success, whose tokens die", func(t *testing.T) {
		for range Rounds(5, 50, 1000) {
			raceExchange(t, f, 0)
		}
	})
	t.Run("H09 once an app was revoked, no redemption of its codes succeeds", func(t *testing.T) {
		for range Rounds(20, 200, 10_000) {
			raceRevokedApp(t, f)
		}
	})
	t.Run("D07 once a user was disabled, no code is written and none redeemed", func(t *testing.T) {
		for range Rounds(10, 100, 1000) {
			raceDisabledCode(t, f)
		}
	})
	t.Run("many uses of one step of an authenticator app: one succeeds", func(t *testing.T) {
		for range Rounds(3, 20, 200) {
			u := f.user(t)
			noError(t, f.PutTOTP(f.ctx, storage.TOTP{UserID: u.ID, Secret: []byte("sealed"), CreatedAt: f.now}))
			results := atOnce(crowd, func(int) error { return f.UseTOTP(f.ctx, u.ID, 5) })
			tally(t, results, map[error]int{nil: 1, storage.ErrConsumed: crowd - 1})
		}
	})
	t.Run("many uses of one count of a passkey: one succeeds", func(t *testing.T) {
		for range Rounds(3, 20, 200) {
			p := f.passkey(f.user(t).ID)
			p.SignCount = 1
			noError(t, f.AddPasskey(f.ctx, p, 10))
			used := p
			used.SignCount = 2
			results := atOnce(crowd, func(int) error { return f.UsePasskey(f.ctx, used, 1) })
			tally(t, results, map[error]int{nil: 1, storage.ErrConsumed: crowd - 1})
		}
	})
	t.Run("many uses of one recovery code: one succeeds", func(t *testing.T) {
		for range Rounds(3, 20, 200) {
			u, code := f.user(t), f.hash()
			noError(t, f.PutRecoveryCodes(f.ctx, u.ID, []storage.RecoveryCode{code, f.hash()}, f.now))
			results := atOnce(crowd, func(int) error { return f.UseRecoveryCode(f.ctx, u.ID, code, f.now) })
			tally(t, results, map[error]int{nil: 1, storage.ErrNotFound: crowd - 1})
		}
	})
	t.Run("many passkeys added at once do not pass the limit", func(t *testing.T) {
		u := f.user(t)
		results := atOnce(crowd, func(int) error { return f.AddPasskey(f.ctx, f.passkey(u.ID), 5) })
		tally(t, results, map[error]int{nil: 5, storage.ErrLimit: crowd - 5})
	})
	t.Run("many that end one session: one does, and its client is told once", func(t *testing.T) {
		u := f.user(t)
		s := f.session(u.ID)
		noError(t, f.CreateSession(f.ctx, s, storage.Hash{}))
		p := f.join(t, u.ID, s.SID, "openid")
		results := atOnce(crowd, func(int) error { return f.EndUserSession(f.ctx, u.ID, s.SID, f.now, everyone) })
		tally(t, results, map[error]int{nil: 1, storage.ErrNotFound: crowd - 1})
		wantEqual(t, f.claimed(t, u.ID, f.now), map[string]string{p.client.UID: s.SID})
	})
	t.Run("an account that is erased while it is used is gone, and so is what was added meanwhile", func(t *testing.T) {
		for range Rounds(5, 50, 500) {
			raceErase(t, f)
		}
	})
}

func raceCreate(t *testing.T, f *fixture) {
	t.Helper()
	u, client, request := f.user(t), f.client(), f.hash()
	codes := make([]storage.Code, crowd)
	for i := range codes {
		codes[i] = f.code(f.grant(u, client))
		codes[i].Request = request
	}
	results := atOnce(crowd, func(i int) error {
		g := f.grant(u, client)
		g.ID = codes[i].GrantID
		consent := consentTo(g)
		consent.Scopes = []string{strconv.Itoa(i)}
		return f.CreateCode(f.ctx, codes[i], g, &consent, nil)
	})
	tally(t, results, map[error]int{nil: 1, storage.ErrConsumed: crowd - 1})
	app, err := f.App(f.ctx, u.ID, client.UID)
	noError(t, err)
	wantEqual(t, len(app.Grants), 1)
	for i, err := range results {
		_, redeemed := f.exchange(codes[i], f.now)
		if err != nil {
			wantError(t, redeemed, storage.ErrNotFound)
			continue
		}
		noError(t, redeemed)
		wantEqual(t, app.Grants[0].ID, codes[i].GrantID)
		wantEqual(t, app.Consent.Scopes, []string{strconv.Itoa(i)}) // it is the winner's
	}
}

func raceExchange(t *testing.T, f *fixture, grace time.Duration) {
	t.Helper()
	c, g := f.coded(t)
	won := make(chan storage.Redemption, crowd)
	results := atOnce(crowd, func(i int) error {
		_, r, err := f.RedeemCode(f.ctx, c.Code, c.Client, f.now.Add(time.Duration(i)*time.Microsecond), grace, f.firstOfCode(), nil)
		if err == nil {
			won <- r
		}
		return err
	})
	if grace > 0 {
		tally(t, results, map[error]int{nil: 1, storage.ErrReplayed: crowd - 1})
	} else {
		tally(t, results, map[error]int{nil: 1, storage.ErrReplayed: 1, storage.ErrRevoked: crowd - 2})
	}
	r := <-won
	_, err := f.rotate(r.Token.Token, g.Client, f.now)
	if grace == 0 {
		wantError(t, err, storage.ErrRevoked)
		f.dead(t, g, r.Token.Family, 1)
		return
	}
	noError(t, err)
	_, err = f.exchange(c, f.now.Add(time.Minute))
	wantError(t, err, storage.ErrReplayed)
	f.dead(t, g, r.Token.Family, 2)
}

func raceRevokedApp(t *testing.T, f *fixture) {
	t.Helper()
	c, g := f.coded(t)
	var won storage.Redemption
	results := atOnce(2, func(i int) error {
		if i == 1 {
			_, err := f.RevokeApp(f.ctx, g.UserID, g.Client.UID, f.now)
			return err
		}
		r, err := f.exchange(c, f.now)
		won = r
		return err
	})
	noError(t, results[1])
	if results[0] != nil {
		wantError(t, results[0], storage.ErrRevoked)
	} else {
		_, err := f.rotate(won.Token.Token, g.Client, f.now)
		wantError(t, err, storage.ErrRevoked)
	}
	_, err := f.exchange(c, f.now)
	wantError(t, err, storage.ErrRevoked)
}

func raceDisabledCode(t *testing.T, f *fixture) {
	t.Helper()
	g := f.grant(f.user(t), f.client())
	c, consent := f.code(g), consentTo(g)
	results := atOnce(3, func(i int) error {
		switch i {
		case 0:
			return f.CreateCode(f.ctx, c, g, &consent, nil)
		case 1:
			return f.DisableUser(f.ctx, g.UserID, f.now)
		default:
			_, err := f.exchange(c, f.now)
			return err
		}
	})
	noError(t, results[1])
	_, err := f.exchange(c, f.now)
	if !errors.Is(err, storage.ErrRevoked) && !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("redeemed for a disabled user: %v; before: %v", err, results)
	}
	_, err = f.Consent(f.ctx, g.UserID, g.Client.UID)
	wantError(t, err, storage.ErrNotFound)
}

func raceErase(t *testing.T, f *fixture) {
	t.Helper()
	p := f.possess(t)
	add := []func() error{
		func() error {
			g := f.grant(p.user, f.client())
			return f.CreateCode(f.ctx, f.code(g), g, nil, nil)
		},
		func() error { return f.PutConsent(f.ctx, consentTo(f.grant(p.user, f.client()))) },
		func() error { return f.CreateSession(f.ctx, f.session(p.user.ID), storage.Hash{}) },
		func() error { return f.AddPasskey(f.ctx, f.passkey(p.user.ID), 10) },
		func() error { return f.PutTOTP(f.ctx, storage.TOTP{UserID: p.user.ID, Secret: []byte("sealed")}) },
		func() error { return f.PutRecoveryCodes(f.ctx, p.user.ID, []storage.RecoveryCode{f.hash()}, f.now) },
		func() error { return f.EraseUser(f.ctx, p.user.ID, f.now, nil) },
	}
	results := atOnce(len(add), func(i int) error { return add[i]() })
	noError(t, results[len(add)-1])
	for _, err := range results[:len(add)-1] {
		if err != nil && !errors.Is(err, storage.ErrRevoked) && !errors.Is(err, storage.ErrNotFound) {
			t.Fatalf("errors are %v", results)
		}
	}
	_, err := f.Everything(f.ctx, p.user.ID)
	wantError(t, err, storage.ErrNotFound)
}
