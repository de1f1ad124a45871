package registry

import (
	"hash/maphash"
	"iter"
	"maps"
)

// shardCount is how many parts a table has. Ten thousand clients make shards of about forty: a change copies that many
// entries instead of all.
const shardCount = 256

// table maps strings to clients and never changes once it is published. The next table shares every shard that did not
// change with the one before, so that publishing one change costs the same with ten clients and with ten thousand.
type table struct {
	seed   maphash.Seed
	shards [shardCount]*shard
	size   int
}

type shard struct {
	entries map[string]*Client
}

// get finds a client. It does not allocate.
func (t *table) get(key string) (*Client, bool) {
	if t.size == 0 { // also the zero table, whose seed cannot be used
		return nil, false
	}
	s := t.shards[maphash.String(t.seed, key)%shardCount]
	if s == nil {
		return nil, false
	}
	c, ok := s.entries[key]
	return c, ok
}

// missing yields the entries of t whose key is not in next. It looks only at shards that differ.
func (t *table) missing(next *table) iter.Seq2[string, *Client] {
	return func(yield func(string, *Client) bool) {
		for i, s := range t.shards {
			if s == nil || s == next.shards[i] {
				continue
			}
			for key, c := range s.entries {
				if _, ok := next.get(key); !ok && !yield(key, c) {
					return
				}
			}
		}
	}
}

// all yields every entry in no particular order.
func (t *table) all() iter.Seq2[string, *Client] {
	return func(yield func(string, *Client) bool) {
		for _, s := range t.shards {
			if s == nil {
				continue
			}
			for key, c := range s.entries {
				if !yield(key, c) {
					return
				}
			}
		}
	}
}

// editor makes the next table out of a published one. It copies a shard the first time that it writes to it.
type editor struct {
	*table
	owned [shardCount]bool
}

// edit starts an editor on t, which must be a copy of the published table.
func edit(t *table) *editor { return &editor{table: t} }

// set puts c under key; nil removes what is there.
func (e *editor) set(key string, c *Client) {
	old, ok := e.get(key)
	if c == nil && !ok || c != nil && old == c {
		return
	}
	i := maphash.String(e.seed, key) % shardCount
	if !e.owned[i] {
		next := &shard{}
		if s := e.shards[i]; s != nil {
			next.entries = maps.Clone(s.entries)
		} else {
			next.entries = make(map[string]*Client)
		}
		e.shards[i], e.owned[i] = next, true
	}
	if c == nil {
		delete(e.shards[i].entries, key)
		e.size--
		return
	}
	e.shards[i].entries[key] = c
	if !ok {
		e.size++
	}
}
