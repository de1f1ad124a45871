package login

import (
	"slices"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/authrequest"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
)

// demands are what a sign-in has to be for what the flow is about.
type demands struct {
	// since takes only an authentication that is known to have been at or after it; zero for any.
	since time.Time
	// anew takes only a sign-in here at or after it, whatever is known of the authentication elsewhere; zero for any.
	anew time.Time
	// unproven is true when since is set and none of the ways to sign in can tell when that was.
	unproven bool
	// subject takes only that user; empty for anybody.
	subject string
	// policy limits the identity providers; nil for none.
	policy *registration.Policy
	// acr is the class that must be reached and wish the one that should be; empty for none.
	acr, wish string
	// choose is true when people are asked which account they want to go on with.
	choose bool
}

// allows reports whether users of a provider, by its name, may go on (A35).
func (d demands) allows(provider string) bool {
	return d.policy == nil || policy.AllowsProvider(d.policy, provider)
}

// demandsOf works out the demands of a flow. governing is the policy of the client that it is about; nil for none, or one that is
// not known yet.
func demandsOf(f flow, governing *registration.Policy) demands {
	d := demands{policy: governing}
	if f.Since != 0 {
		d.anew = time.UnixMicro(f.Since)
	}
	if governing != nil && policy.NeedsMFA(governing) {
		d.acr = oauth.ACRMultiFactor
	}
	switch {
	case f.Request != nil:
		d.request(f.Request, time.UnixMicro(f.Began))
	case f.Errand != nil:
		d.anew, d.acr = later(d.anew, f.Errand.NotBefore), f.Errand.ACR
	}
	return d
}

// request adds what an authorization request demands (OpenID Connect Core sections 3.1.2.1 and 5.5.1.1).
func (d *demands) request(r *authrequest.Request, began time.Time) {
	if r.Prompts("login") {
		d.since = later(d.since, began)
	}
	if r.MaxAge != nil {
		d.since = later(d.since, began.Add(-time.Duration(*r.MaxAge)*time.Second))
	}
	d.subject, d.choose = r.HintSubject, r.Prompts("select_account")
	d.wish = weakest(r.ACRValues)
	values, essential := requestedACRs(r)
	switch {
	case len(values) == 0:
	case !essential:
		d.wish = weakest(values)
	case weakest(values) == "":
		d.acr = values[0] // none of them can be reached
	case d.acr == "" || oauth.ACRSatisfies(weakest(values), d.acr):
		d.acr = weakest(values)
	}
}

// requestedACRs are the classes that the claims parameter asks for, and whether one of them is essential.
func requestedACRs(r *authrequest.Request) (values []string, essential bool) {
	if r.Claims == nil {
		return nil, false
	}
	claim := r.Claims.IDToken["acr"]
	for _, v := range claim.Values {
		if s, ok := v.(string); ok {
			values = append(values, s)
		}
	}
	return values, claim.Essential
}

// weakest is the least of the classes that can be reached; empty when none of them can.
func weakest(values []string) string {
	for _, acr := range oauth.ACRs() {
		if slices.Contains(values, acr) {
			return acr
		}
	}
	return ""
}

// reportedACR is what a client is told of the class that was reached: the strongest of those that it asked for and got, so that
// it finds what it demanded, or else what was reached.
func reportedACR(reached string, r *authrequest.Request) string {
	wanted, _ := requestedACRs(r)
	if len(wanted) == 0 {
		return reached
	}
	out := reached
	for _, acr := range oauth.ACRs() {
		if slices.Contains(wanted, acr) && oauth.ACRSatisfies(reached, acr) {
			out = acr
		}
	}
	return out
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
