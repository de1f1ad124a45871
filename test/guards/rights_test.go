package guards

import (
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// rights asks the API server what whoever asks may do in a namespace, one line for each resource.
func rights(t *testing.T, c client.Client, namespace string) string {
	t.Helper()
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	if err := c.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	if review.Status.Incomplete {
		t.Fatalf("the API server does not know all: %s", review.Status.EvaluationError)
	}
	verbs := map[string][]string{}
	for _, rule := range review.Status.ResourceRules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				key := resource
				if group != "" {
					key += "." + group
				}
				if len(rule.ResourceNames) > 0 {
					key += " " + sorted(rule.ResourceNames)
				}
				verbs[key] = append(verbs[key], rule.Verbs...)
			}
		}
	}
	for _, rule := range review.Status.NonResourceRules {
		for _, address := range rule.NonResourceURLs {
			verbs[address] = append(verbs[address], rule.Verbs...)
		}
	}
	var lines []string
	for key, v := range verbs {
		slices.Sort(v)
		lines = append(lines, key+": "+strings.Join(slices.Compact(v), ","))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

// TestK01LeastPrivilege asks the API server, as operator and as server, what each may do, and compares. Every authenticated
// identity may ask who it is and what it may; that is in the files too.
func TestK01LeastPrivilege(t *testing.T) {
	operator, server := world.AsAccount(t, operatorNamespace, operatorAccount), world.AsAccount(t, platform, "oauth-main")
	for name, c := range map[string]struct {
		client    client.Client
		namespace string
	}{
		"operator-own-namespace":    {operator, operatorNamespace},
		"operator-other-namespaces": {operator, apps},
		"server-own-namespace":      {server, platform},
		"server-other-namespaces":   {server, apps},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, "testdata/rights-"+name+".txt", rights(t, c.client, c.namespace))
		})
	}
}

// TestK01OperatorAndServerAskForNothingElse: both have worked, as themselves, until a client was Ready, and the API server
// refused them nothing: no right is missing, and none is tried that they do not have.
func TestK01OperatorAndServerAskForNothingElse(t *testing.T) {
	token(t, world.Cluster, world.listen)
	asksForNothingElse(t, world.Cluster, world.operator, operatorNamespace, operatorAccount)
	asksForNothingElse(t, world.Cluster, world.server, platform, "oauth-main")
}

// asksForNothingElse checks that a program was refused nothing, in the audit log and by its own.
func asksForNothingElse(t *testing.T, k *Cluster, p *Program, namespace, account string) {
	t.Helper()
	all := k.requests(t, filepath.Base(p.cmd.Path), namespace, account)
	if len(all) == 0 {
		t.Errorf("%s did not work as itself", account)
	}
	for _, r := range all {
		if r.ResponseStatus.Code == http.StatusForbidden || r.ResponseStatus.Code == http.StatusUnauthorized {
			t.Errorf("%s is refused: %s %s: %s", account, r.Verb, r.URI, r.ResponseStatus.Message)
		}
	}
	for line := range strings.Lines(p.Logged()) {
		if strings.Contains(line, "forbidden") {
			t.Errorf("%s logs: %s", account, line)
		}
	}
}

// token has the client of the world get a token from its server, with what is in its Secret.
func token(t *testing.T, k *Cluster, listen string) {
	t.Helper()
	var s corev1.Secret
	if err := k.Admin.Get(t.Context(), client.ObjectKey{Namespace: apps, Name: "reports-oauth"}, &s); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listen+"/v1/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(string(s.Data["client-id"]), string(s.Data["client-secret"]))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("no token: %s %v", resp.Status, err)
	}
}

// TestK02ServerReadsNoOtherNamespace: with its real credentials, by every way of reading.
func TestK02ServerReadsNoOtherNamespace(t *testing.T) {
	server := world.AsAccount(t, platform, "oauth-main")
	for what, read := range map[string]func() error{
		"a Secret by its name": func() error {
			return server.Get(t.Context(), client.ObjectKey{Namespace: apps, Name: "reports-oauth"}, &corev1.Secret{})
		},
		"the Secrets of a namespace": func() error { return server.List(t.Context(), &corev1.SecretList{}, client.InNamespace(apps)) },
		"the Secrets of all":         func() error { return server.List(t.Context(), &corev1.SecretList{}) },
		"ConfigMaps":                 func() error { return server.List(t.Context(), &corev1.ConfigMapList{}, client.InNamespace(apps)) },
		"Pods of its own namespace":  func() error { return server.List(t.Context(), &corev1.PodList{}, client.InNamespace(platform)) },
	} {
		if err := read(); !apierrors.IsForbidden(err) {
			t.Errorf("the server may read %s: %v", what, err)
		}
	}
	// Nor has it tried: all that it has asked for is in its own namespace.
	for _, r := range world.requests(t, "server", platform, "oauth-main") {
		if r.ObjectRef.Resource != "" && r.ObjectRef.Namespace != platform {
			t.Errorf("the server asked: %s %s", r.Verb, r.URI)
		}
	}
}
