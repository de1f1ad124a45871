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
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/grantkeeper/grantkeeper/internal/version"
	"github.com/grantkeeper/grantkeeper/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// parse reads the flags into a configuration.
func parse(args []string, out io.Writer) (server.Config, error) {
	var (
		c          server.Config
		k          server.Kube
		kubeconfig string
	)
	fs := flag.NewFlagSet("server", flag.ContinueOnError)
	fs.SetOutput(out)
	fs.StringVar(&k.Namespace, "namespace", "", "namespace of the OAuthServer (required unless --registrations is set)")
	fs.StringVar(&k.Server, "server", "", "name of the OAuthServer (required unless --registrations is set)")
	fs.StringVar(&k.Replica, "replica", "", "name of this replica, unique among the server's: the pod's name; the host's when empty")
	fs.StringVar(&k.PodUID, "pod-uid", "", "UID of this replica's pod, which its Lease then goes with")
	fs.StringVar(&kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "kubeconfig file; the pod's own ServiceAccount when empty")
	fs.StringVar(&c.Folder, "registrations", "", "folder of registration documents, instead of a cluster")
	fs.StringVar(&c.SQLite, "sqlite", "", "path of the database file (required)")
	fs.StringVar(&c.Listen, "listen", ":8080", "address for requests")
	fs.StringVar(&c.Operations, "operations", ":8081", "address for health and metrics")
	fs.DurationVar(&c.Drain, "drain", 5*time.Second, "how long to go on accepting requests after SIGTERM, no longer ready")
	fs.BoolVar(&c.PrivateLogouts, "private-logouts", false,
		"tell clients of logouts at addresses of private networks too: only where the network lets the server reach nothing that app teams cannot")
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	switch {
	case fs.NArg() > 0:
		return c, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case c.SQLite == "":
		return c, errors.New("--sqlite is required: the path of the database file")
	case c.Folder != "":
		return c, nil
	case k.Namespace == "" || k.Server == "":
		return c, errors.New("--namespace and --server are required: they name the OAuthServer")
	}
	var err error
	if k.Replica == "" {
		if k.Replica, err = os.Hostname(); err != nil {
			return c, fmt.Errorf("--replica is empty and the host has no name: %w", err)
		}
	}
	if k.REST, err = restConfig(kubeconfig); err != nil {
		return c, fmt.Errorf("find the API server: %w", err)
	}
	c.Kube = &k
	return c, nil
}

func restConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		return rest.InClusterConfig()
	}
	return clientcmd.BuildConfigFromFlags("", kubeconfig)
}

func run(ctx context.Context, args []string, out io.Writer) error {
	c, err := parse(args, out)
	if err != nil {
		return err
	}
	c.Version = version.String()
	if os.Getenv("GOGC") == "" {
		server.TuneProcess(ctx)
	}
	s, err := server.New(ctx, c, server.Deps{Log: slog.New(slog.NewJSONHandler(out, nil))})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}
