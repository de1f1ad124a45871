package compile

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// The verifier and the password hash that no finding may repeat.
const (
	secretHash   = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	passwordHash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"
)

var made = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func meta(namespace, name string, minutes int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID("uid-" + namespace + "-" + name), Generation: 2,
		CreationTimestamp: metav1.NewTime(made.Add(time.Duration(minutes) * time.Minute)),
	}
}

func duration(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

func server(change ...func(*v1alpha1.OAuthServer)) v1alpha1.OAuthServer {
	s := v1alpha1.OAuthServer{ObjectMeta: meta("oauth-system", "main", 0), Spec: v1alpha1.OAuthServerSpec{Issuer: "https://login.example.com"}}
	s.Annotations = map[string]string{v1alpha1.AnnotationDefaultServer: "true"}
	for _, f := range change {
		f(&s)
	}
	return s
}

func grantPolicy(name string, change ...func(*v1alpha1.OAuthGrantPolicy)) v1alpha1.OAuthGrantPolicy {
	p := v1alpha1.OAuthGrantPolicy{
		ObjectMeta: meta("oauth-system", name, 1),
		Spec: v1alpha1.OAuthGrantPolicySpec{
			Clients: v1alpha1.PolicyClients{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "partner"}}},
			Allow: v1alpha1.PolicyAllow{
				GrantTypes:    []v1alpha1.GrantType{"client_credentials", "refresh_token", v1alpha1.GrantTypeDeviceCode, "authorization_code"},
				Scopes:        []string{"openid", "orders.read", "orders.write"},
				RedirectHosts: []string{"*.acme.example"},
			},
		},
	}
	for _, f := range change {
		f(&p)
	}
	return p
}

func resource(name string, change ...func(*v1alpha1.OAuthResource)) v1alpha1.OAuthResource {
	r := v1alpha1.OAuthResource{
		ObjectMeta: meta("oauth-system", name, 1),
		Spec: v1alpha1.OAuthResourceSpec{
			Identifier: "https://" + name + ".example.com",
			Scopes:     []v1alpha1.ResourceScope{{Name: name + ".read", Title: "Read " + name}, {Name: name + ".write", Title: "Write " + name}},
		},
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

func oauthClient(clientType v1alpha1.ClientType, change ...func(*v1alpha1.OAuthClient)) *v1alpha1.OAuthClient {
	c := &v1alpha1.OAuthClient{ObjectMeta: meta("partners", "acme", 10), Spec: v1alpha1.OAuthClientSpec{Type: clientType}}
	for _, f := range change {
		f(c)
	}
	return c
}

// redirects sends people there.
func redirects(uris ...string) func(*v1alpha1.OAuthClient) {
	return func(c *v1alpha1.OAuthClient) { c.Spec.RedirectURIs = uris }
}

func provider(change ...func(*v1alpha1.OAuthIdentityProvider)) *v1alpha1.OAuthIdentityProvider {
	p := &v1alpha1.OAuthIdentityProvider{
		ObjectMeta: meta("oauth-system", "staff", 1),
		Spec:       v1alpha1.OAuthIdentityProviderSpec{Local: &v1alpha1.LocalProvider{AccountsSecretRef: v1alpha1.SecretReference{Name: "accounts"}}},
	}
	for _, f := range change {
		f(p)
	}
	return p
}

func accountsSecret(accounts map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "oauth-system", Name: "accounts", Labels: map[string]string{v1alpha1.LabelReferenced: "true"}}, Data: map[string][]byte{}}
	for k, v := range accounts {
		s.Data[k] = []byte(v)
	}
	return s
}

// inputs are those of a client that is accepted, if the client itself is.
func inputs(c *v1alpha1.OAuthClient, change ...func(*ClientInputs)) ClientInputs {
	in := ClientInputs{
		Client: c, Servers: []v1alpha1.OAuthServer{server()}, NamespaceLabels: map[string]string{"tier": "partner"},
		Policies: []v1alpha1.OAuthGrantPolicy{grantPolicy("partners")}, Resources: []v1alpha1.OAuthResource{resource("orders")},
	}
	if NeedsSecret(c) {
		in.Secrets = []registration.SecretHash{{ID: "5e4dbeef", SHA256: secretHash}}
	}
	for _, f := range change {
		f(&in)
	}
	return in
}

// finding is what a test expects: a reason, and words of the message.
type finding struct {
	reason v1alpha1.ConditionReason
	words  []string
}

func expect(reason v1alpha1.ConditionReason, words ...string) []finding {
	return []finding{{reason, words}}
}

func checkFindings(t *testing.T, want []finding, got []Finding) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("got %d findings, want %d:\n%+v", len(got), len(want), got)
	}
	for i, w := range want {
		if got[i].Reason != w.reason {
			t.Errorf("reason %s, want %s: %s", got[i].Reason, w.reason, got[i].Message)
		}
		for _, word := range w.words {
			if !strings.Contains(got[i].Message, word) {
				t.Errorf("%q is not in: %s", word, got[i].Message)
			}
		}
	}
	checkMessages(t, got)
}

// checkMessages holds every message to what is true of all: one line, begins with a field, nothing secret.
func checkMessages(t interface {
	Errorf(format string, args ...any)
}, got []Finding) {
	for _, f := range got {
		if strings.ContainsAny(f.Message, "\n\r") || len(f.Message) > 1000 || f.Reason == "" || !strings.Contains(f.Message, ": ") && !strings.HasPrefix(f.Message, "and ") {
			t.Errorf("%s is not one line about a field: %q", f.Reason, f.Message)
		}
		if slices.ContainsFunc([]string{secretHash, passwordHash, "c2FsdHNhbHRzYWx0c2FsdA", "hunter2", "tiger3"}, func(s string) bool { return strings.Contains(f.Message, s) }) {
			t.Errorf("a secret is in: %s", f.Message)
		}
	}
}
