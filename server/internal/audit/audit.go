// Package audit writes one structured event for each thing that matters to someone who asks later who got what: a token
// issued, refreshed, revoked or refused, a sign-in, an approval.
//
// It owns which fields an event may have; there is no way to add another. Values that would open a door (tokens, codes,
// secrets, passwords) have no field.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/netip"
)

// Action is what happened.
type Action string

// The actions.
const (
	TokenIssued  Action = "token.issued"
	TokenRefused Action = "token.refused"
	// TokenReplayed is a code or a refresh token that came again after it was redeemed: somebody else may have it.
	TokenReplayed    Action = "token.replayed"
	DeviceStarted    Action = "device.started"
	DeviceRefused    Action = "device.refused"
	RequestPushed    Action = "authorize.pushed"
	PushRefused      Action = "authorize.push_refused"
	TokenRevoked     Action = "token.revoked"
	RevokeRefused    Action = "revoke.refused"
	IntrospectDenied Action = "introspect.refused"
)

// Event is one event. Empty fields are left out.
type Event struct {
	Action Action
	// Client is the client id; Namespace the OAuthClient's.
	Client    string
	Namespace string
	// User is the subject: an account's id, or "client:namespace/name".
	User    string
	Address netip.Addr
	// GrantType, GrantID and Scope say what for.
	GrantType string
	GrantID   string
	Scope     string
	// Provider is the name of the identity provider that somebody signed in at, or tried to.
	Provider string
	// Factor is the kind of second factor that was added or removed.
	Factor string
	// TokenID is a jti; it is written hashed.
	TokenID string
	// Error is the protocol error code of a refusal.
	Error string
	// Cause is the internal error behind it; errors of this project do not quote secrets.
	Cause error
	// Retried marks an answer that was given before.
	Retried bool
}

// Log writes events.
type Log struct{ log *slog.Logger }

// New returns a Log that writes to l.
func New(l *slog.Logger) *Log { return &Log{log: l} }

// Write writes an event: refusals that the server is to blame for as errors, the rest as information.
func (l *Log) Write(ctx context.Context, e Event) {
	level := slog.LevelInfo
	if e.Cause != nil && (e.Error == "temporarily_unavailable" || e.Error == "server_error") {
		level = slog.LevelError
	}
	if !l.log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 14)
	text := func(k, v string) {
		if v != "" {
			attrs = append(attrs, slog.String(k, v))
		}
	}
	text("client", e.Client)
	text("namespace", e.Namespace)
	text("user", e.User)
	if e.Address.IsValid() {
		text("address", e.Address.String())
	}
	text("grant_type", e.GrantType)
	text("grant", e.GrantID)
	text("scope", e.Scope)
	text("provider", e.Provider)
	text("factor", e.Factor)
	if e.TokenID != "" {
		sum := sha256.Sum256([]byte(e.TokenID))
		text("token", hex.EncodeToString(sum[:8]))
	}
	text("error", e.Error)
	if e.Cause != nil {
		text("cause", e.Cause.Error())
	}
	if e.Retried {
		attrs = append(attrs, slog.Bool("retried", true))
	}
	l.log.LogAttrs(ctx, level, string(e.Action), attrs...)
}
