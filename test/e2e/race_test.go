package e2e

import (
	"net/url"
	"sync"
	"testing"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// atOnce sends the same request many times at once, through connections of their own.
func atOnce(t *testing.T, n int, form url.Values) []answer {
	t.Helper()
	answers := make([]answer, n)
	errs := make([]error, n)
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-begin
			answers[i], errs[i] = post(t.Context(), world.Demo, "/v1/token", nil, form)
		})
	}
	close(begin)
	all.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return answers
}

// The races of the storage suite once more, through everything that the real command has in front of the storage.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	d := world.Demo
	const n = 64
	started := ask(t, d, "/v1/device_authorization", nil, url.Values{"client_id": {"partner-cli"}})
	d.Decide(t, started.Complete, started.UserCode, "approve")
	var winner answer
	t.Run("F05 64 parallel polls after the approval: exactly one wins", func(t *testing.T) {
		won := 0
		for _, a := range atOnce(t, n, url.Values{"client_id": {"partner-cli"}, "grant_type": {string(v1alpha1.GrantTypeDeviceCode)}, "device_code": {started.DeviceCode}}) {
			switch {
			case a.Status == 200:
				won++
				winner = a
			case a.Status != 400 || a.Error != "invalid_grant" && a.Error != "slow_down":
				t.Errorf("a poll is answered %d %s", a.Status, a.Error)
			}
		}
		if won != 1 {
			t.Fatalf("%d polls won", won)
		}
	})
	t.Run("D03 64 parallel uses of one refresh token: all get the same successor", func(t *testing.T) {
		successors := map[string]int{}
		for _, a := range atOnce(t, n, url.Values{"client_id": {"partner-cli"}, "grant_type": {"refresh_token"}, "refresh_token": {winner.RefreshToken}}) {
			if a.Status == 200 {
				successors[a.RefreshToken]++
			} else if a.Status != 400 || a.Error != "invalid_grant" {
				t.Errorf("a use is answered %d %s", a.Status, a.Error)
			}
		}
		if len(successors) != 1 {
			t.Fatalf("there are %d successors", len(successors))
		}
		for successor := range successors {
			if a := refresh(t, d, "partner-cli", successor); a.Status != 200 {
				t.Errorf("the successor: %d %s", a.Status, a.Error)
			}
		}
	})
}
