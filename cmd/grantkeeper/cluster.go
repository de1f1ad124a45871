package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// clusterFlags choose a cluster and a namespace as kubectl does.
type clusterFlags struct {
	rules     *clientcmd.ClientConfigLoadingRules
	overrides clientcmd.ConfigOverrides
}

func (f *clusterFlags) add(c *cobra.Command) {
	f.rules = clientcmd.NewDefaultClientConfigLoadingRules()
	flags := c.Flags()
	flags.StringVar(&f.rules.ExplicitPath, "kubeconfig", "", "kubeconfig `file` (default $KUBECONFIG or ~/.kube/config)")
	flags.StringVar(&f.overrides.CurrentContext, "context", "", "`name` of the kubeconfig's context")
	flags.StringVarP(&f.overrides.Context.Namespace, "namespace", "n", "", "`namespace` (default the context's)")
}

// connect returns a client of the chosen cluster, and the namespace.
func (f *clusterFlags) connect() (client.Client, string, error) {
	config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(f.rules, &f.overrides)
	namespace, _, err := config.Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("find the cluster: %w", err)
	}
	rest, err := config.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("find the cluster: %w; name a kubeconfig with --kubeconfig", err)
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, "", err
	}
	kube, err := client.New(rest, client.Options{Scheme: scheme})
	if err != nil {
		return nil, "", fmt.Errorf("reach the cluster: %w", err)
	}
	return kube, namespace, nil
}
