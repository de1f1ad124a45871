package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/config/crd"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestForms holds each form of the report against a golden file.
func TestForms(t *testing.T) {
	for _, form := range []string{"table", "json", "github"} {
		t.Run(form, func(t *testing.T) {
			var out bytes.Buffer
			err := Run(t.Context(), Options{Paths: []string{"testdata/partners"}, Policies: []string{"testdata/platform"}, Output: form, Out: &out})
			if outcome := (*OutcomeError)(nil); !errors.As(err, &outcome) || outcome.ExitStatus() != 1 {
				t.Errorf("got %v, want what ends with status 1", err)
			}
			file := filepath.Join("testdata", form+".golden")
			if *update {
				if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("(-want +got, write with -update):\n%s", diff)
			}
		})
	}
}

// The objects that most tests are about.
const (
	platform = `apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthServer
metadata: {name: main, namespace: oauth, annotations: {grantkeeper.dev/is-default: "true"}}
spec: {issuer: "https://login.example"}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthGrantPolicy
metadata: {name: services, namespace: oauth}
spec: {clients: {namespaceSelector: {}}, allow: {grantTypes: [client_credentials, authorization_code, refresh_token], redirectHosts: ["*.acme.example"]}}
`
	head = "apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthClient\n"
)

// client is a client in the namespace apps.
func client(name, spec string) string {
	return head + "metadata: {name: " + name + ", namespace: apps}\nspec: " + spec + "\n"
}

// folder writes files and returns their folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCheck(t *testing.T) {
	crds, err := crd.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	loader := manifest.NewLoader(crds) // compiles the rules of each kind once
	for sentence, c := range map[string]struct {
		files, policies, against map[string]string
		// stdin is checked in place of files.
		stdin     string
		namespace string
		verdict   Verdict
		// says is what the table has, DIR for the folder.
		says []string
		// silent is what it must not have.
		silent []string
	}{
		"a client that a policy accepts": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service}")},
			verdict: Accepted, says: []string{"apps       a     apps.a     services  accepted", "1 client accepted, 0 refused; 2 other objects accepted, 0 refused"},
		},
		"a list, in JSON": {
			files:   map[string]string{"a.yaml": platform, "b.json": `{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "grantkeeper.dev/v1alpha1", "kind": "OAuthClient", "metadata": {"name": "a", "namespace": "apps"}, "spec": {"type": "Service"}}]}`},
			verdict: Accepted, says: []string{"1 client accepted"},
		},
		"what the API server refuses, at its line": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("a", "\n  type: Device\n  redirectURIs:\n  - https://a.acme.example/cb")},
			verdict: Refused, says: []string{"DIR/b.yaml:6: Invalid: spec.redirectURIs: Invalid value: "},
		},
		"what a policy refuses, at its line": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("a", "\n  redirectURIs:\n  - https://a.acme.example/cb\n  - https://a.evil.example/cb")},
			verdict: Refused, says: []string{"DIR/b.yaml:7: PolicyRefused: spec.redirectURIs[1] https://a.evil.example/cb: policy services allows"},
		},
		"a scope that no resource declares": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, scopes: [orders.read]}")},
			verdict: Refused, says: []string{"ScopeUnknown: spec.scopes[0] orders.read"},
		},
		"a policy that is malformed": {
			files:   map[string]string{"a.yaml": strings.Replace(platform, "*.acme", "https://acme", 1)},
			verdict: Refused, says: []string{"OAuthGrantPolicy oauth/services: refused", "DIR/a.yaml:9: Invalid: spec.allow.redirectHosts[0]"},
		},
		"no server at all": {
			files:   map[string]string{"b.yaml": client("a", "{type: Service}")},
			verdict: Refused, says: []string{"ServerNotFound", "note: there is no OAuthServer among the manifests; name the folder with the platform's own by --policies"},
		},
		"the platform's folder is looked at and not reported": {
			files: map[string]string{"b.yaml": client("a", "{type: Service}")}, policies: map[string]string{"a.yaml": platform + "---\n" + client("theirs", "{type: Device}")},
			verdict: Accepted, says: []string{"1 client accepted, 0 refused"}, silent: []string{"theirs"},
		},
		"what is in both folders is taken from the one that is checked": {
			files:    map[string]string{"b.yaml": client("a", "{type: Service}")},
			policies: map[string]string{"a.yaml": platform + "---\n" + client("a", "{type: Device}")},
			verdict:  Accepted, says: []string{"1 client accepted, 0 refused"},
		},
		"a client id that somebody of the platform has": {
			files:    map[string]string{"b.yaml": client("a", "{type: Service, clientID: shared}")},
			policies: map[string]string{"a.yaml": platform + "---\n" + client("z", "{type: Service, clientID: shared}")},
			verdict:  Refused, says: []string{"ClientIDConflict: spec.clientID shared: the OAuthClient apps/z of server oauth/main has this client id"},
		},
		"a client id twice: the first one has it": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("z", "{type: Service, clientID: shared}") + "---\n" + client("a", "{type: Service, clientID: shared}")},
			verdict: Refused, says: []string{"the OAuthClient apps/z of server oauth/main has this client id"},
		},
		"a client id twice: the one that was there before has it": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("z", "{type: Service, clientID: shared}") + "---\n" + client("a", "{type: Service, clientID: shared}")},
			against: map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, clientID: shared}")},
			verdict: Refused, says: []string{"the OAuthClient apps/a of server oauth/main has this client id"},
		},
		"an edit of what is immutable": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, clientID: new}")},
			against: map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, clientID: old}")},
			verdict: Refused, says: []string{"DIR/b.yaml:4: Invalid: spec.clientID: Invalid value: clientID is immutable"},
		},
		"an edit of anything else": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, clientID: old, suspended: true}")},
			against: map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, clientID: old}")},
			verdict: Accepted,
		},
		"an edit of what was refused before is judged as new": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, clientID: new}")},
			against: map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, clientID: 'o l d'}")},
			verdict: Accepted,
		},
		"a folder before that cannot be read": {
			files:   map[string]string{"a.yaml": platform},
			against: map[string]string{"a.yaml": "{"},
			verdict: Unreadable,
		},
		"a pipe": {
			stdin: client("a", "{type: Service}"), policies: map[string]string{"a.yaml": platform},
			verdict: Accepted, says: []string{"1 client accepted"},
		},
		"a pipe that names no namespace": {
			stdin: head + "metadata: {name: a}\nspec: {type: Service}\n", namespace: "partners", policies: map[string]string{"a.yaml": platform},
			verdict: Accepted, says: []string{"partners   a     partners.a"},
		},
		"an empty pipe": {
			stdin: " \n", verdict: Unreadable, says: []string{"standard input: is empty; whatever was to render the manifests has failed"},
		},
		"a pipe that is not YAML": {
			stdin: "Error: chart not found: [", verdict: Unreadable, says: []string{"standard input:1: not valid YAML"},
		},
		"a kustomization, by its original files": {
			files: map[string]string{
				"kustomization.yaml": "resources: [b/client.yaml]\nnamespace: apps\nnamePrefix: acme-\n",
				"b/client.yaml":      "# of ours\n" + head + "metadata: {name: a}\nspec:\n  redirectURIs: [https://a.evil.example/cb]\n",
			},
			policies: map[string]string{"a.yaml": platform},
			verdict:  Refused, says: []string{"apps.acme-a", "DIR/b/client.yaml:6: PolicyRefused: spec.redirectURIs[0]"},
		},
		"a kustomization that cannot be rendered": {
			files: map[string]string{"kustomization.yaml": "resources: [https://example.com/a.yaml]"}, verdict: Unreadable,
			says: []string{"DIR/kustomization.yaml: cannot be rendered", "nothing is fetched here", "kustomize build DIR | grantkeeper check -"},
		},
		"a kustomization further down": {
			files: map[string]string{"apps/kustomization.yaml": "resources: [a.yaml]", "apps/a.yaml": client("a", "{type: Service}")}, verdict: Unreadable,
			says: []string{"DIR/apps/kustomization.yaml: a kustomization puts the files of this folder together; check it by itself: grantkeeper check DIR/apps"},
		},
		"a chart": {
			files: map[string]string{"Chart.yaml": "name: a", "templates/a.yaml": "{{ if .Values.x }}\n"}, verdict: Unreadable,
			says: []string{"DIR/Chart.yaml: is a Helm chart, whose templates have to be rendered first: helm template DIR | grantkeeper check -"},
		},
		"a template": {
			files: map[string]string{"a.yaml": head + "metadata: {name: {{ .Release.Name }}}\n"}, verdict: Unreadable,
			says: []string{"it is a template, which has to be rendered first: helm template … | grantkeeper check -"},
		},
		"a file that is not YAML, and one that is": {
			files: map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service}"), "c.yaml": "a: [\n"}, verdict: Unreadable,
			says: []string{"DIR/c.yaml:", "1 client accepted", "1 problem"},
		},
		"a kind of ours that does not exist": {
			files: map[string]string{"a.yaml": "apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthPolicy\nmetadata: {name: a}\n"}, verdict: Unreadable,
			says: []string{"DIR/a.yaml:2: OAuthPolicy a: no matches for kind \"OAuthPolicy\""},
		},
		"a version of ours that does not exist": {
			files: map[string]string{"a.yaml": "# x\napiVersion: grantkeeper.dev/v1\nkind: OAuthClient\nmetadata: {name: a}\n"}, verdict: Unreadable,
			says: []string{"DIR/a.yaml:3: OAuthClient a: no matches for kind \"OAuthClient\" in version \"grantkeeper.dev/v1\""},
		},
		"an object twice": {
			files: map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service}"), "c.yaml": client("a", "{type: Service}")}, verdict: Unreadable,
			says: []string{"is already declared at DIR/b.yaml:1; remove one of the two"},
		},
		"what is not ours is passed over": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {nonsense: true}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"},
			verdict: Accepted, silent: []string{"Deployment", "ConfigMap"},
		},
		"a namespace that is not among the manifests": {
			files:   map[string]string{"a.yaml": strings.Replace(platform, "namespaceSelector: {}", "namespaceSelector: {matchLabels: {tier: partner}}", 1), "b.yaml": client("a", "{type: Service}")},
			verdict: Refused, says: []string{"NoPolicy", "note: Namespace apps is not among the manifests, so that its labels are not known here"},
		},
		"a namespace with labels": {
			files: map[string]string{"a.yaml": strings.Replace(platform, "namespaceSelector: {}", "namespaceSelector: {matchLabels: {tier: partner}}", 1), "b.yaml": client("a", "{type: Service}"),
				"c.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: apps, labels: {tier: partner}}\n"},
			verdict: Accepted,
		},
		"a secret from elsewhere that is not here": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, authentication: {clientSecret: {secretRef: {name: vault}}}}")},
			verdict: Accepted, says: []string{"note: spec.authentication.clientSecret.secretRef.name vault: this Secret is not known here; the client waits until the cluster has it"},
		},
		"a secret from elsewhere without the label": {
			files: map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, authentication: {clientSecret: {secretRef: {name: vault}}}}"),
				"c.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: vault, namespace: apps}\nstringData: {client-secret: canary-canary-canary}\n"},
			verdict: Accepted, says: []string{`note: spec.authentication.clientSecret.secretRef.name vault: there is no Secret of this name with the label grantkeeper.dev/referenced: "true"`}, silent: []string{"canary"},
		},
		"a secret from elsewhere without the key": {
			files: map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, authentication: {clientSecret: {secretRef: {name: vault}}}}"),
				"c.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: vault, namespace: apps, labels: {grantkeeper.dev/referenced: 'true'}}\nstringData: {secret: canary-canary-canary}\n"},
			verdict: Accepted, says: []string{"Secret vault has no such key; add it, or name another"}, silent: []string{"canary"},
		},
		"a secret from elsewhere that is weak": {
			files: map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, authentication: {clientSecret: {secretRef: {name: vault}}}}"),
				"c.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: vault, namespace: apps, labels: {grantkeeper.dev/referenced: 'true'}}\nstringData: {client-secret: canary-canary-canary}\n"},
			verdict: Accepted, says: []string{"note: spec.authentication.clientSecret.secretRef.key client-secret: the value in Secret vault"}, silent: []string{"canary"},
		},
		"more clients than a policy has places: the first ones have them": {
			files: map[string]string{"a.yaml": strings.Replace(platform, "allow:", "limits: {clients: 1}, allow:", 1),
				"b.yaml": client("z", "{type: Service}") + "---\n" + client("a", "{type: Service}")},
			verdict: Refused, says: []string{"apps       a     apps.a     -         refused", "PolicyRefused", "spec.limits.clients", "apps       z     apps.z     services  accepted"},
		},
		"more clients than a policy has places: who was there before keeps its own": {
			files: map[string]string{"a.yaml": strings.Replace(platform, "allow:", "limits: {clients: 1}, allow:", 1),
				"b.yaml": client("z", "{type: Service}") + "---\n" + client("a", "{type: Service}")},
			against: map[string]string{"a.yaml": strings.Replace(platform, "allow:", "limits: {clients: 1}, allow:", 1), "b.yaml": client("a", "{type: Service}")},
			verdict: Refused, says: []string{"apps       z     apps.z     -         refused", "apps       a     apps.a     services  accepted"},
		},
		"more clients than a policy has places: who held one keeps it against an older one that is mended": {
			files: map[string]string{"a.yaml": strings.Replace(platform, "allow:", "limits: {clients: 1}, allow:", 1),
				"b.yaml": client("z", "{type: Service}") + "---\n" + client("a", "{type: Service}")},
			against: map[string]string{"a.yaml": strings.Replace(platform, "allow:", "limits: {clients: 1}, allow:", 1),
				"b.yaml": client("z", "{type: Service, scopes: [unknown]}") + "---\n" + client("a", "{type: Service}")},
			verdict: Refused, says: []string{"apps       z     apps.z     -         refused", "apps       a     apps.a     services  accepted"},
		},
		"a template that does not parse": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("a", "\n  type: Service\n  secret:\n    template:\n      id: '{{ .ClientID'")},
			verdict: Refused, says: []string{"DIR/b.yaml:8: Invalid: spec.secret.template"},
		},
		"a users expression that does not compile": {
			files:   map[string]string{"a.yaml": strings.Replace(platform, "allow:", "users: 'user.nonsense == 1', allow:", 1), "b.yaml": client("a", "{type: Service}")},
			verdict: Refused, says: []string{"DIR/a.yaml:9: Invalid: spec.users", "policy services selects this client and is not valid itself"},
		},
		"two clients that write one Secret": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, secret: {name: creds}}") + "---\n" + client("b", "{type: Service, secret: {name: creds}}")},
			verdict: Accepted, says: []string{"note: spec.secret.name creds: OAuthClient a has that name already"},
		},
		"a key whose members have no quotes": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": client("a", "{type: Service, authentication: {privateKeyJWT: {jwks: {keys: [{kty: EC, y: a}]}}}}")},
			verdict: Refused, says: []string{`YAML takes a bare y or n for a boolean: write "y" and "n" in quotes`},
		},
		"a Secret that is malformed shows nothing": {
			files:   map[string]string{"a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: 'canary canary'}\n"},
			verdict: Unreadable, silent: []string{"canary"},
		},
		"names that would rewrite the terminal": {
			files:   map[string]string{"a.yaml": platform, "b.yaml": head + "metadata: {name: \"a\\e[2J\\u202eb\", namespace: apps}\nspec: {type: Service}\n"},
			verdict: Refused, says: []string{`a\x1b[2J\u202eb`}, silent: []string{"\x1b", "\u202e"},
		},
		"a folder that is not there": {
			files: nil, verdict: Unreadable, says: []string{"/nowhere: cannot be read: no such file or directory"},
		},
		"a platform's folder with a slip": {
			files: map[string]string{"b.yaml": client("a", "{type: Service}")}, policies: map[string]string{"a.yaml": strings.Replace(platform, "issuer:", "isuer:", 1)},
			verdict: Unreadable, says: []string{`unknown field "spec.isuer"`},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			o := Options{Namespace: c.namespace, In: strings.NewReader(c.stdin)}
			dir := "/nowhere"
			switch {
			case c.stdin != "":
				dir = "-"
			case c.files != nil:
				dir = folder(t, c.files)
			}
			o.Paths = []string{dir}
			if c.policies != nil {
				o.Policies = []string{folder(t, c.policies)}
			}
			if c.against != nil {
				o.Against = folder(t, c.against)
			}
			report, text := run(t, loader, o)
			text = strings.ReplaceAll(text, dir, "DIR")
			if report.Verdict != c.verdict {
				t.Errorf("got %s, want %s:\n%s", report.Verdict, c.verdict, text)
			}
			for _, s := range c.says {
				if !strings.Contains(text, strings.ReplaceAll(s, "/nowhere", "DIR")) {
					t.Errorf("%q is missing in\n%s", s, text)
				}
			}
			for _, s := range c.silent {
				if strings.Contains(text, s) {
					t.Errorf("%q is in\n%s", s, text)
				}
			}
		})
	}
}

// run returns a report and its table, and checks that every form can be written.
func run(t *testing.T, loader *manifest.Loader, o Options) (*Report, string) {
	t.Helper()
	report, err := check(context.Background(), loader, o)
	if err != nil {
		t.Fatal(err)
	}
	var table, asJSON, github bytes.Buffer
	if err := errors.Join(writeTable(&table, report), writeJSON(&asJSON, report), writeGitHub(&github, report)); err != nil {
		t.Fatal(err)
	}
	var again Report
	if err := json.Unmarshal(asJSON.Bytes(), &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report, &again); diff != "" {
		t.Errorf("the JSON says something else:\n%s", diff)
	}
	for _, l := range strings.Split(strings.TrimSuffix(github.String(), "\n"), "\n") {
		if strings.Count(l, "::") > 2 {
			t.Errorf("more than one command in a line: %s", l)
		}
	}
	return report, table.String()
}

func TestOutcome(t *testing.T) {
	for verdict, status := range map[Verdict]int{Refused: 1, Unreadable: 2} {
		if o := (&OutcomeError{verdict}); o.ExitStatus() != status || o.Error() == "" {
			t.Errorf("%s ends with status %d, want %d", verdict, o.ExitStatus(), status)
		}
	}
	if err := Run(t.Context(), Options{Paths: []string{"testdata/platform"}, Output: "xml"}); err == nil || !strings.Contains(err.Error(), "must be table, json or github") {
		t.Errorf("an unknown form: %v", err)
	}
	if err := Run(t.Context(), Options{Out: &bytes.Buffer{}}); err == nil {
		t.Error("nothing to check is no error")
	}
}
