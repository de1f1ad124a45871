package accountsecurity_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page/accountsecurity"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	at := time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC)
	full := accountsecurity.Data{TOTP: true, PasskeysSupported: true, RecoveryCodes: 1, Flow: "abc"}
	for i := range 10 {
		full.Passkeys = append(full.Passkeys, accountsecurity.Passkey{
			ID: "dGhpcyBpcyBhIHBhc3NrZXkgdGhhdCBoYXMgYSBsb25nIGlk", Name: fmt.Sprintf("A key with a name as long as a name may be, number %d", i), Since: at, LastUsed: at,
		})
	}
	pagetest.Golden(t, accountsecurity.New, map[string]accountsecurity.Data{
		"nothing":         {PasskeysSupported: true, MorePasskeys: true},
		"without passkey": {TOTP: true, RecoveryCodes: 9, Done: "totpadded"},
		"asked for":       {PasskeysSupported: true, MorePasskeys: true, Flow: "abc"},
		"both": {TOTP: true, PasskeysSupported: true, MorePasskeys: true, Passkeys: []accountsecurity.Passkey{
			{ID: "aaaa", Name: pagetest.Hostile, Since: at}, {ID: "bbbb", Since: at, LastUsed: at},
		}},
		"full": full,
	})
}
