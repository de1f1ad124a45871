package login

import "github.com/grantkeeper/grantkeeper/server/internal/audit"

// The actions of the flow. A failed sign-in does not name the user: people type passwords into the wrong box.
const (
	actionSignedIn       audit.Action = "signin.succeeded"
	actionSignInRefused  audit.Action = "signin.refused"
	actionSignedOut      audit.Action = "signout"
	actionDeviceApproved audit.Action = "device.approved"
	actionDeviceDenied   audit.Action = "device.denied"
	actionCodeRefused    audit.Action = "device.code_refused"
)

// Reasons of refusals.
const (
	reasonWrong     = "wrong"
	reasonThrottled = "throttled"
)
