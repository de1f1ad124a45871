package login

import "github.com/grantkeeper/grantkeeper/server/internal/audit"

// The actions of the flow. A failed sign-in does not name the user: people type passwords into the wrong box.
const (
	actionSignedIn       audit.Action = "signin.succeeded"
	actionSignInRefused  audit.Action = "signin.refused"
	actionFirstFactor    audit.Action = "signin.first_factor"
	actionFactorProved   audit.Action = "secondfactor.proved"
	actionFactorRefused  audit.Action = "secondfactor.refused"
	actionCodeIssued     audit.Action = "code.issued"
	actionRequestRefused audit.Action = "authorize.refused"
	actionDeviceApproved audit.Action = "device.approved"
	actionDeviceDenied   audit.Action = "device.denied"
	actionCodeRefused    audit.Action = "device.code_refused"
	// actionGrantEnded is a grant that ended for a newer one of the same user and client (limits.grantsPerUser).
	actionGrantEnded audit.Action = "grant.ended"
)

// Reasons of refusals.
const (
	reasonWrong      = "wrong"
	reasonThrottled  = "throttled"
	reasonNotAllowed = "not_allowed"
	reasonDenied     = "denied"
	reasonCallback   = "callback"
	reasonAway       = "unreachable"
	reasonCloned     = "cloned"
	// reasonSpent is a request_uri that is unknown, expired, used, or another client's; the cause says which.
	reasonSpent = "invalid_request_uri"
)
