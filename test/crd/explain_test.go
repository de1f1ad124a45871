package crd_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
)

// schema is what kubectl explain reads: a part of the OpenAPI v3 document of the API server.
type schema struct {
	Description string
	Ref         string `json:"$ref"`
	AllOf       []schema
	Properties  map[string]schema
	Items       *schema
}

// TestConvention15Explain: kubectl explain says something about every field of every kind (convention 15).
func TestConvention15Explain(t *testing.T) {
	d, err := discovery.NewDiscoveryClientForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	var components struct {
		Components struct{ Schemas map[string]schema }
	}
	// The API server publishes the document of a new group a moment after it serves the group.
	err = wait.PollUntilContextTimeout(context.Background(), 100*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		paths, err := d.OpenAPIV3().Paths()
		if err != nil || paths["apis/grantkeeper.dev/v1alpha1"] == nil {
			return false, err
		}
		b, err := paths["apis/grantkeeper.dev/v1alpha1"].Schema("application/json")
		if err != nil {
			return false, err
		}
		if err := json.Unmarshal(b, &components); err != nil {
			return false, err
		}
		for _, kind := range kinds() {
			if _, ok := components.Components.Schemas["dev.grantkeeper.v1alpha1."+kind]; !ok {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		t.Fatalf("OpenAPI document of grantkeeper.dev/v1alpha1: %v", err)
	}
	for _, kind := range kinds() {
		fields := 0
		var walk func(path string, s schema)
		walk = func(path string, s schema) {
			fields++
			if len(strings.TrimSpace(s.Description)) < 10 {
				t.Errorf("kubectl explain %s says nothing: %q", path, s.Description)
			}
			if strings.Contains(s.Description, "+kubebuilder") || strings.Contains(s.Description, "+optional") {
				t.Errorf("kubectl explain %s shows markers: %q", path, s.Description)
			}
			for name, p := range s.Properties {
				walk(path+"."+name, p)
			}
			if s.Items != nil {
				for name, p := range s.Items.Properties {
					walk(path+"."+name, p)
				}
			}
		}
		root := components.Components.Schemas["dev.grantkeeper.v1alpha1."+kind]
		for _, part := range []string{"spec", "status"} {
			walk(strings.ToLower(kind)+"."+part, root.Properties[part])
		}
		if len(root.Description) < 20 {
			t.Errorf("kubectl explain %s: %q", kind, root.Description)
		}
		if fields < 10 {
			t.Errorf("%s: only %d fields were found; the walk is broken", kind, fields)
		}
	}
	out, stderr, err := kubectl(t, "", "explain", "oac.spec.authentication.clientSecret.optional")
	if err != nil || !strings.Contains(out, "optional lets the client leave the secret out") {
		t.Errorf("kubectl explain: %v\n%s%s", err, out, stderr)
	}
}
