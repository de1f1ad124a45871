package clientauth

import (
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

const (
	// assertionLife is how long an assertion may live from when it was made (FAPI 2.0 security profile, by the values of its tests).
	assertionLife = 5 * time.Minute
	// ahead is how far the clock of whoever signed may be ahead of ours.
	ahead = 10 * time.Second
	// maxAudience bounds aud, in entries.
	maxAudience = 4
	// maxID bounds jti, in bytes.
	maxID = 256
)

// claims are those of an assertion (RFC 7523 section 3), and the one that clusters add.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expires   date     `json:"exp"`
	IssuedAt  date     `json:"iat"`
	NotBefore date     `json:"nbf"`
	ID        string   `json:"jti"`
	// Kubernetes says what a token of a ServiceAccount is bound to.
	Kubernetes kubernetes `json:"kubernetes.io"`
}

// kubernetes is the claim kubernetes.io of tokens of ServiceAccounts.
type kubernetes struct {
	Namespace      string `json:"namespace"`
	ServiceAccount object `json:"serviceaccount"`
	Pod            object `json:"pod"`
}

type object struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// parseClaims reads a payload. Names are taken by their case, and an object with two members of one name is refused, so that two
// readers never see two values.
func parseClaims(payload []byte) (*claims, error) {
	c := new(claims)
	if err := json.Unmarshal(payload, c); err != nil {
		return nil, ErrMalformed
	}
	return c, nil
}

// audience is a string or an array of strings (RFC 7519 section 4.1.3).
type audience []string

// UnmarshalJSON reads either form.
func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(raw, &many); err != nil {
		return err
	}
	if len(many) > maxAudience {
		return errors.New("too many audiences")
	}
	*a = many
	return nil
}

// within reports whether one of the audiences is must, and every other one is must too or is also.
func (a audience) within(must, also string) bool {
	return slices.Contains(a, must) && !slices.ContainsFunc(a, func(s string) bool { return s != must && s != also })
}

// date is a NumericDate (RFC 7519 section 2), which may have a fraction. The zero time is none.
type date struct{ time.Time }

// UnmarshalJSON reads a number of seconds since the Unix epoch.
func (d *date) UnmarshalJSON(raw []byte) error {
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err != nil {
		return err
	}
	if seconds < 1 || seconds > 1<<38 {
		return errors.New("no date")
	}
	d.Time = time.UnixMicro(int64(seconds * 1e6))
	return nil
}

// timely reports whether the claims hold at a time and were made for no longer than most: exp is there and has not come, and iat
// and nbf, if there, are not ahead of every likely clock.
func (c *claims) timely(now time.Time, most time.Duration) bool {
	made := now
	if !c.IssuedAt.IsZero() {
		made = c.IssuedAt.Time
	}
	latest := now.Add(ahead)
	return !c.Expires.IsZero() && now.Before(c.Expires.Time) && c.Expires.Sub(made) <= most &&
		!c.IssuedAt.After(latest) && !c.NotBefore.After(latest)
}
