package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/grantkeeper/grantkeeper/controllers"
	"github.com/grantkeeper/grantkeeper/controllers/issuerhosts"
)

// Leader election: another operator takes over at most 20 s after this one was killed.
const (
	leaderLease = "grantkeeper-operator"
	leaseFor    = 15 * time.Second
	renewWithin = 10 * time.Second
	retryEvery  = 2 * time.Second
)

// settings are the flags.
type settings struct {
	serverImage     string
	namespaces      string
	issuerHosts     types.NamespacedName
	leaderNamespace string
	noLeader        bool
	health          string
	metrics         string
	verbose         bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func parse(args []string, out io.Writer) (settings, error) {
	var s settings
	fs := flag.NewFlagSet("operator", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&s.serverImage, "server-image", "", "container image of the authorization server (required)")
	fs.StringVar(&s.namespaces, "namespaces", "", "namespaces to watch, separated by commas; all when empty")
	fs.Func("issuer-hosts", "ConfigMap that the admission policies read the hosts of issuers from, as namespace/name; none is kept when empty", func(v string) (err error) {
		s.issuerHosts, err = issuerhosts.ParseName(v)
		return err
	})
	fs.StringVar(&s.leaderNamespace, "leader-election-namespace", "", "namespace of the leader's Lease; the operator's own when empty")
	fs.BoolVar(&s.noLeader, "no-leader-election", false, "work without electing a leader; only for one operator at a time")
	fs.StringVar(&s.health, "health", ":8081", "address of /healthz and /readyz")
	fs.StringVar(&s.metrics, "metrics", ":8080", "address of /metrics; 0 turns it off")
	fs.BoolVar(&s.verbose, "verbose", false, "log more")
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	if fs.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if s.serverImage == "" {
		return s, errors.New("--server-image is required: the container image of the authorization server")
	}
	return s, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	logTo(out, s.verbose)
	kube, err := config.GetConfig()
	if err != nil {
		return fmt.Errorf("find the API server: %w", err)
	}
	mgr, err := newManager(kube, s)
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// logTo makes slog's JSON handler the one place where everything is logged, whatever library it comes from.
func logTo(out io.Writer, verbose bool) {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	logger := logr.FromSlogHandler(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level}))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
}

func newManager(kube *rest.Config, s settings) (ctrl.Manager, error) {
	kube = rest.CopyConfig(kube)
	// The API server's priority and fairness decides how much it takes from whom; a few workers bound what it is asked at
	// once, and a limit here would only make a start with ten thousand clients slow.
	kube.QPS = -1
	o := controllers.Options{Deploy: true, ServerImage: s.serverImage, Namespaces: split(s.namespaces), IssuerHosts: s.issuerHosts}
	lease, renew, retry := leaseFor, renewWithin, retryEvery
	m := manager.Options{
		LeaderElection:          !s.noLeader,
		LeaderElectionID:        leaderLease,
		LeaderElectionNamespace: s.leaderNamespace,
		LeaseDuration:           &lease,
		RenewDeadline:           &renew,
		RetryPeriod:             &retry,
		// The process ends with the manager, so that the Lease can be given back at once.
		LeaderElectionReleaseOnCancel: true,
		HealthProbeBindAddress:        s.health,
		Metrics:                       metricsserver.Options{BindAddress: s.metrics},
	}
	if err := controllers.Configure(&m, o); err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(kube, m)
	if err != nil {
		return nil, fmt.Errorf("reach the API server: %w", err)
	}
	if err := errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("ping", healthz.Ping)); err != nil {
		return nil, err
	}
	return mgr, controllers.Register(mgr, o)
}

func split(list string) []string {
	var out []string
	for _, n := range strings.Split(list, ",") {
		if n = strings.TrimSpace(n); n != "" {
			out = append(out, n)
		}
	}
	return out
}
