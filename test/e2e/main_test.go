package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/test/demo"
)

// TestMain runs one demo for all tests that leave it running; each uses a namespace of its own.
func TestMain(m *testing.M) {
	os.Exit(demo.Main(m, demo.Options{}, func(d *demo.Demo) { world.Demo = d }))
}

// world is the demo of the tests.
var world struct {
	*demo.Demo
	namespaces atomic.Int64
}

// Bounds of the issue.
var (
	// cutOff is how soon a client that was suspended, deleted or disallowed is refused.
	cutOff = demo.Patience(2 * time.Second)
	// repaired is how soon a Secret is written again.
	repaired = demo.Patience(5 * time.Second)
	// soon is what is waited for without a bound of its own.
	soon = demo.Patience(20 * time.Second)
)

// partner makes a namespace of an app team that the samples' policies select, another one each time. It is left to the end of
// the demo: there is no controller that would empty it.
func partner(t *testing.T, name string) string {
	t.Helper()
	name = fmt.Sprintf("%s-%d", name, world.namespaces.Add(1))
	world.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+name+", labels: {tier: partner}}\n")
	return name
}

// oauthClient is a manifest; spec is indented by nothing, in YAML.
func oauthClient(namespace, name, spec string) string {
	return object("OAuthClient", namespace, name, "", spec)
}

// object is a manifest of ours.
func object(kind, namespace, name, labels, spec string) string {
	return fmt.Sprintf("---\napiVersion: grantkeeper.dev/v1alpha1\nkind: %s\nmetadata: {name: %s, namespace: %s, labels: {%s}}\nspec:\n  %s\n",
		kind, name, namespace, labels, strings.ReplaceAll(strings.TrimSpace(spec), "\n", "\n  "))
}

// service is the spec of a program that acts for itself.
const service = "type: Service\nscopes: [orders.read]"

// credentials are what an app reads from its Secret.
type credentials struct{ id, secret string }

func credentialsOf(t *testing.T, d *demo.Demo, namespace, secret string) credentials {
	t.Helper()
	s := d.Secret(t, namespace, secret)
	return credentials{s["client-id"], s["client-secret"]}
}

// answer is what an endpoint answers.
type answer struct {
	Status int
	Header http.Header
	Body   string

	Error        string `json:"error"`
	Description  string `json:"error_description"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Scope        string `json:"scope"`
	Active       bool   `json:"active"`
	ClientID     string `json:"client_id"`

	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	Complete   string `json:"verification_uri_complete"`
}

// post sends a form to an endpoint, with HTTP Basic if there are credentials. An error is one of the network.
func post(ctx context.Context, d *demo.Demo, path string, c *credentials, form url.Values) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c != nil {
		req.SetBasicAuth(c.id, c.secret)
	}
	return do(d, req)
}

func do(d *demo.Demo, req *http.Request) (answer, error) {
	resp, err := d.Witness.Client().Do(req)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return answer{}, err
	}
	a := answer{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
	if err := json.Unmarshal(body, &a); err != nil {
		return a, fmt.Errorf("%s: %w: %s", req.URL.Path, err, body)
	}
	return a, nil
}

// ask is post for tests that need an answer.
func ask(t *testing.T, d *demo.Demo, path string, c *credentials, form url.Values) answer {
	t.Helper()
	a, err := post(t.Context(), d, path, c, form)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var clientCredentials = url.Values{"grant_type": {"client_credentials"}}

// gets checks that a client gets a token now.
func gets(t *testing.T, d *demo.Demo, c credentials) answer {
	t.Helper()
	a := ask(t, d, "/v1/token", &c, clientCredentials)
	if a.Status != http.StatusOK || a.AccessToken == "" {
		t.Errorf("%s gets no token: %d %s", c.id, a.Status, a.Body)
	}
	return a
}

// refused waits until a client is refused as one that is unknown: 401 invalid_client.
func refused(t *testing.T, d *demo.Demo, bound time.Duration, c credentials) {
	t.Helper()
	took := demo.Eventually(t, bound, c.id+" is refused", func() error {
		a, err := post(t.Context(), d, "/v1/token", &c, clientCredentials)
		if err != nil || a.Status == http.StatusUnauthorized && a.Error == "invalid_client" {
			return err
		}
		return fmt.Errorf("%d %s", a.Status, a.Error)
	})
	t.Logf("%s refused after %v", c.id, took.Round(time.Millisecond))
}

// deviceLogin logs the demo account in with a device code, on the pages, and returns the tokens.
func deviceLogin(t *testing.T, d *demo.Demo, clientID string) answer {
	t.Helper()
	started := ask(t, d, "/v1/device_authorization", nil, url.Values{"client_id": {clientID}})
	if started.Status != http.StatusOK {
		t.Fatalf("device authorization: %d %s", started.Status, started.Body)
	}
	d.Decide(t, started.Complete, started.UserCode, "approve")
	tokens := ask(t, d, "/v1/token", nil, url.Values{
		"client_id": {clientID}, "grant_type": {string(v1alpha1.GrantTypeDeviceCode)}, "device_code": {started.DeviceCode},
	})
	if tokens.Status != http.StatusOK || tokens.AccessToken == "" || tokens.RefreshToken == "" {
		t.Fatalf("the device code gives no tokens: %d %s", tokens.Status, tokens.Body)
	}
	return tokens
}

func refresh(t *testing.T, d *demo.Demo, clientID, token string) answer {
	t.Helper()
	return ask(t, d, "/v1/token", nil, url.Values{"client_id": {clientID}, "grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// userinfo asks who a token is for.
func userinfo(t *testing.T, d *demo.Demo, token string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.Issuer+"/v1/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	a, err := do(d, req)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// saysNot waits until a condition of a client is False with a reason and a message that matches.
func saysNot(t *testing.T, namespace, name string, condition v1alpha1.ConditionType, reason v1alpha1.ConditionReason, message string) {
	t.Helper()
	demo.Eventually(t, soon, "the status of "+name, func() error {
		c := meta.FindStatusCondition(world.Client(t, namespace, name).Status.Conditions, string(condition))
		switch {
		case c == nil:
			return fmt.Errorf("there is no condition %s", condition)
		case c.Status != metav1.ConditionFalse || c.Reason != string(reason) || !regexp.MustCompile(message).MatchString(c.Message):
			return fmt.Errorf("%s is %s, %s: %s", condition, c.Status, c.Reason, c.Message)
		}
		return nil
	})
}
