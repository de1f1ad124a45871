package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Leaks looks for everything that the witness saw where none of it may be: in the data folder, in all objects of the API
// server but the clients' own Secrets, in metrics, and in what was printed. Its error names all places.
func (d *Demo) Leaks() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	errs := []error{d.Witness.FindInFolder(d.Data), d.Witness.find("standard error", []byte(d.Progress()), false)}
	// The password is meant to be read there.
	printed := strings.ReplaceAll(d.Out(), d.Password, "")
	errs = append(errs, d.Witness.find("standard output", []byte(printed), false))
	metrics, err := d.metrics(ctx)
	errs = append(errs, err, d.Witness.find("metrics", metrics, false))
	if d.options.Files == "" {
		errs = append(errs, d.leaksInObjects(ctx), d.leaksInSecrets(ctx))
	}
	return errors.Join(errs...)
}

func (d *Demo) metrics(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Operations+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if len(body) == 0 {
		err = errors.Join(err, errors.New("there are no metrics to look into"))
	}
	return body, errors.Join(err, resp.Body.Close())
}

// leaksInObjects looks into every object of every kind but Secrets: spec, status, annotations, events.
func (d *Demo) leaksInObjects(ctx context.Context) error {
	out, err := d.TryKubectl(ctx, "", "api-resources", "--verbs=list", "-o", "name")
	if err != nil {
		return err
	}
	kinds := slices.DeleteFunc(strings.Fields(out), func(kind string) bool { return kind == "secrets" })
	if !slices.Contains(kinds, "events") || !slices.Contains(kinds, "oauthclients.grantkeeper.dev") {
		return fmt.Errorf("events and OAuthClients are not among the kinds: %v", kinds)
	}
	out, err = d.TryKubectl(ctx, "", "get", strings.Join(kinds, ","), "--all-namespaces", "-o", "yaml", "--show-managed-fields")
	return errors.Join(err, d.Witness.find("kubectl get of all kinds but Secrets", []byte(out), false))
}

// leaksInSecrets looks into Secrets: a client secret is in its client's under client-secret, and nowhere else; all other
// values are in none.
func (d *Demo) leaksInSecrets(ctx context.Context) error {
	out, err := d.TryKubectl(ctx, "", "get", "secrets", "--all-namespaces", "-o", "json")
	if err != nil {
		return err
	}
	var list corev1.SecretList
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return err
	}
	var errs []error
	for _, s := range list.Items {
		for key, value := range s.Data {
			errs = append(errs, d.Witness.find("key "+key+" of Secret "+s.Namespace+"/"+s.Name, value, key == "client-secret"))
		}
		metadata, err := json.Marshal(s.ObjectMeta)
		errs = append(errs, err, d.Witness.find("metadata of Secret "+s.Namespace+"/"+s.Name, metadata, false))
	}
	return errors.Join(errs...)
}
