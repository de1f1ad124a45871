package dev

import (
	"context"
	"fmt"
	"time"

	"github.com/grantkeeper/grantkeeper/server"
)

// endWithin is how long a part may take to end by itself once it was told to. What is then still under way ends with the
// process: nothing of it has to be kept.
const endWithin = 2 * time.Second

// running is a part that runs beside the others.
type running struct {
	name string
	end  context.CancelFunc
	done chan error
}

// start runs a part until it ends or is ended.
func start(name string, run func(context.Context) error) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{name: name, end: cancel, done: make(chan error, 1)}
	go func() { r.done <- run(ctx) }()
	return r
}

// stop ends the part and waits for it, but not for long.
func (r *running) stop() {
	r.end()
	select {
	case <-r.done: //nolint:errcheck // it was told to end, so how it did matters to nobody
	case <-time.After(endWithin):
	}
}

// ended describes an end that nobody asked for.
func (r *running) ended(err error, logs string) error {
	if err == nil {
		return fmt.Errorf("%s ended by itself; %s may say why", r.name, logs)
	}
	return fmt.Errorf("%s: %w", r.name, err)
}

// startServer starts the authorization server.
func (s *session) startServer(ctx context.Context, c server.Config) (*running, <-chan struct{}, error) {
	log, err := s.logs.part("server")
	if err != nil {
		return nil, nil, err
	}
	c.Listen, c.Operations = s.Listen, s.Operations
	srv, err := server.New(ctx, c, server.Deps{Log: log})
	if err != nil {
		return nil, nil, err
	}
	return start("the authorization server", srv.Run), srv.Ready(), nil
}
