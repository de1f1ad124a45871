package registry

import "maps"

// originCount keeps Snapshot.origins. The map is copied the first time that a client with origins is met: few have any.
type originCount struct {
	next *Snapshot
	own  bool
}

func (o *originCount) add(c *Client, n int) {
	if !c.Enabled() {
		return
	}
	for _, origin := range c.AllowedOrigins {
		if !c.AllowsOrigin(origin) {
			continue
		}
		if !o.own {
			o.own = true
			if o.next.origins = maps.Clone(o.next.origins); o.next.origins == nil {
				o.next.origins = make(map[string]int)
			}
		}
		if o.next.origins[origin] += n; o.next.origins[origin] == 0 {
			delete(o.next.origins, origin)
		}
	}
}
