package outbound_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/grantkeeper/grantkeeper/server/internal/outbound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T, o outbound.Options) *outbound.Client {
	t.Helper()
	c, err := outbound.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func get(t *testing.T, c *outbound.Client, url string) (*outbound.Response, error) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(t.Context(), r)
}

func bundle(s *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// K14: the address that is dialled is judged, whatever the name said.
func TestAddresses(t *testing.T) {
	none, private, loopback := outbound.Options{}, outbound.Options{Private: true}, outbound.Options{Loopback: true}
	all := outbound.Options{Private: true, Loopback: true}
	for name, c := range map[string]struct {
		address string
		options outbound.Options
		refused bool
	}{
		"K14 loopback":                                     {"127.0.0.1:1", private, true},
		"K14 all of loopback":                              {"127.9.9.9:1", private, true},
		"K14 loopback of IPv6":                             {"[::1]:1", private, true},
		"K14 loopback, mapped":                             {"[::ffff:127.0.0.1]:1", private, true},
		"K14 loopback in development":                      {"127.0.0.1:1", loopback, false},
		"K14 loopback of IPv6 in development":              {"[::1]:1", loopback, false},
		"K14 a name of loopback":                           {"localhost:1", private, true},
		"K14 no address of a host":                         {"0.0.0.0:1", all, true},
		"K14 no address of a host of IPv6":                 {"[::]:1", all, true},
		"K14 a cloud's metadata":                           {"169.254.169.254:80", all, true},
		"K14 a cloud's metadata, mapped":                   {"[::ffff:169.254.169.254]:80", all, true},
		"K14 a cloud's metadata by NAT64":                  {"[64:ff9b::a9fe:a9fe]:80", all, true},
		"K14 a cloud's metadata on a private address":      {"[fd00:ec2::254]:80", all, true},
		"K14 a cloud's metadata on a public address":       {"168.63.129.16:80", all, true},
		"K14 a cloud's metadata on a shared address":       {"100.100.100.200:80", all, true},
		"K14 link-local of IPv6":                           {"[fe80::1]:80", all, true},
		"K14 multicast":                                    {"224.0.0.1:80", all, true},
		"K14 multicast of IPv6":                            {"[ff02::1]:80", all, true},
		"K14 broadcast":                                    {"255.255.255.255:80", all, true},
		"K14 6to4 of a private address":                    {"[2002:a00:1::]:80", all, true},
		"K14 10/8 for what app teams declare":              {"10.0.0.1:1", none, true},
		"K14 172.16/12 for what app teams declare":         {"172.31.255.255:1", none, true},
		"K14 192.168/16 for what app teams declare":        {"192.168.0.1:1", none, true},
		"K14 100.64/10 for what app teams declare":         {"100.64.0.1:1", none, true},
		"K14 fc00::/7 for what app teams declare":          {"[fd12::1]:1", none, true},
		"K14 10/8 for what the platform declares":          {"10.0.0.1:1", private, false},
		"K14 fc00::/7 for what the platform declares":      {"[fd12::1]:1", private, false},
		"K14 a public address":                             {"1.1.1.1:1", none, false},
		"K14 private addresses by way of mapped addresses": {"[::ffff:10.0.0.1]:1", none, true},
	} {
		t.Run(name, func(t *testing.T) {
			judge := outbound.NewDialer(c.options).Control // it comes between making the socket and connecting it
			network, address := "tcp4", c.address
			if host, port, err := net.SplitHostPort(c.address); err != nil {
				t.Fatal(err)
			} else if host == "localhost" {
				ips, err := net.DefaultResolver.LookupIP(t.Context(), "ip4", host)
				if err != nil {
					t.Fatal(err)
				}
				address = net.JoinHostPort(ips[0].String(), port)
			}
			if strings.HasPrefix(address, "[") {
				network = "tcp6"
			}
			err := judge(network, address, nil)
			if c.refused != errors.Is(err, outbound.ErrAddress) || !c.refused && err != nil {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestClient(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Agent", r.UserAgent())
		_, _ = io.WriteString(w, "fine")
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/see-other", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusSeeOther) })
	mux.HandleFunc("/exact", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 100)) })
	mux.HandleFunc("/more", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 101)) })
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(make([]byte, 1<<20))
		_ = z.Close()
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 100<<10))
	})
	mux.HandleFunc("/error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) })
	mux.HandleFunc("/hangs", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush() // the headers come, the body does not
		<-r.Context().Done()
	})
	plain := httptest.NewServer(mux)
	defer plain.Close()
	secure := httptest.NewUnstartedServer(mux)
	secure.EnableHTTP2 = true
	secure.Config.ErrorLog = quiet()
	secure.StartTLS()
	defer secure.Close()
	old := httptest.NewUnstartedServer(mux)
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.Config.ErrorLog = quiet()
	old.StartTLS()
	defer old.Close()

	development := outbound.Options{Loopback: true, CABundle: bundle(secure), MaxBody: 100, Timeout: 2 * time.Second}
	c := client(t, development)
	for name, d := range map[string]struct {
		url    string
		body   string
		status int
		want   error
	}{
		"http on loopback in development":                   {url: plain.URL + "/ok", body: "fine", status: 200},
		"https with the declared CA":                        {url: secure.URL + "/ok", body: "fine", status: 200},
		"a status that is not 200 is an answer":             {url: plain.URL + "/error", body: "no\n", status: 418},
		"a body of exactly the limit":                       {url: plain.URL + "/exact", body: strings.Repeat("x", 100), status: 200},
		"K14 a body over the limit":                         {url: plain.URL + "/more", want: outbound.ErrTooLarge},
		"K14 a body that is small until it is decompressed": {url: secure.URL + "/bomb", want: outbound.ErrTooLarge},
		"K14 a redirect":                                    {url: plain.URL + "/redirect", want: outbound.ErrRedirect},
		"K14 a redirect with TLS":                           {url: secure.URL + "/see-other", want: outbound.ErrRedirect},
		"K14 http elsewhere":                                {url: "http://example.com/", want: outbound.ErrScheme},
		"K14 http at a loopback alias":                      {url: "http://127.0.0.1.example/", want: outbound.ErrScheme},
		"K14 another scheme":                                {url: "file:///etc/passwd", want: outbound.ErrScheme},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := get(t, c, d.url)
			if !errors.Is(err, d.want) {
				t.Fatalf("error %v", err)
			}
			if d.want == nil && (got.Status != d.status || string(got.Body) != d.body) {
				t.Errorf("%d %q", got.Status, got.Body)
			}
		})
	}
	for name, d := range map[string]struct {
		options outbound.Options
		url     string
		says    string // one of them, with a bar between
	}{
		"K14 http on loopback in production":  {outbound.Options{Private: true}, plain.URL + "/ok", outbound.ErrScheme.Error()},
		"K14 https on loopback in production": {outbound.Options{Private: true, CABundle: bundle(secure)}, secure.URL + "/ok", outbound.ErrAddress.Error()},
		"K14 a certificate of nobody's":       {outbound.Options{Loopback: true}, secure.URL + "/ok", "certificate"},
		"K14 TLS 1.1":                         {outbound.Options{Loopback: true, CABundle: bundle(old)}, old.URL + "/ok", "protocol version"},
		"K14 headers without end":             {outbound.Options{Loopback: true}, plain.URL + "/headers", "exceeded"},
		"K14 an answer that never ends":       {outbound.Options{Loopback: true, Timeout: 50 * time.Millisecond}, plain.URL + "/hangs", "Client.Timeout|deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := get(t, client(t, d.options), d.url); err == nil || !slices.ContainsFunc(strings.Split(d.says, "|"), func(s string) bool { return strings.Contains(err.Error(), s) }) {
				t.Errorf("%+v, error %v", got, err)
			}
		})
	}
	t.Run("K14 a proxy of the environment is not used", func(t *testing.T) {
		t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
		t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
		t.Setenv("ALL_PROXY", "http://127.0.0.1:1")
		if _, err := get(t, client(t, development), secure.URL+"/ok"); err != nil {
			t.Error(err)
		}
	})
	t.Run("it says who asks", func(t *testing.T) {
		got, err := get(t, c, plain.URL+"/ok")
		if err != nil || got.Header.Get("X-Agent") != "Grantkeeper" {
			t.Errorf("%+v, error %v", got, err)
		}
	})
	t.Run("a context that has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r, _ := http.NewRequest(http.MethodGet, plain.URL+"/ok", nil)
		if _, err := c.Do(ctx, r); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestBundleWithoutCertificates(t *testing.T) {
	if _, err := outbound.New(outbound.Options{CABundle: "nothing"}); err == nil {
		t.Error("taken")
	}
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
