package e2e

import (
	"bufio"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

// Every block that is printed works when it is pasted, in bash and in a plain POSIX shell.
func TestBlocksWorkWhenPasted(t *testing.T) {
	t.Parallel()
	d := world.Demo
	if n := len(d.Blocks()); n != 3 {
		t.Errorf("%d blocks are printed, and 3 are tested here: %s", n, d.Out())
	}
	for _, shell := range []string{"bash", "sh"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			t.Run("look at the objects", func(t *testing.T) {
				out := d.Block(t, "Look at the objects").Paste(t, shell)
				for _, want := range []string{"oauthserver.grantkeeper.dev/main", "oauthclient.grantkeeper.dev/reports", "oauthgrantpolicy.grantkeeper.dev/services", "oauthresource.grantkeeper.dev/orders-api", "oauthidentityprovider.grantkeeper.dev/local"} {
					if !strings.Contains(out, want) {
						t.Errorf("there is no %s in %s", want, out)
					}
				}
			})
			t.Run("a token for a program", func(t *testing.T) {
				pastesToken(t, d, shell)
			})
			t.Run("a device login", func(t *testing.T) {
				pastesDeviceLogin(t, d, shell)
			})
		})
	}
}

// pastesToken pastes the block for client credentials and checks the token.
func pastesToken(t *testing.T, d *demo.Demo, shell string) {
	t.Helper()
	out := d.Block(t, "client credentials").Paste(t, shell)
	d.Witness.SeeAnswer([]byte(out))
	verify(t, d, field(t, out, "access_token"))
}

// pastesDeviceLogin pastes the block for a device login, and approves on the pages while it polls.
func pastesDeviceLogin(t *testing.T, d *demo.Demo, shell string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell, "-c", d.Block(t, "A device login").Script)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	told, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`^open (\S+) and compare the code: (\S+)\n$`).FindStringSubmatch(told)
	if m == nil {
		t.Fatalf("it says %q", told)
	}
	d.Witness.See("a user code", m[2])
	d.Decide(t, m[1], m[2], "approve")
	out, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	d.Witness.SeeAnswer([]byte(out))
	verify(t, d, field(t, out, "access_token"))
	if field(t, out, "refresh_token") == "" || field(t, out, "id_token") == "" {
		t.Error("there is no refresh token or no ID token")
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// field is a member of a JSON object that a block printed.
func field(t *testing.T, out, name string) string {
	t.Helper()
	m := regexp.MustCompile(`"` + name + `":"([^"]+)"`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("there is no %s in %s", name, out)
	}
	return m[1]
}
