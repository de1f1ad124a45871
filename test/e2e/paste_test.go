package e2e

import (
	"bufio"
	"net/url"
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
	if n := len(d.Blocks()); n != 4 {
		t.Errorf("%d blocks are printed, and 4 are tested here: %s", n, d.Out())
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
			t.Run("a code login", func(t *testing.T) {
				pastesCodeLogin(t, d, shell)
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

// pastesCodeLogin pastes the block for a code login, follows the link, and pastes the address that the browser ends at.
func pastesCodeLogin(t *testing.T, d *demo.Demo, shell string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell, "-c", d.Block(t, "A code login").Script)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
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
	m := regexp.MustCompile(`^open (http\S+)\n$`).FindStringSubmatch(told)
	if m == nil {
		t.Fatalf("it says %q", told)
	}
	callback, _ := d.Authorize(t, m[1])
	if u, err := url.Parse(callback); err == nil {
		d.Witness.See("a code", u.Query().Get("code"))
	}
	if _, err := stdin.Write([]byte(callback + "\n")); err != nil {
		t.Fatal(err)
	}
	out, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, answer, _ := strings.Cut(out, ": ") // what it asks for comes first
	d.Witness.SeeAnswer([]byte(answer))
	verify(t, d, field(t, answer, "access_token"))
	if field(t, answer, "refresh_token") == "" || field(t, answer, "id_token") == "" {
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
