package oidc

import (
	"context"
	"fmt"
	"strings"
	"time"

	oidclib "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

// Refresh implements idp.Refresher: it uses the upstream's refresh token, and asks userinfo with what it gets.
func (p *Provider) Refresh(ctx context.Context, subject string, kept []byte, now time.Time) (idp.Identity, error) {
	if len(kept) == 0 || !p.offline() { // kept from when offline_access was declared: nobody wants it asked about any more
		return idp.Identity{}, idp.ErrUnknown
	}
	m, err := p.metadata.get(ctx, now)
	if err != nil {
		return idp.Identity{}, err
	}
	tokens, err := p.config(m, "").TokenSource(p.through(ctx), &oauth2.Token{RefreshToken: string(kept)}).Token()
	if err != nil {
		return idp.Identity{}, tokenError(err, idp.ErrRefused)
	}
	v, err := p.refreshed(ctx, m, tokens, subject, now)
	if err != nil {
		return idp.Identity{}, err
	}
	identity, err := p.complete(ctx, m, tokens, v, string(kept))
	if err != nil {
		return idp.Identity{}, err
	}
	if identity.Subject != subject {
		return idp.Identity{}, fmt.Errorf("%w: the refresh token is somebody else's", idp.ErrRefused)
	}
	return identity, nil
}

// refreshed checks the ID token of a refresh, which need not be there (OpenID Connect Core section 12.2).
func (p *Provider) refreshed(ctx context.Context, m *metadata, tokens *oauth2.Token, subject string, now time.Time) (*verified, error) {
	if raw, _ := tokens.Extra("id_token").(string); raw != "" {
		return p.verify(ctx, m, tokens, now)
	}
	v := &verified{IDToken: &oidclib.IDToken{Subject: subject}, all: map[string]any{}}
	if p.declared.MultiTenant {
		v.tenant, v.Subject, _ = strings.Cut(subject, "/")
	}
	return v, nil
}
