package docs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

// shell finds the programs that the documentation asks a reader to have.
func shell(t *testing.T) string {
	t.Helper()
	var bash string
	for _, program := range []string{"curl", "openssl", "bash"} {
		path, err := exec.LookPath(program)
		switch {
		case err != nil && os.Getenv("CI") == "true":
			t.Fatalf("%s is needed to run the documentation; install it", program)
		case err != nil:
			t.Skipf("%s is needed to run the documentation; install it", program)
		}
		bash = path
	}
	return bash
}

func TestShellBlocksAreShell(t *testing.T) {
	bash := shell(t)
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.info != "sh" && b.info != "sh test" {
				continue
			}
			cmd := exec.CommandContext(t.Context(), bash, "-n")
			cmd.Stdin = strings.NewReader(b.text)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s, line %d: %v\n%s", p.path, b.line, err, out)
			}
		}
	}
}

// prelude is what a block may rely on besides what the page says.
const prelude = `
approve() {
  curl -fsS --data-urlencode "link=$1" --data-urlencode "user=${2:-demo}" --data-urlencode "password=${3:-$DEMO_PASSWORD}" "$PERSON" | grep -x Approved
}
allow() {
  local -a form=(--data-urlencode "link=$1" -d user=demo --data-urlencode "password=$DEMO_PASSWORD")
  shift
  for tick; do form+=(--data-urlencode "tick=$tick"); done
  curl -fsS "${form[@]}" "$PERSON"
}
`

// script is all that a page runs, in order, with the line of every block for whoever has to look for an error.
func (p *page) script() string {
	var b strings.Builder
	for _, block := range p.blocks {
		if block.info == "sh test" || block.info == "comment" {
			b.WriteString("echo '== " + p.path + " line " + strconv.Itoa(block.line) + "' >&2\n" + block.text)
		}
	}
	return b.String()
}

func TestPagesRun(t *testing.T) {
	bash := shell(t)
	ran := 0
	for _, p := range pages(t) {
		if len(p.of("sh test")) == 0 {
			continue
		}
		ran++
		t.Run(p.path, func(t *testing.T) {
			server := serve(t, p)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, bash, "-euo", "pipefail")
			cmd.Dir = server.dir
			cmd.Env = append(withCommand(t, p), "PERSON="+people(t), "DEMO_PASSWORD="+server.password)
			cmd.Stdin = strings.NewReader(prelude + server.here(p.script()))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	if ran < 5 {
		t.Errorf("only %d pages ran", ran)
	}
}

// withCommand is the environment of a page that runs the command itself.
func withCommand(t *testing.T, p *page) []string {
	t.Helper()
	if !strings.Contains(p.script(), "grantkeeper check") {
		return os.Environ()
	}
	binary, err := demo.Binary()
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "PATH="+filepath.Dir(binary)+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

var (
	documentedMetric = regexp.MustCompile(`(?m)^\| .(grantkeeper_[a-z_]+).`)
	exposedMetric    = regexp.MustCompile(`(?m)^# TYPE (grantkeeper_[a-z_]+)`)
)

func TestMetricsAreThoseOfThePage(t *testing.T) {
	p := named(t, "docs/how-to/operate.md")
	server := serve(t, p)
	// Some metrics are there only after a request.
	if _, err := fetch(get(t, "http://"+server.listen+"/v1/jwks")); err != nil {
		t.Fatal(err)
	}
	text, err := fetch(get(t, "http://"+server.operations+"/metrics"))
	if err != nil {
		t.Fatal(err)
	}
	names := func(r *regexp.Regexp, text string) []string {
		var out []string
		for _, m := range r.FindAllStringSubmatch(text, -1) {
			out = append(out, m[1])
		}
		return out
	}
	documented, exposed := names(documentedMetric, p.text), names(exposedMetric, text)
	for _, m := range exposed {
		if !slices.Contains(documented, m) {
			t.Errorf("%s does not explain %s", p.path, m)
		}
	}
	for _, m := range documented {
		if !slices.Contains(exposed, m) {
			t.Errorf("%s explains %s, which does not exist", p.path, m)
		}
	}
}
