package server

import (
	"context"

	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// WaitFor waits until the registrations that are served are as wanted, for those who write a folder and have to know when it counts.
// It returns the cause of ctx's end if that comes first.
func (s *Server) WaitFor(ctx context.Context, wanted func(*registry.Snapshot) bool) error {
	return s.registry.WaitFor(ctx, wanted)
}
