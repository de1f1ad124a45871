package consent

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// long is a list of two organizations with sixty projects each.
func long() List {
	var l List
	for _, org := range []string{"acme", "beta"} {
		l = append(l, registration.Choice{ID: org, Title: strings.ToUpper(org)})
		for i := range 60 {
			l = append(l, registration.Choice{ID: fmt.Sprintf("%s-%d", org, i), Title: fmt.Sprintf("Project %d", i), Parent: org})
		}
	}
	return l
}

const plenty = 1 << 20

// outline is what a view shows: parents with a colon, ticked ones with a plus.
func outline(v View) string {
	var b strings.Builder
	leaf := func(l ViewLeaf) {
		b.WriteString(" ")
		if l.Ticked {
			b.WriteString("+")
		}
		b.WriteString(l.Title)
	}
	for _, top := range v.Tops {
		leaf(top.ViewLeaf)
		if top.Parent {
			b.WriteString(":")
		}
		for _, l := range top.Leaves {
			leaf(l)
		}
	}
	return strings.TrimSpace(b.String())
}

func TestView(t *testing.T) {
	for name, c := range map[string]struct {
		list   List
		query  string
		chosen []string
		want   string
		hidden int
	}{
		"everything, in the order of the list": {projects(), "", nil, "Acme: Shop Blog My own Beta: Lab", 0},
		"what was chosen is ticked":            {projects(), "", []string{"p2", "own"}, "Acme: Shop +Blog +My own Beta: Lab", 0},
		"what is searched":                     {projects(), "  bLOg ", nil, "Acme: Blog", 0},
		"an id is found too":                   {projects(), "p3", nil, "Beta: Lab", 0},
		"a parent brings its children":         {projects(), "acme", nil, "Acme: Shop Blog", 0},
		"what does not match stays ticked":     {projects(), "lab", []string{"p1", "own"}, "Beta: Lab", 2},
		"nothing matches":                      {projects(), "zzz", []string{"p1"}, "", 1},
		"a parent is not a choice":             {projects(), "", []string{"acme"}, "Acme: Shop Blog My own Beta: Lab", 0},
		"nothing to choose":                    {nil, "", []string{"p1"}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := c.list.View(clusters, c.query, c.chosen, plenty)
			if got := outline(v); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if v.HiddenCount != c.hidden {
				t.Errorf("%d are hidden, want %d", v.HiddenCount, c.hidden)
			}
		})
	}
	t.Run("of a long list what is chosen comes first", func(t *testing.T) {
		v := long().View(clusters, "", []string{"beta-59"}, plenty)
		if v.ShownCount != MaxShown || v.Total != 120 || v.Matches != 120 || v.HiddenCount != 0 {
			t.Errorf("%+v", v)
		}
		if got := outline(v); !strings.HasPrefix(got, "ACME: Project 0 Project 1 ") || !strings.HasSuffix(got, "Project 38 BETA: +Project 59") {
			t.Errorf("%q", got)
		}
	})
	t.Run("titles that weigh much show fewer", func(t *testing.T) {
		if v := long().View(clusters, "", nil, 1500); v.ShownCount >= 12 || v.ShownCount < 6 {
			t.Errorf("%d are shown", v.ShownCount)
		}
		if v := long().View(clusters, "", nil, 0); v.ShownCount != 1 {
			t.Errorf("%d are shown", v.ShownCount)
		}
	})
	t.Run("titles that are alike come with ids", func(t *testing.T) {
		l := List{{ID: "a", Title: "Shop"}, {ID: "b", Title: "Shop"}, {ID: "c", Title: "Blog"}}
		v := l.View(clusters, "", nil, plenty)
		if v.Tops[0].ID != "a" || v.Tops[1].ID != "b" || v.Tops[2].ID != "" {
			t.Errorf("%+v", v.Tops)
		}
	})
}

// TestForm: whatever is searched and ticked on the way, the form says in the end what the person sees: what was ticked before,
// with what was ticked and without what was unticked since.
func TestForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawList(t, "list")
		want := map[string]bool{}
		for range rapid.IntRange(1, 5).Draw(t, "pages") {
			var chosen []string
			for id, on := range want {
				if on {
					chosen = append(chosen, id)
				}
			}
			query := rapid.SampledFrom([]string{"", "", "o1", "2", "child", "zzz"}).Draw(t, "query")
			v := l.View(clusters, query, chosen, rapid.SampledFrom([]int{plenty, 2000}).Draw(t, "budget"))
			if v.ShownCount > MaxShown || v.ShownCount == 0 && v.Matches > 0 {
				t.Fatalf("%d of %d are shown", v.ShownCount, v.Matches)
			}
			fields := []string{v.Hidden}
			byKey := map[string]string{}
			for _, c := range l {
				byKey[Key(clusters, c.ID)] = c.ID
			}
			click := func(leaf ViewLeaf) {
				on := leaf.Ticked != (rapid.IntRange(0, 4).Draw(t, "click") == 0)
				want[byKey[leaf.Key]] = on
				if on {
					fields = append(fields, leaf.Key)
				}
			}
			for _, top := range v.Tops {
				if !top.Parent {
					click(top.ViewLeaf)
				}
				for _, leaf := range top.Leaves {
					click(leaf)
				}
			}
			var got []string
			for _, c := range l.Pick(l.ReadPick(clusters, fields, []string{v.Shown})) {
				got = append(got, c.ID)
			}
			for _, c := range l.Leaves() {
				if slices.Contains(got, c.ID) != want[c.ID] {
					t.Fatalf("%s: chosen %t, ticked %t", c.ID, slices.Contains(got, c.ID), want[c.ID])
				}
			}
		}
	})
}

func TestReadPick(t *testing.T) {
	k := func(id string) string { return Key(clusters, id) }
	v := projects().View(clusters, "", []string{"p1"}, plenty)
	for name, c := range map[string]struct {
		chosen []string
		want   []string
	}{
		"all of a parent": {[]string{k("acme"), k("p1")}, []string{"p1", "p2"}},
		"all of a parent but what is unticked at once":      {[]string{k("acme")}, []string{"p2"}},
		"the key of another API's choice is none of this's": {[]string{Key(orders, "p1")}, nil},
		"an id is no key":   {[]string{"p1", "acme"}, nil},
		"keys in one field": {[]string{k("p1") + "  " + k("own"), ""}, []string{"p1", "own"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range projects().Pick(projects().ReadPick(clusters, c.chosen, []string{v.Shown})) {
				got = append(got, c.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
