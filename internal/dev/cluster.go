package dev

import "context"

func (s *session) runCluster(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
