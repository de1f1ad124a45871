package crd_test

import (
	"context"
	"testing"
)

// updateRule is a manifest that is accepted, and an edit of it.
type updateRule struct {
	kind, before, after string
	// field and message of the refusal; both empty when the edit is to be accepted.
	field, message string
}

func updateRules() map[string]updateRule {
	const (
		serverRef = "serverRef is immutable, adding and removing it included; delete the OAuthClient and create it again"
		clientID  = "clientID is immutable, adding and removing it included; delete the OAuthClient and create it again"
		class     = "storageClassName is immutable, adding and removing it included; delete the OAuthServer and create it again"
		shrink    = "size must not shrink, because a volume cannot; restore the old size or choose a larger one"
		id        = "identifier is immutable, because tokens carry it; delete the OAuthResource and create it again"
	)
	client := func(before, after, field, message string) updateRule {
		return updateRule{"OAuthClient", before, after, field, message}
	}
	server := func(before, after, field, message string) updateRule {
		return updateRule{"OAuthServer", "{issuer: https://a.example" + before + "}", "{issuer: https://a.example" + after + "}", field, message}
	}
	return map[string]updateRule{
		"serverRef changed":            client(`{type: Service, serverRef: {name: a}}`, `{type: Service, serverRef: {name: b}}`, "spec.serverRef", serverRef),
		"serverRef's namespace added":  client(`{type: Service, serverRef: {name: a}}`, `{type: Service, serverRef: {name: a, namespace: b}}`, "spec.serverRef", serverRef),
		"serverRef added":              client(`{type: Service}`, `{type: Service, serverRef: {name: a}}`, "spec.serverRef", serverRef),
		"serverRef removed":            client(`{type: Service, serverRef: {name: a}}`, `{type: Service}`, "spec.serverRef", serverRef),
		"clientID changed":             client(`{type: Service, clientID: a}`, `{type: Service, clientID: b}`, "spec.clientID", clientID),
		"clientID added":               client(`{type: Service}`, `{type: Service, clientID: a}`, "spec.clientID", clientID),
		"clientID removed":             client(`{type: Service, clientID: a}`, `{type: Service}`, "spec.clientID", clientID),
		"everything else of a client":  client(`{type: Service, serverRef: {name: a}, clientID: a}`, `{type: Device, serverRef: {name: a}, clientID: a, scopes: [openid], suspended: true}`, "", ""),
		"an issuer may change":         {"OAuthServer", `{issuer: "https://a.example"}`, `{issuer: "https://b.example"}`, "", ""},
		"a volume that shrinks":        server(`, storage: {sqlite: {size: 2Gi}}`, `, storage: {sqlite: {size: 2047Mi}}`, "spec.storage.sqlite.size", shrink),
		"a volume back to the default": server(`, storage: {sqlite: {size: 2Gi}}`, ``, "spec.storage.sqlite.size", shrink),
		"a volume that grows":          server(``, `, storage: {sqlite: {size: 2Gi}}`, "", ""),
		"the same size otherwise":      server(`, storage: {sqlite: {size: 2Gi}}`, `, storage: {sqlite: {size: 2048Mi}}`, "", ""),
		"a storage class changed":      server(`, storage: {sqlite: {storageClassName: a}}`, `, storage: {sqlite: {storageClassName: b}}`, "spec.storage.sqlite.storageClassName", class),
		"a storage class added":        server(``, `, storage: {sqlite: {storageClassName: b}}`, "spec.storage.sqlite.storageClassName", class),
		"a storage class removed":      server(`, storage: {sqlite: {storageClassName: b}}`, ``, "spec.storage.sqlite.storageClassName", class),
		"an identifier changed":        {"OAuthResource", `{identifier: "urn:a:b"}`, `{identifier: "urn:a:c"}`, "spec.identifier", id},
		"everything else of a resource": {"OAuthResource", `{identifier: "urn:a:b"}`,
			`{identifier: "urn:a:b", serverRef: {name: a}, title: A, scopes: [{name: a, title: A}]}`, "", ""},
		"a policy may change": {"OAuthGrantPolicy", `{clients: {}, allow: {}}`, `{serverRef: {name: a}, clients: {selector: {}}, allow: {scopes: [a]}, priority: 3}`, "", ""},
	}
}

func TestConvention13Updates(t *testing.T) {
	c := newClient(t)
	for sentence, u := range updateRules() {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t, c)
			before := manifest(t, u.kind, namespace, "sample", u.before)
			if err := c.Create(context.Background(), before); err != nil {
				t.Fatal(err)
			}
			after := manifest(t, u.kind, namespace, "sample", u.after)
			after.SetResourceVersion(before.GetResourceVersion())
			err := c.Update(context.Background(), after)
			switch {
			case u.field == "" && err != nil:
				t.Errorf("refused, should be accepted: %v", err)
			case u.field != "" && err == nil:
				t.Errorf("accepted, should be refused: %s: %s", u.field, u.message)
			case u.field != "":
				expectRefusal(t, err, u.field, u.message)
			}
		})
	}
}
