package login

import (
	"encoding/json"
	"slices"

	"github.com/grantkeeper/grantkeeper/server/internal/authrequest"
	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// asked is what an app asks a person for, whichever way it came. At most one of request and device is set; with neither, the
// person changes what was chosen before.
type asked struct {
	client *registry.Client
	// scopes asked for, and resources (RFC 8707) that narrow them.
	scopes, resources []string
	request           *authrequest.Request
	device            *storage.DeviceRequest
}

// sheetScopes are the scopes that people are asked for: those asked for, and those that stand for claims asked for by name. Whoever
// asks for a claim by name would else be told what nobody agreed to.
func (a asked) sheetScopes() []string {
	if a.request == nil {
		return a.scopes
	}
	return union(a.scopes, a.request.ClaimScopes())
}

// give is what comes out of a sheet: no token has a scope that was not asked for as one.
func (a asked) give(r consent.Result) given {
	notAsked := func(scope string) bool { return !slices.Contains(a.scopes, scope) }
	return given{
		scopes: slices.DeleteFunc(slices.Clone(r.Scopes), notAsked), allowed: r.Scopes, audience: r.Audience, details: r.Details,
	}
}

// given is what the person let the app have: never more than asked.
type given struct {
	scopes, audience []string
	// allowed are scopes, and the scopes that stand for claims that were asked for by name: those say which claims go along.
	allowed []string
	// details is what was chosen (RFC 9396); nil when there was nothing to choose.
	details json.RawMessage
	// consent is what need not be asked again from now on, to be written together with the code or the grant: the above, and what
	// was allowed before and not asked about now. nil leaves what is remembered as it is.
	consent *storage.Consent
	// answered is true when the person was asked just now.
	answered bool
}
