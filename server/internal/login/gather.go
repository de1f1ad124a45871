package login

import (
	"errors"
	"slices"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/authrequest"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// situation is what was gathered about a request: the state that decides, and what steps work with.
type situation struct {
	state
	asked asked
	// given is what comes out when nobody needs to be asked.
	given given
	// owner is whose app it is.
	owner string
}

// gather finds out all that decides about the step that is due at path. What costs a look into the database is looked up only
// where it decides.
func (l *Login) gather(v *visit, path string) (*situation, error) {
	s := &situation{}
	s.session = accountOf(v)
	s.first, s.chosen = v.flow.First != nil, v.flow.Chosen
	if err := l.purpose(v, s); err != nil {
		return nil, err
	}
	if err := l.enrolled(v, s); err != nil {
		return nil, err
	}
	l.bar(v, s)
	at, _ := next(s.state)
	if s.device.request == requestUnchecked && (at == stepConfirm || at == stepConsent || at == stepNotAllowed) && at.path() == path {
		if err := l.lookAt(v, s); err != nil {
			return nil, err
		}
		if err := l.enrolled(v, s); err != nil { // the client may demand more
			return nil, err
		}
		l.bar(v, s)
		at, _ = next(s.state)
	}
	ask := at == stepConsent || at == stepConfirm && s.device.request == requestFound
	if !ask || s.asked.client == nil {
		return s, nil
	}
	needed, g, err := l.consentNeeded(v, s.asked)
	if err != nil {
		return nil, err
	}
	s.given, s.consent = g, consentNotNeeded
	if needed {
		s.consent = consentNeeded
	}
	return s, nil
}

// accountOf is who is signed in, as far as it decides.
func accountOf(v *visit) account {
	if !v.SignedIn() {
		return account{}
	}
	a := account{user: v.User.ID, sid: v.Session.SID, at: v.Session.AuthenticatedAt, signedIn: v.Session.SignedInAt(), methods: v.Session.Methods}
	if d, ok := v.Snapshot.IdentityProvider(v.User.Provider); ok {
		a.provider, a.strict = d.Name, d.Local != nil && d.Local.SecondFactor
	}
	return a
}

// purpose finds out what the flow is about, and what it demands.
func (l *Login) purpose(v *visit, s *situation) error {
	var governing *registration.Policy
	f := v.flow
	switch {
	case f.Request != nil:
		s.purpose, s.refused, s.answered = toApp, f.Request.Refused, f.Answered
		s.silent = slices.Equal(f.Request.Prompt, []string{"none"}) // with another value it is a mistake of the app, and refused
		client, err := authrequest.Judge(v.Snapshot, f.Request)
		if p := new(authrequest.PageError); errors.As(err, &p) {
			s.gone, s.owner = true, p.Owner
		}
		s.asked = asked{client: client, scopes: f.Request.Scopes, resources: f.Request.Resources, request: f.Request}
	case f.Device != nil:
		s.purpose, s.device = toDevice, deviceState{confirmed: f.Device.Confirmed != nil && f.Device.By == v.User.ID, decided: f.Device.Decided}
		if f.Device.Code != "" {
			s.device.request = requestUnchecked
		}
		s.asked.client, _ = v.Snapshot.ClientByUID(f.Device.Client)
	case f.Change != "":
		s.purpose = toChange
		if !v.SignedIn() {
			break
		}
		var err error
		if s.asked, err = l.askedChange(v, f.Change); err != nil {
			return err
		}
	case f.Errand != nil:
		s.purpose = toErrand
	}
	if c := s.asked.client; c != nil {
		governing, _ = v.Snapshot.Policy(c.Policy)
	}
	s.demands = demandsOf(f, governing)
	s.demands.unproven = l.unproven(v, s.demands)
	return nil
}

// enrolled finds out which second factors there are, where more is wanted than the sign-in has.
func (l *Login) enrolled(v *visit, s *situation) error {
	if lacks, _ := s.lacks(); lacks == "" || s.session.user == "" || s.session.enrolled.known {
		return nil
	}
	e, err := l.Factors.Enrolled(v.R.Context(), s.session.user)
	if err != nil {
		return web.Unavailable(err)
	}
	s.session.enrolled = enrolment{known: true, any: e.Any(), passkey: e.Passkeys > 0}
	return nil
}

// lookAt looks up the device's request of the flow.
func (l *Login) lookAt(v *visit, s *situation) error {
	d := v.flow.Device
	request, err := l.find(v, d.Code, d.Client != "")
	if errors.Is(err, storage.ErrNotFound) {
		s.device.request = requestMissing
		return nil
	}
	if err != nil {
		return err
	}
	client, ok := servable(v.Snapshot, request)
	s.device.request = requestFound
	if !ok {
		s.device.request = requestOfLostClient
	}
	s.device.confirmed = d.By == v.User.ID && slices.Equal(d.Confirmed, request.Code[:])
	s.asked = asked{client: client, scopes: request.Scopes, device: &request}
	s.owner = ownerOfClient(client)
	if d.Client == "" {
		d.Client = request.Client.UID
		if client != nil {
			governing, _ := v.Snapshot.Policy(client.Policy)
			s.demands = demandsOf(v.flow, governing)
		}
		return l.saveFlow(v)
	}
	return nil
}

// servable finds the client of a request, by UID, and reports whether it may still have what was asked for: it is there and
// enabled, may use the grant, and has every scope (A28).
func servable(s *registry.Snapshot, request storage.DeviceRequest) (*registry.Client, bool) {
	c, ok := s.ClientByUID(request.Client.UID)
	if !ok || !c.Enabled() {
		return c, false
	}
	if _, ok := c.GrantTypeSet[oauth.GrantTypeDeviceCode]; !ok {
		return c, false
	}
	for _, scope := range request.Scopes {
		if !grant.MayHave(s, c, scope) {
			return c, false
		}
	}
	return c, true
}

func ownerOfClient(c *registry.Client) string {
	if c == nil {
		return ""
	}
	return c.DocumentName()
}
