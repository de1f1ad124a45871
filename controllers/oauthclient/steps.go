package oauthclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// takenRetry is how often a Secret's name that somebody else uses is tried again: Secrets that are not the operator's
// are not watched, so that no event says when the name is free.
const takenRetry = 30 * time.Second

// run is one reconciliation of one client.
type run struct {
	*Reconciler
	client *v1alpha1.OAuthClient
	marks  *status.Conditions
	now    time.Time

	*gathered
	decision decision
	result   compile.ClientResult
	taken    bool
	events   []status.Event
	wake     time.Time
}

func (r *Reconciler) begin(c *v1alpha1.OAuthClient, marks *status.Conditions) status.Run {
	x := &run{Reconciler: r, client: c, marks: marks, now: r.clock()}
	return status.Run{
		Steps:  []status.Step{x.read, x.decide, x.writeSecret, x.register, x.report},
		Wake:   func() time.Time { return x.wake },
		Events: func() []status.Event { return x.events },
	}
}

// read gathers the inputs.
func (x *run) read(ctx context.Context) (err error) {
	x.gathered, err = x.gather(ctx, x.client)
	return err
}

// decide has the client compiled and marks Accepted.
func (x *run) decide(context.Context) error {
	needs := compile.NeedsSecret(x.client)
	if needs || len(x.held.previous) > 0 {
		d, err := decide(x.held, x.now, x.random)
		if err != nil {
			return status.Failed(err, "make a client secret")
		}
		x.decision = d
	}
	if needs {
		x.inputs.Secrets = x.decision.hashes
	}
	x.result = compile.Client(x.inputs)
	if len(x.result.Findings) > 0 {
		x.marks.False(v1alpha1.ConditionAccepted, x.result.Findings[0].Reason, "%s", document.Join(x.result.Findings))
		return nil
	}
	x.marks.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted,
		"Client %s of OAuthServer %s/%s is accepted by OAuthGrantPolicy %s.",
		x.result.ClientID, x.result.Server.Namespace, x.result.Server.Name, x.result.Policy)
	return nil
}

// writeSecret writes the client's Secret, and marks SecretReady. For a client that is refused it only keeps up what was
// served before: no Secret is made for one that was never accepted.
func (x *run) writeSecret(ctx context.Context) error {
	for i := range x.orphans {
		if err := x.publisher.Store.Secrets.Delete(ctx, &x.orphans[i]); err != nil {
			return status.Failed(err, "delete Secret %s/%s of an earlier OAuthClient", x.client.Namespace, x.orphans[i].Name)
		}
	}
	reg := x.result.Registration
	if reg == nil {
		x.keepSecret()
		return nil
	}
	if !hasSecret(reg) {
		x.decision = decision{}
	}
	want := clientSecret(x.client, reg, x.result.Server.Spec.Issuer, x.decision.value, createdAt(x.held, x.decision, x.now))
	wrote, err := false, owned.ErrTaken
	if !x.foreign {
		_, wrote, err = x.publisher.Store.Secrets.Put(ctx, x.held.secret, want)
	}
	if errors.Is(err, owned.ErrTaken) {
		x.secretTaken(want.Name)
		return nil
	}
	if err != nil {
		return status.Failed(err, "write Secret %s/%s", want.Namespace, want.Name)
	}
	x.client.Status.Binding = &v1alpha1.ClientBinding{Name: want.Name}
	x.marks.True(v1alpha1.ConditionSecretReady, v1alpha1.ReasonSecretWritten, "Secret %s holds the credentials.", want.Name)
	if wrote {
		x.secretEvent(want.Name)
	}
	return nil
}

// keepSecret marks SecretReady of a client that is not served.
func (x *run) keepSecret() {
	if x.held.secret == nil {
		x.client.Status.Binding = nil
		x.marks.False(v1alpha1.ConditionSecretReady, v1alpha1.ReasonNotRegistered, "There is no Secret, because the client is not accepted.")
		return
	}
	x.marks.True(v1alpha1.ConditionSecretReady, v1alpha1.ReasonSecretWritten,
		"Secret %s is kept for when the client is accepted again.", x.held.secret.Name)
}

// secretTaken leaves alone a Secret of somebody else. What was registered before is served on, with the secrets it had.
func (x *run) secretTaken(name string) {
	x.taken = true
	x.wake = x.now.Add(takenRetry)
	x.client.Status.Binding = nil
	x.marks.False(v1alpha1.ConditionSecretReady, v1alpha1.ReasonSecretNameTaken,
		"Secret %s exists and the operator did not make it for this client; set spec.secret.name to another name, or delete that Secret.", name)
}

func (x *run) secretEvent(name string) {
	switch {
	case x.decision.made && len(x.held.previous) > 0:
		x.events = append(x.events, status.Event{Reason: "SecretRotated", Note: fmt.Sprintf(
			"Secret %s has a new client secret, because it was deleted or edited; the old one ends at %s.",
			name, x.now.Add(grace).UTC().Format(time.RFC3339))})
	case x.held.secret == nil && x.client.Status.Policy != "":
		// The first one comes with the client's acceptance, which is an event already; ten thousand at once are felt.
		x.events = append(x.events, status.Event{Reason: "SecretCreated", Note: fmt.Sprintf("Secret %s holds the credentials.", name)})
	}
}

// register writes or withdraws the registration, and marks Programmed.
func (x *run) register(ctx context.Context) error {
	owner := client.ObjectKeyFromObject(x.client)
	reg := x.result.Registration
	if reg != nil && hasSecret(reg) {
		// The registration knows what is in the Secret: also when the rest of it is what was accepted before.
		reg.Authentication.Secrets = x.decision.hashes
		if x.taken {
			reg.Authentication.Secrets = x.held.previous
		}
		if len(reg.Authentication.Secrets) == 0 {
			// Nobody could ever know the secret of such a client.
			reg = nil
		}
	}
	if reg == nil {
		err := x.publisher.Withdraw(ctx, x.marks, owner, x.documents)
		if err == nil && x.taken {
			x.marks.False(v1alpha1.ConditionProgrammed, v1alpha1.ReasonNotRegistered, "The server does not have it, because its Secret cannot be written.")
		}
		return err
	}
	for _, id := range retired(x.held.previous, reg.Authentication.Secrets) {
		x.events = append(x.events, status.Event{Reason: "SecretRetired", Note: "Secret " + id + " of the client is not honoured any more."})
	}
	if err := x.publisher.Publish(ctx, x.marks, x.result.Server, reg, owner, x.documents); err != nil {
		return err
	}
	if err := x.dropFormer(ctx); err != nil {
		return err
	}
	x.result.Registration = reg
	switch {
	case x.result.CutOff:
		x.marks.False(v1alpha1.ConditionProgrammed, v1alpha1.ReasonCutOff,
			"No policy accepts it, not even as it was before; the client is cut off until one does.")
	case !x.result.Current:
		x.marks.False(v1alpha1.ConditionProgrammed, v1alpha1.ReasonServingLastAccepted,
			"It is refused as it is now; generation %d, as it was accepted before, is still served.", reg.Generation)
	}
	return nil
}

// dropFormer deletes the Secrets under names that the manifest does not give any more, once the new one is there.
func (x *run) dropFormer(ctx context.Context) error {
	if x.taken {
		return nil
	}
	for i := range x.held.formers {
		f := &x.held.formers[i]
		if err := x.publisher.Store.Secrets.Delete(ctx, f); err != nil {
			return status.Failed(err, "delete Secret %s/%s, which the manifest does not name any more", f.Namespace, f.Name)
		}
	}
	return nil
}

// report fills in the status.
func (x *run) report(context.Context) error {
	s := &x.client.Status
	s.ClientID, s.Policy, s.GrantTypes = x.result.ClientID, x.result.Policy, x.result.GrantTypes
	s.Issuer, s.Server = "", ""
	if server := x.result.Server; server != nil {
		s.Issuer = server.Spec.Issuer
		s.Server = types.NamespacedName{Namespace: server.Namespace, Name: server.Name}.String()
	}
	s.Secrets = nil
	if reg := x.result.Registration; reg != nil {
		s.Secrets = secretStatuses(x.client, reg.Authentication.Secrets, createdAt(x.held, x.decision, x.now))
		x.wake = status.Earliest(x.wake, x.decision.retires)
	}
	if x.client.Spec.Suspended {
		x.marks.Hold(v1alpha1.ReasonSuspended, "The client is suspended: the server refuses it until spec.suspended is false.")
	}
	return nil
}

func hasSecret(reg *registration.Client) bool {
	for _, m := range reg.Authentication.Methods {
		if m == registration.AuthenticationClientSecret {
			return true
		}
	}
	return false
}
