package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	oidclib "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

// verified is an ID token that passed the checks which hold for every one (OpenID Connect Core section 3.1.3.7).
type verified struct {
	*oidclib.IDToken
	all map[string]any
	// tenant is set for a provider of many.
	tenant string
}

// verify checks the ID token of a token response. ErrCallback, or the keys are out of reach.
func (p *Provider) verify(ctx context.Context, m *metadata, tokens *oauth2.Token, now time.Time) (*verified, error) {
	raw, _ := tokens.Extra("id_token").(string)
	if strings.Count(raw, ".") != 2 {
		return nil, fmt.Errorf("%w: there is no ID token", idp.ErrCallback)
	}
	keys := &watched{KeySet: m.keys}
	token, err := oidclib.NewVerifier(m.Issuer, keys, &oidclib.Config{
		ClientID: p.declared.ClientID, SupportedSigningAlgs: m.SigningAlgorithms, Now: func() time.Time { return now },
		SkipIssuerCheck: true, // it knows no tenants, and has an exception for Google; the check is in issuer
	}).Verify(ctx, raw)
	if err != nil {
		if keys.away != nil {
			return nil, fmt.Errorf("the identity provider's keys: %w", keys.away)
		}
		return nil, fmt.Errorf("%w: %w", idp.ErrCallback, err)
	}
	v := &verified{IDToken: token}
	if err := token.Claims(&v.all); err != nil {
		return nil, fmt.Errorf("%w: %w", idp.ErrCallback, err)
	}
	if err := errors.Join(p.issuer(m, v), v.times(now), v.audience(p.declared.ClientID), v.accessToken(tokens.AccessToken)); err != nil {
		return nil, fmt.Errorf("%w: the ID token %w", idp.ErrCallback, err)
	}
	return v, nil
}

// watched tells keys that could not be fetched from signatures that are wrong.
type watched struct {
	oidclib.KeySet
	away error
}

// VerifySignature implements oidclib.KeySet.
func (w *watched) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := w.KeySet.VerifySignature(ctx, jwt)
	if err != nil && strings.HasPrefix(err.Error(), "fetching keys") {
		w.away = err
	}
	return payload, err
}

// issuer is exact. For many tenants it is the pattern with the token's own tid in its place.
func (p *Provider) issuer(m *metadata, v *verified) error {
	if p.declared.MultiTenant {
		v.tenant, _ = v.all["tid"].(string)
		if tenant, ok := tenantOf(p.declared.Issuer, v.Issuer); !ok || tenant != v.tenant {
			return errors.New("is of another issuer")
		}
	}
	if !p.isIssuer(m, v.Issuer) {
		return errors.New("is of another issuer")
	}
	return nil
}

// times checks that exp and iat are there; that exp is not past was checked with the signature.
func (v *verified) times(now time.Time) error {
	if _, ok := number(v.all["exp"]); !ok {
		return errors.New("has no exp")
	}
	if _, ok := number(v.all["iat"]); !ok {
		return errors.New("has no iat")
	}
	if v.IssuedAt.After(now.Add(skew)) {
		return errors.New("was issued in the future")
	}
	return nil
}

// audience wants this client, and where there are others too, this client as the authorized party.
func (v *verified) audience(client string) error {
	azp, has := v.all["azp"]
	if !slices.Contains(v.Audience, client) || len(v.Audience) > 1 && azp != client || has && azp != client {
		return errors.New("is for another client")
	}
	return nil
}

func (v *verified) accessToken(value string) error {
	if v.AccessTokenHash == "" || value == "" {
		return nil
	}
	if err := v.VerifyAccessToken(value); err != nil {
		return errors.New("is of another access token")
	}
	return nil
}

// belongTo checks what the sign-in had asked for: nonce and time of authentication.
func (v *verified) belongTo(kept idp.Pending) error {
	if kept.Nonce == "" || subtle.ConstantTimeCompare([]byte(kept.Nonce), []byte(v.Nonce)) != 1 {
		return fmt.Errorf("%w: the ID token has another nonce", idp.ErrCallback)
	}
	if kept.NotBefore == 0 {
		return nil
	}
	at, ok := number(v.all["auth_time"])
	switch {
	case !ok: // it is required when max_age was sent (OpenID Connect Core section 2)
		return fmt.Errorf("%w: the ID token does not say when the user signed in, and has to", idp.ErrCallback)
	case int64(at) < kept.NotBefore-int64(skew/time.Second):
		return fmt.Errorf("%w: the user signed in too long ago", idp.ErrCallback)
	}
	return nil
}

// number takes a number of JSON.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	default:
		return 0, false
	}
}
