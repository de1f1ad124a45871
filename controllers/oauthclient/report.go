package oauthclient

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// lastUsed says when an older secret of the client was last used, as the replicas report it and the status remembers; zero for never.
// known is false when somebody may have used it later, because a replica did not report or began to count only then.
func (x *run) lastUsed(id string) (at time.Time, known bool) {
	for _, s := range x.client.Status.Secrets {
		if s.ID == id && s.LastUsed != nil {
			at = s.LastUsed.UTC()
		}
	}
	reported, listed := x.uses.At(registration.SecretUse{ClientUID: string(x.client.UID), SecretID: id})
	if listed && reported.After(at) {
		at = reported
	}
	return at, x.uses.Fresh && !x.uses.Since.IsZero() && (listed || !x.uses.More)
}

// secretStatuses lists a client's secrets as its status shows them: those that somebody may have.
func secretStatuses(hashes []registration.SecretHash, lastUsed func(id string) (time.Time, bool), now time.Time) []v1alpha1.ClientSecretStatus {
	var out []v1alpha1.ClientSecretStatus
	for i, h := range hashes {
		if i > 0 && h.NotAfter.IsZero() {
			continue
		}
		at := h.CreatedAt
		if at.IsZero() {
			at = now
		}
		s := v1alpha1.ClientSecretStatus{ID: h.ID, Current: i == 0, CreatedAt: metav1.NewTime(at.Truncate(time.Second))}
		if i > 0 {
			ends := metav1.NewTime(h.NotAfter)
			s.RetiresAt = &ends
			if used, _ := lastUsed(h.ID); !used.IsZero() {
				last := metav1.NewTime(used)
				s.LastUsed = &last
			}
		}
		out = append(out, s)
	}
	return out
}

// kept is what the status says of the secrets of a client that is not registered: of the one in its Secret alone, as long as that is
// there. It is by this that the secret is known again, when the server is made anew.
func kept(known []v1alpha1.ClientSecretStatus, held bool) []v1alpha1.ClientSecretStatus {
	if !held || len(known) == 0 || !known[0].Current {
		return nil
	}
	return known[:1]
}

// secretReady marks SecretReady, and says who is late.
func (x *run) secretReady(name string) {
	x.marks.True(v1alpha1.ConditionSecretReady, v1alpha1.ReasonSecretWritten, "Secret %s holds the credentials.%s", name, x.late())
}

// late says whether somebody still uses the secret before, a sentence; empty when there is none.
func (x *run) late() string {
	if reg := x.result.Registration; x.decided == nil || reg == nil || !hasSecret(reg) {
		return ""
	}
	for i, h := range x.decided.Hashes {
		if i == 0 || h.NotAfter.IsZero() {
			continue
		}
		ends := h.NotAfter.UTC().Format(time.RFC3339)
		if used, _ := x.lastUsed(h.ID); !used.IsZero() {
			return fmt.Sprintf(" The secret before (%s) is still used, last at %s; it ends at %s at the latest.", h.ID, used.Format(time.RFC3339), ends)
		}
		return fmt.Sprintf(" The secret before (%s) was not used since it was replaced; it ends at %s at the latest.", h.ID, ends)
	}
	return ""
}

// secretEvents says what happened to the client's secret. name is that of the Secret, empty where there is none.
func (x *run) secretEvents(name string, wrote bool) {
	cause := credentials.CauseNone
	if x.decided != nil {
		cause = x.decided.Cause
	}
	why, rotated := map[credentials.Cause]string{
		credentials.CauseRepaired:  "its Secret was deleted or edited",
		credentials.CauseScheduled: "spec.secret.rotation.interval is over",
		credentials.CauseRequested: "the annotation " + v1alpha1.AnnotationRotate + " asked for it",
		credentials.CauseInbound:   "the one that spec.authentication.clientSecret.secretRef names changed",
		credentials.CauseGenerated: "the manifest names none any more",
		credentials.CauseResumed:   "it was replaced",
	}[cause]
	switch {
	case rotated && name == "":
		x.events = append(x.events, status.Event{Reason: "SecretRotated", Note: fmt.Sprintf("The client has a new secret, because %s;%s", why, x.before())})
	case rotated:
		x.events = append(x.events, status.Event{Reason: "SecretRotated", Note: fmt.Sprintf("Secret %s has a new client secret, because %s;%s", name, why, x.before())})
	case wrote && x.held.secret == nil && name != "" && x.inputs.Previous != nil:
		// The first one comes with the client's acceptance, which is an event already; ten thousand at once are felt.
		x.events = append(x.events, status.Event{Reason: "SecretCreated", Note: fmt.Sprintf("Secret %s holds the credentials.", name)})
	}
}

// before says when the secret before ends.
func (x *run) before() string {
	for i, h := range x.decided.Hashes {
		if i > 0 && !h.NotAfter.IsZero() {
			return " the one before ends at " + h.NotAfter.UTC().Format(time.RFC3339) + " at the latest."
		}
	}
	return " the one before has ended."
}

// retiredEvents says which secrets end with what is registered now.
func (x *run) retiredEvents(now []registration.SecretHash) {
	unused := map[string]bool{}
	if x.decided != nil {
		for _, r := range x.decided.Retired {
			unused[r.ID] = r.Unused
		}
	}
	for i, p := range x.held.previous {
		kept := i > 0 && p.NotAfter.IsZero() // nobody had it
		for _, n := range now {
			kept = kept || n.SHA256 == p.SHA256
		}
		if kept {
			continue
		}
		why := "its time is over."
		if unused[p.ID] {
			why = "nobody used it for as long as the overlap."
		}
		x.events = append(x.events, status.Event{Reason: "SecretRetired", Note: "Secret " + p.ID + " of the client is not honoured any more: " + why})
	}
}
