package oauth

import "slices"

// The authentication context classes (acr, OpenID Connect Core section 2) that a sign-in can reach, the weakest first. Phishing-resistant
// is the class "phr" of OpenID Connect Extended Authentication Profile (EAP) ACR Values 1.0.
const (
	ACRSingleFactor      = "1fa"
	ACRMultiFactor       = "mfa"
	ACRPhishingResistant = "phr"
)

// The authentication methods (amr, RFC 8176) that the server itself or its providers report.
const (
	MethodPassword    = "pwd"
	MethodOTP         = "otp"
	MethodHardwareKey = "hwk"
	MethodSoftwareKey = "swk"
	MethodMultiFactor = "mfa"
)

// ACRs lists the classes, the weakest first, for discovery.
func ACRs() []string { return []string{ACRSingleFactor, ACRMultiFactor, ACRPhishingResistant} }

// ACROf is the class that a sign-in by these methods reaches. A passkey that verified its user counts as two factors, and is
// told by "mfa" beside its own method.
func ACROf(methods []string) string {
	key := slices.Contains(methods, MethodHardwareKey) || slices.Contains(methods, MethodSoftwareKey)
	several := slices.Contains(methods, MethodMultiFactor)
	switch {
	case key && several:
		return ACRPhishingResistant
	case several:
		return ACRMultiFactor
	default:
		return ACRSingleFactor
	}
}

// ACRSatisfies reports whether reaching class got is enough where wanted is wanted. Unknown classes are never reached.
func ACRSatisfies(got, wanted string) bool {
	all := ACRs()
	w := slices.Index(all, wanted)
	return w >= 0 && slices.Index(all, got) >= w
}
