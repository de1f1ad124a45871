package edge

import (
	"net/http"
	"net/netip"
	"strings"
)

// Address is where a request comes from: the peer, or, when the peer is a proxy that the server's settings declare, the
// last address in X-Forwarded-For that is not such a proxy. It is used for limits and shown to people, never for trust.
func (e *Edge) Address(r *http.Request) netip.Addr {
	address := peer(r)
	s := e.site()
	if s == nil || len(s.proxies) == 0 || !s.trusts(address) {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break // what is further left was not written by a proxy that we trust
		}
		address = hop.Unmap().WithZone("")
		if !s.trusts(address) {
			break
		}
	}
	return address
}

func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func (s *site) trusts(a netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
