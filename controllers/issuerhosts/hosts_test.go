package issuerhosts

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHosts(t *testing.T) {
	for name, c := range map[string]struct {
		all  []served
		want map[string]string
	}{
		"no server, no host": {nil, map[string]string{}},
		"port and path are left out": {
			[]served{{"oauth-system", "https://login.example.com:8443/tenants/a"}},
			map[string]string{"login.example.com": "oauth-system"},
		},
		"a host that two servers share, in whatever order": {
			[]served{{"b", "https://login.example.com/b"}, {"a", "https://login.example.com/a"}, {"b", "https://login.example.com/c"}},
			map[string]string{"login.example.com": "a,b"},
		},
		"what no Ingress can name": {
			[]served{{"a", "http://127.0.0.1:9080"}, {"a", "http://localhost:9080"}, {"a", "https://[2001:db8::1]"}, {"a", "https://192.0.2.1"}, {"a", "%"}, {"a", ""}},
			map[string]string{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, hosts(c.all)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
