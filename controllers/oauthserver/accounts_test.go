package oauthserver

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// says is a cluster that says this.
type says struct {
	issuer *registration.ServiceAccountIssuer
	next   time.Time
	err    error
}

func (s says) Current(context.Context, time.Time) (*registration.ServiceAccountIssuer, time.Time, error) {
	return s.issuer, s.next, s.err
}

func TestServiceAccounts(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	of := func(kid string) *registration.ServiceAccountIssuer {
		return &registration.ServiceAccountIssuer{Issuer: "https://kubernetes.default.svc", JWKS: json.RawMessage(
			`{"keys":[{"kty":"EC","kid":"` + kid + `","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`)}
	}
	away := errors.New("forbidden")
	for name, c := range map[string]struct {
		cluster        says
		before, want   *registration.ServiceAccountIssuer
		advice, silent bool
	}{
		"the cluster says":                                  {cluster: says{issuer: of("1")}, want: of("1"), silent: true},
		"it says something new":                             {cluster: says{issuer: of("2")}, before: of("1"), want: of("2"), silent: true},
		"it cannot be asked any more":                       {cluster: says{issuer: of("1"), err: away}, before: of("1"), want: of("1"), advice: true},
		"it cannot be asked by an operator that is new":     {cluster: says{err: away}, before: of("1"), want: of("1"), advice: true},
		"it could never be asked, which holds up no server": {cluster: says{err: away}, advice: true},
	} {
		t.Run(name, func(t *testing.T) {
			c.cluster.next = now.Add(time.Minute)
			x := &run{
				Reconciler: &Reconciler{cluster: c.cluster}, now: now, document: &registration.Server{},
				server: &v1alpha1.OAuthServer{ObjectMeta: metav1.ObjectMeta{Namespace: "oauth-system", Name: "main"}},
			}
			advice := x.serviceAccounts(t.Context())
			if (advice != "") != c.advice || c.advice && !strings.Contains(advice, "system:service-account-issuer-discovery") || strings.Contains(advice, "forbidden") {
				t.Errorf("it says %q", advice)
			}
			if !x.wake.Equal(c.cluster.next) {
				t.Errorf("it looks again at %v", x.wake)
			}
			x.keepAccounts(stored(t, c.before))
			if !reflect.DeepEqual(x.document.ServiceAccounts, c.want) {
				t.Errorf("the document has %+v", x.document.ServiceAccounts)
			}
		})
	}
}

// stored is the document that is there.
func stored(t *testing.T, accounts *registration.ServiceAccountIssuer) []corev1.Secret {
	t.Helper()
	b, err := registration.Encode(&registration.Server{
		Namespace: "oauth-system", Name: "main", Issuer: "https://auth.example.com", ServiceAccounts: accounts,
		Device: registration.Device{CodeTTL: registration.Duration(15 * time.Minute), Interval: registration.Duration(5 * time.Second)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return []corev1.Secret{{ObjectMeta: metav1.ObjectMeta{Namespace: "oauth-system", Name: "x"}, Data: map[string][]byte{registration.DataKey: b}}}
}
