package login

import (
	"encoding/json"

	"github.com/grantkeeper/grantkeeper/server/internal/authrequest"
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

// given is what the person let the app have: never more than asked.
type given struct {
	scopes, audience []string
	// details is what was chosen (RFC 9396); nil when there was nothing to choose.
	details json.RawMessage
	// consent is what need not be asked again from now on, to be written together with the code or the grant: the above, and what
	// was allowed before and not asked about now. nil leaves what is remembered as it is.
	consent *storage.Consent
	// answered is true when the person was asked just now.
	answered bool
}
