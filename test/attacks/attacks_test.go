package attacks

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

var update = flag.Bool("update", false, "write the table into the documentation instead of comparing with it")

// TestWaysToGetMore tries every way, looks after each whether anything was gained or anybody harmed, and prints the table.
func TestWaysToGetMore(t *testing.T) {
	all := slices.Concat(rightsWays(), secretWays(), templateWays(), identityWays(), boundaryWays(), addressWays(), peopleWays(), sizeWays(), hostWays())
	if len(all) < 30 {
		t.Fatalf("there are only %d ways", len(all))
	}
	s := newStage(t)
	var rows []string
	for i, w := range all {
		t.Run(w.name, func(t *testing.T) {
			a := &attack{T: t, stage: s}
			before := s.outside(t)
			func() {
				defer a.cleans()
				w.try(a)
			}()
			s.unharmed(t, before)
			if len(a.refusals) == 0 {
				t.Fatal("nobody refused anything")
			}
			if first := a.refusals[0]; first.by != w.by {
				t.Errorf("refused by %s, not by %s: %s", first.by, w.by, first.message)
			}
			rows = append(rows, fmt.Sprintf("| %d | %s | %s | %s |", i+1, cell(w.name), w.by, cell(s.steady(a.refusals[0].message))))
		})
	}
	if !t.Failed() && len(rows) == len(all) {
		golden(t, rows)
	}
}

// raced are the names of clients of which nobody knows who comes first.
var raced = regexp.MustCompile(`race-[0-9]+`)

// steady is a message without what differs from run to run.
func (s *stage) steady(message string) string {
	message = strings.NewReplacer(s.site.Issuer, "https://auth.platform.example", s.trap, "127.0.0.1:9081").Replace(message)
	return raced.ReplaceAllString(message, "race-nn")
}

// cell is a text as the cell of a table, on one line.
func cell(s string) string {
	s = strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
	const most = 400
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}

// The table is between these lines of the page.
const (
	first = "<!-- the table: printed by test/attacks -->\n"
	last  = "<!-- the end of the table -->\n"
)

// golden compares the table with the one of the documentation, or writes it with -update.
func golden(t *testing.T, rows []string) {
	t.Helper()
	file := filepath.Join(demo.Root(), "docs", "reference", "attacks.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begins := strings.Cut(string(page), first)
	had, tail, ends := strings.Cut(rest, last)
	if !begins || !ends {
		t.Fatalf("%s has no place for the table", file)
	}
	table := "\n| | the way | refused by | what one reads |\n| --- | --- | --- | --- |\n" + strings.Join(rows, "\n") + "\n\n"
	t.Log(table)
	if *update {
		if err := os.WriteFile(file, []byte(head+first+table+last+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(had, table); diff != "" {
		t.Errorf("%s differs (-page +now); if that is right, run the test with -update:\n%s", file, diff)
	}
}
