package oauthclient

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
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
	// decided is what the client's secrets are to be; nil for a client without one.
	decided *credentials.Decision
	result  compile.ClientResult
	// limited are the policies that select the client and have only so many places.
	limited map[string]int32
	// unwritten is true when the Secret is not what it should be, so that what is registered stays what it was.
	unwritten bool
	// unsaid is why the Secret could not be written, for when all else is done.
	unsaid error
	events []status.Event
	wake   time.Time
}

func (r *Reconciler) begin(c *v1alpha1.OAuthClient, marks *status.Conditions) status.Run {
	x := &run{Reconciler: r, client: c, marks: marks, now: r.clock()}
	return status.Run{
		Steps:  []status.Step{x.read, x.decide, x.writeSecret, x.register, x.settle, x.report, x.failed},
		Wake:   func() time.Time { return x.wake },
		Events: func() []status.Event { return x.events },
	}
}

// read gathers the inputs.
func (x *run) read(ctx context.Context) (err error) {
	x.gathered, err = x.gather(ctx, x.client, x.now)
	return err
}

// decide has the client's secrets decided and the client compiled, and marks Accepted.
func (x *run) decide(ctx context.Context) (err error) {
	if err := x.decideSecrets(); err != nil {
		return err
	}
	if x.decided != nil && compile.NeedsSecret(x.client) {
		x.inputs.Secrets = x.decided.Hashes
	}
	x.inputs.Expressions = &x.expressions
	if x.result, x.limited, err = x.places.compile(ctx, x.inputs, x.Reconciler); err != nil {
		return err
	}
	if len(x.result.Findings) > 0 {
		x.marks.False(v1alpha1.ConditionAccepted, x.result.Findings[0].Reason, "%s", document.Join(x.result.Findings))
		return nil
	}
	x.marks.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted,
		"Client %s of OAuthServer %s/%s is accepted by OAuthGrantPolicy %s.",
		x.result.ClientID, x.result.Server.Namespace, x.result.Server.Name, x.result.Policy)
	return nil
}

// settle says what became of the client to those who wait for its place, or who have to.
func (x *run) settle(context.Context) error {
	x.places.settled(x.client, &x.result, x.limited)
	return nil
}

// decideSecrets decides about the secrets of a client that has one, or had one until now: a refused edit may keep it. While the one
// that the app team brings is not there, or the server has no keys, those that are registered stay until they are over.
func (x *run) decideSecrets() error {
	needs := compile.NeedsSecret(x.client)
	found := x.held.current(x.client, x.prover)
	switch {
	case !needs && len(x.held.previous) == 0:
		return nil
	case x.inboundFinding != nil, x.prover == nil, !needs && found.Value == "":
		d := credentials.Wait(x.held.previous, x.now)
		x.decided = &d
		return nil
	}
	name := client.ObjectKeyFromObject(x.client)
	request, overlap := compile.RotateRequest(x.client)
	d, err := credentials.Decide(credentials.State{
		Registered: x.held.previous, Held: found, Inbound: x.inbound, Unwritten: x.inbound != "" && !compile.SecretTarget(x.client).Wanted(),
		Staged: x.staged.get(name, x.client.UID), Honoured: x.honoured,
		Request: request, RequestOverlap: overlap, Rotation: compile.SecretRotation(x.client), LastUsed: x.lastUsed,
	}, x.now, x.random)
	if err != nil {
		return status.Failed(err, "make a client secret")
	}
	x.decided = &d
	return nil
}

// register writes or withdraws the registration, and marks Programmed.
func (x *run) register(ctx context.Context) error {
	owner := client.ObjectKeyFromObject(x.client)
	reg := x.registration()
	if reg == nil {
		err := x.publisher.Withdraw(ctx, x.marks, owner, x.documents)
		if err == nil && len(x.result.Findings) == 0 {
			x.marks.False(v1alpha1.ConditionProgrammed, v1alpha1.ReasonNotRegistered, "The server does not have it, because it has no Secret yet.")
		}
		return err
	}
	x.retiredEvents(reg.Authentication.Secrets)
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

// registration is what to register, nil for nothing. It knows what is in the Secret: also when the rest of it is what was accepted
// before.
func (x *run) registration() *registration.Client {
	reg := x.result.Registration
	if reg == nil || !hasSecret(reg) {
		if x.unwritten && x.inputs.Previous == nil {
			return nil // a client that cannot have its Secret is not begun with
		}
		return reg
	}
	reg.Authentication.Secrets = x.decided.Hashes
	if x.unwritten {
		reg.Authentication.Secrets = x.held.previous
	}
	if len(reg.Authentication.Secrets) == 0 {
		// Nobody could ever know the secret of such a client.
		return nil
	}
	return reg
}

// dropFormer deletes the Secrets under names that the manifest does not give any more, once the new one is there.
func (x *run) dropFormer(ctx context.Context) error {
	if x.unwritten {
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
	s.Secrets = kept(s.Secrets, x.held.secret != nil)
	if reg := x.result.Registration; reg != nil {
		s.Secrets = secretStatuses(reg.Authentication.Secrets, x.lastUsed, x.now)
		if hasSecret(reg) && !x.unwritten && x.decided.Write.Request != "" {
			s.RotateRequest = x.decided.Write.Request
		}
	}
	if x.decided != nil {
		x.wake = status.Earliest(x.wake, x.decided.Wake)
		if x.unsaid == nil { // otherwise what is staged is still to be handed out
			x.staged.set(client.ObjectKeyFromObject(x.client), x.client.UID, x.decided.Staged)
		}
	}
	if x.client.Spec.Suspended {
		x.marks.Hold(v1alpha1.ReasonSuspended, "The client is suspended: the server refuses it until spec.suspended is false.")
	}
	return nil
}

// failed ends with what went wrong on the way.
func (x *run) failed(context.Context) error { return x.unsaid }

func hasSecret(reg *registration.Client) bool {
	for _, m := range reg.Authentication.Methods {
		if m == registration.AuthenticationClientSecret {
			return true
		}
	}
	return false
}
