package factor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	// MaxPasskeys is how many passkeys a user may have.
	MaxPasskeys = 10
	// MaxPasskeyName bounds what a passkey is called, in bytes.
	MaxPasskeyName = 60
	// CeremonyTTL is how long a browser has to answer a challenge.
	CeremonyTTL = 5 * time.Minute
	// maxResponse bounds what is parsed of a browser's answer, in bytes.
	maxResponse = 32 << 10
)

// Ceremony is a challenge to a browser (Web Authentication Level 3 section 7).
type Ceremony struct {
	// Options is JSON for the page's script: {"publicKey": ...}, as package page/passkey takes it.
	Options string
	// Kept is to be had back with the answer. It holds the challenge: the caller keeps it where the browser can neither
	// read nor change it, sealed and bound to the session.
	Kept []byte
}

// kept is what Ceremony.Kept encodes.
type kept struct {
	Session webauthn.SessionData `json:"session"`
	Expires time.Time            `json:"expires"`
	// Create tells a registration from a sign-in: one's challenge is none of the other's.
	Create bool `json:"create,omitempty"`
}

// relyingParty is the issuer as the browser knows it: the id is its host, the origin has the port too.
func (f *Factors) relyingParty() (*webauthn.WebAuthn, error) {
	server := f.Registry.Current().Server()
	if server == nil {
		return nil, ErrUnsupported
	}
	u, err := url.Parse(server.Issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil, ErrUnsupported
	}
	name := server.DisplayName
	if name == "" {
		name = u.Hostname()
	}
	rp, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: name, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return rp, nil
}

// PasskeysSupported reports whether browsers take passkeys for this issuer.
func (f *Factors) PasskeysSupported() bool { _, err := f.relyingParty(); return err == nil }

// owner is a user as the library wants it. The user handle is our random id, so that an authenticator learns nothing by it.
type owner struct {
	user        storage.User
	credentials []webauthn.Credential
}

// WebAuthnID is the user handle.
func (o owner) WebAuthnID() []byte { return []byte(o.user.ID) }

// WebAuthnName is what the person signs in with.
func (o owner) WebAuthnName() string { return o.user.Username }

// WebAuthnCredentials are the passkeys that the person has.
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

// WebAuthnDisplayName is the name that an authenticator shows.
func (o owner) WebAuthnDisplayName() string {
	if o.user.Name == "" {
		return o.user.Username
	}
	return o.user.Name
}

func (f *Factors) owner(ctx context.Context, user storage.User) (owner, error) {
	passkeys, err := f.Storage.Passkeys(ctx, user.ID)
	if err != nil {
		return owner{}, fmt.Errorf("passkeys: %w", err)
	}
	out := owner{user: user}
	for _, p := range passkeys {
		c, err := credentialOf(p)
		if err != nil {
			return owner{}, err
		}
		out.credentials = append(out.credentials, c)
	}
	return out, nil
}

// credentialOf decodes a stored passkey. The counter is the row's: it is what conditional writes are made on.
func credentialOf(p storage.Passkey) (webauthn.Credential, error) {
	var c webauthn.Credential
	if err := json.Unmarshal(p.Credential, &c); err != nil {
		return c, fmt.Errorf("a stored passkey cannot be read: %w", err)
	}
	c.Authenticator.SignCount, c.Authenticator.CloneWarning = p.SignCount, false
	return c, nil
}

// BeginPasskeyRegistration challenges the browser of a signed-in user to make a passkey. ErrUnsupported, ErrLimit.
func (f *Factors) BeginPasskeyRegistration(ctx context.Context, user storage.User, now time.Time) (Ceremony, error) {
	rp, err := f.relyingParty()
	if err != nil {
		return Ceremony{}, err
	}
	o, err := f.owner(ctx, user)
	if err != nil {
		return Ceremony{}, err
	}
	if len(o.credentials) >= MaxPasskeys {
		return Ceremony{}, ErrLimit
	}
	creation, session, err := rp.BeginRegistration(o,
		webauthn.WithExclusions(webauthn.Credentials(o.credentials).CredentialDescriptors()),
		webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()),
		// Preferred, not required: a key without either still is a second factor.
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		}),
	)
	if err != nil {
		return Ceremony{}, fmt.Errorf("challenge a browser: %w", err)
	}
	creation.Response.Timeout = int(CeremonyTTL.Milliseconds())
	return ceremony(creation, kept{Session: *session, Expires: now.Add(CeremonyTTL), Create: true})
}

// FinishPasskeyRegistration stores the passkey that the browser made for the user, under a name of the user's choice, and
// returns the methods that making it proved, as [Factors.FinishPasskey] does. ErrWrong, ErrKnown, ErrLimit.
func (f *Factors) FinishPasskeyRegistration(ctx context.Context, user storage.User, keptBack, response []byte, name string, now time.Time) ([]string, error) {
	k, rp, err := f.resume(ctx, keptBack, response, true, now)
	if err != nil {
		return nil, err
	}
	if string(k.Session.UserID) != user.ID {
		return nil, ErrWrong
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return nil, wrong(err)
	}
	credential, err := rp.CreateCredential(owner{user: user}, k.Session, parsed)
	if err != nil {
		return nil, wrong(err)
	}
	// What the device said of its maker is not kept: nobody asks for it, and it would say what people own.
	credential.Attestation = webauthn.CredentialAttestation{}
	encoded, err := json.Marshal(credential)
	if err != nil {
		return nil, fmt.Errorf("encode a passkey: %w", err)
	}
	err = f.Storage.AddPasskey(ctx, storage.Passkey{
		ID: credential.ID, UserID: user.ID, Name: passkeyName(name), Credential: encoded, SignCount: credential.Authenticator.SignCount,
		CreatedAt: now,
	}, MaxPasskeys)
	switch {
	case errors.Is(err, storage.ErrConflict):
		return nil, ErrKnown
	case errors.Is(err, storage.ErrLimit):
		return nil, ErrLimit
	case err != nil:
		return nil, fmt.Errorf("store a passkey: %w", err)
	}
	return methodsOf(credential, credential.Flags.UserVerified), nil
}

// methodsOf are the methods (amr) that a passkey proves.
func methodsOf(c *webauthn.Credential, verified bool) []string {
	out := []string{oauth.MethodHardwareKey}
	if c.Flags.BackupEligible {
		out[0] = oauth.MethodSoftwareKey
	}
	if verified {
		out = append(out, oauth.MethodMultiFactor)
	}
	return out
}

// passkeyName cuts a name at a rune.
func passkeyName(name string) string {
	name = strings.Join(strings.Fields(name), " ")
	for i := range name {
		if i > MaxPasskeyName {
			return strings.TrimSpace(name[:i-1])
		}
	}
	return name
}

// BeginPasskey challenges a browser to prove a passkey: as the second factor of user, or, when user is nil, as the only factor
// of whoever it belongs to; then the passkey must verify its user. ErrNone when user has no passkey, ErrUnsupported.
func (f *Factors) BeginPasskey(ctx context.Context, user *storage.User, now time.Time) (Ceremony, error) {
	rp, err := f.relyingParty()
	if err != nil {
		return Ceremony{}, err
	}
	var assertion *protocol.CredentialAssertion
	var session *webauthn.SessionData
	if user == nil {
		assertion, session, err = rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	} else {
		var o owner
		if o, err = f.owner(ctx, *user); err != nil {
			return Ceremony{}, err
		}
		if len(o.credentials) == 0 {
			return Ceremony{}, ErrNone
		}
		assertion, session, err = rp.BeginLogin(o, webauthn.WithUserVerification(protocol.VerificationPreferred))
	}
	if err != nil {
		return Ceremony{}, fmt.Errorf("challenge a browser: %w", err)
	}
	assertion.Response.Timeout = int(CeremonyTTL.Milliseconds())
	return ceremony(assertion, kept{Session: *session, Expires: now.Add(CeremonyTTL)})
}

// FinishPasskey checks the browser's answer and returns whose passkey it is and the methods (amr): "swk" for one that may be
// copied between the user's devices and "hwk" for one that may not, and "mfa" beside it when it verified its user, by a PIN or
// a fingerprint. As the only factor it always did. Whether the account may still sign in at its provider is for the caller to
// ask. ErrWrong; ErrCloned together with the user, for the audit log.
func (f *Factors) FinishPasskey(ctx context.Context, keptBack, response []byte, now time.Time) (storage.User, []string, error) {
	none := storage.User{}
	k, rp, err := f.resume(ctx, keptBack, response, false, now)
	if err != nil {
		return none, nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return none, nil, wrong(err)
	}
	passkey, user, err := f.Storage.Passkey(ctx, parsed.RawID)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrRevoked) {
		return none, nil, wrong(err)
	}
	if err != nil {
		return none, nil, fmt.Errorf("find a passkey: %w", err)
	}
	credential, err := validate(rp, k, passkey, user, parsed)
	if err != nil {
		return none, nil, err
	}
	if credential.Authenticator.CloneWarning {
		return user, nil, ErrCloned
	}
	seen := passkey.SignCount
	if passkey.Credential, err = json.Marshal(credential); err != nil {
		return none, nil, fmt.Errorf("encode a passkey: %w", err)
	}
	passkey.SignCount, passkey.LastUsedAt = credential.Authenticator.SignCount, now
	err = f.Storage.UsePasskey(ctx, passkey, seen)
	if errors.Is(err, storage.ErrConsumed) || errors.Is(err, storage.ErrNotFound) {
		return none, nil, wrong(err) // used, or removed, at the same moment
	}
	if err != nil {
		return none, nil, fmt.Errorf("use a passkey: %w", err)
	}
	return user, methodsOf(credential, parsed.Response.AuthenticatorData.Flags.HasUserVerified()), nil
}

// validate checks an answer against the one passkey that it says it is of, and, when the user was known, against all of that
// user's passkeys that were asked for.
func validate(rp *webauthn.WebAuthn, k kept, p storage.Passkey, user storage.User, parsed *protocol.ParsedCredentialAssertionData) (*webauthn.Credential, error) {
	c, err := credentialOf(p)
	if err != nil {
		return nil, err
	}
	o := owner{user: user, credentials: []webauthn.Credential{c}}
	if len(k.Session.UserID) == 0 {
		out, err := rp.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) {
			if string(handle) != user.ID {
				return nil, ErrWrong
			}
			return o, nil
		}, k.Session, parsed)
		return out, wrongUnless(err)
	}
	if string(k.Session.UserID) != user.ID {
		return nil, ErrWrong
	}
	asked := false
	for _, id := range k.Session.AllowedCredentialIDs {
		asked = asked || string(id) == string(p.ID)
	}
	if !asked {
		return nil, ErrWrong
	}
	// The library wants to see every passkey that was asked for; those removed meanwhile are gone. The one that answers counts.
	k.Session.AllowedCredentialIDs = [][]byte{p.ID}
	out, err := rp.ValidateLogin(o, k.Session, parsed)
	return out, wrongUnless(err)
}

// RemovePasskey removes a user's own, and the recovery codes when no other factor is left. ErrNone, also for somebody else's.
func (f *Factors) RemovePasskey(ctx context.Context, userID string, id []byte, now time.Time) error {
	err := f.Storage.RemovePasskey(ctx, userID, id)
	if errors.Is(err, storage.ErrNotFound) {
		return ErrNone
	}
	if err != nil {
		return fmt.Errorf("remove a passkey: %w", err)
	}
	return f.dropOrphanedCodes(ctx, userID, now)
}

// resume reads what was kept, and lets each challenge be answered once: counters are shared by all replicas.
func (f *Factors) resume(ctx context.Context, keptBack, response []byte, create bool, now time.Time) (kept, *webauthn.WebAuthn, error) {
	var k kept
	if len(response) > maxResponse || json.Unmarshal(keptBack, &k) != nil || k.Create != create || !now.Before(k.Expires) {
		return k, nil, ErrWrong
	}
	rp, err := f.relyingParty()
	if err != nil {
		return k, nil, err
	}
	sum := sha256.Sum256([]byte(k.Session.Challenge))
	n, _, err := f.Storage.Count(ctx, "passkey challenge "+hex.EncodeToString(sum[:16]), now, 2*CeremonyTTL)
	if err != nil {
		return k, nil, fmt.Errorf("use a challenge: %w", err)
	}
	if n > 1 {
		return k, nil, ErrWrong
	}
	return k, rp, nil
}

func ceremony(options any, k kept) (Ceremony, error) {
	o, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, fmt.Errorf("encode a challenge: %w", err)
	}
	raw, err := json.Marshal(k)
	if err != nil {
		return Ceremony{}, fmt.Errorf("encode a challenge: %w", err)
	}
	return Ceremony{Options: string(o), Kept: raw}, nil
}

// wrong is ErrWrong with the reason, for logs.
func wrong(cause error) error { return fmt.Errorf("%w: %w", ErrWrong, cause) }

func wrongUnless(err error) error {
	if err == nil {
		return nil
	}
	return wrong(err)
}
