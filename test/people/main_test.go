package people

import (
	"crypto/rand"
	_ "embed" // the manifests
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/internal/argon2id"
	"github.com/grantkeeper/grantkeeper/test/demo"
	"github.com/grantkeeper/grantkeeper/test/ldap"
	"github.com/grantkeeper/grantkeeper/test/sampleapi"
)

var (
	//go:embed testdata/people.yaml
	apps string
	//go:embed testdata/upstream.yaml
	upstream string
	//go:embed testdata/providers.yaml
	providers string
)

// world is what the tests share.
var world struct {
	// The demo, as the samples and testdata/people.yaml declare it.
	*demo.Demo
	// Company is the second server.
	Company *demo.Demo
	// asks and judges are the sample API, once asking about each token and once judging it alone.
	asks, judges net.Listener
}

// password is that of everybody: what is tested is not how good it is.
const password = "correct horse battery staple"

// soon is what is waited for without a bound of its own.
var soon = demo.Patience(20 * time.Second)

// TestMain runs the demo over the samples, with the sample API's address in place of theirs.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "grantkeeper-people-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }() // what is left of it is in a temporary folder
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return demo.Main(m, demo.Options{Manifests: dir, Host: "localhost"}, func(d *demo.Demo) {
		world.Demo = d
		d.Witness.See("a password", password)
	})
}

// prepare listens for the sample API, and writes the manifests.
func prepare(dir string) error {
	for _, l := range []*net.Listener{&world.asks, &world.judges} {
		var err error
		if *l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	samples := filepath.Join(demo.Root(), "config", "samples")
	files, err := filepath.Glob(filepath.Join(samples, "*.yaml"))
	if err != nil {
		return err
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		content := strings.ReplaceAll(string(b), "http://127.0.0.1:9090", "http://"+world.asks.Addr().String())
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), []byte(content), 0o600); err != nil {
			return err
		}
	}
	accounts, err := accounts("demo-accounts", "engineers", map[string]string{"ada": "Ada Lovelace", "grace": "Grace Hopper", "joan": "Joan Clarke"})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "people.yaml"), []byte(apps+"---\n"+accounts), 0o600)
}

// accounts is a Secret of local accounts, username to name, all of one group.
func accounts(secret, group string, people map[string]string) (string, error) {
	values := map[string]string{}
	for username, name := range people {
		hash, err := argon2id.New(password, argon2id.Default(), rand.Reader)
		if err != nil {
			return "", err
		}
		value, err := yaml.Marshal(map[string]any{
			"passwordHash": hash.String(), "name": name, "email": username + "@acme.example", "emailVerified": true, "groups": []string{group},
		})
		if err != nil {
			return "", err
		}
		values[username] = string(value)
	}
	b, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "stringData": values,
		"metadata": map[string]any{"name": secret, "namespace": "oauth-system", "labels": map[string]string{"grantkeeper.dev/referenced": "true"}},
	})
	return string(b), err
}

// TestPeople has the company's server and its directory running, and the sample API.
func TestPeople(t *testing.T) {
	serveAPI(t)
	declareProviders(t)
	t.Run("a command line, with a local account", commandLine)
	t.Run("a chat assistant without PKCE, with an account of another OpenID provider", chatAssistant)
	t.Run("an app on a computer with PKCE, with an account of a directory", nativeApp)
	t.Run("an authenticator app where a policy wants two factors", authenticatorApp)
	t.Run("a passkey as the only factor, and as the second", passkeys)
	t.Run("an app signs people out, and people themselves", signingOut)
	t.Run("which account, and a form that takes the answer", accountsAndForms)
	t.Run("an app that only certain people may use", certainPeople)
	t.Run("what went wrong, in words", failures)
	t.Run("the account pages", accountPages)
	t.Run("from right to left", rightToLeft)
}

// serveAPI runs the sample API on both listeners until the test ends.
func serveAPI(t *testing.T) {
	t.Helper()
	own := world.Secret(t, "partners", "sample-api-oauth")
	asks := sampleapi.Config{
		Issuer: world.Issuer, Identifier: "http://" + world.asks.Addr().String(), ClientID: own["client-id"], ClientSecret: own["client-secret"],
		Data: sampleapi.Sample(), Now: time.Now, Client: &http.Client{Timeout: soon}, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	judges := asks
	judges.ClientID, judges.ClientSecret = "", ""
	for l, c := range map[net.Listener]sampleapi.Config{world.asks: asks, world.judges: judges} {
		api, err := sampleapi.New(c)
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: api.Handler(), ReadHeaderTimeout: soon}
		go func() { _ = s.Serve(l) }() // ends with Close
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// declareProviders starts the company's server and its directory, and lets people of both sign in at the demo.
func declareProviders(t *testing.T) {
	t.Helper()
	folder, data := t.TempDir(), t.TempDir()
	staff, err := accounts("staff-accounts", "staff", map[string]string{"hedy": "Hedy Lamarr"})
	if err != nil {
		t.Fatal(err)
	}
	manifests := strings.ReplaceAll(upstream, "ISSUER", world.Issuer) + "---\n" + staff
	if err := os.WriteFile(filepath.Join(folder, "company.yaml"), []byte(manifests), 0o600); err != nil {
		t.Fatal(err)
	}
	world.Company = demo.Start(t, demo.Options{Files: folder, Data: data})
	secret, err := os.ReadFile(filepath.Join(data, "secrets", "oauth-system", "grantkeeper-oauth", "client-secret"))
	if err != nil {
		t.Fatalf("%v; %s", err, world.Company.Progress())
	}
	// They belong to Secrets that people write; for logs they are as bad as any other.
	secrets := demo.NewWitness()
	secrets.See("a client secret at the company's server", string(secret))
	secrets.See("the password of the account that searches", ldap.ServicePassword)
	t.Cleanup(func() {
		if err := secrets.FindInFolder(filepath.Join(world.Data, "log")); err != nil {
			t.Error(err)
		}
	})

	directory := ldap.Start(t)
	rosalind := directory.Person(t, "rosalind", password, "mail", "rosalind@acme.example", "displayName", "Rosalind Franklin")
	directory.Group(t, "biologists", rosalind)
	ca, err := json.Marshal(directory.CA) // JSON's strings are YAML's
	if err != nil {
		t.Fatal(err)
	}
	world.Apply(t, strings.NewReplacer(
		"CLIENT_SECRET", string(secret), "UPSTREAM", world.Company.Issuer, "BIND_DN", ldap.Service, "BIND_PASSWORD", ldap.ServicePassword,
		"LDAP_URL", directory.TLSURL, "CA", string(ca), "PEOPLE", ldap.People, "GROUPS", ldap.Groups,
	).Replace(providers))
	for _, name := range []string{"local", "corp", "directory"} {
		world.Kubectl(t, "wait", "--for=condition=Ready", "--timeout=60s", "-n", "oauth-system", "oauthidentityprovider/"+name)
	}
}
