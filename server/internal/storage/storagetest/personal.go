package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// possessions is a user who has one of everything.
type possessions struct {
	user     storage.User
	session  storage.Session
	code     storage.Code
	grant    storage.Grant
	token    storage.RefreshToken
	device   storage.DeviceRequest
	passkey  storage.Passkey
	recovery storage.RecoveryCode
}

// possess gives a new user one of everything.
func (f *fixture) possess(t *testing.T) possessions {
	t.Helper()
	p := possessions{user: f.user(t), recovery: f.hash()}
	p.session = f.session(p.user.ID)
	noError(t, f.CreateSession(f.ctx, p.session, storage.Hash{}))
	p.grant = f.grant(p.user, f.client())
	p.grant.SID = p.session.SID
	p.code = f.code(p.grant)
	consent := consentTo(p.grant)
	noError(t, f.CreateCode(f.ctx, p.code, p.grant, &consent, nil))
	r, err := f.exchange(p.code, f.now)
	noError(t, err)
	p.token, p.grant = r.Token, r.Grant
	p.device = f.request(f.client())
	noError(t, f.CreateDevice(f.ctx, p.device, 10))
	approved := f.grant(p.user, p.device.Client)
	approved.SID = ""
	noError(t, f.ApproveDevice(f.ctx, p.device.Code, approved, f.now, nil))
	p.passkey = f.passkey(p.user.ID)
	noError(t, f.AddPasskey(f.ctx, p.passkey, 10))
	noError(t, f.PutTOTP(f.ctx, storage.TOTP{UserID: p.user.ID, Secret: []byte("sealed"), CreatedAt: f.now}))
	noError(t, f.PutRecoveryCodes(f.ctx, p.user.ID, []storage.RecoveryCode{p.recovery}, f.now))
	return p
}

func testPersonalData(t *testing.T, f *fixture) {
	t.Run("everything about a user is gathered, and no secret", func(t *testing.T) {
		p := f.possess(t)
		got, err := f.Everything(f.ctx, p.user.ID)
		noError(t, err)
		apps, err := f.Apps(f.ctx, p.user.ID, "", 10)
		noError(t, err)
		wantEqual(t, len(apps), 2)
		p.user.Kept, p.session.ID = nil, storage.Hash{}
		wantEqual(t, got, storage.Everything{
			User: p.user, Sessions: []storage.Session{p.session}, Apps: apps, Passkeys: []storage.Passkey{p.passkey}, TOTPSince: f.now, RecoveryCodes: 1,
		})
	})
	t.Run("of a user who has nothing there is only the account, and of nobody nothing", func(t *testing.T) {
		u := f.user(t)
		got, err := f.Everything(f.ctx, u.ID)
		noError(t, err)
		u.Kept = nil
		wantEqual(t, got, storage.Everything{User: u})
		_, err = f.Everything(f.ctx, "nobody")
		wantError(t, err, storage.ErrNotFound)
	})
	t.Run("everything is of one moment", func(t *testing.T) {
		u := f.user(t)
		g := f.grant(u, f.client())
		results := atOnce(4, func(i int) error {
			for range 30 {
				if i == 0 { // both come and go together
					c, consent := f.code(f.grant(u, g.Client)), consentTo(g)
					fresh := g
					fresh.ID = c.GrantID
					if err := f.CreateCode(f.ctx, c, fresh, &consent, nil); err != nil {
						return err
					}
					if _, err := f.RevokeApp(f.ctx, u.ID, g.Client.UID, f.now); err != nil {
						return err
					}
					continue
				}
				all, err := f.Everything(f.ctx, u.ID)
				if err != nil {
					return err
				}
				for _, app := range all.Apps {
					if app.Consent == nil || len(app.Grants) != 1 {
						return errors.New("a consent without the grant that was written with it")
					}
				}
			}
			return nil
		})
		noError(t, errors.Join(results...))
	})
	t.Run("what a provider says later is kept, a sign-in it is not", func(t *testing.T) {
		u := f.user(t)
		checked := u
		checked.Provider, checked.Subject = "ignored", "ignored"
		checked.Username, checked.Name, checked.Email, checked.EmailVerified, checked.Groups = "n", "N", "n@example.com", false, nil
		checked.Profile.Locale, checked.Kept, checked.CheckedAt, checked.UpdatedAt = "fr", []byte("next"), f.now.Add(time.Hour), f.now.Add(time.Hour)
		noError(t, f.CheckedUser(f.ctx, checked))
		checked.Provider, checked.Subject = u.Provider, u.Subject
		got, err := f.User(f.ctx, u.ID)
		noError(t, err)
		wantEqual(t, got, checked)
		checked.UpdatedAt, checked.CheckedAt, checked.Kept = time.Time{}, f.now.Add(2*time.Hour), nil
		noError(t, f.CheckedUser(f.ctx, checked))
		got, err = f.User(f.ctx, u.ID)
		noError(t, err)
		checked.UpdatedAt = f.now.Add(time.Hour)
		wantEqual(t, got, checked)
	})
	t.Run("D11 of a disabled or unknown user a provider has nothing to say", func(t *testing.T) {
		u := f.user(t)
		noError(t, f.DisableUser(f.ctx, u.ID, f.now))
		wantError(t, f.CheckedUser(f.ctx, u), storage.ErrRevoked)
		wantError(t, f.CheckedUser(f.ctx, storage.User{ID: "nobody"}), storage.ErrNotFound)
	})
	testErased(t, f)
}

func testErased(t *testing.T, f *fixture) {
	t.Run("an erased account is gone with all it had, and nobody else lost anything", func(t *testing.T) {
		p, other := f.possess(t), f.possess(t)
		noError(t, f.EraseUser(f.ctx, p.user.ID, f.now, everyone))
		wantEqual(t, f.claimed(t, p.user.ID, f.now), map[string]string{p.grant.Client.UID: ""})
		for name, find := range map[string]func(possessions) error{
			"user":     func(p possessions) error { _, err := f.User(f.ctx, p.user.ID); return err },
			"session":  func(p possessions) error { _, _, err := f.Session(f.ctx, p.session.ID, f.now); return err },
			"grant":    func(p possessions) error { _, _, err := f.Grant(f.ctx, p.grant.ID); return err },
			"token":    func(p possessions) error { _, _, err := f.RefreshToken(f.ctx, p.token.Token); return err },
			"consent":  func(p possessions) error { _, err := f.Consent(f.ctx, p.user.ID, p.grant.Client.UID); return err },
			"app":      func(p possessions) error { _, err := f.App(f.ctx, p.user.ID, p.grant.Client.UID); return err },
			"passkey":  func(p possessions) error { _, _, err := f.Passkey(f.ctx, p.passkey.ID); return err },
			"totp":     func(p possessions) error { _, err := f.TOTP(f.ctx, p.user.ID); return err },
			"recovery": func(p possessions) error { return f.UseRecoveryCode(f.ctx, p.user.ID, p.recovery, f.now) },
			"device": func(p possessions) error {
				_, err := f.RedeemDevice(f.ctx, p.device.Code, p.device.Client, f.now, f.first())
				return err
			},
			"code": func(p possessions) error {
				if _, err := f.exchange(p.code, f.now); !errors.Is(err, storage.ErrReplayed) {
					return err
				}
				return nil
			},
			"everything": func(p possessions) error { _, err := f.Everything(f.ctx, p.user.ID); return err },
			"erase":      func(p possessions) error { return f.EraseUser(f.ctx, p.user.ID, f.now, nil) },
		} {
			if err := find(p); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
			if name == "erase" {
				continue
			}
			if err := find(other); err != nil {
				t.Errorf("%s of somebody else: %v", name, err)
			}
		}
	})
	t.Run("who signs in again is a new user", func(t *testing.T) {
		p := f.possess(t)
		noError(t, f.EraseUser(f.ctx, p.user.ID, f.now, nil))
		again := p.user
		again.ID = f.id("user")
		got, err := f.SignedIn(f.ctx, again)
		noError(t, err)
		wantEqual(t, got, again)
		all, err := f.Everything(f.ctx, again.ID)
		noError(t, err)
		wantEqual(t, len(all.Sessions)+len(all.Apps)+len(all.Passkeys)+all.RecoveryCodes, 0)
	})
}
