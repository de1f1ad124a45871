package registration

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestK6SecretsPrintAsRedacted prints everything that holds a secret or a hash in every way a logger might.
func TestK6SecretsPrintAsRedacted(t *testing.T) {
	client, provider, keys := sampleClient(), sampleProvider(), sampleKeys(t)
	wrapped := struct {
		Client *Client
		Keys   Keys
		List   []SymmetricKey
		Map    map[string]*SigningKey
	}{client, *keys, keys.Sealing, map[string]*SigningKey{"k": &keys.Signing[0]}}
	values := map[string]any{
		"Client": *client, "*Client": client, "Authentication": client.Authentication, "SecretHash": client.Authentication.Secrets[0],
		"[]SecretHash": client.Authentication.Secrets, "*SecretHash": &client.Authentication.Secrets[0],
		"IdentityProvider": *provider, "*IdentityProvider": provider, "LocalProvider": *provider.Local, "LocalAccount": provider.Local.Accounts[0],
		"[]LocalAccount": provider.Local.Accounts, "*LocalAccount": &provider.Local.Accounts[0],
		"Keys": *keys, "*Keys": keys, "SigningKey": keys.Signing[0], "*SigningKey": &keys.Signing[0], "[]SigningKey": keys.Signing,
		"OIDC": *oidcProvider(), "*OIDC": oidcProvider(), "OIDCProvider": *oidcProvider().OIDC, "*OIDCProvider": oidcProvider().OIDC,
		"GitHub": *githubProvider(), "*GitHub": githubProvider(), "GitHubProvider": *githubProvider().GitHub, "*GitHubProvider": githubProvider().GitHub,
		"LDAP": *ldapProvider(), "*LDAP": ldapProvider(), "LDAPProvider": *ldapProvider().LDAP, "*LDAPProvider": ldapProvider().LDAP,
		"a provider as a document": Document(ldapProvider()), "AtRest": keysAtRest(t).AtRest, "keys at rest": keysAtRest(t),
		"SymmetricKey": keys.Sealing[0], "*SymmetricKey": &keys.Derivation[0], "[]SymmetricKey": keys.Sealing, "struct": wrapped, "Document": Document(keys),
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v"} {
			if strings.HasPrefix(verb, "%T") {
				noSecrets(t, name+" as "+verb, fmt.Sprintf(verb, v, v), keys)
				continue
			}
			noSecrets(t, name+" as "+verb, fmt.Sprintf(verb, v), keys)
		}
		noSecrets(t, name+" by Sprint", fmt.Sprint(v), keys)
		noSecrets(t, name+" in an error", fmt.Errorf("bad: %v", v).Error(), keys)
		var text bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v)
		noSecrets(t, name+" in a text log", text.String(), keys)
	}
	// A JSON log marshals what has no LogValue; a bare list of ours is not caught, and no code of ours logs one.
	for _, name := range []string{"Client", "*Client", "Authentication", "SecretHash", "*SecretHash", "IdentityProvider", "*IdentityProvider", "LocalProvider", "LocalAccount", "*LocalAccount", "Keys", "*Keys", "SigningKey", "*SigningKey", "SymmetricKey", "*SymmetricKey", "Document", "OIDC", "*OIDC", "OIDCProvider", "*OIDCProvider", "GitHub", "*GitHub", "GitHubProvider", "*GitHubProvider", "LDAP", "*LDAP", "LDAPProvider", "*LDAPProvider", "a provider as a document", "keys at rest"} {
		var b bytes.Buffer
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", values[name])
		noSecrets(t, name+" in a JSON log", b.String(), keys)
	}
	if s := fmt.Sprintf("%v %+v", keys.Signing[0], client.Authentication.Secrets[0]); strings.Count(s, "REDACTED") != 2 || !strings.Contains(s, "k1") {
		t.Errorf("got %s, want the ids and REDACTED", s)
	}
}

func noSecrets(t *testing.T, how, printed string, keys *Keys) {
	t.Helper()
	secrets := []string{sampleHash, samplePassword, "c2FsdHNhbHRzYWx0c2FsdA", "aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g", sampleUpstreamSecret, sampleBindPassword, "cn=reader"}
	for _, b := range [][]byte{keys.Signing[0].PKCS8, keys.Sealing[0].Key, keys.Derivation[0].Key} {
		b = b[len(b)/2:]
		decimal := strings.Trim(fmt.Sprintf("%d", b), "[]")
		secrets = append(secrets, hex.EncodeToString(b[:8]), string(b), decimal, strings.ReplaceAll(decimal, " ", ", "), base64.StdEncoding.EncodeToString(b)[4:12])
	}
	for _, s := range secrets {
		if strings.Contains(printed, s) || strings.Contains(strings.ToLower(printed), strings.ToLower(hex.EncodeToString([]byte(s)))) {
			t.Errorf("%s shows a secret: %.200s", how, printed)
			return
		}
	}
}
