package e2e

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// objects lists everything that the cluster holds, but for events and the Leases that are renewed.
func objects(t *testing.T) []string {
	t.Helper()
	d := world.Demo
	kinds := strings.Fields(d.Kubectl(t, "api-resources", "--verbs=list", "-o", "name"))
	kinds = slices.DeleteFunc(kinds, func(k string) bool { return strings.HasPrefix(k, "events") || strings.HasPrefix(k, "leases") })
	out := strings.Fields(d.Kubectl(t, "get", strings.Join(kinds, ","), "-A", "-o", "jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{\"\\n\"}{end}"))
	slices.Sort(out)
	return out
}

// TestK17NothingInTheClusterPerLogin: people who sign in, apps that ask for tokens, and what is refused leave no trace in etcd. It is alone
// with the demo: tests that run side by side begin after it.
func TestK17NothingInTheClusterPerLogin(t *testing.T) {
	d := world.Demo
	service := credentialsOf(t, d, "partners", "reports-oauth")
	deviceLogin(t, d, "partner-cli") // whatever the first of them needs is there
	before := objects(t)
	for range 3 {
		tokens := deviceLogin(t, d, "partner-cli")
		if a := refresh(t, d, "partner-cli", tokens.RefreshToken); a.Status != 200 {
			t.Errorf("refresh: %d %s", a.Status, a.Error)
		}
	}
	for range 30 {
		gets(t, d, service)
		ask(t, d, "/v1/token", &credentials{service.id, "wrong"}, clientCredentials)
		ask(t, d, "/v1/device_authorization", nil, url.Values{"client_id": {"partner-cli"}})
	}
	after := objects(t)
	for _, o := range after {
		if !slices.Contains(before, o) {
			t.Errorf("logins have written %s", o)
		}
	}
	if len(before) < 50 || len(after) != len(before) {
		t.Errorf("%d objects before, %d after", len(before), len(after))
	}
}

// TestK21NothingSecretIsAnywhere: what a person and an app are given is in no object, row, metric or line of the log. The same is looked for
// when all tests are done.
func TestK21NothingSecretIsAnywhere(t *testing.T) {
	d := world.Demo
	tokens := deviceLogin(t, d, "partner-cli")
	if a := refresh(t, d, "partner-cli", tokens.RefreshToken); a.Status != 200 || a.RefreshToken == "" {
		t.Errorf("refresh: %d %s", a.Status, a.Error)
	}
	gets(t, d, credentialsOf(t, d, "partners", "reports-oauth"))
	if err := d.Leaks(); err != nil {
		t.Error(err)
	}
}
