// Package check_test proves that `grantkeeper check` says what a cluster does: the same generated manifests go to the command and to a
// real kube-apiserver with the real operator, and every verdict, reason and message is compared.
//
// It owns the generator of whole clusters of manifests. What a single rule refuses is tested in test/crd and internal/compile.
package check_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/cmd/grantkeeper/check"
	"github.com/grantkeeper/grantkeeper/controllers"
	"github.com/grantkeeper/grantkeeper/internal/testenv"
)

// settle is how long the operator may take until it has said what is to be said.
const settle = 3 * time.Minute

// seed is what the cluster is generated from. Another one is tried by GRANTKEEPER_SEED.
const seed = 11

// maxMessage is where the operator cuts the message of a condition, in bytes.
const maxMessage = 4096

// verdict is what one side makes of one object.
type verdict struct {
	// By is who refuses it; empty when nobody does.
	By check.By
	// Reason is that of the condition Accepted; Message its message, or what the API server has against each field.
	Reason, Message string
}

// TestCheckSaysWhatTheClusterDoes: for every object of a generated cluster, the verdict, the reasons and the governing policy that
// the command prints are the API server's answer and the condition that the operator writes.
func TestCheckSaysWhatTheClusterDoes(t *testing.T) {
	log.SetLogger(logr.Discard())
	from := seed
	if s := os.Getenv("GRANTKEEPER_SEED"); s != "" {
		var err error
		if from, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	world := anyCluster().Example(from)
	said := checked(t, world)
	_, config := testenv.Start(t)
	config = rest.CopyConfig(config)
	config.QPS = -1
	var m manager.Options
	if err := controllers.Configure(&m, controllers.Options{}); err != nil {
		t.Fatal(err)
	}
	kube, err := client.New(config, client.Options{Scheme: m.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	refused := apply(t, kube, world)
	start(t, config)
	var differ string
	ctx, cancel := context.WithTimeout(t.Context(), settle)
	defer cancel()
	for differ = compare(t, kube, refused, said); differ != ""; differ = compare(t, kube, refused, said) {
		select {
		case <-ctx.Done():
			t.Fatalf("seed %d: the cluster (-) and the check (+) differ: %s", from, differ)
		case <-time.After(250 * time.Millisecond):
		}
	}
	if from == seed {
		count(t, said)
	}
}

// checked runs the command.
func checked(t *testing.T, world cluster) map[string]verdict {
	t.Helper()
	text, err := world.yaml()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "world.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := check.Check(t.Context(), check.Options{Paths: []string{dir}, Out: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range report.Problems {
		t.Error(p)
	}
	out := map[string]verdict{}
	for _, o := range report.Objects {
		v := verdict{Reason: string(v1alpha1.ReasonAccepted)}
		if o.Kind == "OAuthClient" {
			v.Message = fmt.Sprintf("Client %s of OAuthServer %s is accepted by OAuthGrantPolicy %s.", o.ClientID, o.Server, o.Policy)
		}
		if o.Verdict == check.Refused {
			v = verdict{By: o.Findings[0].By, Reason: o.Findings[0].Reason}
			var messages []string
			for _, f := range o.Findings {
				messages = append(messages, f.Message)
			}
			if v.By == check.APIServer {
				slices.Sort(messages)
				v.Message = strings.Join(messages, "\n")
			} else {
				v.Message = strings.Join(messages, ". Also: ")
				if len(v.Message) > maxMessage {
					v.Message = v.Message[:maxMessage-3] + "..."
				}
			}
		}
		out[o.Kind+" "+o.Namespace+"/"+o.Name] = v
	}
	return out
}

// apply gives the API server every object in turn, and returns what it refuses.
func apply(t *testing.T, kube client.Client, world cluster) map[string]verdict {
	t.Helper()
	refused := map[string]verdict{}
	for _, o := range world {
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &u.Object); err != nil {
			t.Fatal(err)
		}
		switch err := kube.Create(t.Context(), u, client.FieldValidation(metav1.FieldValidationStrict)); {
		case err == nil:
		case apierrors.IsInvalid(err):
			refused[o.String()] = verdict{By: check.APIServer, Reason: string(v1alpha1.ReasonInvalid), Message: strings.Join(causes(err), "\n")}
		default:
			t.Fatalf("%s: %v", o, err)
		}
	}
	return refused
}

// causes are what the API server has against each field.
func causes(err error) []string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return []string{err.Error()}
	}
	var out []string
	for _, c := range status.Status().Details.Causes {
		if c.Field != "<nil>" { // "some validation rules were not checked"
			out = append(out, c.Field+": "+c.Message)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// start runs the operator until the test ends.
func start(t *testing.T, config *rest.Config) {
	t.Helper()
	skip := true
	m := manager.Options{Metrics: metricsserver.Options{BindAddress: "0"}, Controller: ctrlconfig.Controller{SkipNameValidation: &skip}}
	if err := controllers.Configure(&m, controllers.Options{}); err != nil {
		t.Fatal(err)
	}
	mgr, err := ctrl.NewManager(config, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := controllers.Register(mgr, controllers.Options{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the operator: %v", err)
		}
	})
}

// compare says where the two differ, empty when nowhere.
func compare(t *testing.T, kube client.Client, refused, said map[string]verdict) string {
	t.Helper()
	want := map[string]verdict{}
	for name, v := range refused {
		want[name] = v
	}
	for _, kind := range []string{"OAuthServer", "OAuthResource", "OAuthGrantPolicy", "OAuthClient"} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		if err := kube.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			o := &list.Items[i]
			want[kind+" "+o.GetNamespace()+"/"+o.GetName()] = condition(t, o)
		}
	}
	return cmp.Diff(want, said)
}

// condition is what the operator says of an object.
func condition(t *testing.T, o *unstructured.Unstructured) verdict {
	t.Helper()
	conditions, _, err := unstructured.NestedSlice(o.Object, "status", "conditions")
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(conditions)
	if err != nil {
		t.Fatal(err)
	}
	var typed []metav1.Condition
	if err := yaml.Unmarshal(text, &typed); err != nil {
		t.Fatal(err)
	}
	c := meta.FindStatusCondition(typed, string(v1alpha1.ConditionAccepted))
	switch {
	case c == nil:
		return verdict{}
	case c.Status == metav1.ConditionTrue && o.GetKind() != "OAuthClient":
		return verdict{Reason: c.Reason}
	case c.Status == metav1.ConditionTrue:
		return verdict{Reason: c.Reason, Message: c.Message}
	}
	return verdict{By: check.Operator, Reason: c.Reason, Message: c.Message}
}

// count sees to it that the comparison was about something: every verdict there is was among those compared.
func count(t *testing.T, said map[string]verdict) {
	t.Helper()
	counts := map[string]int{}
	for name, v := range said {
		kind, _, _ := strings.Cut(name, " ")
		counts[kind+" "+string(v.By)+" "+v.Reason]++
		if strings.Contains(v.Message, "spec.limits.clients") {
			counts["no place"]++
		}
		if strings.Contains(v.Message, ". Also: ") {
			counts["several findings"]++
		}
	}
	t.Log(counts)
	for what, least := range map[string]int{
		"OAuthClient  Accepted": 30, "OAuthClient APIServer Invalid": 30, "OAuthClient Operator PolicyRefused": 20, "OAuthClient Operator NoPolicy": 1,
		"OAuthClient Operator ServerNotFound": 5, "OAuthClient Operator ServerRefused": 1, "OAuthClient Operator ClientIDConflict": 1, "OAuthClient Operator ScopeUnknown": 1,
		"OAuthClient Operator Invalid": 1, "OAuthGrantPolicy  Accepted": 5, "OAuthGrantPolicy APIServer Invalid": 1, "OAuthGrantPolicy Operator Invalid": 1, "no place": 1, "several findings": 10,
	} {
		if counts[what] < least {
			t.Errorf("%d times %q, want at least %d; choose another seed or change the generator", counts[what], what, least)
		}
	}
}
