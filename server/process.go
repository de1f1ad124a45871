package server

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The heap may grow to four times what is live before it is collected, but by no more than headroom bytes. What is live is
// mostly the registry, which hardly ever changes, and marking it is the one cost of the token path that grows with the number of
// clients: 10,000 of them are about 20 MiB. With few clients the first bound counts, with many the second, so that memory
// does not grow with four times the clients.
const (
	mostPercent  = 300
	leastPercent = 50
	headroom     = 48 << 20
	// lookEvery is how often the bounds are compared with what is live.
	lookEvery = 5 * time.Second
)

// TuneProcess sets the garbage collector of a process that is nothing but this server, until ctx ends. GOGC and GOMEMLIMIT
// of the environment are left to whoever set them: call it only where GOGC is not set.
func TuneProcess(ctx context.Context) {
	debug.SetGCPercent(mostPercent)
	go keepHeadroom(ctx)
}

func keepHeadroom(ctx context.Context) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for now := mostPercent; ; {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		metrics.Read(live)
		// To set it stops the process for a moment, so that small differences are let be.
		if want := gcPercent(live[0].Value.Uint64()); want < now*9/10 || want > now*11/10 {
			debug.SetGCPercent(want)
			now = want
		}
	}
}

// gcPercent is by how much of what is live, in bytes, the heap may grow.
func gcPercent(live uint64) int {
	if live == 0 {
		return mostPercent
	}
	return int(max(leastPercent, min(mostPercent, headroom*100/live))) //nolint:gosec // bounded
}
