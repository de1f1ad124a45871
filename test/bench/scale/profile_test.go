package scale

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	restclient "k8s.io/client-go/rest"
)

// profileEnv names a folder for processor profiles of kube-apiserver, and of the operator where SCALE_OVERLAY makes it
// serve them on the address in SCALE_PPROF.
const profileEnv = "SCALE_PROFILE"

// profile takes profiles of the next half minute, if asked to.
func (r *run) profile(name string) {
	dir := os.Getenv(profileEnv)
	if dir == "" {
		return
	}
	take := func(of, url string, c *http.Client) {
		resp, err := c.Get(url)
		if err != nil {
			r.Log(err)
			return
		}
		defer resp.Body.Close() // only read
		if b, err := io.ReadAll(resp.Body); err == nil {
			_ = os.WriteFile(filepath.Join(dir, name+"-"+of), b, 0o600)
		}
	}
	c, err := restclient.HTTPClientFor(r.admin)
	if err != nil {
		r.Fatal(err)
	}
	const processor = "/debug/pprof/profile?seconds=30"
	go take("kube-apiserver", strings.TrimSuffix(r.admin.Host, "/")+processor, c)
	if at := os.Getenv("SCALE_PPROF"); at != "" {
		go take("operator", "http://"+at+processor, http.DefaultClient)
		take("operator-heap", "http://"+at+"/debug/pprof/heap", http.DefaultClient)
	}
}
