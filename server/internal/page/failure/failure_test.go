package failure_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, failure.New, map[string]failure.Data{
		"forbidden": {Kind: failure.Forbidden, RequestID: "req-1", Again: "/device"}, "throttled": {Kind: failure.Throttled, RequestID: "req-1", Minutes: 7},
		"client gone": {Kind: failure.ClientGone, RequestID: "req-1", Owner: "partners/acme", Again: "/device"}, "bad request": {Kind: failure.BadRequest}, "unavailable": {Kind: failure.Unavailable, RequestID: "req-1"},
		"internal": {Kind: failure.Internal, RequestID: pagetest.Hostile}, "no sign-in": {Kind: failure.NoSignIn}, "answered": {Kind: failure.Answered, Again: "/device"},
		"unknown app": {Kind: failure.UnknownApp, RequestID: "req-1"}, "wrong address": {Kind: failure.WrongAddress, RequestID: "req-1", Owner: "partners/acme"},
		"answered by an app": {Kind: failure.Answered, Again: "/login/again?flow=0123456789abc"},
		"not found":          {Kind: failure.NotFound, Again: "/account"}, "API away": {Kind: failure.APIAway, RequestID: "req-1", Again: "/device"},
	})
}
