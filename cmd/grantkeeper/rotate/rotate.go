package rotate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
)

// fieldOwner owns the annotations that the command sets.
const fieldOwner = client.FieldOwner("grantkeeper-cli")

// poll is how often status is looked at while waiting.
const poll = 250 * time.Millisecond

// Options are the argument and the flags of `grantkeeper rotate`.
type Options struct {
	// Client names the OAuthClient.
	Client types.NamespacedName
	// Now ends the secret before at once, instead of after the overlap.
	Now bool
	// Wait waits until every replica of the server takes the new secret, instead of until the operator has made it.
	Wait bool
	// Timeout bounds the waiting.
	Timeout time.Duration
	// Kube reaches the cluster.
	Kube client.Client
	// Clock tells the time; time.Now when nil.
	Clock func() time.Time
	// Out takes what happened.
	Out io.Writer
}

// Run has the operator make a new secret, and says what became of it.
func Run(ctx context.Context, o Options) error {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	c := &v1alpha1.OAuthClient{}
	if err := o.Kube.Get(ctx, o.Client, c); err != nil {
		return o.explain(err, "read")
	}
	if err := rotatable(c); err != nil {
		return err
	}
	request := o.Clock().UTC().Format(time.RFC3339Nano)
	if err := o.ask(ctx, c, request); err != nil {
		return err
	}
	return o.follow(ctx, c, request)
}

// rotatable says why the secret of a client cannot be rotated.
func rotatable(c *v1alpha1.OAuthClient) error {
	name := c.Namespace + "/" + c.Name
	switch {
	case !compile.NeedsSecret(c):
		return fmt.Errorf("OAuthClient %s has no client secret, so that there is nothing to rotate (spec.authentication)", name)
	case compile.InboundSecret(c) != nil:
		return fmt.Errorf("OAuthClient %s takes its secret from Secret %s; change it there, or where that Secret comes from", name, compile.InboundSecret(c).Name)
	case len(c.Status.Secrets) == 0:
		return fmt.Errorf("OAuthClient %s has no secret yet: %s", name, readiness(c))
	}
	return nil
}

// ask sets the annotations. The UID keeps the request from reaching an object that was made in place of the one that was read.
func (o Options) ask(ctx context.Context, c *v1alpha1.OAuthClient, request string) error {
	var overlap any // null removes what an earlier request left
	if o.Now {
		overlap = "0s"
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":         c.UID,
		"annotations": map[string]any{v1alpha1.AnnotationRotate: request, v1alpha1.AnnotationRotateOverlap: overlap},
	}})
	if err != nil {
		return err
	}
	if err := o.Kube.Patch(ctx, c.DeepCopy(), client.RawPatch(types.MergePatchType, patch), fieldOwner); err != nil {
		return o.explain(err, "annotate")
	}
	return nil
}

// follow waits until the request is done, and with Wait until it is served, and prints both.
func (o Options) follow(ctx context.Context, before *v1alpha1.OAuthClient, request string) error {
	c, err := o.until(ctx, before, func(c *v1alpha1.OAuthClient) bool { return c.Status.RotateRequest == request })
	if err != nil {
		return o.waited(err, c, "the operator has not made a new secret")
	}
	if err := o.tell(before, c); err != nil {
		return err
	}
	if !o.Wait {
		return nil
	}
	c, err = o.until(ctx, before, func(c *v1alpha1.OAuthClient) bool {
		return meta.IsStatusConditionTrue(c.Status.Conditions, string(v1alpha1.ConditionProgrammed))
	})
	if err != nil {
		return o.waited(err, c, "not every replica of the server takes the new secret")
	}
	_, err = fmt.Fprintln(o.Out, "Every replica of the server takes the new secret.")
	return err
}

// errReplaced ends the waiting for an object that is gone.
var errReplaced = errors.New("it was deleted, or replaced by another object of that name")

func (o Options) until(ctx context.Context, before *v1alpha1.OAuthClient, done func(*v1alpha1.OAuthClient) bool) (*v1alpha1.OAuthClient, error) {
	c := &v1alpha1.OAuthClient{}
	err := wait.PollUntilContextTimeout(ctx, poll, o.Timeout, true, func(ctx context.Context) (bool, error) {
		err := o.Kube.Get(ctx, o.Client, c)
		switch {
		case apierrors.IsNotFound(err) || err == nil && c.UID != before.UID:
			return false, errReplaced
		case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err):
			return false, err
		case err != nil:
			return false, nil //nolint:nilerr // The API server may be back in time.
		}
		return done(c), nil
	})
	return c, err
}

// waited is the error of a wait that has failed.
func (o Options) waited(err error, c *v1alpha1.OAuthClient, what string) error {
	if !wait.Interrupted(err) {
		return fmt.Errorf("OAuthClient %s: %w", o.Client, err)
	}
	return fmt.Errorf("OAuthClient %s: %s within %v: %s", o.Client, what, o.Timeout, readiness(c))
}

// readiness is what the client's status says of itself.
func readiness(c *v1alpha1.OAuthClient) string {
	ready := meta.FindStatusCondition(c.Status.Conditions, string(v1alpha1.ConditionReady))
	if ready == nil {
		return "its status says nothing; see that the operator runs"
	}
	return ready.Reason + ": " + ready.Message
}

// tell prints which secret is in force now, and until when the ones before work.
func (o Options) tell(before, now *v1alpha1.OAuthClient) error {
	secret := "the client's Secret"
	if b := now.Status.Binding; b != nil {
		secret = "Secret " + b.Name
	}
	i := slices.IndexFunc(now.Status.Secrets, func(s v1alpha1.ClientSecretStatus) bool { return s.Current })
	if i < 0 {
		return fmt.Errorf("OAuthClient %s: its status names no current secret: %s", o.Client, readiness(now))
	}
	if _, err := fmt.Fprintf(o.Out, "OAuthClient %s: client secret %s is the current one now, in %s.\n", o.Client, now.Status.Secrets[i].ID, secret); err != nil {
		return err
	}
	left := map[string]v1alpha1.ClientSecretStatus{}
	for _, s := range now.Status.Secrets {
		left[s.ID] = s
	}
	for _, old := range before.Status.Secrets {
		s, works := left[old.ID]
		text := "has ended."
		switch {
		case works && s.Current:
			continue
		case works && s.RetiresAt != nil && s.RetiresAt.After(o.Clock()):
			text = fmt.Sprintf("works until %s%s.", s.RetiresAt.UTC().Format(time.RFC3339), lastUse(s.LastUsed))
		}
		if _, err := fmt.Fprintf(o.Out, "Client secret %s %s\n", old.ID, text); err != nil {
			return err
		}
	}
	return nil
}

func lastUse(at *metav1.Time) string {
	if at == nil {
		return ""
	}
	return ", last used " + at.UTC().Format(time.RFC3339)
}

// explain puts an answer of the API server into words.
func (o Options) explain(err error, verb string) error {
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("there is no OAuthClient %s in namespace %s; choose another namespace with -n", o.Client.Name, o.Client.Namespace)
	case meta.IsNoMatchError(err):
		return errors.New("this cluster does not know OAuthClients; install Grantkeeper, or choose another cluster with --context")
	case apierrors.IsForbidden(err):
		return fmt.Errorf("you may not %s OAuthClient %s: %w", verb, o.Client, err)
	case apierrors.IsConflict(err):
		return fmt.Errorf("OAuthClient %s: %w", o.Client, errReplaced)
	}
	return fmt.Errorf("%s OAuthClient %s: %w", verb, o.Client, err)
}
