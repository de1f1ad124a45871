package dev

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/grantkeeper/grantkeeper/internal/manifest"
)

const (
	// settle is how long a folder has to be still: an editor that saves writes, renames and removes in one breath.
	settle = 40 * time.Millisecond
	// longest is how long it is waited for while the folder is never still.
	longest = 500 * time.Millisecond
	// lookAgain is how often the folder is looked at anyway, for file systems that tell of nothing.
	lookAgain = 2 * time.Second
)

// watcher follows a folder of manifests and everything below it.
type watcher struct {
	dir string
	fs  *fsnotify.Watcher
	// seen is what the folder looked like when changes were last told of.
	seen string
}

// watch begins to follow a folder; what changes from now on is told of.
func watch(dir string) (*watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	f := &watcher{dir: dir, fs: w}
	f.add()
	f.seen = fingerprint(dir)
	return f, nil
}

func (w *watcher) close() error { return w.fs.Close() }

// add watches every folder there is; doing so again does no harm.
func (w *watcher) add() {
	_ = filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it went away meanwhile; whoever reads the folder will say so
		}
		if !d.IsDir() {
			return nil
		}
		if path != w.dir && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		_ = w.fs.Add(path) // what cannot be watched is looked at every lookAgain
		return nil
	})
}

// next blocks until a manifest has changed and the folder is still, or until ctx ends, which gives its error.
func (w *watcher) next(ctx context.Context) error {
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		event := false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.fs.Events:
			event = true
		case <-w.fs.Errors: //nolint:errcheck // an overflow, mostly: whatever it is, the folder is looked at again
			event = true
		case <-again.C:
		}
		if event {
			w.still(ctx)
		}
		w.add()
		if now := fingerprint(w.dir); now != w.seen {
			w.seen = now
			return nil
		}
	}
}

// still waits until nothing happens for a moment.
func (w *watcher) still(ctx context.Context) {
	quiet, enough := time.NewTimer(settle), time.NewTimer(longest)
	defer quiet.Stop()
	defer enough.Stop()
	for {
		select {
		case <-w.fs.Events:
			quiet.Reset(settle)
		case <-quiet.C:
			return
		case <-enough.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// fingerprint is different when a manifest was added, removed or written.
func fingerprint(dir string) string {
	var b strings.Builder
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		if d.IsDir() {
			if path != dir && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !manifest.IsManifest(path) {
			return nil
		}
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(&b, "%q %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return b.String()
}
