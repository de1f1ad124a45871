package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// readyz asks the API server whether everything in it has started.
func readyz(config *rest.Config) func(context.Context) error {
	return func(ctx context.Context) error {
		c, err := rest.HTTPClientFor(config)
		if err != nil {
			return err
		}
		defer c.CloseIdleConnections()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close() // nothing was written
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("GET /readyz: %s", resp.Status)
		}
		return nil
	}
}

// writeKubeconfig writes a kubeconfig, readable by its owner only, in one step.
func writeKubeconfig(path string, c *rest.Config) error {
	const name = "grantkeeper-dev"
	k := clientcmdapi.NewConfig()
	k.Clusters[name] = &clientcmdapi.Cluster{Server: c.Host, CertificateAuthorityData: c.CAData}
	k.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: c.CertData, ClientKeyData: c.KeyData}
	k.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	k.CurrentContext = name
	b, err := clientcmd.Write(*k)
	if err != nil {
		return err
	}
	part := path + ".part"
	if err := os.WriteFile(part, b, 0o600); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// InstallCRDs applies CustomResourceDefinitions and waits until the API server serves them, or until ctx ends.
func InstallCRDs(ctx context.Context, config *rest.Config, crds []*apiextensionsv1.CustomResourceDefinition) error {
	scheme := runtime.NewScheme()
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		return err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	for _, crd := range crds {
		u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(crd)
		if err != nil {
			return err
		}
		delete(u, "status")
		object := &unstructured.Unstructured{Object: u}
		object.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
		if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("grantkeeper-dev"), client.ForceOwnership); err != nil {
			return fmt.Errorf("install %s: %w", crd.Name, err)
		}
	}
	for _, crd := range crds {
		if err := served(ctx, c, crd); err != nil {
			return err
		}
	}
	return nil
}

// served waits until a kind is established and can be listed, which is a moment later.
func served(ctx context.Context, c client.Client, crd *apiextensionsv1.CustomResourceDefinition) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := established(ctx, c, crd)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not served: %w", crd.Name, errors.Join(context.Cause(ctx), err))
		case <-tick.C:
		}
	}
}

func established(ctx context.Context, c client.Client, crd *apiextensionsv1.CustomResourceDefinition) error {
	var current apiextensionsv1.CustomResourceDefinition
	if err := c.Get(ctx, client.ObjectKeyFromObject(crd), &current); err != nil {
		return err
	}
	for _, condition := range current.Status.Conditions {
		if condition.Type != apiextensionsv1.Established || condition.Status != apiextensionsv1.ConditionTrue {
			continue
		}
		list := &unstructured.UnstructuredList{}
		version := crd.Spec.Versions[0].Name
		list.SetAPIVersion(crd.Spec.Group + "/" + version)
		list.SetKind(crd.Spec.Names.ListKind)
		err := c.List(ctx, list, client.Limit(1))
		if meta.IsNoMatchError(err) {
			return fmt.Errorf("not in discovery yet: %w", err)
		}
		return err
	}
	return errors.New("not established yet")
}
