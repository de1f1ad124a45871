package dev

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/config/crd"
	"github.com/grantkeeper/grantkeeper/controllers"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/controlplane"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
	"github.com/grantkeeper/grantkeeper/internal/version"
	"github.com/grantkeeper/grantkeeper/server"
)

// clusterMode is a control plane with the operator and the server beside it.
type clusterMode struct {
	*session
	cp *controlplane.ControlPlane
	// client reads and writes without a cache.
	client client.Client
	// set is what was applied.
	set *manifest.Set
	// server is the OAuthServer that is run, as its manifest has it.
	server v1alpha1.OAuthServer
	// demo is true when the demo account can sign in.
	demo bool
}

func (s *session) runCluster(ctx context.Context) (err error) {
	set, err := s.manifests(ctx)
	if err != nil {
		return err
	}
	assets, err := s.findAssets()
	if err != nil {
		return err
	}
	log, err := s.quietLogs()
	if err != nil {
		return err
	}
	line(s.Err, "starting etcd and kube-apiserver ...")
	cp, err := controlplane.Start(ctx, controlplane.Config{Assets: assets, DataDir: s.data.path, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cp.Stop()) }()
	line(s.Err, "kube-apiserver is up (%v)", s.elapsed())
	c := &clusterMode{session: s, cp: cp, set: set, server: *chooseServer(set.Servers)}
	return c.run(ctx, log)
}

// manifests reads what is to be applied. Here a manifest that is wrong ends it: everything else would look like a demo that
// half works.
func (s *session) manifests(ctx context.Context) (*manifest.Set, error) {
	set, problems := s.loader.Load(ctx, s.Manifests)
	if len(problems) > 0 {
		s.problems(problems)
		if s.samples && len(set.Files) == 0 {
			return nil, fmt.Errorf("there is no folder %s here; run this from the repository, or name a folder with manifests (--manifests or --files)", DefaultManifests)
		}
		return nil, fmt.Errorf("%s in %s; see above", plural(len(problems), "problem"), s.Manifests)
	}
	if chooseServer(set.Servers) == nil {
		return nil, fmt.Errorf("%s: %w", s.Manifests, errNoServer)
	}
	return &set, nil
}

// quietLogs sends what the libraries say to a file.
func (s *session) quietLogs() (*slog.Logger, error) {
	log, err := s.logs.part("operator")
	if err != nil {
		return nil, err
	}
	klog.SetSlogLogger(log)
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	return log, nil
}

func (s *session) elapsed() time.Duration { return time.Since(s.began).Round(100 * time.Millisecond) }

// run does everything that needs the API server.
func (c *clusterMode) run(ctx context.Context, log *slog.Logger) error {
	crds, err := crd.CRDs()
	if err != nil {
		return err
	}
	if err := controlplane.InstallCRDs(ctx, c.cp.REST, crds); err != nil {
		return err
	}
	operator, err := c.startOperator(log)
	if err != nil {
		return err
	}
	defer operator.stop()
	collector := start("the garbage collector", func(ctx context.Context) error { return collectGarbage(ctx, c.client, log) })
	defer collector.stop()
	if err := c.apply(ctx); err != nil {
		return err
	}
	srv, ready, err := c.startServer(ctx, server.Config{
		Version: version.String(),
		SQLite:  filepath.Join(c.data.path, "grantkeeper.db"),
		Kube:    &server.Kube{REST: c.restConfig("grantkeeper-server"), Namespace: c.server.Namespace, Server: c.server.Name, Replica: "dev"},
	})
	if err != nil {
		return err
	}
	defer srv.stop()

	ended := c.watchParts(ctx, operator, srv)
	if err := c.awaitReady(ctx, ready, ended); err != nil {
		return err
	}
	s, err := c.summary(ctx)
	if err != nil {
		return err
	}
	if err := s.write(c.Out); err != nil {
		return err
	}
	return c.follow(ctx, ended)
}

// restConfig is the connection of one part, by which the API server's audit and fair queueing tell them apart.
func (c *clusterMode) restConfig(agent string) *rest.Config {
	out := rest.CopyConfig(c.cp.REST)
	out.UserAgent = agent
	return out
}

// startOperator runs the controllers. They make no workload: the server runs here.
func (c *clusterMode) startOperator(log *slog.Logger) (*running, error) {
	options := controllers.Options{}
	// Names of controllers need not be unique in the process here: tests start it more than once.
	again := true
	m := manager.Options{
		Logger:                 logr.FromSlogHandler(log.Handler()),
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
		Controller:             config.Controller{SkipNameValidation: &again},
	}
	grace := endWithin / 2
	m.GracefulShutdownTimeout = &grace
	if err := controllers.Configure(&m, options); err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(c.restConfig("grantkeeper-operator"), m)
	if err != nil {
		return nil, err
	}
	if err := controllers.Register(mgr, options); err != nil {
		return nil, err
	}
	if c.client, err = client.New(c.restConfig("grantkeeper-dev"), client.Options{Scheme: m.Scheme}); err != nil {
		return nil, err
	}
	return start("the operator", mgr.Start), nil
}

// watchParts tells of the first part that ends without being asked to.
func (c *clusterMode) watchParts(ctx context.Context, parts ...*running) <-chan error {
	ended := make(chan error, len(parts)+1)
	go func() {
		if err := c.cp.Wait(ctx); err != nil {
			ended <- err
		}
	}()
	for _, p := range parts {
		go func() {
			select {
			case err := <-p.done:
				p.done <- err // for stop
				if ctx.Err() == nil {
					ended <- p.ended(err, c.logs.dir)
				}
			case <-ctx.Done():
			}
		}()
	}
	return ended
}

// follow applies manifests again as they are saved. What is taken out of them is not deleted: that is kubectl's job.
func (c *clusterMode) follow(ctx context.Context, ended <-chan error) error {
	w, err := watch(c.Manifests)
	if err != nil {
		return err
	}
	defer w.close() // nothing was written
	changed := make(chan error)
	go func() {
		for ctx.Err() == nil {
			select {
			case changed <- w.next(ctx):
			case <-ctx.Done():
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return err
		case err := <-changed:
			if err != nil {
				return err
			}
		}
		set, err := c.manifests(ctx)
		if err == nil {
			c.set, c.server = set, *chooseServer(set.Servers)
			err = c.apply(ctx)
		}
		if err != nil {
			line(c.Err, "%s  %v", time.Now().Format(time.TimeOnly), err)
			continue
		}
		line(c.Err, "%s  applied %s", time.Now().Format(time.TimeOnly), c.Manifests)
	}
}

// summary picks the clients to show, of those that are ready.
func (c *clusterMode) summary(ctx context.Context) (summary, error) {
	s := c.baseSummary(c.server.Spec.Issuer, c.demo)
	s.Kubeconfig, s.Kubectl, s.Edit = c.cp.Kubeconfig, "kubectl", c.Manifests
	if _, err := exec.LookPath("kubectl"); err != nil {
		s.Kubectl = c.cp.Kubectl
	}
	for i := range c.set.Clients {
		name := types.NamespacedName{Namespace: c.set.Clients[i].Namespace, Name: c.set.Clients[i].Name}
		var o v1alpha1.OAuthClient
		if err := c.client.Get(ctx, name, &o); err != nil {
			return s, err
		}
		if isTrue(o.Status.Conditions, v1alpha1.ConditionReady) {
			s.consider(&o, o.Status.ClientID, o.Status.GrantTypes, compile.SecretName(&o))
		}
	}
	return s, nil
}
