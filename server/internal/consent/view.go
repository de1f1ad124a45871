package consent

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// MaxShown is how many choices a page shows at a time; more than LongList of them can be searched.
const (
	MaxShown = 40
	LongList = 15
)

// Key names a choice of an API in a form: short, so that a page with many of them is small, and hard to find two alike of.
func Key(identifier, id string) string {
	sum := sha256.Sum256([]byte(identifier + "\x00" + id))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// ReadPick reads what a form says about the choices of an API. chosen are the values of its boxes, and of the hidden field for
// what was ticked and not shown; shown are the values of [View.Shown]. Both are keys with spaces between.
func (l List) ReadPick(identifier string, chosen, shown []string) Pick {
	ids := map[string][]string{}
	for _, c := range l {
		k := Key(identifier, c.ID)
		ids[k] = append(ids[k], c.ID)
	}
	on := set(keys(chosen))
	var p Pick
	for k := range on {
		if len(ids[k]) == 1 { // two alike are neither
			p.Chosen = append(p.Chosen, ids[k][0])
		}
	}
	for _, k := range keys(shown) {
		k, ticked := strings.CutPrefix(k, "+")
		if _, still := on[k]; ticked && !still && len(ids[k]) == 1 {
			p.Without = append(p.Without, ids[k][0])
		}
	}
	slices.Sort(p.Chosen)
	slices.Sort(p.Without)
	return p
}

func keys(fields []string) []string {
	var out []string
	for _, f := range fields {
		out = append(out, strings.Fields(f)...)
	}
	return out
}

// View is the part of a list that a page shows.
type View struct {
	// Tops in the order of the list, with what is shown below them.
	Tops []ViewTop
	// Shown is what the form says of the boxes that it shows: keys, with + before those that are ticked to begin with.
	Shown string
	// Hidden is what the form says of what is ticked and not shown: keys.
	Hidden string
	// HiddenCount is how many that are, ShownCount how many leaves are shown, Matches how many match, Total how many there are.
	HiddenCount, ShownCount, Matches, Total int
}

// ViewTop is a choice at the top: a leaf itself, or a parent of leaves.
type ViewTop struct {
	ViewLeaf
	// Parent is true when it has children: then Leaves are those that are shown, of Count.
	Parent bool
	Leaves []ViewLeaf
	Count  int
}

// ViewLeaf is one box.
type ViewLeaf struct {
	Key, Title string
	// ID is set where the title alone does not say which one it is.
	ID     string
	Ticked bool
}

// View picks what a page shows of the list: what matches the query (everything does when it is empty), what is chosen before
// the rest, at most MaxShown leaves, and about as many as take budget bytes in a page; but at least one.
func (l List) View(identifier, query string, chosen []string, budget int) View {
	const box = 130 // bytes of markup
	leaves := l.Leaves()
	v := View{Total: len(leaves)}
	on := set(chosen)
	matches := l.matching(leaves, query)
	v.Matches = len(matches)
	shown := map[string]struct{}{}
	for _, ticked := range []bool{true, false} {
		for _, c := range matches {
			if _, is := on[c.ID]; is != ticked || len(shown) >= MaxShown || len(shown) > 0 && budget < box+len(c.Title) {
				continue
			}
			shown[c.ID] = struct{}{}
			budget -= box + len(c.Title) + l.parentCost(c, shown)
		}
	}
	v.ShownCount = len(shown)
	v.Tops = l.tops(identifier, leaves, shown, on)
	var said, hidden []string
	for _, c := range leaves {
		_, ticked := on[c.ID]
		_, is := shown[c.ID]
		switch k := Key(identifier, c.ID); {
		case is && ticked:
			said = append(said, "+"+k)
		case is:
			said = append(said, k)
		case ticked:
			hidden = append(hidden, k)
		}
	}
	v.Shown, v.Hidden, v.HiddenCount = strings.Join(said, " "), strings.Join(hidden, " "), len(hidden)
	return v
}

// parentCost is what the heading of a parent takes, beyond its first leaf about as much as another one.
func (l List) parentCost(c registration.Choice, shown map[string]struct{}) int {
	const heading = 250 // bytes of markup
	for _, sibling := range l.Children(c.Parent) {
		if _, is := shown[sibling.ID]; is && sibling.ID != c.ID {
			return 0
		}
	}
	if parent, ok := l.Find(c.Parent); ok {
		return heading + 2*len(parent.Title)
	}
	return 0
}

// matching are the leaves whose title or id, or whose parent's, has the query in it.
func (l List) matching(leaves List, query string) List {
	query = strings.ToLower(strings.TrimSpace(query))
	if query == "" {
		return leaves
	}
	has := func(c registration.Choice) bool {
		return strings.Contains(strings.ToLower(c.Title), query) || strings.Contains(strings.ToLower(c.ID), query)
	}
	var out List
	for _, c := range leaves {
		parent, below := l.Find(c.Parent)
		if has(c) || below && has(parent) {
			out = append(out, c)
		}
	}
	return out
}

// tops arranges the leaves that are shown.
func (l List) tops(identifier string, leaves List, shown, on map[string]struct{}) []ViewTop {
	count := map[string]int{}
	titles := map[string]int{} // by parent and title
	for _, c := range leaves {
		count[c.Parent]++
		titles[c.Parent+"\x00"+c.Title]++
	}
	leaf := func(c registration.Choice) ViewLeaf {
		out := ViewLeaf{Key: Key(identifier, c.ID), Title: c.Title}
		_, out.Ticked = on[c.ID]
		if titles[c.Parent+"\x00"+c.Title] > 1 {
			out.ID = c.ID
		}
		return out
	}
	var out []ViewTop
	for _, c := range l {
		if c.Parent != "" {
			continue
		}
		if count[c.ID] == 0 {
			if _, is := shown[c.ID]; is {
				out = append(out, ViewTop{ViewLeaf: leaf(c)})
			}
			continue
		}
		top := ViewTop{ViewLeaf: ViewLeaf{Key: Key(identifier, c.ID), Title: c.Title}, Parent: true, Count: count[c.ID]}
		for _, child := range leaves {
			if _, is := shown[child.ID]; is && child.Parent == c.ID {
				top.Leaves = append(top.Leaves, leaf(child))
			}
		}
		if len(top.Leaves) > 0 {
			out = append(out, top)
		}
	}
	return out
}
