package e2e

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

func TestSuspended(t *testing.T) {
	t.Parallel()
	d := world.Demo
	namespace := partner(t, "e2e-suspended")
	d.Apply(t, oauthClient(namespace, "job", service)+object("OAuthClient", namespace, "tool", "kind: cli", "type: Device\nscopes: [openid, offline_access]"))
	d.Await(t, namespace, "job", "Ready")
	d.Await(t, namespace, "tool", "Ready")
	c := credentialsOf(t, d, namespace, "job-oauth")
	gets(t, d, c)
	tokens := deviceLogin(t, d, namespace+".tool")

	d.Kubectl(t, "patch", "oauthclient", "-n", namespace, "job", "--type=merge", `-p={"spec":{"suspended":true}}`)
	refused(t, d, cutOff, c)
	d.Kubectl(t, "patch", "oauthclient", "-n", namespace, "tool", "--type=merge", `-p={"spec":{"suspended":true}}`)
	demo.Eventually(t, cutOff, "the user's tokens are refused", func() error {
		if userinfo(t, d, tokens.AccessToken).Status != 401 {
			return errors.New("userinfo answers")
		}
		return nil
	})
	if a := refresh(t, d, namespace+".tool", tokens.RefreshToken); a.Error != "invalid_client" {
		t.Errorf("refresh: %d %s", a.Status, a.Error)
	}
	saysNot(t, namespace, "job", "Ready", "Suspended", "spec.suspended")

	for _, name := range []string{"job", "tool"} {
		d.Kubectl(t, "patch", "oauthclient", "-n", namespace, name, "--type=merge", `-p={"spec":{"suspended":false}}`)
		d.Await(t, namespace, name, "Ready")
	}
	gets(t, d, c)
	if a := refresh(t, d, namespace+".tool", tokens.RefreshToken); a.Status != 200 {
		t.Errorf("nothing is deleted by a suspension, but refresh answers %d %s", a.Status, a.Error)
	}
}

func TestDeleted(t *testing.T) {
	t.Parallel()
	d := world.Demo
	namespace := partner(t, "e2e-deleted")
	job := oauthClient(namespace, "job", service)
	tool := object("OAuthClient", namespace, "tool", "kind: cli", "type: Device\nscopes: [openid, offline_access, orders.read]")
	d.Apply(t, job+tool)
	d.Await(t, namespace, "job", "Ready")
	d.Await(t, namespace, "tool", "Ready")
	before := credentialsOf(t, d, namespace, "job-oauth")
	jobToken := gets(t, d, before).AccessToken
	tokens := deviceLogin(t, d, namespace+".tool")
	open := ask(t, d, "/v1/device_authorization", nil, url.Values{"client_id": {namespace + ".tool"}})

	began := time.Now()
	d.Kubectl(t, "delete", "oauthclient", "-n", namespace, "job", "tool")
	if took := time.Since(began); took > demo.Patience(2*time.Second) {
		t.Errorf("kubectl delete took %v", took)
	}
	refused(t, d, cutOff, before)
	demo.Eventually(t, cutOff, "the user's tokens are refused", func() error {
		if userinfo(t, d, tokens.AccessToken).Status != 401 || refresh(t, d, namespace+".tool", tokens.RefreshToken).Error != "invalid_client" {
			return errors.New("they are not")
		}
		return nil
	})

	t.Run("one of the same name inherits nothing", func(t *testing.T) {
		demo.Eventually(t, soon, "the Secret of the deleted client is gone", func() error {
			if _, err := d.TryKubectl(t.Context(), "", "get", "secret", "-n", namespace, "job-oauth"); err == nil {
				return errors.New("it is not")
			}
			return nil
		})
		d.Apply(t, job+tool)
		d.Await(t, namespace, "job", "Ready")
		d.Await(t, namespace, "tool", "Ready")
		now := credentialsOf(t, d, namespace, "job-oauth")
		if now.id != before.id || now.secret == before.secret {
			t.Error("it has the secret of the one before")
		}
		gets(t, d, now)
		if a := ask(t, d, "/v1/token", &before, clientCredentials); a.Error != "invalid_client" {
			t.Errorf("the secret of the one before: %d %s", a.Status, a.Error)
		}
		if a := ask(t, d, "/v1/introspect", &now, url.Values{"token": {jobToken}}); a.Active {
			t.Error("the token of the one before is active")
		}
		if a := userinfo(t, d, tokens.AccessToken); a.Status != 401 {
			t.Errorf("the user's access token: %d", a.Status)
		}
		if a := refresh(t, d, namespace+".tool", tokens.RefreshToken); a.Error != "invalid_grant" {
			t.Errorf("the user's refresh token: %d %s", a.Status, a.Error)
		}
		form := url.Values{"client_id": {namespace + ".tool"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {open.DeviceCode}}
		if a := ask(t, d, "/v1/token", nil, form); a.Error != "invalid_grant" {
			t.Errorf("a device login that had begun: %d %s", a.Status, a.Error)
		}
	})
}

// The API that a token is for learns by introspection that its client is gone.
func TestIntrospectionByTheAPI(t *testing.T) {
	t.Parallel()
	d := world.Demo
	namespace := partner(t, "e2e-api")
	d.Apply(t, oauthClient(namespace, "gateway", "type: Service\nscopes: [parcels.read]")+
		object("OAuthClient", namespace, "tool", "kind: parcels", "type: Device\nscopes: [openid, offline_access, parcels.read]")+
		object("OAuthResource", "oauth-system", "parcels", "", "identifier: https://parcels.example.com\nscopes: [{name: parcels.read, title: Read your parcels}]\nresourceServers: [{namespace: "+namespace+", name: gateway}]")+
		object("OAuthGrantPolicy", "oauth-system", "parcels", "", "priority: 5\nclients: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "+namespace+"}}}\n"+
			"allow: {grantTypes: [client_credentials, refresh_token, \"urn:ietf:params:oauth:grant-type:device_code\"], scopes: [openid, offline_access, parcels.read]}"))
	d.Await(t, namespace, "gateway", "Ready")
	d.Await(t, namespace, "tool", "Ready")
	gateway := credentialsOf(t, d, namespace, "gateway-oauth")
	tokens := deviceLogin(t, d, namespace+".tool")
	introspect := func(token string) answer {
		return ask(t, d, "/v1/introspect", &gateway, url.Values{"token": {token}})
	}
	if a := introspect(tokens.AccessToken); !a.Active || a.ClientID != namespace+".tool" {
		t.Errorf("its own token: %d %s", a.Status, a.Body)
	}
	if a := introspect(tokens.RefreshToken); a.Active || a.Body != `{"active":false}` {
		t.Errorf("a refresh token is no business of the API's: %s", a.Body)
	}
	elsewhere := gets(t, d, credentialsOf(t, d, "partners", "reports-oauth"))
	if a := introspect(elsewhere.AccessToken); a.Active || a.Body != `{"active":false}` {
		t.Errorf("a token for another API: %s", a.Body)
	}
	d.Kubectl(t, "delete", "oauthclient", "-n", namespace, "tool")
	demo.Eventually(t, cutOff, "the token is inactive", func() error {
		if introspect(tokens.AccessToken).Active {
			return errors.New("it is not")
		}
		return nil
	})
}
