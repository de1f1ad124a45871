package scale

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
)

// credential is what an app authenticates with.
type credential struct{ ID, Secret string }

// asker asks for tokens.
type asker struct {
	http *http.Client
	url  string
}

func newAsker(address string) *asker {
	t := &http.Transport{MaxIdleConns: 64, MaxIdleConnsPerHost: 64}
	return &asker{http: &http.Client{Transport: t, Timeout: 10 * time.Second}, url: "http://" + address + "/v1/token"}
}

// ask asks for a token and returns the status of the answer.
func (a *asker) ask(ctx context.Context, c credential) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, strings.NewReader("grant_type=client_credentials&scope=orders.read"))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(c.ID, c.Secret)
	resp, err := a.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close() // only read
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, err
}

// credential reads what the operator wrote for a client; ok is false while there is nothing.
func (p *plane) credential(ctx context.Context, c *v1alpha1.OAuthClient) (credential, bool) {
	var s corev1.Secret
	if err := p.client.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: compile.SecretName(c)}, &s); err != nil {
		return credential{}, false
	}
	return credential{compile.ClientID(c), string(s.Data[credentials.KeyClientSecret])}, true
}

// proberEnv makes the test binary ask for tokens at an even rate, in a process of its own, so that what it measures is the
// server and not the load that is made meanwhile.
const proberEnv = "SCALE_PROBER"

// rate is how many tokens the prober asks for per second.
const rate = 100

// probing is what the prober is told.
type probing struct {
	Address string
	Clients []credential
}

// probed is what it answers: what was since it was asked last.
type probed struct {
	Requests, Failures int
	P50, P99, Max      time.Duration
}

func (p probed) String() string {
	return fmt.Sprintf("p50 %v, p99 %v, max %v of %d requests, %d failed", p.P50.Round(10*time.Microsecond), p.P99.Round(10*time.Microsecond),
		p.Max.Round(10*time.Microsecond), p.Requests, p.Failures)
}

type prober struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (p *plane) probe(tb testing.TB, clients []credential) *prober {
	tb.Helper()
	x := &prober{cmd: exec.Command(os.Args[0])}
	x.cmd.Env, x.cmd.Stderr = append(os.Environ(), proberEnv+"=1"), os.Stderr
	out, err := x.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	x.out = bufio.NewReader(out)
	if x.in, err = x.cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	if err := x.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = x.in.Close(); _ = x.cmd.Wait() })
	if err := json.NewEncoder(x.in).Encode(probing{p.address, clients}); err != nil {
		tb.Fatal(err)
	}
	return x
}

// take asks what was since the last time.
func (x *prober) take(tb testing.TB) probed {
	tb.Helper()
	if _, err := io.WriteString(x.in, "\n"); err != nil {
		tb.Fatal(err)
	}
	line, err := x.out.ReadBytes('\n')
	if err != nil {
		tb.Fatal(err)
	}
	var p probed
	if err := json.Unmarshal(line, &p); err != nil {
		tb.Fatal(err)
	}
	return p
}

// runProber is the prober. A request is measured from when it was due, so that one that is slow hides none behind it.
func runProber(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	var what probing
	if err := json.Unmarshal(first, &what); err != nil {
		return err
	}
	var mu sync.Mutex
	var took []time.Duration
	failures := 0
	go func() {
		a := newAsker(what.Address)
		due := time.Now()
		for n := 0; ; n++ {
			due = due.Add(time.Second / rate)
			<-time.After(time.Until(due))
			go func(due time.Time, c credential) {
				code, err := a.ask(context.Background(), c)
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(due))
				if err != nil || code != http.StatusOK {
					failures++
				}
			}(due, what.Clients[n%len(what.Clients)])
		}
	}()
	for {
		if _, err := lines.ReadByte(); err != nil {
			return nil //nolint:nilerr // that is how it is told to end
		}
		mu.Lock()
		p := probed{Requests: len(took), Failures: failures}
		if len(took) > 0 {
			p.P50, p.P99, p.Max = quantile(took, 50), quantile(took, 99), quantile(took, 100)
		}
		took, failures = nil, 0
		mu.Unlock()
		if err := json.NewEncoder(out).Encode(p); err != nil {
			return err
		}
	}
}

// quantile is the value that so many of a hundred do not exceed.
func quantile(v []time.Duration, percent int) time.Duration {
	slices.Sort(v)
	return v[min(len(v)-1, len(v)*percent/100)]
}
