package clients

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	_ "embed" // the clients
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

// TestMain runs one demo for all tests.
func TestMain(m *testing.M) {
	os.Exit(demo.Main(m, demo.Options{}, func(d *demo.Demo) { world.Demo = d }))
}

//go:embed testdata/libraries.yaml
var libraries string

// webRedirect is the redirect URI of library-web.
const webRedirect = "https://app.example.com/api/auth/callback/grantkeeper"

// declareLibraries makes sure that the clients of testdata/libraries.yaml are served.
func declareLibraries(t *testing.T) {
	t.Helper()
	world.libraries.Lock() // whoever comes second finds them
	defer world.libraries.Unlock()
	if world.signedKey == "" {
		world.signedKey = declareSigned(t)
	}
	world.Apply(t, libraries)
	for _, name := range []string{"library-web", "library-native", "library-signed"} {
		world.Await(t, "partners", name, "Ready")
	}
}

// world is the demo of the tests.
var world struct {
	*demo.Demo
	libraries sync.Mutex
	// signedKey is the private key of library-signed, as a JSON Web Key.
	signedKey string
}

// declareSigned makes a key, and a web app that authenticates by it.
func declareSigned(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private := jose.JSONWebKey{Key: key, KeyID: "library", Algorithm: "ES256", Use: "sig"}
	public, err := json.Marshal(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	world.Apply(t, `
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthClient
metadata: {name: library-signed, namespace: partners, labels: {kind: library}}
spec:
  redirectURIs: [`+webRedirect+`]
  grantTypes: [authorization_code, refresh_token, client_credentials]
  scopes: [openid, profile, email, offline_access, orders.read]
  authentication: {privateKeyJWT: {jwks: {keys: [`+string(public)+`]}}}
`)
	out, err := json.Marshal(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

const (
	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"
	jsonType    = "application/json"
	formType    = "application/x-www-form-urlencoded"
	// partnerCLI is the client id of the samples' command line, whose secret is optional.
	partnerCLI = "partner-cli"
)

// resourceServer asks whether a token is good as the samples' resource server, which serves the API that it is for.
func resourceServer(t *testing.T) func(token string) bool {
	t.Helper()
	s := world.Secret(t, "partners", "webshop-oauth")
	return func(token string) bool {
		t.Helper()
		status, answer := call(t, "/v1/introspect", formType, url.Values{
			"token": {token}, "client_id": {s["client-id"]}, "client_secret": {s["client-secret"]},
		})
		active, ok := answer["active"].(bool)
		if status != http.StatusOK || !ok || !active && len(answer) != 1 {
			t.Fatalf("introspection: %d %v", status, answer)
		}
		return active
	}
}

// call sends a request, a form or a JSON object, and returns the answer, which has to be JSON of exactly that type.
func call(t *testing.T, path, contentType string, body any) (int, map[string]any) {
	t.Helper()
	status, answer, err := try(t.Context(), path, contentType, body)
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

func try(ctx context.Context, path, contentType string, body any) (int, map[string]any, error) {
	var content []byte
	if form, ok := body.(url.Values); ok {
		content = []byte(form.Encode())
	} else {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, world.Issuer+path, bytes.NewReader(content))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", contentType)
	return send(req)
}

func send(req *http.Request) (int, map[string]any, error) {
	resp, err := world.Witness.Client().Do(req)
	if err != nil {
		return 0, nil, err
	}
	b, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return 0, nil, err
	}
	answer := map[string]any{}
	if got := resp.Header.Get("Content-Type"); got != jsonType {
		return 0, nil, fmt.Errorf("%s: the content type is %q: %s", req.URL.Path, got, b)
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return 0, nil, fmt.Errorf("%s: %w: %s", req.URL.Path, err, b)
	}
	return resp.StatusCode, answer, nil
}

// whoAmI is userinfo with an access token.
func whoAmI(t *testing.T, token string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, world.Issuer+"/v1/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	status, answer, err := send(req)
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

// dead checks that after a logout neither token is good.
func dead(t *testing.T, access, refresh string) {
	t.Helper()
	if status, answer := whoAmI(t, access); status != http.StatusUnauthorized || answer["error"] != "invalid_token" {
		t.Errorf("the access token is not dead: %d %v", status, answer)
	}
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {partnerCLI}, "refresh_token": {refresh}}
	if status, answer := call(t, "/v1/token", formType, form); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
		t.Errorf("the refresh token is not dead: %d %v", status, answer["error"])
	}
}

// cliSecret is the secret of the samples' command line.
func cliSecret(t *testing.T) string {
	t.Helper()
	return world.Secret(t, "partners", "cli-oauth")["client-secret"]
}

// notRun ends a test that cannot run here.
func notRun(t *testing.T, why string) {
	t.Helper()
	required := strings.FieldsFunc(os.Getenv("GRANTKEEPER_REQUIRE"), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(required, "clients") || slices.Contains(required, "all") {
		t.Fatalf("%s; test/clients/install gets it", why)
	}
	t.Skipf("NOT RUN: %s; test/clients/install gets it", why)
}
