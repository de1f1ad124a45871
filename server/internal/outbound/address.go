package outbound

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// ErrAddress is an address that may not be reached: of the machine itself, of its link, of a cloud's metadata service, of
// a private network where only public ones may be reached, or no address of a host at all.
var ErrAddress = errors.New("the address may not be reached from here")

// metadata are the addresses at which clouds hand out credentials, as far as they are not link-local.
func metadata() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("fd00:ec2::/32"),      // Amazon
		netip.MustParsePrefix("fd20:ce::254/128"),   // Google
		netip.MustParsePrefix("168.63.129.16/32"),   // Azure
		netip.MustParsePrefix("100.100.100.200/32"), // Alibaba
		netip.MustParsePrefix("192.0.0.192/32"),     // Oracle
	}
}

// privateV4 and privateV6 are the networks inside of organizations and clusters (RFC 1918, RFC 6598, RFC 4193).
func privateV4() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
		netip.MustParsePrefix("100.64.0.0/10"),
	}
}

func privateV6() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("fc00::/7")} }

// control is the Control of a dialer.
type control func(network, address string, c syscall.RawConn) error

// guard refuses what o does not let through.
func guard(o Options) control {
	options := []ssrf.Option{ssrf.WithAnyPort()}
	if o.Private {
		options = append(options, ssrf.WithAllowedV4Prefixes(privateV4()...), ssrf.WithAllowedV6Prefixes(privateV6()...))
	}
	others := ssrf.New(options...)
	refused := metadata()
	return func(network, address string, c syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s", ErrAddress, address)
		}
		ip := at.Addr().Unmap()
		if ip.IsLoopback() {
			if o.Loopback {
				return nil
			}
			return fmt.Errorf("%w: %s is this machine", ErrAddress, address)
		}
		for _, p := range refused {
			if p.Contains(ip) {
				return fmt.Errorf("%w: %s is a metadata service", ErrAddress, address)
			}
		}
		if err := others.Safe(network, address, c); err != nil {
			return fmt.Errorf("%w: %w", ErrAddress, err)
		}
		return nil
	}
}

// loopbackOnly is for what goes without TLS.
func loopbackOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("%w: %s is not this machine, and there is no TLS", ErrAddress, address)
	}
	return nil
}

// NewDialer makes a dialer with the same rules, for protocols other than HTTP.
func NewDialer(o Options) *net.Dialer {
	return &net.Dialer{Timeout: o.timeout(), KeepAlive: -1, Control: guard(o)}
}

// IsLoopbackHost reports whether a host of a URL, without its port, is this machine by its name or literal address.
func IsLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
