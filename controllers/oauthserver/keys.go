package oauthserver

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/keyring"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// keys makes a server's keys once and rotates them, and marks KeysReady. Keys that cannot be read are left as they are,
// whatever is wrong with them: every token and session depends on them, and a person may be able to mend them.
func (x *run) keys(ctx context.Context) error {
	owner := client.ObjectKeyFromObject(x.server)
	found, err := x.store.Find(ctx, registration.KindKeys, owner, owner.Namespace)
	if err != nil {
		return err
	}
	name := compile.DocumentName(registration.KindKeys, owner)
	var current *registration.Keys
	if s := document.In(found, owner.Namespace); s != nil {
		d, err := registration.Decode(s.Data[registration.DataKey])
		keys, ok := d.(*registration.Keys)
		if err != nil || !ok || keys.Namespace != owner.Namespace || keys.Name != owner.Name {
			x.keysInvalid(name, "cannot be read as the keys of this server")
			return nil //nolint:nilerr // KeysReady says so; the error itself might quote a key
		}
		current = keys
	}
	next, changed, wake, err := keyring.Next(current, owner, x.rotation(), x.now, x.random)
	if err != nil {
		return status.Failed(err, "work out the keys of OAuthServer %s", owner)
	}
	if current == nil && !x.accepted {
		// A server that was never accepted needs none.
		x.marks.False(v1alpha1.ConditionKeysReady, v1alpha1.ReasonPending, "Keys are made once the OAuthServer is accepted.")
		return nil
	}
	if !changed {
		next = current
	}
	_, err = x.store.Put(ctx, x.server, next, owner, found)
	if errors.Is(err, owned.ErrTaken) {
		x.keysInvalid(name, "exists and is not the operator's")
		return nil
	}
	if err != nil {
		return err
	}
	x.wake = status.Earliest(x.wake, wake)
	x.server.Status.SigningKeys = keyring.Status(next)
	x.server.Status.ActiveKeySince = nil
	if since := keyring.ActiveSince(next); !since.IsZero() {
		t := metav1.NewTime(since)
		x.server.Status.ActiveKeySince = &t
	}
	x.marks.True(v1alpha1.ConditionKeysReady, v1alpha1.ReasonKeysReady, "Secret %s holds the keys.", name)
	return nil
}

func (x *run) keysInvalid(name, why string) {
	x.marks.False(v1alpha1.ConditionKeysReady, v1alpha1.ReasonKeysInvalid,
		"Secret %s %s. It is left alone: restore it from a backup, or delete it to have new keys made, which ends every token and session.", name, why)
}

func (x *run) rotation() keyring.Settings {
	var s keyring.Settings
	if k := x.server.Spec.SigningKeys; k != nil && k.RotateEvery != nil {
		s.RotateEvery = k.RotateEvery.Duration
	}
	return s
}
