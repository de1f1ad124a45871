package e2e

import (
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

// anotherSecret waits until a Secret has another client secret than before and returns the new credentials.
func anotherSecret(t *testing.T, namespace, name string, before credentials, bound time.Duration) credentials {
	t.Helper()
	d := world.Demo
	now := credentials{}
	took := demo.Eventually(t, bound, "Secret "+name+" is repaired", func() error {
		out, err := d.TryKubectl(t.Context(), "", "get", "secret", "-n", namespace, name, "-o", `go-template={{index .data "client-id" | base64decode}} {{index .data "client-secret" | base64decode}}`)
		if err != nil {
			return err
		}
		if _, err := fmt.Sscan(out, &now.id, &now.secret); err != nil {
			return err
		}
		d.Witness.SeeClientSecret(now.secret)
		if now.id != before.id || now.secret == before.secret || len(now.secret) != len(before.secret) {
			return errors.New("it has not been")
		}
		return nil
	})
	t.Logf("Secret %s repaired after %v", name, took.Round(time.Millisecond))
	return now
}

func TestSecretIsRepaired(t *testing.T) {
	t.Parallel()
	d := world.Demo
	namespace := partner(t, "e2e-secret")
	d.Apply(t, oauthClient(namespace, "deleted", service)+oauthClient(namespace, "edited", service)+oauthClient(namespace, "chosen", service))
	for _, name := range []string{"deleted", "edited", "chosen"} {
		d.Await(t, namespace, name, "Ready")
	}
	// works checks that the new credentials are good at once, and the old ones for the grace.
	works := func(t *testing.T, name string, before, now credentials) {
		t.Helper()
		demo.Eventually(t, cutOff, "the new secret works", func() error {
			a, err := post(t.Context(), d, "/v1/token", &now, clientCredentials)
			if err == nil && a.Status != 200 {
				err = errors.New(a.Body)
			}
			return err
		})
		gets(t, d, before)
		demo.Eventually(t, soon, "the status lists both secrets", func() error {
			s := d.Client(t, namespace, name).Status.Secrets
			if len(s) != 2 || !s[0].Current || s[1].Current || s[1].RetiresAt == nil {
				return fmt.Errorf("it lists %+v", s)
			}
			if left := time.Until(s[1].RetiresAt.Time); left < 8*time.Minute || left > 10*time.Minute {
				return fmt.Errorf("the old one lives for %v", left)
			}
			return nil
		})
	}

	t.Run("deleted by hand", func(t *testing.T) {
		t.Parallel()
		before := credentialsOf(t, d, namespace, "deleted-oauth")
		d.Kubectl(t, "delete", "secret", "-n", namespace, "deleted-oauth")
		now := anotherSecret(t, namespace, "deleted-oauth", before, repaired)
		works(t, "deleted", before, now)
		if out := d.Kubectl(t, "get", "events", "-n", namespace); out == "" {
			t.Error("there is no event")
		}
	})
	t.Run("edited by hand: another key is taken away, the secret stays", func(t *testing.T) {
		t.Parallel()
		before := credentialsOf(t, d, namespace, "edited-oauth")
		d.Kubectl(t, "patch", "secret", "-n", namespace, "edited-oauth", "--type=json", `-p=[{"op":"remove","path":"/data/issuer-uri"},{"op":"add","path":"/data/extra","value":"eA=="}]`)
		demo.Eventually(t, repaired, "the Secret is repaired", func() error {
			if s := d.Secret(t, namespace, "edited-oauth"); s["issuer-uri"] != d.Issuer || s["extra"] != "" || s["client-secret"] != before.secret {
				return errors.New("it is not")
			}
			return nil
		})
		gets(t, d, before)
	})
	t.Run("edited by hand: a secret that somebody chose is never honoured", func(t *testing.T) {
		t.Parallel()
		before := credentialsOf(t, d, namespace, "chosen-oauth")
		mine := "gkcs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		d.Kubectl(t, "patch", "secret", "-n", namespace, "chosen-oauth", "-p", `{"stringData": {"client-secret": "`+mine+`"}}`)
		now := credentials{}
		demo.Eventually(t, repaired, "the Secret is repaired", func() error {
			if now = credentialsOf(t, d, namespace, "chosen-oauth"); now.secret == mine || now.secret == before.secret {
				return errors.New("it is not")
			}
			return nil
		})
		works(t, "chosen", before, now)
		if a := ask(t, d, "/v1/token", &credentials{before.id, mine}, clientCredentials); a.Error != "invalid_client" {
			t.Errorf("with the chosen secret: %d %s", a.Status, a.Error)
		}
	})
}

// A Secret that somebody else made is theirs: it is left as it is, and the client says so.
func TestSecretOfSomebodyElse(t *testing.T) {
	t.Parallel()
	d := world.Demo
	namespace := partner(t, "e2e-taken")
	d.Kubectl(t, "create", "secret", "generic", "-n", namespace, "taken-oauth", "--from-literal=precious=x")
	d.Apply(t, oauthClient(namespace, "taken", service))
	saysNot(t, namespace, "taken", "SecretReady", "SecretNameTaken", `Secret taken-oauth exists and the operator did not make it.*spec.secret.name`)
	if s := d.Secret(t, namespace, "taken-oauth"); len(s) != 1 || s["precious"] != "x" {
		t.Errorf("the Secret is %v", s)
	}
	saysNot(t, namespace, "taken", "Ready", "SecretNameTaken", "taken-oauth")
	d.Apply(t, oauthClient(namespace, "taken", service+"\nsecret: {name: free}"))
	d.Await(t, namespace, "taken", "Ready")
	gets(t, d, credentialsOf(t, d, namespace, "free"))
}

// Every spelling of credentials that apps use.
func TestCredentialsAreTakenAsAppsSendThem(t *testing.T) {
	t.Parallel()
	d := world.Demo
	namespace := partner(t, "e2e-spelling")
	d.Apply(t, oauthClient(namespace, "app", service+"\nclientID: app.with-a_name~"+namespace))
	d.Await(t, namespace, "app", "Ready")
	c := credentialsOf(t, d, namespace, "app-oauth")
	gets(t, d, c)
	gets(t, d, credentials{url.QueryEscape(c.id), url.QueryEscape(c.secret)})
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.id}, "client_secret": {c.secret}}
	if a := ask(t, d, "/v1/token", nil, form); a.Status != 200 {
		t.Errorf("in the body: %d %s", a.Status, a.Body)
	}
}
