package attacks

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/test/demo"
	"github.com/grantkeeper/grantkeeper/test/guards"
)

// way is one way to get more.
type way struct {
	// name says what is tried, after the rule of the threat model that is about it.
	name string
	// by is who is to refuse it, as in the table.
	by string
	// try does it. Everything that it tries has to be refused; the table has the first refusal.
	try func(a *attack)
}

// attack is one way being tried.
type attack struct {
	*testing.T
	*stage
	refusals []refusal
	// made are the attacker's objects, to be deleted afterwards.
	made []client.Object
}

// refusal is who refused something, and what one reads.
type refusal struct{ by, message string }

// Those who refuse.
const (
	rbac     = "RBAC"
	schema   = "the CRD"
	policies = "a ValidatingAdmissionPolicy"
	api      = "the API server"
)

func status(condition v1alpha1.ConditionType, reason v1alpha1.ConditionReason) string {
	return fmt.Sprintf("the operator: `%s=False`, `%s`", condition, reason)
}

func server(code int, name string) string { return fmt.Sprintf("the server: %d `%s`", code, name) }

// unknown is how the server answers a client that does not authenticate as itself.
var unknown = server(http.StatusUnauthorized, "invalid_client")

func (a *attack) refused(by, message string) { a.refusals = append(a.refusals, refusal{by, message}) }

// invalidValue is what the API server says before the message of a rule.
var invalidValue = regexp.MustCompile(`^Invalid value: (("(?s:.*)"|null|object|true|false|-?[0-9]+|\{.*\}): )?`)

// denied takes the answer of the API server, which has to be a refusal.
func (a *attack) denied(err error) {
	a.Helper()
	var s *apierrors.StatusError
	if !errors.As(err, &s) {
		a.Errorf("it is not refused: %v", err)
		return
	}
	message := s.ErrStatus.Message
	switch {
	case strings.Contains(message, "ValidatingAdmissionPolicy 'grantkeeper-"):
		_, message, _ = strings.Cut(message, " denied request: ")
		a.refused(policies, message)
	case apierrors.IsForbidden(err) && strings.Contains(message, `User "`):
		a.refused(rbac, message)
	case apierrors.IsInvalid(err) && s.ErrStatus.Details != nil && len(s.ErrStatus.Details.Causes) > 0:
		var causes []string
		for _, c := range s.ErrStatus.Details.Causes {
			if strings.Contains(c.Message, "some validation rules were not checked") {
				continue // because of what the others say
			}
			causes = append(causes, "`"+c.Field+"`: "+invalidValue.ReplaceAllString(c.Message, ""))
		}
		by := schema
		if s.ErrStatus.Details.Group != v1alpha1.GroupVersion.Group || slices.ContainsFunc(s.ErrStatus.Details.Causes, func(c metav1.StatusCause) bool { return strings.HasPrefix(c.Field, "metadata.") }) {
			by = api
		}
		a.refused(by, slices.Min(causes))
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		a.refused(api, message)
	default:
		a.Errorf("it is neither made nor refused: %v", err)
	}
}

// creates has the attacker try to make something, which has to be refused.
func (a *attack) creates(manifest string) {
	a.Helper()
	o := guards.Object(a.T, manifest)
	if err := a.mallory.Create(a.Context(), o); err != nil {
		a.denied(err)
		return
	}
	a.made = append(a.made, o)
	a.Errorf("%s %s is made", o.GetKind(), o.GetName())
}

// makes has the attacker make something that it may.
func (a *attack) makes(manifest string) *unstructured.Unstructured {
	a.Helper()
	o := guards.Object(a.T, manifest)
	if err := a.mallory.Create(a.Context(), o); err != nil {
		a.Fatalf("%v\n%s", err, manifest)
	}
	a.made = append(a.made, o)
	return o
}

// registers makes a client of the attacker's that is served, and returns its credentials.
func (a *attack) registers(name, spec string) credentials {
	a.Helper()
	a.makes(oauthClient(name, spec))
	c := &v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: name}}
	if err := a.Wait(a.Context(), c, v1alpha1.ConditionReady); err != nil {
		a.Fatal(err)
	}
	if c.Status.Binding == nil {
		return credentials{id: c.Status.ClientID}
	}
	return a.credentials(a.T, a.mallory, own, c.Status.Binding.Name)
}

// waits makes a client of the attacker's that the operator refuses: a condition is False, and nothing is served.
func (a *attack) waits(name, spec string, condition v1alpha1.ConditionType) {
	a.Helper()
	a.makes(oauthClient(name, spec))
	a.isRefused(name, condition)
	id := own + "." + name
	if got := a.client(name).Spec.ClientID; got != "" {
		id = got
	}
	if got := a.token(a.T, credentials{id, "gkcs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}); got.Error != "invalid_client" {
		a.Errorf("the server knows it: %d %s", got.Status, got.Body)
	}
}

func (a *attack) client(name string) *v1alpha1.OAuthClient {
	a.Helper()
	var c v1alpha1.OAuthClient
	if err := a.mallory.Get(a.Context(), client.ObjectKey{Namespace: own, Name: name}, &c); err != nil {
		a.Fatal(err)
	}
	return &c
}

// isRefused waits until the operator has refused a client as it is now.
func (a *attack) isRefused(name string, condition v1alpha1.ConditionType) {
	a.Helper()
	var found *metav1.Condition
	demo.Eventually(a.T, soon, "the operator refuses "+name, func() error {
		c := a.client(name)
		found = meta.FindStatusCondition(c.Status.Conditions, string(condition))
		if found != nil && found.Status == metav1.ConditionTrue && found.ObservedGeneration == c.Generation {
			a.Fatalf("the operator does not refuse %s: %+v", name, found)
		}
		if found == nil || found.Status != metav1.ConditionFalse || found.ObservedGeneration != c.Generation || found.Reason == string(v1alpha1.ReasonNotRegistered) {
			return fmt.Errorf("%+v", c.Status.Conditions)
		}
		return nil
	})
	a.refused(status(condition, v1alpha1.ConditionReason(found.Reason)), found.Message)
}

// isAnswered takes the answer of the server, which has to be an error.
func (a *attack) isAnswered(got answer) {
	a.Helper()
	if got.Status < 400 || got.Error == "" || got.AccessToken != "" {
		a.Errorf("it is not refused: %d %s", got.Status, got.Body)
		return
	}
	a.refused(server(got.Status, got.Error), got.Description)
}

// cleans deletes what the attacker made.
func (a *attack) cleans() {
	a.Helper()
	for _, o := range a.made {
		if err := a.Admin.Delete(a.Context(), o); client.IgnoreNotFound(err) != nil {
			a.Error(err)
		}
	}
}

// oauthClient is a manifest of a client of the attacker's; spec in YAML, of fields.
func oauthClient(name, spec string) string {
	return fmt.Sprintf("apiVersion: grantkeeper.dev/v1alpha1\nkind: OAuthClient\nmetadata: {name: %s, namespace: %s}\nspec: {%s}\n", name, own, spec)
}

// ingress is a manifest with one rule of the attacker's.
func ingress(rule string) string {
	return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: door, namespace: mallory}\nspec: {rules: [{" + rule + "}]}\n"
}

// httpRoute is a manifest of a route for hosts.
func httpRoute(hosts ...string) string {
	names := ""
	if len(hosts) > 0 {
		names = ", hostnames: ['" + strings.Join(hosts, "', '") + "']"
	}
	return "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: door, namespace: mallory}\nspec: {parentRefs: [{name: shared, namespace: edge}]" + names + "}\n"
}

// secret is a manifest of a Secret of the attacker's; metadata and the rest in YAML.
func secret(name, metadata, rest string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s, %s}\n%s\n", name, own, metadata, rest)
}
