package token

import (
	"slices"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// UserClaims are the claims about a user (OpenID Connect Core section 5.1), and groups, which many clients expect. Empty ones are
// left out. There is no way to add another, so that nothing that a provider says can pass for a claim of the protocol (I06).
type UserClaims struct {
	Name                string                `json:"name,omitempty"`
	GivenName           string                `json:"given_name,omitempty"`
	FamilyName          string                `json:"family_name,omitempty"`
	MiddleName          string                `json:"middle_name,omitempty"`
	Nickname            string                `json:"nickname,omitempty"`
	PreferredUsername   string                `json:"preferred_username,omitempty"`
	Profile             string                `json:"profile,omitempty"`
	Picture             string                `json:"picture,omitempty"`
	Website             string                `json:"website,omitempty"`
	Gender              string                `json:"gender,omitempty"`
	Birthdate           string                `json:"birthdate,omitempty"`
	Zoneinfo            string                `json:"zoneinfo,omitempty"`
	Locale              string                `json:"locale,omitempty"`
	UpdatedAt           int64                 `json:"updated_at,omitempty"`
	Email               string                `json:"email,omitempty"`
	EmailVerified       *bool                 `json:"email_verified,omitempty"`
	Address             *registration.Address `json:"address,omitempty"`
	PhoneNumber         string                `json:"phone_number,omitempty"`
	PhoneNumberVerified *bool                 `json:"phone_number_verified,omitempty"`
	Groups              []string              `json:"groups,omitempty"`
}

// ClaimsOf picks the claims about a user: those that the scopes stand for (OpenID Connect Core section 5.4), and those that were
// asked for by name (section 5.5), which the caller has found to be the client's to know.
func ClaimsOf(u *storage.User, scopes []string, asked map[string]oauth.ClaimRequest) UserClaims {
	var c UserClaims
	for _, scope := range oauth.UserScopes() {
		all := slices.Contains(scopes, scope)
		if !all && len(asked) == 0 {
			continue
		}
		for _, name := range oauth.ClaimsOfScope(scope) {
			if _, one := asked[name]; all || one {
				c.set(name, u)
			}
		}
	}
	return c
}

// set fills in one claim.
func (c *UserClaims) set(name string, u *storage.User) {
	p := &u.Profile
	switch name {
	case "name":
		c.Name = u.Name
	case "given_name":
		c.GivenName = p.GivenName
	case "family_name":
		c.FamilyName = p.FamilyName
	case "middle_name":
		c.MiddleName = p.MiddleName
	case "nickname":
		c.Nickname = p.Nickname
	case "preferred_username":
		c.PreferredUsername = u.Username
	case "profile":
		c.Profile = p.Profile
	case "picture":
		c.Picture = p.Picture
	case "website":
		c.Website = p.Website
	case "gender":
		c.Gender = p.Gender
	case "birthdate":
		c.Birthdate = p.Birthdate
	case "zoneinfo":
		c.Zoneinfo = p.Zoneinfo
	case "locale":
		c.Locale = p.Locale
	case "updated_at":
		if !u.UpdatedAt.IsZero() {
			c.UpdatedAt = u.UpdatedAt.Unix()
		}
	default:
		c.setContact(name, u)
	}
}

// setContact fills in one of the claims outside of the scope profile. Whether an address or a number was verified is said only
// beside it, or where nothing but that was asked.
func (c *UserClaims) setContact(name string, u *storage.User) {
	switch name {
	case "email":
		c.Email = u.Email
	case "email_verified":
		if u.Email != "" {
			c.EmailVerified = &u.EmailVerified
		}
	case "address":
		c.Address = u.Profile.Address
	case "phone_number":
		c.PhoneNumber = u.Profile.PhoneNumber
	case "phone_number_verified":
		if u.Profile.PhoneNumber != "" {
			c.PhoneNumberVerified = &u.Profile.PhoneNumberVerified
		}
	case "groups":
		c.Groups = u.Groups
	}
}
