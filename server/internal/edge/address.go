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
	if s == nil || !s.trusts(address) {
		if s != nil && r.Header["X-Forwarded-For"] != nil {
			e.undeclared(r, address)
		}
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

// undeclared says, once, that a proxy seems to be missing from the settings: everybody behind it counts as one address, so
// that one of them can use up the limits of all. That the header is there proves nothing; a person has to judge.
func (e *Edge) undeclared(r *http.Request, proxy netip.Addr) {
	if !e.warned.Swap(true) {
		e.log.WarnContext(r.Context(), "a request came with X-Forwarded-For from an address that is no declared proxy; if it is one, "+
			"name its network in the OAuthServer's spec.expose.trustedProxies, or all who come through it share one address in limits and logs",
			"address", proxy.String())
	}
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
