package login

import (
	"net/netip"
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/deviceconfirm"
)

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		in   state
		want step
	}{
		"a stranger signs in":                                    {state{}, stepSignIn},
		"a stranger with a code signs in first":                  {state{device: true, request: requestUnchecked}, stepSignIn},
		"a stranger signs in even if something was decided":      {state{device: true, decided: true}, stepSignIn},
		"who is signed in and wants nothing is told so":          {state{signedIn: true}, stepWelcome},
		"who wants to connect a device enters a code":            {state{signedIn: true, device: true}, stepCode},
		"a code is looked up where it is shown":                  {state{signedIn: true, device: true, request: requestUnchecked}, stepConfirm},
		"a request is shown and asked about":                     {state{signedIn: true, device: true, request: requestFound}, stepConfirm},
		"a code that is not found is asked for again":            {state{signedIn: true, device: true, request: requestMissing}, stepCodeAgain},
		"a request of a client that is gone is refused":          {state{signedIn: true, device: true, request: requestOfLostClient}, stepRefuse},
		"what is decided is shown, and not asked about again":    {state{signedIn: true, device: true, request: requestFound, decided: true}, stepDone},
		"what is decided is shown also when its request is gone": {state{signedIn: true, device: true, request: requestMissing, decided: true}, stepDone},
	} {
		t.Run(name, func(t *testing.T) {
			if got := next(c.in); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
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
