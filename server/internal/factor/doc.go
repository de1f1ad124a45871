// Package factor proves second factors: an authenticator app (TOTP, RFC 6238), passkeys (Web Authentication Level 3) and
// recovery codes.
//
// It owns how they are made, kept and checked: secrets of authenticator apps are sealed at rest and bound to their user, each
// time step, recovery code and passkey challenge counts once on all replicas together, and a passkey whose counter runs
// backwards is refused. It owns no page, and it does not decide who needs a second factor. It does not limit guesses either:
// callers count every try of [Factors.VerifyTOTP] and [Factors.VerifyRecoveryCode] with web.Throttle before they make it.
package factor
