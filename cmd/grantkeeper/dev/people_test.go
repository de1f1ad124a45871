package dev

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/config/crd"
	"github.com/grantkeeper/grantkeeper/internal/keyring"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// TestKeysAtRest: a folder of before has keys without any at rest, and gets one without losing what there was.
func TestKeysAtRest(t *testing.T) {
	data, err := openData(filepath.Join(t.TempDir(), "data"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = data.close() }() // it goes with the test
	s, err := openStore(data, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	owner, now := types.NamespacedName{Namespace: "oauth-system", Name: "main"}, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	made, _, err := s.serverKeys(owner, keyring.Settings{}, now)
	if err != nil || len(made.AtRest) != 1 {
		t.Fatalf("made %v, %v", made, err)
	}
	old := *made
	old.AtRest = nil
	b, err := registration.Encode(&old)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.keys, "oauth-system.main.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	mended, _, err := s.serverKeys(owner, keyring.Settings{}, now.Add(time.Minute))
	if err != nil || len(mended.AtRest) != 1 || !cmp.Equal(mended.Sealing, made.Sealing) || !cmp.Equal(mended.Signing, made.Signing) {
		t.Fatalf("mended %v, %v", mended, err)
	}
	again, _, err := s.serverKeys(owner, keyring.Settings{}, now.Add(2*time.Minute))
	if err != nil || !cmp.Equal(mended.AtRest, again.AtRest) {
		t.Errorf("the key at rest was not kept: %v, %v", again, err)
	}
}

// TestUpstreamsFromAFolder: a provider reads the Secret of the folder if that opted in; only local accounts have a stand-in.
func TestUpstreamsFromAFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "platform.yaml", platformManifests)
	write(t, dir, "providers.yaml", `
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthIdentityProvider
metadata: {name: corp, namespace: oauth}
spec: {oidc: {issuer: "https://idp.example.com", clientSecretRef: {name: corp-idp}}}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthIdentityProvider
metadata: {name: late, namespace: oauth}
spec: {github: {clientSecretRef: {name: not-there}}}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthIdentityProvider
metadata: {name: shut, namespace: oauth}
spec: {google: {clientSecretRef: {name: not-opted-in}}}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthIdentityProvider
metadata: {name: open, namespace: oauth}
spec: {ldap: {url: "ldap://127.0.0.1:3389", users: {baseDN: "dc=example,dc=com"}}}
---
apiVersion: v1
kind: Secret
metadata: {name: corp-idp, namespace: oauth, labels: {grantkeeper.dev/referenced: "true"}}
stringData: {client-id: grantkeeper, client-secret: hunter2}
---
apiVersion: v1
kind: Secret
metadata: {name: not-opted-in, namespace: oauth}
stringData: {client-id: grantkeeper, client-secret: hunter2}
`)
	crds, err := crd.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := manifest.NewLoader(crds).Load(t.Context(), dir)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	demo, err := newAccount(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := compileSet(inputs{set: &set, server: chooseServer(set.Servers), accounts: demo})
	kinds := map[string]string{}
	for _, d := range p.documents {
		if i, ok := d.(*registration.IdentityProvider); ok && i.Local == nil {
			kinds[i.Name] = "other"
			if i.OIDC != nil {
				kinds[i.Name] = i.OIDC.ClientID + " " + i.OIDC.ClientSecret
			}
		}
	}
	if diff := cmp.Diff(map[string]string{"corp": "grantkeeper hunter2", "open": "other"}, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	refused := map[string]v1alpha1.ConditionReason{}
	for _, r := range p.refused {
		refused[r.key.Name] = r.findings[0].Reason
	}
	if diff := cmp.Diff(map[string]v1alpha1.ConditionReason{"late": v1alpha1.ReasonSecretNotFound, "shut": v1alpha1.ReasonSecretNotFound}, refused); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
