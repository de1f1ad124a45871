package main

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	ctrl "sigs.k8s.io/controller-runtime"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		// wrong is what the error says; empty when the arguments are fine.
		wrong string
	}{
		"the image is enough":                {[]string{"--server-image=a"}, ""},
		"without an image it says so":        {nil, "--server-image is required"},
		"an argument that is no flag":        {[]string{"--server-image=a", "b"}, `unexpected argument "b"`},
		"a list of hosts without namespace":  {[]string{"--server-image=a", "--issuer-hosts=b"}, "must be namespace/name of a ConfigMap"},
		"a list of hosts":                    {[]string{"--server-image=a", "--issuer-hosts=b/c"}, ""},
		"a flag that does not exist is told": {[]string{"--nonsense"}, "nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(c.args, io.Discard)
			switch {
			case c.wrong == "" && err != nil:
				t.Errorf("got %v", err)
			case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
				t.Errorf("got %v, want %q in it", err, c.wrong)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	if got := split(" a, b,,"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %q", got)
	}
	if got := split(""); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestLogsAreJSON(t *testing.T) {
	var out bytes.Buffer
	logTo(&out, false)
	ctrl.Log.Info("a message", "key", "value")
	if !strings.Contains(out.String(), `"key":"value"`) || !strings.HasPrefix(out.String(), "{") {
		t.Errorf("got %q", out.String())
	}
}
