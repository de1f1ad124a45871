package demo

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
)

// newTransport makes each request from another address of loopback, where the system has more than one: a server limits what
// one address may start within a minute, and the tests are many apps in one place.
func newTransport() *http.Transport {
	t := &http.Transport{DisableKeepAlives: true}
	if runtime.GOOS != "linux" {
		return t
	}
	var requests atomic.Uint32
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		if host, _, err := net.SplitHostPort(address); err == nil && net.ParseIP(host).Equal(net.IPv4(127, 0, 0, 1)) {
			n := requests.Add(1)
			d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 1, byte(n/250), byte(n%250+1))}
		}
		return d.DialContext(ctx, network, address)
	}
	return t
}
