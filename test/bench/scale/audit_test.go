package scale

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// audit reads the API server's audit log.
type audit struct {
	path string
	at   int64
}

// event is what is read of one entry.
type event struct {
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	Verb   string `json:"verb"`
	Object struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	Response struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
}

// writes are write requests by what they were.
type writes map[string]int

// since reads what was written since the last call, by user. Leases are counted apart.
func (a *audit) since(tb testing.TB) map[string]writes {
	tb.Helper()
	f, err := os.Open(a.path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close() // only read
	if _, err := f.Seek(a.at, io.SeekStart); err != nil {
		tb.Fatal(err)
	}
	out := map[string]writes{}
	in := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return out // an entry that is being written is for the next time
		}
		a.at += int64(len(line))
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			tb.Fatal(err)
		}
		what := e.Verb + " " + e.Object.Resource
		if e.Object.Subresource != "" {
			what += "/" + e.Object.Subresource
		}
		if e.Object.Resource == "secrets" && e.Object.Namespace == platform {
			what += " (documents)"
		}
		if e.Response.Code >= 400 {
			what += fmt.Sprintf(" -> %d", e.Response.Code)
		}
		if out[e.User.Username] == nil {
			out[e.User.Username] = writes{}
		}
		out[e.User.Username][what]++
	}
}

// lease reports whether a write only says that somebody is there.
func lease(what string) bool { return strings.Contains(what, " leases") }

// total counts what is no Lease.
func (w writes) total() int {
	n := 0
	for what, count := range w {
		if !lease(what) {
			n += count
		}
	}
	return n
}

func (w writes) String() string {
	parts := make([]string, 0, len(w))
	for _, what := range slices.Sorted(maps.Keys(w)) {
		parts = append(parts, fmt.Sprintf("%d %s", w[what], what))
	}
	return strings.Join(parts, ", ")
}
