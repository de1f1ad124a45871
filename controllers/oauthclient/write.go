package oauthclient

import (
	"context"
	"errors"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// writeSecret writes the client's Secret, and marks SecretReady. For a client that is refused it only keeps up what was
// served before: no Secret is made for one that was never accepted.
func (x *run) writeSecret(ctx context.Context) error {
	for i := range x.orphans {
		if err := x.publisher.Store.Secrets.Delete(ctx, &x.orphans[i]); err != nil {
			return x.secretFailed(status.Failed(err, "delete Secret %s/%s of an earlier OAuthClient", x.client.Namespace, x.orphans[i].Name))
		}
	}
	reg, target := x.result.Registration, compile.SecretTarget(x.client)
	name := compile.SecretName(x.client)
	switch {
	case reg == nil:
		x.keepSecret()
		return nil
	case !target.Wanted() && (!hasSecret(reg) || compile.InboundSecret(x.client) != nil):
		return x.noSecret(ctx)
	case x.foreign:
		x.secretTaken(name)
		return nil
	case x.prover == nil:
		x.leaveSecret("The Secret is written once OAuthServer %s/%s has its keys.", x.result.Server.Namespace, x.result.Server.Name)
		return nil
	case hasSecret(reg) && x.decided.Value == "":
		x.leaveSecret("The Secret is written once the client secret is there.")
		return nil
	}
	content, err := x.content(reg, target)
	if err != nil {
		return err
	}
	if content == nil && x.result.Current {
		x.secretInvalid(name)
		return nil
	}
	if content == nil {
		x.leaveSecret("The Secret cannot be written as the manifest says; see Accepted.")
		return nil
	}
	return x.putSecret(ctx, reg, content)
}

// content is what the Secret is to hold, nil when the manifest, which is refused as it is now, asks for what cannot be.
func (x *run) content(reg *registration.Client, target credentials.Target) (map[string][]byte, error) {
	in := compile.SecretInput(reg, x.result.Server.Spec.Issuer)
	if hasSecret(reg) {
		in.ClientSecret = x.decided.Value
	}
	if target.Cookie() {
		if in.CookieSecret = x.held.cookie(); in.CookieSecret == "" {
			made, err := credentials.GenerateCookie(x.random)
			if err != nil {
				return nil, status.Failed(err, "make a secret for cookies")
			}
			in.CookieSecret = made
		}
	}
	inOrder := x.result.Current ||
		compile.MetadataInOrder(x.client) && renders(target, in, hasSecret(reg), compile.InboundSecret(x.client) == nil)
	if !target.Wanted() || !inOrder {
		return nil, nil
	}
	data, err := target.Render(in)
	if err != nil || !credentials.Readable(data, in, hasSecret(reg) && compile.InboundSecret(x.client) == nil) {
		// It went well with placeholders. What it says is left out: it may repeat what is secret.
		data = nil
	}
	return data, nil
}

// renders reports whether a manifest that is refused, for whatever reason, asks for a Secret that can be written all the same.
func renders(target credentials.Target, in credentials.Input, secret, generated bool) bool {
	return target.Check(in, secret, secret && generated) == nil
}

func (x *run) putSecret(ctx context.Context, reg *registration.Client, content map[string][]byte) error {
	var w credentials.Written
	if hasSecret(reg) {
		w = x.decided.Write
	}
	proof := ""
	if x.held.secret != nil {
		proof = x.held.secret.Annotations[credentials.AnnotationProof]
	}
	want := clientSecret(x.client, content, w, x.prover, proof)
	_, wrote, err := x.publisher.Store.Secrets.Put(ctx, x.held.secret, want)
	if errors.Is(err, owned.ErrTaken) {
		x.secretTaken(want.Name)
		return nil
	}
	if err != nil {
		return x.secretFailed(status.Failed(err, "write Secret %s/%s", want.Namespace, want.Name))
	}
	x.client.Status.Binding = &v1alpha1.ClientBinding{Name: want.Name}
	x.secretReady(want.Name)
	x.secretEvents(want.Name, wrote)
	return nil
}

// secretFailed takes an error of writing the Secret. A client that is registered goes on without: with what it had, but otherwise as
// the manifest and the platform have it now. The Secret is in the app team's namespace, and whoever can keep it from being written
// must not keep its client from being suspended or cut off. That goes for a conflict too: it may be made again and again.
func (x *run) secretFailed(err error) error {
	if x.inputs.Previous == nil {
		return err
	}
	x.unwritten, x.unsaid = true, err
	return nil
}

// keepSecret marks SecretReady of a client that is not served.
func (x *run) keepSecret() {
	if x.inboundFinding != nil {
		x.client.Status.Binding = nil
		x.marks.False(v1alpha1.ConditionSecretReady, x.inboundFinding.Reason, "%s", x.inboundFinding.Message)
		return
	}
	if x.held.secret == nil {
		x.client.Status.Binding = nil
		if len(x.result.Findings) == 0 && x.prover == nil {
			x.marks.False(v1alpha1.ConditionSecretReady, v1alpha1.ReasonPending, "The Secret is written once OAuthServer %s/%s has its keys.", x.result.Server.Namespace, x.result.Server.Name)
			return
		}
		x.marks.False(v1alpha1.ConditionSecretReady, v1alpha1.ReasonNotRegistered, "There is no Secret, because the client is not accepted.")
		return
	}
	x.marks.True(v1alpha1.ConditionSecretReady, v1alpha1.ReasonSecretWritten,
		"Secret %s is kept for when the client is accepted again.", x.held.secret.Name)
}

// noSecret takes away a Secret that the manifest does not want any more.
func (x *run) noSecret(ctx context.Context) error {
	x.client.Status.Binding = nil
	if x.held.secret != nil {
		if err := x.publisher.Store.Secrets.Delete(ctx, x.held.secret); err != nil {
			return x.secretFailed(status.Failed(err, "delete Secret %s/%s, which the manifest does not want any more", x.client.Namespace, x.held.secret.Name))
		}
	}
	if x.inboundFinding != nil {
		x.marks.False(v1alpha1.ConditionSecretReady, x.inboundFinding.Reason, "%s", x.inboundFinding.Message)
		return nil
	}
	x.marks.True(v1alpha1.ConditionSecretReady, v1alpha1.ReasonReady, "No Secret is written, as spec.secret.preset says.%s", x.late())
	if x.decided != nil {
		x.secretEvents("", true)
	}
	return nil
}

// leaveSecret leaves the client's Secret as it is, and what is registered. why says what it waits for, where there is none yet.
func (x *run) leaveSecret(why string, args ...any) {
	staged := x.decided != nil && x.decided.Staged != ""
	x.unwritten = !staged && x.inboundFinding == nil
	name := ""
	if x.held.secret != nil {
		name = x.held.secret.Name
		x.client.Status.Binding = &v1alpha1.ClientBinding{Name: name}
	} else {
		x.client.Status.Binding = nil
	}
	switch {
	case x.inboundFinding != nil:
		x.marks.False(v1alpha1.ConditionSecretReady, x.inboundFinding.Reason, "%s", x.inboundFinding.Message)
	case name != "":
		x.secretReady(name)
	default:
		x.marks.False(v1alpha1.ConditionSecretReady, v1alpha1.ReasonPending, why, args...)
	}
}

// secretInvalid leaves the client's Secret as it is, and what is registered, since the templates of the manifest go well with examples
// alone. Written all the same, a secret could not be read back, and there would be another one for ever.
func (x *run) secretInvalid(name string) {
	x.unwritten = true
	x.client.Status.Binding = nil
	if x.held.secret != nil {
		x.client.Status.Binding = &v1alpha1.ClientBinding{Name: name}
	}
	x.marks.False(v1alpha1.ConditionSecretReady, v1alpha1.ReasonSecretInvalid,
		"Secret %s is not written: spec.secret.template fails with the real values, or no key has the secret as it is then; write values whatever they are.", name)
}

// secretTaken leaves alone a Secret of somebody else. What was registered before is served on, with the secrets it had.
func (x *run) secretTaken(name string) {
	x.unwritten = true
	x.wake = x.now.Add(takenRetry)
	x.client.Status.Binding = nil
	x.marks.False(v1alpha1.ConditionSecretReady, v1alpha1.ReasonSecretNameTaken,
		"Secret %s exists and the operator did not make it for this client; set spec.secret.name to another name, or delete that Secret.", name)
}
