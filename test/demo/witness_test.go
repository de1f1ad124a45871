package demo

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWitness(t *testing.T) {
	const token, secret, cookie = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl", "gkcs_0123456789abcdefghijklmnop", "session-of-somebody"
	signature := strings.Split(token, ".")[2]
	w := NewWitness()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		http.SetCookie(rw, &http.Cookie{Name: "session", Value: cookie})
		rw.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rw, `{"access_token":"`+token+`","scope":"a b","device_code":"gkdc_0123456789","interval":5}`)
	}))
	defer server.Close()
	resp, err := w.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), token) {
		t.Errorf("the answer does not reach the caller: %v %s", err, body)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	w.SeeClientSecret(secret)
	w.See("something short", "a b")
	if w.Count() != 5 { // token, its signature, device code, cookie, secret
		t.Errorf("%d values seen", w.Count())
	}

	for name, c := range map[string]struct {
		file, content string
		found         string
	}{
		"nothing":                             {"log/server.log", "scope=\"a b\" client=x", ""},
		"a token in a log":                    {"log/server.log", "refused " + token + "\n", "a access_token"},
		"a token without its head":            {"log/server.log", "…" + signature, "its signature"},
		"a device code in a database":         {"grantkeeper.db", "\x00\x01gkdc_0123456789\x00", "a device_code"},
		"a cookie in a database's log":        {"grantkeeper.db-wal", cookie, "the cookie session"},
		"a client secret in a log":            {"log/operator.log", secret, "a client secret"},
		"a client secret in base64":           {"log/operator.log", base64.StdEncoding.EncodeToString([]byte(secret)), "a client secret"},
		"a client secret where Secrets live":  {"etcd/member/wal", secret, ""},
		"a client secret in its own folder":   {"secrets/partners/app/client-secret", secret, ""},
		"a token where Secrets live":          {"etcd/member/wal", token + strings.Repeat("\x00", 100), "a access_token"},
		"a folder that merely begins so":      {"etcd.log", secret, "a client secret"},
		"a client secret in a document of it": {"registrations/x.json", secret, "a client secret"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, filepath.FromSlash(c.file))
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			err := w.FindInFolder(dir)
			if (err == nil) != (c.found == "") || err != nil && !strings.Contains(err.Error(), c.found) {
				t.Errorf("found %v, want %q", err, c.found)
			}
		})
	}
	if err := w.FindInFolder(t.TempDir()); err == nil {
		t.Error("a folder without files is no proof of anything")
	}
}

func TestBlocks(t *testing.T) {
	d := &Demo{out: newTerminal(""), Witness: NewWitness()}
	_, _ = d.out.Write([]byte(`
Grantkeeper is up. Everything below can be pasted.

  issuer      http://127.0.0.1:9080   (the manifest says https://login.example.com)
  sign in as  demo
  password    abcde-fghjk-mnpqr   (for this run; shown only here)
  metrics     http://127.0.0.1:9081/metrics

Look at the objects:

  export KUBECONFIG='/a folder/kubeconfig'
  kubectl get oauth

A token:

  curl x \
    -d y

Logs are in /data/log. Ctrl-C ends everything that was started here.
`))
	if err := d.read(d.Out()); err != nil {
		t.Fatal(err)
	}
	if d.Issuer != "http://127.0.0.1:9080" || d.User != "demo" || d.Password != "abcde-fghjk-mnpqr" || d.Operations != "http://127.0.0.1:9081" || d.Kubeconfig != "/a folder/kubeconfig" {
		t.Errorf("%+v", d)
	}
	blocks := d.Blocks()
	if len(blocks) != 2 || blocks[0].Heading != "Look at the objects" || blocks[1].Script != "  curl x \\\n    -d y\n" {
		t.Errorf("%q", blocks)
	}
}
