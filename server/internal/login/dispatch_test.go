package login

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/authrequest"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/deviceconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

func TestNext(t *testing.T) {
	began := time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC)
	ada := account{user: "ada", sid: "s1", provider: "staff", at: began.Add(-time.Hour), methods: []string{"pwd"}}
	fresh := ada
	fresh.sid, fresh.at = "s2", began.Add(time.Minute)
	strong := ada
	strong.methods = []string{"pwd", "otp", "mfa"}
	with := func(a account, e enrolment) account { a.enrolled = e; return a }
	none, totp, key := enrolment{known: true}, enrolment{known: true, any: true}, enrolment{known: true, any: true, passkey: true}
	strict := ada
	strict.strict = true
	onlyPartners := demands{policy: &registration.Policy{Allow: registration.Allow{IdentityProviders: []string{"partners"}}}}
	device := func(r requestState) deviceState { return deviceState{request: r} }

	undated := account{user: "ada", provider: "github", sid: "s3", signedIn: began.Add(time.Minute), methods: []string{"pwd"}}
	unproven := demands{since: began, unproven: true}

	for name, c := range map[string]struct {
		in   state
		want step
		err  *oauth.Error
	}{
		"a stranger signs in":                                    {state{}, stepSignIn, nil},
		"who is signed in and wants nothing is told so":          {state{session: ada}, stepWelcome, nil},
		"who was sent by a page of ours goes back":               {state{session: ada, purpose: toErrand}, stepReturn, nil},
		"a first factor waits for the second":                    {state{first: true}, stepSecondFactor, nil},
		"a first factor waits, whoever is signed in":             {state{first: true, session: ada, purpose: toApp}, stepSecondFactor, nil},
		"a stranger with a code signs in first":                  {state{purpose: toDevice, device: device(requestUnchecked)}, stepSignIn, nil},
		"a stranger signs in even if something was decided":      {state{purpose: toDevice, device: deviceState{decided: true}}, stepSignIn, nil},
		"who wants to connect a device enters a code":            {state{session: ada, purpose: toDevice}, stepCode, nil},
		"a code is looked up where it is shown":                  {state{session: ada, purpose: toDevice, device: device(requestUnchecked)}, stepConfirm, nil},
		"F09 a request is shown and asked about":                 {state{session: ada, purpose: toDevice, device: device(requestFound)}, stepConfirm, nil},
		"F09 it is asked about even if nothing is left to ask":   {state{session: ada, purpose: toDevice, device: device(requestFound), consent: consentNotNeeded}, stepConfirm, nil},
		"a code that is not found is asked for again":            {state{session: ada, purpose: toDevice, device: device(requestMissing)}, stepCodeAgain, nil},
		"a device of a client that is gone is refused":           {state{session: ada, purpose: toDevice, device: device(requestOfLostClient)}, stepGone, nil},
		"a confirmed device with more to ask leads to consent":   {state{session: ada, purpose: toDevice, device: deviceState{request: requestFound, confirmed: true}, consent: consentNeeded}, stepConsent, nil},
		"a confirmed device is looked up where it is asked":      {state{session: ada, purpose: toDevice, device: deviceState{request: requestUnchecked, confirmed: true}}, stepConsent, nil},
		"a confirmed device with nothing to ask is done":         {state{session: ada, purpose: toDevice, device: deviceState{request: requestFound, confirmed: true}, consent: consentNotNeeded}, stepFinish, nil},
		"what is decided is shown, and not asked about again":    {state{session: ada, purpose: toDevice, device: deviceState{request: requestFound, decided: true}}, stepDone, nil},
		"what is decided is shown also when its request is gone": {state{session: ada, purpose: toDevice, device: deviceState{request: requestMissing, decided: true}}, stepDone, nil},

		"an app's request is signed in for":                                    {state{purpose: toApp}, stepSignIn, nil},
		"an app's request is consented to":                                     {state{session: ada, purpose: toApp}, stepConsent, nil},
		"an app that was let in before is answered":                            {state{session: ada, purpose: toApp, consent: consentNotNeeded}, stepFinish, nil},
		"an app that the person may not use is not consented to":               {state{session: ada, purpose: toApp, barred: true}, stepNotAllowed, nil},
		"nor answered because of what was remembered":                          {state{session: ada, purpose: toApp, barred: true, consent: consentNotNeeded}, stepNotAllowed, nil},
		"and is told so where nobody may be asked":                             {state{session: ada, purpose: toApp, barred: true, silent: true}, stepFail, oauth.AccessDenied()},
		"an app that is gone is gone for everybody":                            {state{session: ada, purpose: toApp, barred: true, gone: true}, stepGone, nil},
		"what the person may not use they do not change":                       {state{session: ada, purpose: toChange, barred: true}, stepNotAllowed, nil},
		"a device that the person may not use is not confirmed":                {state{session: ada, purpose: toDevice, barred: true, device: deviceState{request: requestFound}}, stepNotAllowed, nil},
		"nor connected after it was":                                           {state{session: ada, purpose: toDevice, barred: true, device: deviceState{request: requestFound, confirmed: true}, consent: consentNotNeeded}, stepNotAllowed, nil},
		"an app that is gone is refused":                                       {state{session: ada, purpose: toApp, gone: true, consent: consentNotNeeded}, stepGone, nil},
		"an answered request is not answered again":                            {state{session: ada, purpose: toApp, answered: true, consent: consentNotNeeded}, stepAnswered, nil},
		"A14 a bad request of a stranger is signed in for":                     {state{purpose: toApp, refused: oauth.InvalidRequest("x")}, stepSignIn, nil},
		"A14 a bad request is told once somebody is there":                     {state{session: ada, purpose: toApp, refused: oauth.InvalidRequest("x")}, stepFail, oauth.InvalidRequest("x")},
		"A14 a first factor is not somebody":                                   {state{first: true, purpose: toApp, refused: oauth.InvalidRequest("x")}, stepSecondFactor, nil},
		"A15 no session and no page: login_required":                           {state{purpose: toApp, silent: true}, stepFail, oauth.LoginRequired()},
		"A15 no consent and no page: consent_required":                         {state{session: ada, purpose: toApp, silent: true, consent: consentNeeded}, stepFail, oauth.ConsentRequired()},
		"A15 session and consent need no page":                                 {state{session: ada, purpose: toApp, silent: true, consent: consentNotNeeded}, stepFinish, nil},
		"A16 a sign-in from before does not count":                             {state{session: ada, purpose: toApp, demands: demands{since: began}}, stepSignIn, nil},
		"A16 a fresh one does":                                                 {state{session: fresh, purpose: toApp, demands: demands{since: began}}, stepConsent, nil},
		"A16 too old and no page: login_required":                              {state{session: ada, purpose: toApp, silent: true, demands: demands{since: began}}, stepFail, oauth.LoginRequired()},
		"A16 a sign-in of which nobody knows when it was proves nothing":       {state{session: undated, purpose: toApp, demands: demands{since: began.Add(-time.Hour)}}, stepSignIn, nil},
		"A16 nor does it without a page":                                       {state{session: undated, purpose: toApp, silent: true, demands: demands{since: began}}, stepFail, oauth.LoginRequired()},
		"A16 the app is told where nobody can prove it":                        {state{session: undated, purpose: toApp, demands: unproven}, stepFail, oauth.LoginRequired()},
		"A14 but not before somebody is there":                                 {state{purpose: toApp, demands: unproven}, stepSignIn, nil},
		"A16 what is proven counts, even if nobody could prove it anew":        {state{session: fresh, purpose: toApp, demands: unproven}, stepConsent, nil},
		"a page of ours takes a new sign-in of which nobody knows when it was": {state{session: undated, purpose: toErrand, demands: demands{anew: began}}, stepReturn, nil},
		"a page of ours takes no old one":                                      {state{session: undated, purpose: toErrand, demands: demands{anew: began.Add(time.Hour)}}, stepSignIn, nil},
		"A16 another user is expected: sign in again":                          {state{session: ada, purpose: toApp, demands: demands{subject: "grace"}}, stepSignIn, nil},
		"A16 another user is expected and no page":                             {state{session: ada, purpose: toApp, silent: true, demands: demands{subject: "grace"}}, stepFail, oauth.LoginRequired()},
		"A16 another user signed in just now: the app is told":                 {state{session: ada, chosen: "s1", purpose: toApp, demands: demands{subject: "grace"}}, stepFail, oauth.LoginRequired()},
		"the expected user goes on":                                            {state{session: ada, purpose: toApp, demands: demands{subject: "ada"}}, stepConsent, nil},
		"an account is chosen":                                                 {state{session: ada, purpose: toApp, demands: demands{choose: true}}, stepSelect, nil},
		"an account that was chosen goes on":                                   {state{session: ada, chosen: "s1", purpose: toApp, demands: demands{choose: true}}, stepConsent, nil},
		"another session than the chosen one is asked about":                   {state{session: fresh, chosen: "s1", purpose: toApp, demands: demands{choose: true}}, stepSelect, nil},
		"A35 a session of another provider does not count":                     {state{session: ada, purpose: toApp, demands: onlyPartners}, stepSignIn, nil},
		"A35 nor does it without a page":                                       {state{session: ada, purpose: toApp, silent: true, demands: onlyPartners}, stepFail, oauth.LoginRequired()},
		"A35 nor for a device":                                                 {state{session: ada, purpose: toDevice, device: device(requestFound), demands: onlyPartners}, stepSignIn, nil},

		"two factors are asked of who has a second one":      {state{session: with(ada, totp), purpose: toApp, demands: demands{acr: "mfa"}}, stepSecondFactor, nil},
		"who has none sets one up":                           {state{session: with(ada, none), purpose: toApp, demands: demands{acr: "mfa"}}, stepSetUp, nil},
		"who gave two goes on":                               {state{session: strong, purpose: toApp, demands: demands{acr: "mfa"}}, stepConsent, nil},
		"two factors without a page: interaction_required":   {state{session: with(ada, totp), purpose: toApp, silent: true, demands: demands{acr: "mfa"}}, stepFail, oauth.InteractionRequired()},
		"two factors for a device":                           {state{session: with(ada, totp), purpose: toDevice, device: device(requestFound), demands: demands{acr: "mfa"}}, stepSecondFactor, nil},
		"a passkey is asked of who has one":                  {state{session: with(strong, key), purpose: toApp, demands: demands{acr: "phr"}}, stepSecondFactor, nil},
		"a passkey is set up by who has nothing":             {state{session: with(ada, none), purpose: toApp, demands: demands{acr: "phr"}}, stepSetUp, nil},
		"an app alone cannot be a passkey":                   {state{session: with(strong, totp), purpose: toApp, demands: demands{acr: "phr"}}, stepFail, oauth.UnmetAuthenticationRequirements()},
		"a class that nobody reaches":                        {state{session: with(strong, key), purpose: toApp, demands: demands{acr: "gold"}}, stepFail, oauth.UnmetAuthenticationRequirements()},
		"a wish is met where it can be":                      {state{session: with(ada, totp), purpose: toApp, demands: demands{wish: "mfa"}}, stepSecondFactor, nil},
		"a wish is no more than that":                        {state{session: with(ada, none), purpose: toApp, demands: demands{wish: "mfa"}}, stepConsent, nil},
		"a wish is not met without a page":                   {state{session: with(ada, totp), purpose: toApp, silent: true, demands: demands{wish: "mfa"}, consent: consentNotNeeded}, stepFinish, nil},
		"a provider that wants two factors gets them":        {state{session: with(strict, none)}, stepSetUp, nil},
		"but its users get to the page to set one up":        {state{session: with(strict, none), purpose: toErrand}, stepReturn, nil},
		"a page of ours that wants two factors gets them":    {state{session: with(ada, totp), purpose: toErrand, demands: demands{acr: "mfa"}}, stepSecondFactor, nil},
		"who changes an app's access is asked":               {state{session: ada, purpose: toChange}, stepConsent, nil},
		"a stranger signs in before changing":                {state{purpose: toChange}, stepSignIn, nil},
		"prompt none with a first factor has no page either": {state{first: true, purpose: toApp, silent: true, refused: oauth.LoginRequired()}, stepFail, oauth.LoginRequired()},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := next(c.in)
			if got != c.want || (err == nil) != (c.err == nil) || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%d %v, want %d %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestDemands(t *testing.T) {
	began := time.Date(2026, 5, 4, 13, 0, 0, 0, time.UTC)
	seconds := func(n int64) *int64 { return &n }
	acr := func(essential bool, values ...any) *oauth.ClaimsRequest {
		return &oauth.ClaimsRequest{IDToken: map[string]oauth.ClaimRequest{"acr": {Essential: essential, Values: values}}}
	}
	mfa := &registration.Policy{Require: registration.Require{MFA: true}}
	for name, c := range map[string]struct {
		flow   flow
		policy *registration.Policy
		want   demands
	}{
		"nothing":                                     {flow{}, nil, demands{}},
		"A16 prompt=login":                            {flow{Request: &authrequest.Request{Prompt: []string{"login"}}}, nil, demands{since: began}},
		"A16 max_age":                                 {flow{Request: &authrequest.Request{MaxAge: seconds(60)}}, nil, demands{since: began.Add(-time.Minute)}},
		"A16 max_age=0 is prompt=login":               {flow{Request: &authrequest.Request{MaxAge: seconds(0)}}, nil, demands{since: began}},
		"A16 the stricter of the two":                 {flow{Request: &authrequest.Request{MaxAge: seconds(60), Prompt: []string{"login"}}}, nil, demands{since: began}},
		"another account":                             {flow{Since: began.Add(time.Second).UnixMicro(), Request: &authrequest.Request{Prompt: []string{"login"}}}, nil, demands{since: began, anew: began.Add(time.Second)}},
		"id_token_hint":                               {flow{Request: &authrequest.Request{HintSubject: "ada"}}, nil, demands{subject: "ada"}},
		"select_account":                              {flow{Request: &authrequest.Request{Prompt: []string{"select_account"}}}, nil, demands{choose: true}},
		"acr_values: any of them, as a wish":          {flow{Request: &authrequest.Request{ACRValues: []string{"phr", "mfa"}}}, nil, demands{wish: "mfa"}},
		"a voluntary acr claim is a wish too":         {flow{Request: &authrequest.Request{Claims: acr(false, "phr")}}, nil, demands{wish: "phr"}},
		"an essential acr claim":                      {flow{Request: &authrequest.Request{Claims: acr(true, "gold", "phr")}}, nil, demands{acr: "phr"}},
		"an essential acr claim that nobody reaches":  {flow{Request: &authrequest.Request{Claims: acr(true, "gold")}}, nil, demands{acr: "gold"}},
		"an essential acr claim of any value":         {flow{Request: &authrequest.Request{Claims: acr(true)}}, nil, demands{}},
		"the policy demands two factors":              {flow{Request: &authrequest.Request{}}, mfa, demands{acr: "mfa", policy: mfa}},
		"a weaker essential claim does not weaken it": {flow{Request: &authrequest.Request{Claims: acr(true, "1fa")}}, mfa, demands{acr: "mfa", policy: mfa}},
		"a stronger one counts":                       {flow{Request: &authrequest.Request{Claims: acr(true, "phr")}}, mfa, demands{acr: "phr", policy: mfa}},
		"the policy of a device's client":             {flow{Device: &deviceFlow{}}, mfa, demands{acr: "mfa", policy: mfa}},
		"a page of ours":                              {flow{Errand: &web.Errand{NotBefore: began.Add(-time.Hour), ACR: "mfa"}}, nil, demands{anew: began.Add(-time.Hour), acr: "mfa"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.flow.Began = began.UnixMicro()
			got := demandsOf(c.flow, c.policy)
			if !got.since.Equal(c.want.since) {
				t.Errorf("since %v, want %v", got.since, c.want.since)
			}
			if !got.anew.Equal(c.want.anew) {
				t.Errorf("anew %v, want %v", got.anew, c.want.anew)
			}
			got.since, c.want.since, got.anew, c.want.anew = time.Time{}, time.Time{}, time.Time{}, time.Time{}
			if got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestReportedACR(t *testing.T) {
	for name, c := range map[string]struct {
		reached string
		wanted  []any
		want    string
	}{
		"what was reached":                  {"mfa", nil, "mfa"},
		"what was asked for, if it is less": {"mfa", []any{"1fa"}, "1fa"},
		"the strongest that was asked for":  {"phr", []any{"1fa", "mfa"}, "mfa"},
		"what was not reached is not said":  {"1fa", []any{"mfa"}, "1fa"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &authrequest.Request{Claims: &oauth.ClaimsRequest{IDToken: map[string]oauth.ClaimRequest{"acr": {Values: c.wanted}}}}
			if got := reportedACR(c.reached, r); got != c.want {
				t.Error(got)
			}
		})
	}
}

func TestProgram(t *testing.T) {
	for ua, want := range map[string]struct {
		kind  deviceconfirm.ProgramKind
		words string
	}{
		"":                                    {deviceconfirm.ProgramUnknown, ""},
		"go-resty/2.16.5 (https://x.example)": {deviceconfirm.ProgramCLI, "Go"},
		"Go-http-client/2.0":                  {deviceconfirm.ProgramCLI, "Go"},
		"curl/8.5.0":                          {deviceconfirm.ProgramCLI, "curl 8.5.0"},
		"python-requests/2.32":                {deviceconfirm.ProgramCLI, "Python"},
		"kubelogin":                           {deviceconfirm.ProgramOther, "kubelogin"},
		"acme-cli/1.2.3 linux/amd64":          {deviceconfirm.ProgramOther, "acme-cli 1.2.3"},
		"Your own browser, trust me":          {deviceconfirm.ProgramOther, "Your"},
		"This is safe":                        {deviceconfirm.ProgramOther, "This"},
		"<script>":                            {deviceconfirm.ProgramUnknown, ""},
		"\u202eevil":                          {deviceconfirm.ProgramUnknown, ""},
		"x\x00":                               {deviceconfirm.ProgramUnknown, ""},
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                  {deviceconfirm.ProgramBrowser, "Firefox, Linux"},
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0":               {deviceconfirm.ProgramBrowser, "Edge, Windows"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/18 Mobile Safari/604": {deviceconfirm.ProgramBrowser, "Safari, iOS"},
		"Mozilla/5.0": {deviceconfirm.ProgramBrowser, "a browser"},
	} {
		if kind, words := program(ua); kind != want.kind || words != want.words {
			t.Errorf("%q: %s %q", ua, kind, words)
		}
	}
}

func TestWhere(t *testing.T) {
	for name, c := range map[string]struct {
		origin, browser string
		network         deviceconfirm.Network
		address         string
		same            bool
	}{
		"the same address":             {"203.0.113.7", "203.0.113.7", deviceconfirm.NetworkPublic, "203.0.113.7", true},
		"another address":              {"203.0.113.7", "203.0.113.8", deviceconfirm.NetworkPublic, "203.0.113.7", false},
		"the same IPv6 network":        {"2001:db8::1", "2001:db8::2", deviceconfirm.NetworkPublic, "2001:db8::1", true},
		"this computer":                {"127.0.0.1", "::ffff:127.0.0.1", deviceconfirm.NetworkLoopback, "127.0.0.1", true},
		"the server's computer":        {"127.0.0.1", "203.0.113.7", deviceconfirm.NetworkServer, "127.0.0.1", false},
		"a local network":              {"10.1.2.3", "203.0.113.8", deviceconfirm.NetworkPrivate, "10.1.2.3", false},
		"an address in the other form": {"::ffff:203.0.113.7", "203.0.113.7", deviceconfirm.NetworkPublic, "203.0.113.7", true},
		"no address":                   {"invalid IP", "203.0.113.7", deviceconfirm.NetworkUnknown, "", false},
	} {
		n, a, same := where(c.origin, netip.MustParseAddr(c.browser))
		if n != c.network || a != c.address || same != c.same {
			t.Errorf("%s: %s %q %v", name, n, a, same)
		}
	}
}
