package registration

import (
	"fmt"
	"io"
	"log/slog"
)

// What follows keeps secrets and hashes out of logs (K6): every type that holds one prints its identity and REDACTED,
// under every verb, in slog, and where loggers look for a Stringer. Only the codec writes the content.

func write(f fmt.State, s string) { _, _ = io.WriteString(f, s) }

// String names the keys' server and hides the keys.
func (d Keys) String() string {
	return fmt.Sprintf("Keys{%s/%s signing=%d sealing=%d derivation=%d atRest=%d REDACTED}",
		d.Namespace, d.Name, len(d.Signing), len(d.Sealing), len(d.Derivation), len(d.AtRest))
}

// Format is String under every verb.
func (d Keys) Format(f fmt.State, _ rune) { write(f, d.String()) }

// LogValue is String.
func (d Keys) LogValue() slog.Value { return slog.StringValue(d.String()) }

// String names the key and hides it.
func (k SigningKey) String() string {
	return fmt.Sprintf("SigningKey{%s %s %s REDACTED}", k.ID, k.Algorithm, k.State)
}

// Format is String under every verb.
func (k SigningKey) Format(f fmt.State, _ rune) { write(f, k.String()) }

// LogValue is String.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// String names the key and hides it.
func (k SymmetricKey) String() string { return fmt.Sprintf("SymmetricKey{%s REDACTED}", k.ID) }

// Format is String under every verb.
func (k SymmetricKey) Format(f fmt.State, _ rune) { write(f, k.String()) }

// LogValue is String.
func (k SymmetricKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// String names the secret and hides its hash.
func (h SecretHash) String() string { return fmt.Sprintf("SecretHash{%s REDACTED}", h.ID) }

// Format is String under every verb.
func (h SecretHash) Format(f fmt.State, _ rune) { write(f, h.String()) }

// LogValue is String.
func (h SecretHash) LogValue() slog.Value { return slog.StringValue(h.String()) }

// String names the account and hides its hash.
func (a LocalAccount) String() string { return fmt.Sprintf("LocalAccount{%s REDACTED}", a.Username) }

// Format is String under every verb.
func (a LocalAccount) Format(f fmt.State, _ rune) { write(f, a.String()) }

// LogValue is String.
func (a LocalAccount) LogValue() slog.Value { return slog.StringValue(a.String()) }

// String names the issuer and hides the client secret.
func (p OIDCProvider) String() string {
	return fmt.Sprintf("OIDCProvider{%s %s REDACTED}", p.Issuer, p.ClientID)
}

// Format is String under every verb.
func (p OIDCProvider) Format(f fmt.State, _ rune) { write(f, p.String()) }

// LogValue is String.
func (p OIDCProvider) LogValue() slog.Value { return slog.StringValue(p.String()) }

// String names the server and hides the client secret.
func (p GitHubProvider) String() string {
	return fmt.Sprintf("GitHubProvider{%s %s REDACTED}", p.URL, p.ClientID)
}

// Format is String under every verb.
func (p GitHubProvider) Format(f fmt.State, _ rune) { write(f, p.String()) }

// LogValue is String.
func (p GitHubProvider) LogValue() slog.Value { return slog.StringValue(p.String()) }

// String names the server and hides who searches, and the password.
func (p LDAPProvider) String() string {
	return fmt.Sprintf("LDAPProvider{%s REDACTED}", p.URL)
}

// Format is String under every verb.
func (p LDAPProvider) Format(f fmt.State, _ rune) { write(f, p.String()) }

// LogValue is String.
func (p LDAPProvider) LogValue() slog.Value { return slog.StringValue(p.String()) }

// What holds one of the above prints in short as well: under a verb that does not fit, fmt prints a nested pointer
// without asking it, and a handler that writes JSON marshals whatever has no LogValue.

// String names the client.
func (d Client) String() string {
	return fmt.Sprintf("Client{%s %s generation=%d}", d.DocumentName(), d.ClientID, d.Generation)
}

// Format is String under every verb.
func (d Client) Format(f fmt.State, _ rune) { write(f, d.String()) }

// LogValue is String.
func (d Client) LogValue() slog.Value { return slog.StringValue(d.String()) }

// String lists the methods and counts the secrets.
func (a Authentication) String() string {
	return fmt.Sprintf("Authentication{%v secrets=%d}", a.Methods, len(a.Secrets))
}

// Format is String under every verb.
func (a Authentication) Format(f fmt.State, _ rune) { write(f, a.String()) }

// LogValue is String.
func (a Authentication) LogValue() slog.Value { return slog.StringValue(a.String()) }

// String names the provider.
func (d IdentityProvider) String() string {
	return fmt.Sprintf("IdentityProvider{%s/%s}", d.Namespace, d.Name)
}

// Format is String under every verb.
func (d IdentityProvider) Format(f fmt.State, _ rune) { write(f, d.String()) }

// LogValue is String.
func (d IdentityProvider) LogValue() slog.Value { return slog.StringValue(d.String()) }

// String counts the accounts.
func (l LocalProvider) String() string {
	return fmt.Sprintf("LocalProvider{accounts=%d}", len(l.Accounts))
}

// Format is String under every verb.
func (l LocalProvider) Format(f fmt.State, _ rune) { write(f, l.String()) }

// LogValue is String.
func (l LocalProvider) LogValue() slog.Value { return slog.StringValue(l.String()) }
