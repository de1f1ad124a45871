package consent

import (
	"slices"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// List is what a person may choose among at one API: at most two levels, parents first or not. A choice that has children
// stands for them; one without can be chosen itself.
type List []registration.Choice

// Find finds a choice by its id.
func (l List) Find(id string) (registration.Choice, bool) {
	i := slices.IndexFunc(l, func(c registration.Choice) bool { return c.ID == id })
	if i < 0 {
		return registration.Choice{}, false
	}
	return l[i], true
}

// Children are the choices below a parent, in the order of the list.
func (l List) Children(parent string) List {
	var out List
	for _, c := range l {
		if c.Parent == parent && parent != "" {
			out = append(out, c)
		}
	}
	return out
}

// Leaves are the choices without children, in the order of the list.
func (l List) Leaves() List {
	parents := map[string]struct{}{}
	for _, c := range l {
		parents[c.Parent] = struct{}{}
	}
	var out List
	for _, c := range l {
		if _, is := parents[c.ID]; !is {
			out = append(out, c)
		}
	}
	return out
}

// Pick is what somebody chose of a list.
type Pick struct {
	// Chosen are ids. That of a parent means all of its present children.
	Chosen []string
	// Without are ids that were ticked and are not any more: a parent that is chosen at the same time does not bring them back.
	Without []string
}

// Pick is the leaves that somebody chose, in the order of the list. Ids that are not on the list count for nothing.
func (l List) Pick(p Pick) List {
	chosen, without := set(p.Chosen), set(p.Without)
	var out List
	for _, c := range l.Leaves() {
		_, itself := chosen[c.ID]
		_, withParent := chosen[c.Parent]
		_, unticked := without[c.ID]
		if itself || withParent && c.Parent != "" && !unticked {
			out = append(out, c)
		}
	}
	return out
}

func set(values []string) map[string]struct{} {
	m := make(map[string]struct{}, len(values))
	for _, v := range values {
		m[v] = struct{}{}
	}
	return m
}
