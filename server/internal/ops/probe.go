package ops

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// pingFor is how long the storage may take to answer.
	pingFor = 2 * time.Second
	// pingGood is how long an answer is good for, so that probes are no load.
	pingGood = time.Second
)

// probe asks the storage whether it works, once for all who want to know, and never more than once at a time: a storage that
// hangs holds one goroutine.
type probe struct {
	storage Pinger
	log     *slog.Logger

	mu     sync.Mutex
	asking chan struct{} // closed when the ping under way has ended; nil when none is
	asked  time.Time     // when the last one ended
	works  bool
}

func newProbe(storage Pinger, log *slog.Logger) *probe {
	return &probe{storage: storage, log: log, works: true}
}

// answers reports whether the storage works. It is false when that is not known in time.
func (p *probe) answers(ctx context.Context) bool {
	p.mu.Lock()
	if !p.asked.IsZero() && time.Since(p.asked) < pingGood {
		defer p.mu.Unlock()
		return p.works
	}
	if p.asking == nil {
		p.asking = make(chan struct{})
		go p.ask(p.asking)
	}
	asking := p.asking
	p.mu.Unlock()

	late := time.NewTimer(pingFor)
	defer late.Stop()
	select {
	case <-asking:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.works
	case <-late.C:
		return false
	case <-ctx.Done():
		return false
	}
}

func (p *probe) ask(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), pingFor)
	defer cancel()
	err := p.storage.Ping(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch works := err == nil; {
	case p.works && !works:
		p.log.Error("the storage does not answer; the server is not ready", "error", err)
	case !p.works && works:
		p.log.Info("the storage answers again")
	}
	p.works, p.asked, p.asking = err == nil, time.Now(), nil
	close(done)
}
