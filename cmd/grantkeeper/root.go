package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/grantkeeper/grantkeeper/cmd/grantkeeper/dev"
	"github.com/grantkeeper/grantkeeper/internal/version"
)

// rootCommand has every command below it.
func rootCommand(out, errOut io.Writer) *cobra.Command {
	c := &cobra.Command{
		Use:   "grantkeeper",
		Short: "OAuth clients as part of a cluster's configuration",
		// Errors say what to do; the list of flags after them would only hide that.
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	c.SetOut(out)
	c.SetErr(errOut)
	c.AddCommand(devCommand(), versionCommand())
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
