package storagetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// The states of something that can be used once.
const (
	issued   = "issued"
	consumed = "consumed"
	revoked  = "revoked"
	denied   = "denied"
	approved = "approved"
)

// What is done to it.
const (
	use     = "use"
	look    = "look"
	revoke  = "revoke"
	approve = "approve"
	deny    = "deny"
)

// What is answered; errors are answered by their text.
const (
	fresh   = "fresh"
	retried = "retried"
	done    = "done"
	alive   = "alive"
)

// step is the model's next state and answer.
type step struct{ state, answer string }

// model turns a table (state, operation) into a model for porcupine. An answer that the table does not give is a violation.
func model(initial string, table map[[2]string]step) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return initial },
		Step: func(state, input, output any) (bool, any) {
			next, ok := table[[2]string{state.(string), input.(string)}]
			return ok && next.answer == output.(string), next.state
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%s: %s", input, output) },
	}
}

// refreshModel is one refresh token: issued, then consumed once, then revoked for ever.
func refreshModel(withGrace bool) porcupine.Model {
	again := step{consumed, retried}
	if !withGrace {
		again = step{revoked, storage.ErrReplayed.Error()}
	}
	return model(issued, map[[2]string]step{
		{issued, use}:      {consumed, fresh},
		{consumed, use}:    again,
		{revoked, use}:     {revoked, storage.ErrRevoked.Error()},
		{issued, revoke}:   {revoked, done},
		{consumed, revoke}: {revoked, done},
		{revoked, revoke}:  {revoked, done},
		{issued, look}:     {issued, issued},
		{consumed, look}:   {consumed, consumed},
		{revoked, look}:    {revoked, storage.ErrRevoked.Error()},
	})
}

// deviceModel is one device request: decided once, then consumed once.
func deviceModel() porcupine.Model {
	consumedError := storage.ErrConsumed.Error()
	return model(issued, map[[2]string]step{
		{issued, approve}:   {approved, done},
		{issued, deny}:      {denied, done},
		{issued, use}:       {issued, storage.ErrPending.Error()},
		{approved, approve}: {approved, consumedError},
		{approved, deny}:    {approved, consumedError},
		{approved, use}:     {consumed, fresh},
		{denied, approve}:   {denied, consumedError},
		{denied, deny}:      {denied, consumedError},
		{denied, use}:       {denied, storage.ErrDenied.Error()},
		{consumed, approve}: {consumed, consumedError},
		{consumed, deny}:    {consumed, consumedError},
		{consumed, use}:     {consumed, consumedError},
	})
}

// codeModel is one code: issued, then consumed once; within the grace a replay is refused and no more, without one it is
// revoked for ever.
func codeModel(withGrace bool) porcupine.Model {
	replayed := storage.ErrReplayed.Error()
	again := step{consumed, replayed}
	if !withGrace {
		again = step{revoked, replayed}
	}
	return model(issued, map[[2]string]step{
		{issued, use}:      {consumed, fresh},
		{consumed, use}:    again,
		{revoked, use}:     {revoked, storage.ErrRevoked.Error()},
		{issued, revoke}:   {revoked, done},
		{consumed, revoke}: {revoked, done},
		{revoked, revoke}:  {revoked, done},
		{issued, look}:     {issued, alive},
		{consumed, look}:   {consumed, alive},
		{revoked, look}:    {revoked, storage.ErrRevoked.Error()},
	})
}

// history records who asked what, when, and what came back.
type history struct {
	began time.Time
	mu    sync.Mutex
	all   []porcupine.Operation
}

// do records one operation.
func (h *history) do(client int, input string, f func() string) {
	call := time.Since(h.began)
	output := f()
	back := time.Since(h.began)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, porcupine.Operation{ClientId: client, Input: input, Output: output, Call: int64(call), Return: int64(back)})
}

// check fails the test when no order of the operations explains the answers.
func (h *history) check(t *testing.T, m porcupine.Model) {
	t.Helper()
	if porcupine.CheckOperationsTimeout(m, h.all, 10*time.Second) != porcupine.Ok {
		for _, op := range h.all {
			t.Logf("%8d..%8d client %d %s", op.Call, op.Return, op.ClientId, m.DescribeOperation(op.Input, op.Output))
		}
		t.Fatal("no order of the operations explains these answers")
	}
}

// answer is what a redemption answered, as the models say it.
func answer(r storage.Redemption, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case r.Retried:
		return retried
	default:
		return fresh
	}
}

// answered is what a write answered.
func answered(err error) string {
	if err != nil {
		return err.Error()
	}
	return done
}

func testHistories(t *testing.T, f *fixture) {
	t.Run("one refresh token with a grace is linearizable", func(t *testing.T) {
		for range Rounds(10, 100, 1000) {
			f.refreshHistory(t, grace)
		}
	})
	t.Run("one refresh token without a grace is linearizable", func(t *testing.T) {
		for range Rounds(10, 100, 1000) {
			f.refreshHistory(t, 0)
		}
	})
	for name, grace := range map[string]time.Duration{"with a grace": codeGrace, "without a grace": 0} {
		t.Run("C07 one code "+name+" is linearizable", func(t *testing.T) {
			for range Rounds(10, 100, 1000) {
				f.codeHistory(t, grace)
			}
		})
	}
	t.Run("one device request is linearizable", func(t *testing.T) {
		for range Rounds(10, 100, 1000) {
			f.deviceHistory(t)
		}
	})
}

func (f *fixture) refreshHistory(t *testing.T, grace time.Duration) {
	t.Helper()
	token, g := f.family(t)
	h := history{began: time.Now()}
	plans := [][]string{{use, look, use}, {look, use, look}, {use, use, look}, {look, look, revoke, look, use}, {use, look, look}}
	atOnce(len(plans), func(i int) struct{} {
		for _, op := range plans[i] {
			h.do(i, op, func() string {
				switch op {
				case use:
					return answer(f.Rotate(f.ctx, token.Token, g.Client, f.now, grace, nextAt(f.now), nil))
				case revoke:
					return answered(f.RevokeGrant(f.ctx, g.ID, f.now))
				default:
					return f.look(token.Token)
				}
			})
		}
		return struct{}{}
	})
	h.check(t, refreshModel(grace > 0))
}

func (f *fixture) codeHistory(t *testing.T, grace time.Duration) {
	t.Helper()
	c, g := f.coded(t)
	h := history{began: time.Now()}
	plans := [][]string{{use, look, use}, {look, use, look}, {use, use, look}, {look, look, revoke, look, use}, {use, look, look}}
	atOnce(len(plans), func(i int) struct{} {
		for _, op := range plans[i] {
			h.do(i, op, func() string {
				switch op {
				case use:
					_, r, err := f.RedeemCode(f.ctx, c.Code, c.Client, f.now, grace, f.firstOfCode(), nil)
					return answer(r, err)
				case revoke:
					return answered(f.RevokeGrant(f.ctx, g.ID, f.now))
				default:
					if _, _, err := f.Grant(f.ctx, g.ID); err != nil {
						return err.Error()
					}
					return alive
				}
			})
		}
		return struct{}{}
	})
	h.check(t, codeModel(grace > 0))
}

// look is the state of a refresh token as it is read.
func (f *fixture) look(token storage.Hash) string {
	r, _, err := f.RefreshToken(f.ctx, token)
	switch {
	case err != nil:
		return err.Error()
	case r.ConsumedAt.IsZero():
		return issued
	default:
		return consumed
	}
}

func (f *fixture) deviceHistory(t *testing.T) {
	t.Helper()
	d := f.pending(t)
	u := f.user(t)
	h := history{began: time.Now()}
	plans := [][]string{{use, use, use}, {approve, use}, {deny, use}, {use, approve}, {use, use}}
	atOnce(len(plans), func(i int) struct{} {
		for _, op := range plans[i] {
			h.do(i, op, func() string {
				switch op {
				case approve:
					return answered(f.ApproveDevice(f.ctx, d.Code, f.grant(u, d.Client), f.now, nil))
				case deny:
					return answered(f.DenyDevice(f.ctx, d.Code, f.now))
				default:
					r, err := f.RedeemDevice(f.ctx, d.Code, d.Client, f.now, f.first())
					if errors.Is(err, storage.ErrSlowDown) {
						err = storage.ErrPending // the rate is the business of other tests
					}
					return answer(r, err)
				}
			})
		}
		return struct{}{}
	})
	h.check(t, deviceModel())
}
