package server

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/grantkeeper/grantkeeper/server/internal/registry/file"
	"github.com/grantkeeper/grantkeeper/server/internal/registry/kube"
	"github.com/grantkeeper/grantkeeper/server/internal/replica"
)

// connect makes the source of registrations and, in a cluster, the report of what is loaded.
func (s *Server) connect() error {
	switch {
	case s.config.Folder != "" && s.config.Kube == nil:
		s.source = file.New(s.config.Folder, s.deps.Log)
		return nil
	case s.config.Folder == "" && s.config.Kube != nil:
		k := s.config.Kube
		client, err := kubernetes.NewForConfig(kube.Tune(k.REST))
		if err != nil {
			return err
		}
		s.source = kube.New(kube.Config{Client: client.CoreV1(), Namespace: k.Namespace, Server: k.Server, Log: s.deps.Log})
		s.reporter = replica.New(replica.Config{
			Client: client.CoordinationV1(), Namespace: k.Namespace, Server: k.Server, Name: k.Replica, PodUID: types.UID(k.PodUID),
			Version: s.registry.Version, Ready: s.ops.Ready, Log: s.deps.Log,
			Uses: func() string { return s.retiring.Report(s.registry.Current()) },
		})
		return nil
	default:
		return errors.New("registrations come either from a folder or from a cluster: set one of the two")
	}
}

const (
	collectEvery = time.Minute
	collectRows  = 1000
)

// housekeep removes what has expired and ends the grants of clients that are gone.
func (s *Server) housekeep(ctx context.Context) error {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	var gone []string // tried again until storage takes them
	for {
		select {
		case <-ctx.Done():
			return nil
		case uids := <-s.forget:
			gone = s.endGrants(ctx, append(gone, uids...))
		case <-tick.C:
			gone = s.endGrants(ctx, gone)
			s.collect(ctx)
		}
	}
}

// collect removes expired rows, in portions so that nobody waits long behind it.
func (s *Server) collect(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := s.storage.Collect(ctx, s.deps.Now(), collectRows)
		if err != nil {
			s.deps.Log.WarnContext(ctx, "expired rows could not be removed; trying again", "error", err)
			return
		}
		if n < collectRows {
			return
		}
	}
}

// endGrants returns the UIDs whose grants could not be ended.
func (s *Server) endGrants(ctx context.Context, uids []string) (left []string) {
	for _, uid := range uids {
		n, err := s.storage.RevokeClientGrants(ctx, uid, s.deps.Now())
		if err != nil {
			s.deps.Log.WarnContext(ctx, "the grants of a deleted client could not be ended; trying again", "uid", uid, "error", err)
			left = append(left, uid)
			continue
		}
		s.deps.Log.InfoContext(ctx, "a client was deleted", "uid", uid, "grants", n)
	}
	return left
}
