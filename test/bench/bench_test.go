package bench

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain lets the test binary be the processes that are measured.
func TestMain(m *testing.M) {
	clients, _ := strconv.Atoi(os.Getenv("BENCH_CLIENTS"))
	var err error
	switch os.Getenv("BENCH_PROCESS") {
	case "floor":
		err = runFloor(clients)
	case "server":
		err = runServer(clients)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// process is one of the two that are compared.
type process struct {
	cmd     *exec.Cmd
	stdin   io.Closer
	address string
}

func start(b *testing.B, what string, clients int) *process {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BENCH_PROCESS="+what, "BENCH_CLIENTS="+strconv.Itoa(clients), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			b.Errorf("%s ended with %v", what, err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatalf("%s did not start: %v", what, err)
	}
	return &process{cmd: cmd, stdin: in, address: strings.TrimSpace(line)}
}

// cpu is the processor time that the process has used.
func (p *process) cpu(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / 100
}

type result struct {
	requests int
	elapsed  time.Duration
	cpu      time.Duration
	p99      time.Duration
}

const (
	connections = 16
	// round is how long one measurement takes.
	round = time.Second
)

// drive sends requests over connections that stay open for a round and reads the answers.
func (p *process) drive(b *testing.B, request func(n int) []byte) result {
	b.Helper()
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		took []time.Duration
	)
	before, begin := p.cpu(b), time.Now()
	for c := range connections {
		wg.Go(func() {
			mine, err := p.connection(request, c, begin.Add(round))
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			if err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	r := result{requests: len(took), elapsed: time.Since(begin), cpu: p.cpu(b) - before}
	slices.Sort(took)
	if len(took) > 0 {
		r.p99 = took[len(took)*99/100]
	}
	return r
}

func (p *process) connection(request func(n int) []byte, n int, until time.Time) ([]time.Duration, error) {
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	in := bufio.NewReaderSize(c, 8<<10)
	var took []time.Duration
	for i := n; ; i += connections {
		begin := time.Now()
		if begin.After(until) {
			return took, nil
		}
		if _, err := c.Write(request(i)); err != nil {
			return took, err
		}
		if err := readAnswer(in); err != nil {
			return took, err
		}
		took = append(took, time.Since(begin))
	}
}

// readAnswer reads as little as a client can.
func readAnswer(in *bufio.Reader) error {
	status, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(status), "HTTP/1.1 200") {
		return fmt.Errorf("answer %q", status)
	}
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == 2 {
			break
		}
		if v, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(v))
		}
	}
	_, err = in.Discard(length)
	return err
}

func tokenRequest(address, path string, clients int) func(n int) []byte {
	requests := make([][]byte, min(clients, 1000))
	for i := range requests {
		id := clientID(i * clients / len(requests))
		body := "grant_type=client_credentials&scope=orders.read"
		requests[i] = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
			path, address, base64.StdEncoding.EncodeToString([]byte(id+":"+secret)), len(body), body)
	}
	return func(n int) []byte { return requests[n%len(requests)] }
}

// BenchmarkClientCredentials reports, against the floor: requests per second (reach 0.90), processor time per request
// (reach 1.1 at most) and the 99th percentile (1.5 at most).
func BenchmarkClientCredentials(b *testing.B) {
	for _, clients := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			base, ours := start(b, "floor", clients), start(b, "server", clients)
			toBase, toOurs := tokenRequest(base.address, "/token", clients), tokenRequest(ours.address, "/v1/token", clients)
			base.drive(b, toBase)
			ours.drive(b, toOurs)
			var rps, cpu, p99 []float64
			for b.Loop() {
				for range 7 {
					x, y := base.drive(b, toBase), ours.drive(b, toOurs)
					rps = append(rps, perSecond(y)/perSecond(x))
					cpu = append(cpu, perRequest(y)/perRequest(x))
					p99 = append(p99, float64(y.p99)/float64(x.p99))
				}
			}
			b.ReportMetric(median(rps), "rps/floor")
			b.ReportMetric(median(cpu), "cpu/floor")
			b.ReportMetric(median(p99), "p99/floor")
			b.ReportMetric(0, "ns/op") // absolute times say nothing here
		})
	}
}

func perSecond(r result) float64  { return float64(r.requests) / r.elapsed.Seconds() }
func perRequest(r result) float64 { return r.cpu.Seconds() / float64(max(r.requests, 1)) }

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
