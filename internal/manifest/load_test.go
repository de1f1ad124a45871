package manifest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/grantkeeper/grantkeeper/config/crd"
)

func newLoader(t *testing.T) *Loader {
	t.Helper()
	crds, err := crd.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	return NewLoader(crds)
}

// folder writes files, by path, into a new folder.
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

// lines prints problems with paths relative to dir.
func lines(dir string, problems []Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, strings.TrimPrefix(p.String(), dir+"/"))
	}
	return out
}

const clientManifest = `apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthClient
metadata:
  name: %s
  namespace: apps
spec:
  type: Service
`

func TestLoadTakesWhatIsInOrder(t *testing.T) {
	dir := folder(t, map[string]string{
		"a/server.yaml": `# the server
apiVersion: v1
kind: Namespace
metadata: {name: oauth, labels: {tier: platform}}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthServer
metadata: {name: main, namespace: oauth}
spec: {issuer: "http://127.0.0.1:9080"}
--- # the accounts
apiVersion: v1
kind: Secret
metadata: {name: accounts, namespace: oauth}
data: {one: MQ==}
stringData: {two: "2"}
---
`,
		"a/kustomization.yaml": "resources: [server.yaml]",
		"b/client.json":        `{"apiVersion": "grantkeeper.dev/v1alpha1", "kind": "OAuthClient", "metadata": {"name": "batch"}, "spec": {"type": "Service"}, "status": {"clientID": "forged"}}`,
		"b/list.yml":           "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(fmt.Sprintf(clientManifest, "listed")), "\n", "\n  ") + "\n",
		"c/other.yaml":         "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: apps}\n",
		"c/notes.txt":          "not a manifest",
		".git/x.yaml":          "kind: [broken",
	})
	set, problems := newLoader(t).Load(context.Background(), dir)
	if len(problems) != 0 {
		t.Fatalf("problems: %q", lines(dir, problems))
	}
	var got []string
	for key, o := range set.Origins {
		got = append(got, key.String()+" "+strings.TrimPrefix(o.String(), dir+"/"))
	}
	want := []string{
		"Namespace oauth a/server.yaml:2", "OAuthServer oauth/main a/server.yaml:6", "Secret oauth/accounts a/server.yaml:11",
		"OAuthClient default/batch b/client.json:1", "OAuthClient apps/listed b/list.yml:4",
	}
	if diff := cmp.Diff(want, got, sortStrings()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"c/other.yaml:1: Deployment apps/web: passed over: apps/v1 is none of Grantkeeper's concern here"}, lines(dir, set.PassedOver)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string][]byte{"one": []byte("1"), "two": []byte("2")}, set.Secret("oauth", "accounts").Data); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"tier": "platform", "kubernetes.io/metadata.name": "oauth"}, set.NamespaceLabels("oauth")); diff != "" {
		t.Error(diff)
	}
	if id := set.Clients[0].Status.ClientID; id != "" {
		t.Errorf("the status of a manifest was taken: client id %q", id)
	}
	if !set.Clients[0].CreationTimestamp.Before(&set.Clients[1].CreationTimestamp) {
		t.Error("the creation timestamps do not follow the order of reading")
	}
	again, _ := newLoader(t).Load(context.Background(), dir)
	if diff := cmp.Diff(set, again, cmpopts.IgnoreUnexported(Set{})); diff != "" {
		t.Errorf("a second load differs: %s", diff)
	}
}

func sortStrings() cmp.Option {
	return cmp.Transformer("sorted", func(in []string) map[string]int {
		out := map[string]int{}
		for _, s := range in {
			out[s]++
		}
		return out
	})
}

func TestLoadSaysWhatIsWrongAndWhere(t *testing.T) {
	good := fmt.Sprintf(clientManifest, "good")
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"a syntax error in the second document, while the first and third are taken": {
			files: map[string]string{"x.yaml": good + "---\na: b\n c: [\n---\n" + fmt.Sprintf(clientManifest, "third")},
			want:  []string{"x.yaml:10: not valid YAML: mapping values are not allowed in this context"},
		},
		"a key written twice": {
			files: map[string]string{"x.yaml": good + "  scopes: [a]\n  scopes: [b]\n"},
			want:  []string{`x.yaml:9: not valid YAML: key "scopes" already set in map`},
		},
		"unknown fields, in spec and metadata": {
			files: map[string]string{"x.yaml": strings.Replace(good, "  namespace:", "  labls: {a: b}\n  namespace:", 1) + "  grantType: [client_credentials]\n  display:\n    nme: X\n"},
			want: []string{
				`x.yaml:5: OAuthClient apps/good: unknown field "metadata.labls"`,
				`x.yaml:11: OAuthClient apps/good: unknown field "spec.display.nme"`,
				`x.yaml:9: OAuthClient apps/good: unknown field "spec.grantType"`,
			},
		},
		"a required field that is missing": {
			files: map[string]string{"x.yaml": good + "  serverRef: {}\n"},
			want:  []string{"x.yaml:8: OAuthClient apps/good: spec.serverRef.name: Required value"},
		},
		"a value of the wrong type": {
			files: map[string]string{"x.yaml": good + "  suspended: \"no\"\n"},
			want:  []string{`x.yaml:8: OAuthClient apps/good: spec.suspended: Invalid value: "string": spec.suspended in body must be of type boolean: "string"`},
		},
		"a value that is not among the allowed": {
			files: map[string]string{"x.yaml": strings.Replace(good, "Service", "Desktop", 1)},
			want:  []string{`x.yaml:7: OAuthClient apps/good: spec.type: Unsupported value: "Desktop": supported values: "Web", "Browser", "Native", "Device", "Service"`},
		},
		"an object without a name": {
			files: map[string]string{"x.yaml": strings.Replace(good, "  name: good\n", "", 1)},
			want:  []string{"x.yaml:3: OAuthClient apps/: metadata.name: Required value: name or generateName is required"},
		},
		"a name to be generated": {
			files: map[string]string{"x.yaml": strings.Replace(good, "name: good", "generateName: x-", 1)},
			want:  []string{"x.yaml:4: OAuthClient apps/: metadata.generateName: cannot be applied; give the object a metadata.name"},
		},
		"a name that is no name": {
			files: map[string]string{"x.yaml": strings.Replace(good, "name: good", "name: Good_Name", 1)},
			want:  []string{`x.yaml:4: OAuthClient apps/Good_Name: metadata.name: Invalid value: "Good_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`},
		},
		"the same object in two files": {
			files: map[string]string{"x.yaml": good, "y.yaml": "\n\n" + good},
			want:  []string{"y.yaml:6: OAuthClient apps/good: is already declared at DIR/x.yaml:1; remove one of the two"},
		},
		"a kind of our group that does not exist": {
			files: map[string]string{"x.yaml": "apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthApp\nmetadata: {name: x}\n"},
			want:  []string{`x.yaml:2: OAuthApp x: no matches for kind "OAuthApp" in version "grantkeeper.dev/v1alpha1"; known are OAuthClient (grantkeeper.dev/v1alpha1), OAuthGrantPolicy (grantkeeper.dev/v1alpha1), OAuthIdentityProvider (grantkeeper.dev/v1alpha1), OAuthResource (grantkeeper.dev/v1alpha1), OAuthServer (grantkeeper.dev/v1alpha1)`},
		},
		"no object at all": {
			files: map[string]string{"x.yaml": "- a\n- b\n"},
			want:  []string{"x.yaml:1: not a manifest: want an object with apiVersion, kind and metadata.name, each a string"},
		},
		"neither kind nor version": {
			files: map[string]string{"x.yaml": "# hello\nname: x\n"},
			want:  []string{"x.yaml:2: apiVersion and kind are required"},
		},
		"a Secret with a bad value, which is not shown, and an unknown field": {
			files: map[string]string{"x.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: apps}\ndata: {k: geheim!}\n", "y.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: b, namespace: apps}\nstringdata: {k: v}\n"},
			want: []string{
				"x.yaml:1: Secret apps/a: data: a value is not base64; encode it, or use stringData",
				`y.yaml:4: Secret apps/b: unknown field "stringdata"`,
			},
		},
		"a file that is too large": {
			files: map[string]string{"x.yaml": strings.Repeat("#", MaxFileSize+1)},
			want:  []string{"x.yaml: cannot be read: 4194305 bytes, more than the 4194304 a file of manifests may have"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, c.files)
			_, problems := newLoader(t).Load(context.Background(), dir)
			got := lines(dir, problems)
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], dir, "DIR")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoadOfAFolderThatIsNotThere(t *testing.T) {
	_, problems := newLoader(t).Load(context.Background(), "/nowhere/at/all")
	if diff := cmp.Diff([]string{"/nowhere/at/all: cannot be read: no such file or directory"}, lines("-", problems)); diff != "" {
		t.Error(diff)
	}
}

func TestUIDs(t *testing.T) {
	a, b := UID(ObjectKey{"OAuthClient", "a", "b-c"}), UID(ObjectKey{"OAuthClient", "a-b", "c"})
	if a == b || len(a) != 36 || a != UID(ObjectKey{"OAuthClient", "a", "b-c"}) {
		t.Errorf("UIDs %s and %s", a, b)
	}
}

// A folder may come from somebody who is not trusted with what else is on the machine, as in a pull request.
func TestLinks(t *testing.T) {
	const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: apps}\n"
	dir, outside := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(dir, "..data-1", "a.txt"):     namespace,
		filepath.Join(outside, "private.yaml"):      "password: hunter2",
		filepath.Join(outside, "also", "more.yaml"): namespace,
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"..data":    "..data-1",
		"a.yaml":    filepath.Join("..data", "a.txt"),
		"zero.yaml": "/dev/zero",
		"out.yaml":  filepath.Join(outside, "private.yaml"),
		"up.yaml":   "../" + filepath.Base(outside) + "/private.yaml",
		"also":      filepath.Join(outside, "also"),
		"gone.yaml": "nowhere",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	set, problems := newLoader(t).Load(t.Context(), dir)
	if len(set.Namespaces) != 1 {
		t.Errorf("a link within the folder is not followed, or one to a folder is: %v", set.Namespaces)
	}
	refused := 0
	for _, p := range problems {
		if strings.Contains(p.Message, "leads out of the folder") {
			refused++
		}
		if strings.Contains(p.Message, "hunter2") {
			t.Error(p.Message)
		}
	}
	if refused != 3 || len(problems) != 4 {
		t.Errorf("%d refused: %v", refused, problems)
	}
	if _, err := readBounded("/dev/zero"); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a file that never ends: %v", err)
	}
}
