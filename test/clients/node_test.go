package clients

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNodeLibraries runs a script for each library. A script checks by itself; what it asks the test for is a person who
// decides on a device login, or who goes to an authorization endpoint and allows what is asked there.
func TestNodeLibraries(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		notRun(t, "there is no Node.js")
	}
	declareLibraries(t)
	for name, library := range map[string]string{ // and what of it
		"openid-client": "openid-client", "oauth4webapi": "oauth4webapi", "@auth/core": "@auth/core", "passport-oauth2": "passport-oauth2",
		"G03 G04 D10 dpop": "openid-client",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(filepath.Join("node_modules", library)); err != nil {
				notRun(t, library+" is not installed")
			}
			words := strings.Fields(name)
			runScript(t, node, strings.ReplaceAll(strings.TrimPrefix(words[len(words)-1], "@"), "/", "-")+".mjs")
		})
	}
}

func runScript(t *testing.T, node, script string) {
	t.Helper()
	service, device := world.Secret(t, "partners", "reports-oauth"), world.Secret(t, "partners", "cli-oauth")
	web, native := world.Secret(t, "partners", "library-web-oauth"), world.Secret(t, "partners", "library-native-oauth")
	cmd := exec.CommandContext(t.Context(), node, script)
	cmd.Env = append(os.Environ(), "ISSUER="+world.Issuer,
		"SERVICE_ID="+service["client-id"], "SERVICE_SECRET="+service["client-secret"],
		"DEVICE_ID="+device["client-id"], "DEVICE_SECRET="+device["client-secret"],
		"WEB_ID="+web["client-id"], "WEB_SECRET="+web["client-secret"], "WEB_REDIRECT="+webRedirect, "NATIVE_ID="+native["client-id"],
		"SIGNED_ID=partners.library-signed", "SIGNED_KEY="+world.signedKey)
	var failure bytes.Buffer
	cmd.Stderr = &failure
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		world.Witness.SeeAnswer(lines.Bytes())
		var told struct {
			Complete string `json:"verification_uri_complete"`
			UserCode string `json:"user_code"`
			Decision string `json:"decision"`
			// Authorize is an address to go to; what comes back is written to the script.
			Authorize string `json:"authorize"`
			Done      bool   `json:"done"`
		}
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			t.Errorf("%s prints %q", script, lines.Text())
		}
		if told.Complete != "" {
			if told.Decision == "" {
				told.Decision = "approve"
			}
			world.Decide(t, told.Complete, told.UserCode, told.Decision)
		}
		if told.Authorize != "" {
			callback, form := world.Authorize(t, told.Authorize)
			answer, err := json.Marshal(map[string]string{"callback": callback, "form": form})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stdin.Write(append(answer, '\n')); err != nil {
				t.Fatal(err)
			}
		}
		done = done || told.Done
	}
	if err := cmd.Wait(); err != nil || !done {
		t.Errorf("%s: %v\n%s", script, err, &failure)
	}
}
