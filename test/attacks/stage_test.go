package attacks

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/freeport"
	"github.com/grantkeeper/grantkeeper/test/demo"
	"github.com/grantkeeper/grantkeeper/test/guards"
)

// soon is what is waited for without a bound of its own.
var soon = demo.Patience(30 * time.Second)

const (
	// platform is the namespace of the server.
	platform = "oauth-system"
	// own is the namespace of the attacker, whose name is the same.
	own = "mallory"
	// victim is another team's.
	victim = "victim"
	// issuerHost is the host of the issuer of a server that has no replica here.
	issuerHost = "login.platform.example"
	// brought is the secret that the victim's team brings.
	brought = "Vict1m-brings-this-0123456789-abcdefgh"
	// password of ada.
	password = "correct horse"
)

// stage is a cluster with a platform, a victim, and an attacker.
type stage struct {
	*guards.Cluster
	// mallory is the attacker's client, and certificate its credentials.
	mallory     client.Client
	certificate *rest.Config
	// site is where people sign in.
	site demo.Demo
	// shop and app are the credentials of the victim's client and of the attacker's.
	shop, app credentials
	// shopTokens are those of a user of the victim's client.
	shopTokens answer
	// trap listens where nothing of what mallory writes may have anybody call; caught counts who does.
	trap   string
	caught atomic.Int64
}

// credentials are what an app reads from its Secret.
type credentials struct{ id, secret string }

// newStage sets everything up.
func newStage(t *testing.T) *stage {
	t.Helper()
	log.SetLogger(logr.Discard())
	listen, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{site: demo.Demo{Issuer: "http://" + listen, User: "ada", Password: password, Witness: demo.NewWitness()}}
	if s.Cluster, err = guards.NewCluster(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Install("config/default"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RunOperator(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Apply(t, fmt.Sprintf(manifests, s.site.Issuer))
	s.InstallGatewayAPI(t, "httproutes")
	s.admit(t)
	if _, err := s.StartServer(t.Context(), platform, "main", listen); err != nil {
		t.Fatal(err)
	}
	s.setTrap(t)
	for _, at := range []client.ObjectKey{{Namespace: victim, Name: "shop"}, {Namespace: victim, Name: "billing"}, {Namespace: victim, Name: "nightly"}, {Namespace: own, Name: "app"}} {
		c := &v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Namespace: at.Namespace, Name: at.Name}}
		if err := s.Wait(t.Context(), c, v1alpha1.ConditionReady); err != nil {
			t.Fatal(err)
		}
	}
	s.shop, s.app = s.credentials(t, s.Admin, victim, "shop-oauth"), s.credentials(t, s.mallory, own, "app-oauth")
	s.shopTokens = s.signsIn(t, s.shop, "https://shop.victim.example/cb")
	return s
}

// admit gives the attacker its rights: the cluster's role edit, as it is with ours, and routes, which some clusters give app teams.
func (s *stage) admit(t *testing.T) {
	t.Helper()
	s.Aggregate(t, "view", "edit", "admin")
	routes := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "routes"}, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"gateway.networking.k8s.io"}, Resources: []string{"httproutes"}, Verbs: []string{"*"},
	}}}
	if err := s.Admin.Create(t.Context(), routes); err != nil {
		t.Fatal(err)
	}
	s.Bind(t, own, own, "edit")
	s.Bind(t, own, own, "routes")
	s.certificate = s.Person(t, own)
	var err error
	if s.mallory, err = s.Client(s.certificate); err != nil {
		t.Fatal(err)
	}
	demo.Eventually(t, soon, "the attacker may edit in its namespace", func() error {
		return s.mallory.List(t.Context(), &v1alpha1.OAuthClientList{}, client.InNamespace(own))
	})
	demo.Eventually(t, soon, "the hosts of issuers are guarded", func() error {
		for _, manifest := range []string{ingress("host: " + issuerHost), httpRoute(issuerHost)} {
			if err := s.mallory.Create(t.Context(), guards.Object(t, manifest), client.DryRunAll); !guards.Refused(err) {
				return fmt.Errorf("it is not refused: %w", err)
			}
		}
		return nil
	})
}

// setTrap listens at an address inside, and counts who comes.
func (s *stage) setTrap(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.trap = l.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.caught.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
}

// credentials reads a client's Secret as somebody who may.
func (s *stage) credentials(t *testing.T, reader client.Client, namespace, name string) credentials {
	t.Helper()
	var secret corev1.Secret
	if err := reader.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &secret); err != nil {
		t.Fatal(err)
	}
	return credentials{string(secret.Data["client-id"]), string(secret.Data["client-secret"])}
}

// answer is what an endpoint answers.
type answer struct {
	Status int
	Body   string

	Error        string `json:"error"`
	Description  string `json:"error_description"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Scope        string `json:"scope"`
	ExpiresIn    int    `json:"expires_in"`
	Active       bool   `json:"active"`
}

// post sends a form, given as names and values, to an endpoint, with HTTP Basic if there are credentials.
func (s *stage) post(t *testing.T, path string, c *credentials, form ...string) answer {
	t.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.site.Issuer+path, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c != nil {
		req.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret))
	}
	resp, err := s.site.Witness.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: resp.StatusCode, Body: string(body)}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &a); err != nil {
			t.Fatalf("%s: %v: %s", path, err, body)
		}
	}
	return a
}

// verifier and challenge are PKCE's, from RFC 7636 appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// code has ada sign in and let a client in, and returns the code that the app gets.
func (s *stage) code(t *testing.T, id, redirect string) string {
	t.Helper()
	q := url.Values{
		"response_type": {"code"}, "client_id": {id}, "redirect_uri": {redirect}, "scope": {"openid offline_access orders.read"},
		"state": {"state"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	callback, _ := s.site.Authorize(t, s.site.Issuer+"/v1/authorize?"+q.Encode())
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(callback, redirect) || u.Query().Get("code") == "" {
		t.Fatalf("no code: %s", callback)
	}
	return u.Query().Get("code")
}

// signsIn has ada sign in and let a client in, and the app redeem the code.
func (s *stage) signsIn(t *testing.T, c credentials, redirect string) answer {
	t.Helper()
	a := s.redeem(t, c, s.code(t, c.id, redirect), redirect)
	if a.Status != http.StatusOK || a.RefreshToken == "" {
		t.Fatalf("the code gives no tokens: %d %s", a.Status, a.Body)
	}
	return a
}

func (s *stage) redeem(t *testing.T, c credentials, code, redirect string) answer {
	t.Helper()
	return s.post(t, "/v1/token", &c, "grant_type", "authorization_code", "code", code, "redirect_uri", redirect, "code_verifier", verifier)
}

func (s *stage) refresh(t *testing.T, c credentials, token string) answer {
	t.Helper()
	return s.post(t, "/v1/token", &c, "grant_type", "refresh_token", "refresh_token", token)
}

// token asks for a token of the client itself.
func (s *stage) token(t *testing.T, c credentials, more ...string) answer {
	t.Helper()
	return s.post(t, "/v1/token", &c, append([]string{"grant_type", "client_credentials"}, more...)...)
}
