package choices

import (
	"container/list"
	"sync"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/consent"
)

const (
	// cacheTTL is for how long an answer counts: from showing a page to its being sent, and for who turns the pages of a long list.
	cacheTTL = time.Minute
	// cacheSize bounds what is kept, in bytes.
	cacheSize = 8 << 20
)

// cacheKey is everything that an answer depends on, so that nobody is shown another one's list.
type cacheKey struct{ issuer, url, audience, user, client, scope string }

type entry struct {
	key     cacheKey
	list    consent.List
	size    int
	expires time.Time
}

// cache keeps answers, the oldest first. All live equally long, so the oldest is also the first to end.
type cache struct {
	mu     sync.Mutex
	order  *list.List // of *entry
	byKey  map[cacheKey]*list.Element
	size   int
	budget int
}

func newCache() *cache {
	return &cache{order: list.New(), byKey: map[cacheKey]*list.Element{}, budget: cacheSize}
}

func (c *cache) get(key cacheKey, now time.Time) (consent.List, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	kept, _ := e.Value.(*entry) // nothing else is in there
	if !now.Before(kept.expires) {
		c.drop(e)
		return nil, false
	}
	return kept.list, true
}

func (c *cache) put(key cacheKey, l consent.List, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		c.drop(e)
	}
	kept := &entry{key: key, list: l, size: weight(key, l), expires: now.Add(cacheTTL)}
	c.byKey[key] = c.order.PushBack(kept)
	c.size += kept.size
	for e := c.order.Front(); e != nil; e = c.order.Front() {
		oldest, _ := e.Value.(*entry)
		if c.size <= c.budget && now.Before(oldest.expires) {
			break
		}
		c.drop(e)
	}
}

func (c *cache) drop(e *list.Element) {
	kept, _ := c.order.Remove(e).(*entry)
	delete(c.byKey, kept.key)
	c.size -= kept.size
}

// weight is about how many bytes an entry takes.
func weight(k cacheKey, l consent.List) int {
	const each = 64 // of headers and pointers
	n := 8*each + len(k.issuer) + len(k.url) + len(k.audience) + len(k.user) + len(k.client) + len(k.scope)
	for _, c := range l {
		n += each + len(c.ID) + len(c.Title) + len(c.Parent)
	}
	return n
}
