package demo

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// lastLine is how the last line of the summary goes on after the folder.
const lastLine = "Ctrl-C ends everything that was started here."

// Block is a part of what is printed that is meant to be pasted.
type Block struct {
	// Heading is the line above it, which says what it is for.
	Heading string
	// Script is the block.
	Script string
}

// read takes in what is printed, as somebody would who reads it.
func (d *Demo) read(out string) error {
	for _, line := range strings.Split(out, "\n") {
		name, value := "", ""
		if f := strings.Fields(line); strings.HasPrefix(line, "  ") && len(f) > 1 {
			name, value = f[0], f[1]
		}
		switch name {
		case "issuer":
			d.Issuer = value
		case "sign":
			d.User = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "sign in as"))
		case "password":
			d.Password = value
			d.Witness.See("the account's password", value)
		case "metrics":
			d.Operations = strings.TrimSuffix(value, "/metrics")
		case "export":
			d.Kubeconfig = strings.Trim(strings.TrimPrefix(strings.TrimSpace(line), "export KUBECONFIG="), "'")
		}
	}
	if d.Issuer == "" || d.Operations == "" || (d.Kubeconfig == "") != (d.options.Files != "") {
		return fmt.Errorf("it does not print issuer, metrics and KUBECONFIG: %s", out)
	}
	return nil
}

// Blocks are the blocks to paste: indented lines below a heading that ends with a colon.
func (d *Demo) Blocks() []Block {
	var blocks []Block
	in := false
	for _, line := range strings.Split(d.Out(), "\n") {
		switch {
		case line == "":
		case !strings.HasPrefix(line, "  "):
			if in = strings.HasSuffix(line, ":"); in {
				blocks = append(blocks, Block{Heading: strings.TrimSuffix(line, ":")})
			}
		case in:
			last := &blocks[len(blocks)-1]
			last.Script += line + "\n"
		}
	}
	return blocks
}

// Block is the one whose heading has a text in it.
func (d *Demo) Block(t testing.TB, heading string) Block {
	t.Helper()
	for _, b := range d.Blocks() {
		if strings.Contains(b.Heading, heading) {
			return b
		}
	}
	t.Fatalf("no block %q in: %s", heading, d.Out())
	return Block{}
}

// Paste runs the block in a shell, as somebody would, and returns what it prints.
func (b Block) Paste(t testing.TB, shell string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), shell, "-c", b.Script).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s\n%s", b.Heading, err, b.Script, out)
	}
	return string(out)
}
