package dev

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/config/crd"
	"github.com/grantkeeper/grantkeeper/internal/controlplane"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
)

// session is what both modes share while they run.
type session struct {
	Options
	// asked are the flags as they were given.
	asked   Options
	data    *dataDir
	logs    *logs
	loader  *manifest.Loader
	account *account
	// samples is true when no other manifests were asked for.
	samples bool
	// began is when the command was started.
	began time.Time
}

// Run is `grantkeeper dev`. It returns nil when ctx ended it, and otherwise an error that says what to do.
func Run(ctx context.Context, o Options) (err error) {
	s, err := open(o)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, s.logs.close(), s.data.close())
	}()
	if s.Files != "" {
		err = s.runFiles(ctx)
	} else {
		err = s.runCluster(ctx)
	}
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		line(s.Out, "\nEverything that was started here has ended. Data kept in %s; start again with %s, forget it with %s.", s.data.path, s.again(), s.forget())
		return nil
	}
	return controlplane.Explain(err, s.Options.Data)
}

// open checks everything that can be checked before anything is started.
func open(o Options) (_ *session, err error) {
	asked := o
	o, err = o.complete()
	if err != nil {
		return nil, err
	}
	for _, p := range [][2]string{{"--listen", o.Listen}, {"--operations", o.Operations}} {
		if err := checkPort(p[0], p[1]); err != nil {
			return nil, err
		}
	}
	crds, err := crd.CRDs()
	if err != nil {
		return nil, err
	}
	s := &session{Options: o, asked: asked, samples: asked.Files == "" && asked.Manifests == "", loader: manifest.NewLoader(crds), began: time.Now()}
	if s.account, err = newAccount(rand.Reader); err != nil {
		return nil, err
	}
	if s.data, err = openData(o.Data, o.Fresh); err != nil {
		return nil, err
	}
	if s.logs, err = openLogs(s.data, o); err != nil {
		return nil, errors.Join(err, s.data.close())
	}
	return s, nil
}

// again is the command that starts this once more, with the same data at the same address.
func (s *session) again() string {
	var flags []string
	add := func(flag, asked string) {
		if asked != "" {
			flags = append(flags, flag+" "+quote(asked))
		}
	}
	other := func(asked, usual string) string {
		if asked == usual {
			return ""
		}
		return asked
	}
	add("--files", s.asked.Files)
	add("--manifests", s.asked.Manifests)
	add("--data", s.asked.Data)
	add("--listen", other(s.asked.Listen, DefaultListen))
	add("--operations", other(s.asked.Operations, DefaultOperations))
	switch {
	case s.samples && len(flags) == 0:
		return "make demo"
	case s.samples:
		return "make demo ARGS=" + quote(strings.Join(flags, " "))
	}
	return "grantkeeper dev " + strings.Join(flags, " ")
}

// forget is the flag that forgets the data, as it is given to the command of again.
func (s *session) forget() string {
	if s.samples {
		return "FRESH=1"
	}
	return "--fresh"
}

// problems prints what is wrong with manifests.
func (s *session) problems(problems []manifest.Problem) {
	for _, p := range problems {
		line(s.Err, "%s", p)
	}
}

// plural is a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
