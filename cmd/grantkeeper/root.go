package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/cmd/grantkeeper/check"
	"github.com/grantkeeper/grantkeeper/cmd/grantkeeper/dev"
	"github.com/grantkeeper/grantkeeper/cmd/grantkeeper/rotate"
	"github.com/grantkeeper/grantkeeper/internal/version"
)

// kubectlPlugin is the name of the program by which kubectl finds it, as `kubectl oauth`.
const kubectlPlugin = "kubectl-oauth"

// rootCommand has every command below it. program is the path that it was started by.
func rootCommand(program string, out, errOut io.Writer) *cobra.Command {
	c := &cobra.Command{
		Use:   "grantkeeper",
		Short: "OAuth clients as part of a cluster's configuration",
		// Errors say what to do; the list of flags after them would only hide that.
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	if strings.TrimSuffix(filepath.Base(program), ".exe") == kubectlPlugin {
		// Usage shows what people have typed.
		c.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl oauth"}
	}
	c.SetOut(out)
	c.SetErr(errOut)
	c.AddCommand(checkCommand(), devCommand(), rotateCommand(), versionCommand())
	return c
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

// ExitStatus is 2, as of other programs, so that a pipeline tells it from a refusal.
func (usageError) ExitStatus() int { return 2 }

func checkCommand() *cobra.Command {
	var o check.Options
	c := &cobra.Command{
		Use:   "check DIR...",
		Short: "Say what a cluster would make of manifests, without one",
		Long: `Reads manifests and says which OAuthClients, servers, policies, resources and identity providers a cluster would accept, and
why it would refuse the others: by the schema and the rules of the kinds, and by everything that the operator decides. It needs
no cluster and no network.

DIR is a folder of YAML and JSON files, a single file, a folder with a kustomization, or - for what another program renders.

The exit status is 0 when everything is accepted, 1 when something is refused, and 2 when something cannot be read.`,
		Example: `  grantkeeper check manifests --policies ../platform/oauth
  helm template charts/acme -n partners | grantkeeper check - -n partners --policies ../platform/oauth
  grantkeeper check overlays/production --against ../base/overlays/production --output json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("name the folder with the manifests, or - to read them from a pipe; see --help")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Paths, o.In, o.Out = args, cmd.InOrStdin(), cmd.OutOrStdout()
			err := check.Run(cmd.Context(), o)
			if outcome := (*check.OutcomeError)(nil); err != nil && !errors.As(err, &outcome) {
				return usageError{err}
			}
			return err
		},
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	f := c.Flags()
	f.StringArrayVar(&o.Policies, "policies", nil, "read this `folder` too, for the servers, policies, resources and namespaces that the manifests refer to, and say nothing about them; may be given several times")
	f.StringVar(&o.Against, "against", "", "take the manifests for an edit of those in this `folder`, as they were before: what is immutable, and who came first")
	f.StringVarP(&o.Namespace, "namespace", "n", "", "`namespace` of the objects that name none (default \"default\")")
	f.StringVarP(&o.Output, "output", "o", "table", "`form` of the report: table, json or github")
	return c
}

func rotateCommand() *cobra.Command {
	var (
		o       rotate.Options
		cluster clusterFlags
	)
	c := &cobra.Command{
		Use:   "rotate NAME",
		Short: "Replace the client secret of an OAuthClient",
		Long: `Has the operator make a new client secret. The one before works on for spec.secret.rotation.overlap (24h when absent), so that
nobody is cut off who has not read the new one yet; with --now it ends at once, for a secret that has leaked.`,
		Example: `  grantkeeper rotate acme-reports -n partners --wait
  grantkeeper rotate acme-reports -n partners --now`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kube, namespace, err := cluster.connect()
			if err != nil {
				return err
			}
			o.Kube, o.Out, o.Client = kube, cmd.OutOrStdout(), types.NamespacedName{Namespace: namespace, Name: args[0]}
			return rotate.Run(cmd.Context(), o)
		},
	}
	cluster.add(c)
	f := c.Flags()
	f.BoolVar(&o.Now, "now", false, "end the secret before at once, instead of after the overlap")
	f.BoolVar(&o.Wait, "wait", false, "wait until every replica of the server takes the new secret")
	f.DurationVar(&o.Timeout, "timeout", 2*time.Minute, "give up waiting after so `long`")
	return c
}

func devCommand() *cobra.Command {
	var o dev.Options
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run the whole of Grantkeeper on this machine",
		Long: `Runs the operator and the authorization server in one process, on loopback, and prints how to try them.

Without --files it starts a real etcd and kube-apiserver, installs the kinds and applies manifests. With --files it needs
no API server: the manifests of a folder take effect as they are saved.`,
		Example: `  grantkeeper dev --files ./manifests
  grantkeeper dev --manifests config/samples --fresh`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out, o.Err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return dev.Run(cmd.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Files, "files", "", "serve the manifests of this `folder`, without an API server")
	f.StringVar(&o.Manifests, "manifests", "", "apply the manifests of this `folder` (default "+dev.DefaultManifests+")")
	f.StringVar(&o.Data, "data", "", "keep data in this `folder` (default ${XDG_DATA_HOME:-~/.local/share}/grantkeeper/dev)")
	f.BoolVar(&o.Fresh, "fresh", false, "forget the data of earlier runs first")
	f.StringVar(&o.Listen, "listen", dev.DefaultListen, "serve the issuer at this `address`, on loopback")
	f.StringVar(&o.Operations, "operations", dev.DefaultOperations, "serve health and metrics at this `address`, on loopback")
	f.StringVar(&o.Assets, "assets", "", "take etcd, kube-apiserver and kubectl from this `folder` (default $KUBEBUILDER_ASSETS, or what hack/control-plane built)")
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "show the logs here too")
	c.MarkFlagsMutuallyExclusive("files", "manifests")
	c.MarkFlagsMutuallyExclusive("files", "assets")
	return c
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "grantkeeper", version.String(), runtime.Version())
			return err
		},
	}
}
