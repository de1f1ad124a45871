package account

import (
	"encoding/json"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// Export is the file with everything that is kept about a user. Its shape is documented and only ever grows: members are
// added, none changes its meaning. Times are in UTC (RFC 3339); what is not known is left out. It holds no secret and no hash
// of one.
type Export struct {
	// Format is "grantkeeper-account/1".
	Format     string          `json:"format"`
	Service    string          `json:"service"`
	ExportedAt time.Time       `json:"exported_at"`
	Account    ExportAccount   `json:"account"`
	Sessions   []ExportSession `json:"sessions"`
	Apps       []ExportApp     `json:"authorized_apps"`
	Factors    ExportFactors   `json:"second_factors"`
}

// ExportAccount is the account as of the last sign-in.
type ExportAccount struct {
	// ID is the subject of tokens; Provider names where the account is, and Subject is its key there.
	ID            string                `json:"id"`
	Provider      string                `json:"identity_provider,omitempty"`
	ProviderUID   string                `json:"identity_provider_uid"`
	Subject       string                `json:"identity_provider_subject"`
	Username      string                `json:"username,omitempty"`
	Name          string                `json:"name,omitempty"`
	Email         string                `json:"email,omitempty"`
	EmailVerified bool                  `json:"email_verified"`
	Groups        []string              `json:"groups,omitempty"`
	Profile       *registration.Profile `json:"profile,omitempty"`
	CreatedAt     time.Time             `json:"created_at"`
	UpdatedAt     time.Time             `json:"updated_at"`
	CheckedAt     time.Time             `json:"checked_at,omitzero"`
	DisabledAt    time.Time             `json:"disabled_at,omitzero"`
}

// ExportSession is a signed-in browser.
type ExportSession struct {
	ID              string    `json:"id,omitempty"`
	AuthenticatedAt time.Time `json:"authenticated_at"`
	Methods         []string  `json:"methods,omitempty"`
	Address         string    `json:"address,omitempty"`
	UserAgent       string    `json:"user_agent,omitempty"`
	CreatedAt       time.Time `json:"created_at"`
	ExpiresAt       time.Time `json:"expires_at"`
}

// ExportApp is an authorized app.
type ExportApp struct {
	ClientID  string `json:"client_id"`
	ClientUID string `json:"client_uid"`
	// Name as it is registered now; empty for an app that is gone.
	Name       string         `json:"name,omitempty"`
	FirstAt    time.Time      `json:"first_at"`
	LastUsedAt time.Time      `json:"last_used_at,omitzero"`
	Remembered *ExportConsent `json:"remembered,omitempty"`
	Grants     []ExportGrant  `json:"connections"`
}

// ExportConsent is what is not asked again.
type ExportConsent struct {
	Scopes               []string        `json:"scopes"`
	Audience             []string        `json:"audience,omitempty"`
	AuthorizationDetails json.RawMessage `json:"authorization_details,omitempty"`
	CreatedAt            time.Time       `json:"created_at"`
	UpdatedAt            time.Time       `json:"updated_at"`
}

// ExportGrant is one connection of an app.
type ExportGrant struct {
	ID                   string          `json:"id"`
	Scopes               []string        `json:"scopes"`
	Audience             []string        `json:"audience,omitempty"`
	AuthorizationDetails json.RawMessage `json:"authorization_details,omitempty"`
	Claims               json.RawMessage `json:"claims,omitempty"`
	SessionID            string          `json:"session_id,omitempty"`
	AuthenticatedAt      time.Time       `json:"authenticated_at,omitzero"`
	Methods              []string        `json:"methods,omitempty"`
	CreatedAt            time.Time       `json:"created_at"`
	LastUsedAt           time.Time       `json:"last_used_at,omitzero"`
}

// ExportFactors are the second factors, without what proves them.
type ExportFactors struct {
	AuthenticatorAppSince time.Time       `json:"authenticator_app_since,omitzero"`
	Passkeys              []ExportPasskey `json:"passkeys"`
	RecoveryCodesLeft     int             `json:"recovery_codes_left"`
}

// ExportPasskey is one passkey.
type ExportPasskey struct {
	ID         []byte    `json:"id"`
	Name       string    `json:"name,omitempty"`
	SignCount  uint32    `json:"sign_count"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

// exported writes the file.
func exported(all storage.Everything, now time.Time, s *registry.Snapshot) ([]byte, error) {
	u := all.User
	out := Export{
		Format: "grantkeeper-account/1", Service: s.Server().Issuer, ExportedAt: now.UTC(),
		Account: ExportAccount{
			ID: u.ID, ProviderUID: u.Provider, Subject: u.Subject, Username: u.Username, Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified,
			Groups: u.Groups, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, CheckedAt: u.CheckedAt, DisabledAt: u.DisabledAt,
		},
		Sessions: []ExportSession{}, Apps: []ExportApp{},
		Factors: ExportFactors{AuthenticatorAppSince: all.TOTPSince, Passkeys: []ExportPasskey{}, RecoveryCodesLeft: all.RecoveryCodes},
	}
	if u.Profile != (registration.Profile{}) {
		out.Account.Profile = &u.Profile
	}
	for _, p := range s.IdentityProviders() {
		if p.UID == u.Provider {
			out.Account.Provider = p.DisplayName
		}
	}
	for _, x := range all.Sessions {
		out.Sessions = append(out.Sessions, ExportSession{
			ID: x.SID, AuthenticatedAt: x.SignedInAt(), Methods: x.Methods, Address: x.Origin.Address, UserAgent: x.Origin.UserAgent,
			CreatedAt: x.CreatedAt, ExpiresAt: x.ExpiresAt,
		})
	}
	for _, x := range all.Apps {
		out.Apps = append(out.Apps, exportedApp(x, s))
	}
	for _, x := range all.Passkeys {
		out.Factors.Passkeys = append(out.Factors.Passkeys, ExportPasskey{
			ID: x.ID, Name: x.Name, SignCount: x.SignCount, CreatedAt: x.CreatedAt, LastUsedAt: x.LastUsedAt,
		})
	}
	return json.MarshalIndent(out, "", "  ")
}

func exportedApp(x storage.App, s *registry.Snapshot) ExportApp {
	out := ExportApp{ClientID: x.Client.ID, ClientUID: x.Client.UID, FirstAt: x.FirstAt, LastUsedAt: x.LastUsedAt, Grants: []ExportGrant{}}
	if c, ok := s.ClientByUID(x.Client.UID); ok {
		out.Name = c.Display.Name
	}
	if c := x.Consent; c != nil {
		out.Remembered = &ExportConsent{
			Scopes: c.Scopes, Audience: c.Audience, AuthorizationDetails: c.AuthorizationDetails, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
		}
	}
	for _, g := range x.Grants {
		out.Grants = append(out.Grants, ExportGrant{
			ID: g.ID, Scopes: g.Scopes, Audience: g.Audience, AuthorizationDetails: g.AuthorizationDetails, Claims: g.Claims, SessionID: g.SID,
			AuthenticatedAt: g.AuthenticatedAt, Methods: g.Methods, CreatedAt: g.CreatedAt, LastUsedAt: g.LastUsedAt,
		})
	}
	return out
}
