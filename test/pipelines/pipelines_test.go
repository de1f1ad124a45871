package pipelines

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/config/argocd"
)

// TestConvention26ArgoCDShowsTheHealth and the verdict of kstatus beside it: one row is one moment in the life of a client.
func TestConvention26ArgoCDShowsTheHealth(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC))
	condition := func(kind, value, reason string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: metav1.ConditionStatus(value), Reason: reason, Message: "m", ObservedGeneration: 2, LastTransitionTime: at}
	}
	for name, tc := range map[string]struct {
		observed   int64
		deleting   bool
		conditions []metav1.Condition
		kstatus    status.Status
		health     Health
	}{
		"no controller has looked at it": {
			0, false, []metav1.Condition{condition("Ready", "Unknown", "Pending")}, status.InProgressStatus, Health{"Progressing", "Waiting for the operator"},
		},
		"it was edited a moment ago": {
			1, false, []metav1.Condition{condition("Ready", "True", "Ready")}, status.InProgressStatus, Health{"Progressing", "Waiting for the operator to see the last edit"},
		},
		"not every replica serves it yet": {
			2, false, []metav1.Condition{condition("Ready", "False", "NotServed"), condition("Reconciling", "True", "NotServed")}, status.InProgressStatus, Health{"Progressing", "NotServed: m"},
		},
		"a policy refuses it": {
			2, false, []metav1.Condition{condition("Ready", "False", "PolicyRefused"), condition("Stalled", "True", "PolicyRefused")}, status.FailedStatus, Health{"Degraded", "PolicyRefused: m"},
		},
		"it is suspended": {
			2, false, []metav1.Condition{condition("Ready", "False", "Suspended"), condition("Stalled", "True", "Suspended")}, status.FailedStatus, Health{"Suspended", "Suspended: m"},
		},
		"every replica serves it": {
			2, false, []metav1.Condition{condition("Ready", "True", "Ready")}, status.CurrentStatus, Health{"Healthy", "m"},
		},
		"it is being deleted": {
			2, true, []metav1.Condition{condition("Ready", "True", "Ready")}, status.TerminatingStatus, Health{"Progressing", "It is being deleted"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := &v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "b", Generation: 2}}
			c.Status.ObservedGeneration, c.Status.Conditions = tc.observed, tc.conditions
			if tc.deleting {
				c.DeletionTimestamp = &at
			}
			got, err := Read(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if want := (Verdicts{tc.kstatus, tc.health}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			if problems := Problems(t.Context(), c, tc.observed, tc.conditions); len(problems) > 0 {
				t.Error(problems)
			}
		})
	}
}

func TestWhatBreaksTheRulesIsFound(t *testing.T) {
	c := &v1alpha1.OAuthClient{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "b", Generation: 1}}
	c.Status.ObservedGeneration = 1
	c.Status.Conditions = []metav1.Condition{
		{Type: "Ready", Status: "True", Reason: "Ready", ObservedGeneration: 1}, {Type: "Stalled", Status: "True", Reason: "Invalid", ObservedGeneration: 1},
	}
	if got := strings.Join(Problems(t.Context(), c, 1, c.Status.Conditions), "\n"); !strings.Contains(got, "Ready condition must be False when Stalled") {
		t.Errorf("Ready and Stalled at once went through: %s", got)
	}
	c.Status.Conditions = c.Status.Conditions[1:]
	if got := strings.Join(Problems(t.Context(), c, 1, c.Status.Conditions), "\n"); !strings.Contains(got, "Ready condition must always be present") {
		t.Errorf("a status without Ready went through: %s", got)
	}
}

// TestTheConfigMapCarriesTheScript, for every kind, so that whoever applies the one has the other.
func TestTheConfigMapCarriesTheScript(t *testing.T) {
	b, err := os.ReadFile("../../config/argocd/argocd-cm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cm struct{ Data map[string]string }
	if err := yaml.Unmarshal(b, &cm); err != nil {
		t.Fatal(err)
	}
	kinds := []string{"OAuthClient", "OAuthGrantPolicy", "OAuthIdentityProvider", "OAuthResource", "OAuthServer"}
	for _, kind := range kinds {
		if cm.Data["resource.customizations.health.grantkeeper.dev_"+kind] != argocd.HealthLua {
			t.Errorf("%s has another script in argocd-cm.yaml than health.lua", kind)
		}
	}
	if len(cm.Data) != len(kinds) {
		t.Errorf("%d entries for %d kinds", len(cm.Data), len(kinds))
	}
}
