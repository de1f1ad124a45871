package oauth

import "net/http"

// The errors of an authorization response. Their status counts only where one of them is shown rather than sent to the client.

// UnsupportedResponseType is a response_type other than code (RFC 6749 section 4.1.2.1).
func UnsupportedResponseType() *Error {
	return newError("unsupported_response_type", http.StatusBadRequest, "the only response type is code")
}

// The errors of OpenID Connect Core section 3.1.2.6.

// LoginRequired is prompt=none where nobody, or somebody else, is signed in.
func LoginRequired() *Error {
	return newError("login_required", http.StatusBadRequest, "the user has to sign in")
}

// ConsentRequired is prompt=none where the user has to be asked first.
func ConsentRequired() *Error {
	return newError("consent_required", http.StatusBadRequest, "the user has to consent")
}

// InteractionRequired is prompt=none where the user has to do something else.
func InteractionRequired() *Error {
	return newError("interaction_required", http.StatusBadRequest, "the user has to do something first")
}

// RequestNotSupported refuses a request object by value (OpenID Connect Core section 6.1).
func RequestNotSupported() *Error {
	return newError("request_not_supported", http.StatusBadRequest, "request objects are not supported; send the parameters themselves")
}

// RequestURINotSupported refuses a request object by reference (OpenID Connect Core section 6.2).
func RequestURINotSupported() *Error {
	return newError("request_uri_not_supported", http.StatusBadRequest, "request objects are not supported; send the parameters themselves")
}

// RegistrationNotSupported refuses the registration parameter (OpenID Connect Core section 7.2.1).
func RegistrationNotSupported() *Error {
	return newError("registration_not_supported", http.StatusBadRequest, "clients cannot register in a request")
}

// InvalidAuthorizationDetails refuses authorization details (RFC 9396 section 5).
func InvalidAuthorizationDetails(d string) *Error {
	return newError("invalid_authorization_details", http.StatusBadRequest, d)
}

// UnmetAuthenticationRequirements is an authentication that cannot be as strong as was demanded (OpenID Connect Core Error Code
// unmet_authentication_requirements 1.0).
func UnmetAuthenticationRequirements() *Error {
	return newError("unmet_authentication_requirements", http.StatusBadRequest, "the user cannot be authenticated as the request demands")
}
