package sqlite

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestPlans asks SQLite how it would run every statement: whatever grows with the number of users is searched by an index,
// and nothing is sorted.
func TestPlans(t *testing.T) {
	db := openTest(t, newPath(t))
	// A row made of parameters, and a subquery that its own LIMIT bounds and whose inside is listed as well.
	harmless := regexp.MustCompile(`^SCAN (CONSTANT ROW|\(subquery-\d+\))$`)
	seen := map[string]bool{}
	for _, q := range append(readStatements(), writeStatements()...) {
		if seen[q] {
			continue
		}
		seen[q] = true
		t.Run(strings.Join(strings.Fields(q), " "), func(t *testing.T) {
			args := make([]any, parameters(q))
			for i := range args {
				args[i] = 1
			}
			rows, err := db.reader.pool.Query("EXPLAIN QUERY PLAN "+q, args...)
			noError(t, err)
			defer rows.Close()
			for rows.Next() {
				var id, parent, unused int
				var detail string
				noError(t, rows.Scan(&id, &parent, &unused, &detail))
				if (strings.HasPrefix(detail, "SCAN") && !harmless.MatchString(detail)) || strings.Contains(detail, "TEMP B-TREE") {
					t.Errorf("plan: %s", detail)
				}
			}
			noError(t, rows.Err())
		})
	}
}

// parameters counts those of a statement, written ? or ?1 and so on.
func parameters(q string) int {
	n := 0
	for _, m := range regexp.MustCompile(`\?(\d*)`).FindAllStringSubmatch(q, -1) {
		if i, err := strconv.Atoi(m[1]); err == nil {
			n = max(n, i)
		} else {
			n++
		}
	}
	return n
}
