package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

// keyIDs are the ids of the published keys.
func keyIDs(t *testing.T, d *demo.Demo) []string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.Issuer+"/v1/jwks", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) < 2 {
		t.Fatalf("%v: %s", err, body)
	}
	var ids []string
	for _, k := range set.Keys {
		ids = append(ids, k.ID)
	}
	slices.Sort(ids)
	return ids
}

// A second start keeps everything, --fresh nothing, and Ctrl-C ends all that was started (see demo.Stop).
func TestSecondStart(t *testing.T) {
	d := demo.Start(t, demo.Options{})
	t.Logf("first start: %v", d.Took.Round(time.Millisecond))
	d.Apply(t, oauthClient("partners", "kept", service))
	d.Await(t, "partners", "kept", "Ready")
	c, sample := credentialsOf(t, d, "partners", "kept-oauth"), credentialsOf(t, d, "partners", "reports-oauth")
	tokens, keys, password := deviceLogin(t, d, "partner-cli"), keyIDs(t, d), d.Password
	pending := ask(t, d, "/v1/device_authorization", nil, url.Values{"client_id": {"partner-cli"}})

	if err := d.Restart(); err != nil {
		t.Fatal(err)
	}
	t.Logf("Ctrl-C: %v; second start: %v", d.Ended.Round(time.Millisecond), d.Took.Round(time.Millisecond))
	if d.Took > demo.Patience(20*time.Second) {
		t.Errorf("the second start took %v, which is more than seconds", d.Took)
	}
	if d.Password == password {
		t.Error("the password is the one of the run before")
	}
	if now := keyIDs(t, d); !slices.Equal(now, keys) {
		t.Errorf("keys %v have become %v", keys, now)
	}
	if credentialsOf(t, d, "partners", "kept-oauth") != c || credentialsOf(t, d, "partners", "reports-oauth") != sample {
		t.Error("client secrets have changed")
	}
	// Both of them at once: what is not in the samples is served as early as what is.
	gets(t, d, c)
	gets(t, d, sample)
	d.Await(t, "partners", "kept", "Ready")
	if a := userinfo(t, d, tokens.AccessToken); a.Status != 200 {
		t.Errorf("the access token from before: %d %s", a.Status, a.Body)
	}
	next := refresh(t, d, "partner-cli", tokens.RefreshToken)
	if next.Status != 200 || userinfo(t, d, next.AccessToken).Status != 200 {
		t.Errorf("the refresh token from before: %d %s", next.Status, next.Body)
	}
	d.Decide(t, pending.Complete, pending.UserCode, "approve")
	form := url.Values{"client_id": {"partner-cli"}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {pending.DeviceCode}}
	if a := ask(t, d, "/v1/token", nil, form); a.Status != 200 {
		t.Errorf("the device login from before: %d %s", a.Status, a.Body)
	}
	if err := d.Leaks(); err != nil {
		t.Error(err)
	}

	if err := d.Restart("--fresh"); err != nil {
		t.Fatal(err)
	}
	if now := keyIDs(t, d); slices.ContainsFunc(now, func(id string) bool { return slices.Contains(keys, id) }) {
		t.Errorf("--fresh keeps the keys: %v, before %v", now, keys)
	}
	if _, err := d.TryKubectl(t.Context(), "", "get", "oauthclient", "-n", "partners", "kept"); err == nil {
		t.Error("--fresh keeps a client")
	}
	for name, a := range map[string]answer{
		"a secret of a client that is gone": ask(t, d, "/v1/token", &c, clientCredentials),
		"a secret of a sample":              ask(t, d, "/v1/token", &sample, clientCredentials),
		"a refresh token":                   refresh(t, d, "partner-cli", next.RefreshToken),
		"an access token":                   userinfo(t, d, next.AccessToken),
	} {
		if a.Status == 200 {
			t.Errorf("%s from before --fresh is good", name)
		}
	}
	if err := d.Stop(); err != nil {
		t.Error(err)
	}
	if err := d.Witness.FindInFolder(d.Data); err != nil {
		t.Errorf("after the end: %v", err)
	}
}

func TestStartThatCannotWork(t *testing.T) {
	t.Parallel()
	d := world.Demo
	listen, operations := strings.TrimPrefix(d.Issuer, "http://"), strings.TrimPrefix(d.Operations, "http://")
	_, port, _ := strings.Cut(listen, ":")
	_, operationsPort, _ := strings.Cut(operations, ":")
	free := func() string {
		a, err := demo.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	// dev is the command with flags that work, and then those of the case, which count.
	dev := func(flags ...string) []string {
		return append([]string{"dev", "--data", t.TempDir(), "--listen", free(), "--operations", free()}, flags...)
	}
	precious := t.TempDir()
	if err := os.WriteFile(filepath.Join(precious, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"the issuer's port is in use": {dev("--listen", listen), []string{
			"error: port " + port + " is in use by grantkeeper (process " + strconv.Itoa(d.PID()) + ")", "choose another port with --listen"}},
		"the port for metrics is in use": {dev("--operations", operations), []string{"error: port " + operationsPort + " is in use", "choose another port with --operations"}},
		"the data folder is in use":      {dev("--data", d.Data), []string{fmt.Sprintf("is in use by another grantkeeper dev (process %d)", d.PID()), "choose another folder with --data"}},
		"there are no binaries":          {dev("--assets", precious), []string{"there is no etcd in", "`make demo` builds what is needed"}},
		"--fresh on a folder of other things": {dev("--data", precious, "--fresh"), []string{
			"is not empty and was not made by grantkeeper dev", "choose another folder with --data"}},
		"the folder of manifests is not there": {dev("--files", precious+"/none"), []string{"is not a folder; name one with manifests (--files)"}},
		"an address that others reach":         {dev("--listen", "0.0.0.0:9080"), []string{"listens on loopback only"}},
		"a flag that is not there":             {dev("--prot", "9080"), []string{"error: unknown flag: --prot"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := demo.Fails(t.Context(), c.args...)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("it says %s, want %q in it", out, want)
				}
			}
		})
	}
	t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(precious, "thesis.txt")); err != nil {
			t.Error(err)
		}
	})
}
