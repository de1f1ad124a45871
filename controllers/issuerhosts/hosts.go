package issuerhosts

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// served is an issuer and the namespace of the server that has it.
type served struct{ namespace, issuer string }

// hosts is the list: by host, the namespaces of its servers, sorted and separated by commas. Two servers share a host when
// their issuers have paths. What no Ingress can name is left out: addresses, and this machine.
func hosts(all []served) map[string]string {
	found := map[string][]string{}
	for _, s := range all {
		u, err := url.Parse(s.issuer)
		if err != nil {
			continue
		}
		host := u.Hostname()
		if _, err := netip.ParseAddr(host); err == nil || host == "" || registration.IsLoopback(host) {
			continue
		}
		if !slices.Contains(found[host], s.namespace) {
			found[host] = append(found[host], s.namespace)
		}
	}
	out := make(map[string]string, len(found))
	for host, namespaces := range found {
		slices.Sort(namespaces)
		out[host] = strings.Join(namespaces, ",")
	}
	return out
}
