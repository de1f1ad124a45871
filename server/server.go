package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/account"
	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/clientauth"
	"github.com/grantkeeper/grantkeeper/server/internal/edge"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/device"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/introspect"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/jwks"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/revoke"
	tokenendpoint "github.com/grantkeeper/grantkeeper/server/internal/endpoint/token"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/userinfo"
	"github.com/grantkeeper/grantkeeper/server/internal/factor"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/limit"
	"github.com/grantkeeper/grantkeeper/server/internal/login"
	"github.com/grantkeeper/grantkeeper/server/internal/logout"
	"github.com/grantkeeper/grantkeeper/server/internal/ops"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/replica"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/signer"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/storage/sqlite"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
	"github.com/grantkeeper/grantkeeper/server/internal/usage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// Config says where a server listens, where its registrations come from and where it keeps its data.
type Config struct {
	// Listen is the address of the issuer's listener, host:port.
	Listen string
	// Operations is the address of the listener for health and metrics; none when empty.
	Operations string
	// Folder holds registration documents as files. Exactly one of Folder and Kube is set.
	Folder string
	// Kube finds registration documents as Secrets.
	Kube *Kube
	// Version of the program, shown in metrics.
	Version string
	// SQLite is the path of the database file.
	SQLite string
	// PrivateLogouts lets clients be told of logouts at addresses of private networks. The addresses are app teams' word: it is
	// for platforms whose networks let the server reach nothing that those teams could not reach themselves.
	PrivateLogouts bool
	// Drain is how long the server goes on accepting after it has stopped being ready, so that nobody sends to a closed
	// listener.
	Drain time.Duration
}

// Kube is a namespace of a cluster.
type Kube struct {
	REST *rest.Config
	// Namespace and Server name the OAuthServer.
	Namespace string
	Server    string
	// Replica names this process among the replicas: the pod's name.
	Replica string
	// PodUID is that pod's UID; empty outside of a pod.
	PodUID string
}

// Deps are what the server takes from its surroundings.
type Deps struct {
	Log *slog.Logger
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Random must be safe for concurrent use; crypto/rand when nil.
	Random io.Reader
}

// Server is one replica.
type Server struct {
	config   Config
	deps     Deps
	registry *registry.Registry
	source   registry.Source
	storage  storage.Storage
	signer   *signer.Signer
	edge     *edge.Edge
	web      *web.Web
	login    *login.Login
	account  *account.Account
	logout   *logout.Logout
	notifier *logout.Notifier
	keySets  *clientauth.RemoteKeys
	retiring *usage.Tracker
	factors  *factor.Factors
	atRest   *seal.Sealer
	metrics  *ops.Metrics
	ops      *ops.Operations
	reporter *replica.Reporter

	token, par, device, revoke, introspect, userinfo, jwks, discovery http.Handler

	listener, operations net.Listener
	ready                chan struct{}
	forget               chan []string // UIDs of clients that are gone
}

// New opens the database and the listeners and wires everything. What it started is ended by Run, or by Close when Run is
// never called. Errors name what could not be opened and what to do.
func New(ctx context.Context, config Config, deps Deps) (*Server, error) {
	return newServer(ctx, config, deps, func(s storage.Storage) storage.Storage { return s })
}

// newServer lets tests put a fault between the server and its storage.
func newServer(ctx context.Context, config Config, deps Deps, around func(storage.Storage) storage.Storage) (_ *Server, err error) {
	deps = deps.defaults()
	s := &Server{config: config, deps: deps, ready: make(chan struct{}), forget: make(chan []string, 16)}
	s.registry, s.retiring = registry.New(deps.Log), usage.New()
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.listener, err = net.Listen("tcp", config.Listen); err != nil {
		return nil, fmt.Errorf("listen for requests: %w", err)
	}
	if config.Operations != "" {
		if s.operations, err = net.Listen("tcp", config.Operations); err != nil {
			return nil, fmt.Errorf("listen for operations: %w", err)
		}
	}
	engine, err := sqlite.Open(ctx, sqlite.Config{Path: config.SQLite, Clock: deps.Now, Logger: deps.Log})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := s.observe(engine, around(engine)); err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	if err := s.connect(); err != nil {
		return nil, err
	}
	return s, s.wire()
}

// observe sets up metrics and probes. engine is asked by the probes; through is what requests use.
func (s *Server) observe(engine, through storage.Storage) error {
	all := prometheus.NewRegistry()
	var err error
	if s.metrics, err = ops.NewMetrics(ops.MetricsConfig{Metrics: all, Registry: s.registry, Clock: s.deps.Now}); err != nil {
		return err
	}
	s.storage = s.metrics.Storage(through)
	s.ops, err = ops.New(ops.Config{Metrics: all, Registry: s.registry, Storage: engine, Version: s.config.Version, Log: s.deps.Log})
	return err
}

// wire makes the parts and connects them.
func (s *Server) wire() error {
	now, random := s.deps.Now, s.deps.Random
	s.signer = signer.New()
	s.edge = edge.New(s.registry, s.deps.Log)
	clients, err := s.wireClients()
	if err != nil {
		return err
	}
	issuer := token.NewIssuer(s.signer, random)
	events := audit.New(s.deps.Log)
	providers := s.wireProviders()
	upstream := grant.NewUpstream(providers, s.storage, s.atRest)
	pipeline := grant.NewPipeline(s.registry, clients, s.storage, issuer,
		grant.ClientCredentials{},
		grant.AuthorizationCode{Codes: s.storage, IDs: issuer, Accounts: providers},
		grant.DeviceCode{Devices: s.storage, IDs: issuer, Accounts: providers},
		grant.RefreshToken{Tokens: s.storage, Accounts: providers, Upstream: upstream},
	)
	s.token = &tokenendpoint.Endpoint{Registry: s.registry, Pipeline: pipeline, Audit: events, Metrics: s.metrics, Now: now, Address: s.edge.Address}
	s.device = &device.Endpoint{
		Registry: s.registry, Clients: clients, Devices: s.storage, Started: limit.New(device.PerAddress, time.Minute, 100_000),
		Audit: events, Metrics: s.metrics, Now: now, Random: random, Address: s.edge.Address,
	}
	s.revoke = &revoke.Endpoint{Registry: s.registry, Clients: clients, Issuer: issuer, Store: s.storage, Audit: events, Metrics: s.metrics, Now: now, Address: s.edge.Address}
	s.introspect = &introspect.Endpoint{Registry: s.registry, Clients: clients, Issuer: issuer, Store: s.storage, Accounts: providers, Audit: events, Metrics: s.metrics, Now: now, Address: s.edge.Address}
	s.userinfo = &userinfo.Endpoint{Registry: s.registry, Issuer: issuer, Store: s.storage, Accounts: providers, Now: now}
	s.jwks = &jwks.Endpoint{Signer: s.signer, MaxAge: registration.JWKSMaxAge}
	s.web, err = web.New(web.Deps{
		Registry: s.registry, Storage: s.storage, Accounts: providers, Now: now, Random: random,
		Address: s.edge.Address, RequestID: edge.RequestID, Log: s.deps.Log,
	})
	if err != nil {
		return err
	}
	lister, err := s.wireAccount(issuer)
	if err != nil {
		return err
	}
	s.wirePushed(clients, issuer, events)
	if err := s.wireLogin(issuer, providers, lister, upstream); err != nil {
		return err
	}
	if err := s.wireLogout(issuer); err != nil {
		return err
	}
	s.discovery = s.metadata(pipeline, clients) // after all that has routes
	s.registry.Prepare(s.prepare)
	s.registry.OnChange(s.changed)
	return nil
}

// prepare takes new keys into use before any request sees them: one that met a complete snapshot without its keys would be told
// that good tokens are bad.
func (s *Server) prepare(before, after *registry.Snapshot) {
	if keys := after.Keys(); keys != nil && keys != before.Keys() {
		if err := s.signer.Load(keys); err != nil {
			s.deps.Log.Error("the signing keys cannot be used; those before stay", "error", err)
		}
	}
}

// changed follows the registry: the grants of clients that are gone are ended in the background (their tokens are refused at
// once, since the client is no longer known).
func (s *Server) changed(before, after *registry.Snapshot) {
	if gone := registry.Deleted(before, after); len(gone) > 0 {
		uids := make([]string, 0, len(gone))
		for _, c := range gone {
			uids = append(uids, c.UID)
		}
		select {
		case s.forget <- uids:
		default: // the queue is full; the rows end by their expiry
		}
	}
	if s.reporter != nil {
		s.reporter.Notify()
	}
	if after.Complete() {
		select {
		case <-s.ready:
		default:
			close(s.ready)
		}
	}
}

// Ready is closed once requests can be served.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Address is where the server listens.
func (s *Server) Address() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends, then drains: no longer ready, then no new connections, then what is under way is finished, for
// at most 10 s. It closes everything that New opened.
func (s *Server) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.Close()) }()
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	main := s.httpServer(s.handler())
	servers := []*http.Server{main}
	group, failed := errgroup.WithContext(serving)
	group.Go(func() error { return ignore(s.source.Run(failed, s.registry), context.Canceled) })
	group.Go(func() error { return s.housekeep(failed) })
	group.Go(func() error { return s.notifier.Run(failed) })
	group.Go(func() error { return ignore(main.Serve(s.listener), http.ErrServerClosed) })
	if s.operations != nil {
		operations := s.httpServer(s.ops)
		servers = append(servers, operations)
		group.Go(func() error { return ignore(operations.Serve(s.operations), http.ErrServerClosed) })
	}
	if s.reporter != nil {
		group.Go(func() error { return ignore(s.reporter.Run(failed), context.Canceled) })
	}
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-failed.Done():
		}
		s.drain(servers...)
		stop()
		return nil
	})
	return group.Wait()
}

func (s *Server) drain(servers ...*http.Server) {
	s.ops.Drain()
	timer := time.NewTimer(s.config.Drain)
	defer timer.Stop()
	<-timer.C
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, h := range servers {
		if err := h.Shutdown(ctx); err != nil {
			s.deps.Log.Warn("requests were still under way after 10 s", "error", err)
			_ = h.Close()
		}
	}
}

// Close ends what New opened. It may be called again.
func (s *Server) Close() error {
	var errs []error
	for _, l := range []net.Listener{s.listener, s.operations} {
		if l != nil {
			errs = append(errs, ignore(l.Close(), net.ErrClosed))
		}
	}
	if s.keySets != nil {
		s.keySets.Close()
		s.keySets = nil
	}
	if s.storage != nil {
		errs = append(errs, s.storage.Close())
		s.storage = nil
	}
	return errors.Join(errs...)
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h,
		// "OPTIONS *" is a request like any other: for the issuer's host, or for nobody.
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            5 * time.Second,
		ReadTimeout:                  10 * time.Second,
		WriteTimeout:                 30 * time.Second,
		IdleTimeout:                  time.Minute,
		MaxHeaderBytes:               16 << 10,
		ErrorLog:                     slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelDebug),
	}
}

func (d Deps) defaults() Deps {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Random == nil {
		d.Random = rand.Reader
	}
	return d
}

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
