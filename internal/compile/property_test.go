package compile

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGoldenRegistrations shows what manifests become.
func TestGoldenRegistrations(t *testing.T) {
	servers := []v1alpha1.OAuthServer{server(func(s *v1alpha1.OAuthServer) {
		s.Spec.DisplayName = "Example Login"
		s.Spec.Compatibility = &v1alpha1.ServerCompatibility{JSONRequestBodies: true}
		s.Spec.Expose = &v1alpha1.ServerExposure{TrustedProxies: []string{"10.0.0.0/8"}}
	})}
	p := grantPolicy("partners", func(p *v1alpha1.OAuthGrantPolicy) {
		p.Spec.Priority = 10
		p.Spec.Limits = &v1alpha1.PolicyLimits{AccessTokenTTL: duration(15 * time.Minute)}
	})
	r := resource("orders")
	full := oauthClient("Device", func(c *v1alpha1.OAuthClient) {
		optionalSecret(&c.Spec)
		c.Spec.ClientID = "acme-cli"
		c.Spec.Display = &v1alpha1.ClientDisplay{Name: "Acme CLI", Publisher: "Acme GmbH", Homepage: "https://acme.example", PolicyURI: "https://acme.example/privacy"}
		c.Spec.Scopes = []string{"openid", "orders.read"}
	})
	documents := map[string]func() (registration.Document, []Finding){
		"client-service": func() (registration.Document, []Finding) {
			got := Client(inputs(oauthClient("Service")))
			return got.Registration, got.Findings
		},
		"client-device": func() (registration.Document, []Finding) {
			got := Client(inputs(oauthClient("Device")))
			return got.Registration, got.Findings
		},
		"client-full": func() (registration.Document, []Finding) {
			got := Client(inputs(full, func(in *ClientInputs) { in.Policies = []v1alpha1.OAuthGrantPolicy{p} }))
			return got.Registration, got.Findings
		},
		"server":   func() (registration.Document, []Finding) { d, f := Server(&servers[0], servers); return d, f },
		"policy":   func() (registration.Document, []Finding) { d, f := Policy(&p, servers); return d, f },
		"resource": func() (registration.Document, []Finding) { d, f := Resource(&r, servers, nil); return d, f },
		"identityprovider": func() (registration.Document, []Finding) {
			d, f := IdentityProvider(provider(), servers, accountsSecret(map[string]string{
				"bob": "{passwordHash: " + `"` + passwordHash + `"` + ", disabled: true}",
				"ada": "passwordHash: " + passwordHash + "\nname: Ada\nemail: ada@example.com\nemailVerified: true\ngroups: [staff]\n",
			}))
			return d, f
		},
	}
	maps.Copy(documents, peopleDocuments(servers))
	for name, build := range documents {
		t.Run(name, func(t *testing.T) {
			d, findings := build()
			checkFindings(t, nil, findings)
			b, err := registration.Encode(d)
			if err != nil {
				t.Fatal(err)
			}
			indented, err := json.MarshalIndent(json.RawMessage(b), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got := string(indented) + "\n"
			path := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(golden), got); diff != "" {
				t.Errorf("(-golden +got):\n%s", diff)
			}
		})
	}
}

// subset draws some of the values, in any order.
func subset[T comparable](t *rapid.T, label string, values ...T) []T {
	return rapid.SliceOfDistinct(rapid.SampledFrom(values), rapid.ID[T]).Draw(t, label)
}

func drawInputs(t *rapid.T) ClientInputs {
	c := oauthClient(rapid.SampledFrom([]v1alpha1.ClientType{"Service", "Device", "Web", "Native", "Browser"}).Draw(t, "type"))
	// Half of the clients are sound, so that not nearly all are refused for one thing or another.
	sound := rapid.Bool().Draw(t, "sound")
	if c.Spec.Type != "Service" && c.Spec.Type != "Device" {
		c.Spec.RedirectURIs = append(subset(t, "redirects", "https://a.acme.example/cb"), "http://localhost/cb")
	}
	c.Spec.Scopes = subset(t, "scopes", "orders.read", "users.read")
	if !sound {
		c.Spec.Scopes = append(c.Spec.Scopes, subset(t, "more scopes", "openid", "missing")...)
		c.Spec.RedirectURIs = append(c.Spec.RedirectURIs, subset(t, "more redirects", "https://b.example/cb", "http://b.example/cb")...)
		c.Spec.GrantTypes = subset(t, "grants", v1alpha1.GrantTypeClientCredentials, v1alpha1.GrantTypeDeviceCode, v1alpha1.GrantTypeRefreshToken, v1alpha1.GrantTypeAuthorizationCode)
		c.Spec.ClientID = rapid.SampledFrom([]string{"", "acme", "a b"}).Draw(t, "client id")
	}
	if rapid.Bool().Draw(t, "with ttl") {
		c.Spec.Tokens = &v1alpha1.ClientTokens{AccessToken: &v1alpha1.AccessTokenSettings{TTL: duration(time.Duration(rapid.IntRange(0, 10).Draw(t, "ttl")) * time.Minute)}}
	}
	in := inputs(c)
	in.Policies, in.Rivals = nil, nil
	for i := range rapid.IntRange(0, 4).Draw(t, "policies") {
		in.Policies = append(in.Policies, grantPolicy(fmt.Sprintf("p%d", i), func(p *v1alpha1.OAuthGrantPolicy) {
			p.Spec.Priority = rapid.Int32Range(0, 2).Draw(t, "priority")
			if rapid.Bool().Draw(t, "limited") {
				p.Spec.Limits = &v1alpha1.PolicyLimits{AccessTokenTTL: duration(5 * time.Minute)}
			}
			p.Spec.Allow.Scopes = []string{"openid", "orders.read", "users.read", "missing"}
			if rapid.Bool().Draw(t, "wide") {
				return
			}
			p.Spec.Allow.Scopes = subset(t, "allowed scopes", p.Spec.Allow.Scopes...)
			p.Spec.Allow.RedirectHosts = subset(t, "hosts", "*.acme.example", "b.example", "*")
			p.Spec.Allow.GrantTypes = subset(t, "allowed grants", p.Spec.Allow.GrantTypes...)
		}))
	}
	for _, name := range subset(t, "resources", "users", "other", "another") {
		in.Resources = append(in.Resources, resource(name))
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "rivals") {
		in.Rivals = append(in.Rivals, rivalOf(oauthClient("Device", func(o *v1alpha1.OAuthClient) {
			o.ObjectMeta = meta("rivals", strconv.Itoa(i), rapid.IntRange(5, 12).Draw(t, "age"))
			o.Spec.ClientID = rapid.SampledFrom([]string{"acme", "partners.acme", "x"}).Draw(t, "rival's id")
		})))
		in.Rivals[i].Registered = rapid.Bool().Draw(t, "rival is registered")
	}
	in.Servers = append(in.Servers, server(func(s *v1alpha1.OAuthServer) { s.ObjectMeta = meta("elsewhere", "main", 0) }))
	if rapid.Bool().Draw(t, "previous") {
		in.Previous = Client(inputs(oauthClient("Device"))).Registration
	}
	return in
}

// shuffled has the same inputs in another order.
func shuffled(t *rapid.T, in ClientInputs) ClientInputs {
	in.Servers = rapid.Permutation(in.Servers).Draw(t, "servers'")
	in.Policies = permuted(t, "policies'", in.Policies)
	in.Resources = permuted(t, "resources'", in.Resources)
	in.Rivals = permuted(t, "rivals'", in.Rivals)
	return in
}

func permuted[T any](t *rapid.T, label string, s []T) []T {
	if len(s) == 0 {
		return s
	}
	return rapid.Permutation(s).Draw(t, label)
}

func TestClientProperties(t *testing.T) {
	accepted, refused, kept := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		in := drawInputs(t)
		got := Client(in)
		if again := Client(shuffled(t, in)); !cmp.Equal(got, again) {
			t.Fatalf("the order of the inputs matters:\n%+v\n%+v", got, again)
		}
		checkMessages(t, got.Findings)
		switch {
		case got.Current && len(got.Findings) > 0:
			t.Fatal("accepted with findings")
		case len(got.Findings) == 0 && got.Registration == nil:
			t.Fatal("neither accepted nor refused")
		case got.Registration == nil:
			refused++
			return
		case got.Current:
			accepted++
		case got.CutOff:
			refused++
			if got.Policy != "" || !got.Registration.Suspended && !refusedByItsPolicy(in, got.Registration) {
				t.Fatalf("cut off and served: %+v", got)
			}
			return
		default:
			kept++
		}
		checkGoverned(t, in, got)
	})
	t.Logf("%d accepted, %d refused, %d served on", accepted, refused, kept)
	if accepted == 0 || refused == 0 { // the third is rare, and TestLastKnownGood has it
		t.Error("the inputs did not reach every outcome")
	}
}

// refusedByItsPolicy reports whether the policy that a registration names exists and refuses it, as the server finds.
func refusedByItsPolicy(in ClientInputs, d *registration.Client) bool {
	for i := range in.Policies {
		if p, _ := Policy(&in.Policies[i], in.Servers); p != nil && p.Name == d.Policy {
			return len(policy.Accepts(p, d)) > 0
		}
	}
	return false
}

// checkGoverned holds whatever is registered to the rules: valid, and accepted as a whole by the policy that it names,
// which is the first of those that match.
func checkGoverned(t *rapid.T, in ClientInputs, got ClientResult) {
	if err := got.Registration.Validate(); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(in.Policies, func(p v1alpha1.OAuthGrantPolicy) bool { return p.Name == got.Registration.Policy })
	if i < 0 || got.Policy != got.Registration.Policy {
		t.Fatalf("policy %q does not exist", got.Policy)
	}
	governing := &in.Policies[i]
	p, findings := Policy(governing, in.Servers)
	if p == nil || len(policy.Accepts(p, got.Registration)) > 0 {
		t.Fatalf("policy %s does not accept what it governs: %v", governing.Name, findings)
	}
	if ok, err := PolicyMatches(governing, in.Client, in.NamespaceLabels); !ok || err != nil {
		t.Fatalf("policy %s does not match: %v", governing.Name, err)
	}
	for i := range in.Policies {
		other := &in.Policies[i]
		candidate := got.Registration // what was accepted before is judged as it is
		d, _ := Policy(other, in.Servers)
		if d != nil && got.Current {
			candidate = governed(candidate, in.Client.Spec.Tokens, d)
		}
		first := other.Spec.Priority > governing.Spec.Priority || other.Spec.Priority == governing.Spec.Priority && other.Name < governing.Name
		if first && d != nil && len(policy.Accepts(d, candidate)) == 0 {
			t.Fatalf("policy %s comes first and accepts it too", other.Name)
		}
	}
}

func TestDefaultDeny(t *testing.T) {
	t.Run("without a policy nothing is ever served", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			in := drawInputs(t)
			in.Policies = nil
			if got := Client(in); got.Registration != nil && !got.Registration.Suspended || len(got.Findings) == 0 {
				t.Fatalf("got %+v", got)
			}
		})
	})
	t.Run("nor with one that allows nothing", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			in := drawInputs(t)
			in.Policies = []v1alpha1.OAuthGrantPolicy{grantPolicy("none", func(p *v1alpha1.OAuthGrantPolicy) {
				p.Spec.Clients.NamespaceSelector, p.Spec.Allow = &metav1.LabelSelector{}, v1alpha1.PolicyAllow{}
			})}
			if got := Client(in); got.Registration != nil && !got.Registration.Suspended || len(got.Findings) == 0 {
				t.Fatalf("got %+v", got)
			}
		})
	})
}

// BenchmarkClient shows what one reconciliation pays for the decision, with 20 policies and 20 resources around.
func BenchmarkClient(b *testing.B) {
	in := inputs(oauthClient("Device", with(func(s *v1alpha1.OAuthClientSpec) {
		s.Scopes = []string{"openid", "orders.read"}
		s.RedirectURIs = []string{"https://a.acme.example/cb"}
	})))
	for i := range 20 {
		in.Policies = append(in.Policies, grantPolicy(fmt.Sprintf("p%d", i)))
		in.Resources = append(in.Resources, resource(fmt.Sprintf("r%d", i)))
	}
	b.ReportAllocs()
	for b.Loop() {
		if Client(in).Registration == nil {
			b.Fatal("refused")
		}
	}
}
