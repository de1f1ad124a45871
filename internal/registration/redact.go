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
	return fmt.Sprintf("Keys{%s/%s signing=%d sealing=%d derivation=%d REDACTED}",
		d.Namespace, d.Name, len(d.Signing), len(d.Sealing), len(d.Derivation))
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

// LogValue names the client. A handler that writes JSON would otherwise marshal the hashes of its secrets.
func (d Client) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", d.DocumentName()), slog.String("clientID", d.ClientID), slog.Int64("generation", d.Generation))
}

// LogValue names the provider. A handler that writes JSON would otherwise marshal the hashes of its passwords.
func (d IdentityProvider) LogValue() slog.Value {
	return slog.GroupValue(slog.String("namespace", d.Namespace), slog.String("name", d.Name))
}

// LogValue counts the accounts.
func (p LocalProvider) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("accounts", len(p.Accounts)))
}

// LogValue lists the methods and counts the secrets.
func (a Authentication) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("methods", a.Methods), slog.Int("secrets", len(a.Secrets)))
}
