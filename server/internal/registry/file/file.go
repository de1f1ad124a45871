package file

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

const (
	// settle is how long the folder has to be still before it is read: whoever writes ten files is read once.
	settle = 5 * time.Millisecond
	// longest is how long it is waited for while the folder is never still.
	longest = 50 * time.Millisecond
	// relist is how often the folder is read anyway: notifications get lost on some file systems, and a folder that was
	// replaced by another has to be watched anew.
	relist = 5 * time.Second
)

// Source reads the documents of one folder.
type Source struct {
	folder string
	log    *slog.Logger
	files  map[registry.Key]file
	count  uint64
}

var _ registry.Source = (*Source)(nil)

// file is what was read last under a name.
type file struct {
	info fs.FileInfo
	sum  [sha256.Size]byte
	bad  bool // it could not be opened
}

// New returns a source for the *.json files of folder. Their names are the documents' keys; files whose names begin with a
// dot are left alone, so that a writer can prepare them in the same folder.
func New(folder string, log *slog.Logger) *Source {
	return &Source{folder: folder, log: log, files: make(map[registry.Key]file)}
}

// Run feeds sink until ctx ends. It returns an error at once if the folder cannot be read or watched; once it was read, a folder
// that goes away is waited for, and sink keeps what it has. The version it gives counts the times that something changed,
// beginning with 1.
func (s *Source) Run(ctx context.Context, sink registry.Sink) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", s.folder, err)
	}
	defer func() { _ = watcher.Close() }() // nothing is written to it
	// Watched before it is listed, so that nothing falls between the two.
	if err := watcher.Add(s.folder); err != nil {
		return fmt.Errorf("watch %s: %w", s.folder, err)
	}
	docs, err := s.scan()
	if err != nil {
		return err
	}
	s.count++
	sink.Replace(docs, s.version())

	again := time.NewTicker(relist)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-watcher.Events:
			s.forget(e.Name)
			if err := s.settled(ctx, watcher); err != nil {
				return err
			}
		case err := <-watcher.Errors:
			s.log.Warn("notifications of a folder were lost; reading it again", "folder", s.folder, "error", err)
			clear(s.files)
		case <-again.C:
			if err := watcher.Add(s.folder); err != nil {
				s.log.Warn("folder cannot be watched; keeping what was read", "folder", s.folder, "error", err)
			}
		}
		s.update(sink)
	}
}

// settled waits until the folder is still.
func (s *Source) settled(ctx context.Context, watcher *fsnotify.Watcher) error {
	still, enough := time.NewTimer(settle), time.NewTimer(longest)
	defer still.Stop()
	defer enough.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-watcher.Events:
			s.forget(e.Name)
			still.Reset(settle)
		case <-still.C:
			return nil
		case <-enough.C:
			return nil
		}
	}
}

// forget has the next scan read a file even if it looks the same: a file that was written twice within the clock's
// resolution does.
func (s *Source) forget(path string) {
	key := registry.Key(filepath.Base(path))
	if f, ok := s.files[key]; ok {
		f.info = nil
		s.files[key] = f
	}
}

// update hands over what changed. That nothing did is told as well, so that the registry knows when it was last up to date.
func (s *Source) update(sink registry.Sink) {
	changes, err := s.scan()
	if err != nil {
		s.log.Warn("folder cannot be read; keeping what was read", "folder", s.folder, "error", err)
		return
	}
	if len(changes) > 0 {
		s.count++
	}
	sink.Apply(changes, s.version())
}

func (s *Source) version() string { return strconv.FormatUint(s.count, 10) }

// scan compares the folder with what was read last and returns the differences, by key.
func (s *Source) scan() ([]registry.Change, error) {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return nil, fmt.Errorf("read folder: %w", err)
	}
	var changes []registry.Change
	found := make(map[registry.Key]struct{}, len(entries))
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		key := registry.Key(e.Name())
		change, there := s.read(key)
		if there {
			found[key] = struct{}{}
		}
		if change != nil {
			changes = append(changes, *change)
		}
	}
	for key := range s.files {
		if _, ok := found[key]; !ok {
			delete(s.files, key)
			changes = append(changes, registry.Change{Key: key})
		}
	}
	slices.SortFunc(changes, func(a, b registry.Change) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return changes, nil
}

// read reads one file unless it is as it was, in which case there is no change. there is false when it is gone by now.
func (s *Source) read(key registry.Key) (change *registry.Change, there bool) {
	path := filepath.Join(s.folder, string(key))
	last, known := s.files[key]
	info, err := os.Stat(path) // not Lstat: the files of a mounted volume are links
	if os.IsNotExist(err) {
		return nil, false
	}
	if err == nil && known && !last.bad && last.info != nil && unchanged(last.info, info) {
		return nil, true
	}
	var content []byte
	if err == nil {
		content, err = readFile(path)
	}
	if err != nil {
		if os.IsNotExist(err) {
			return nil, false
		}
		s.files[key] = file{bad: true}
		if known && last.bad {
			return nil, true
		}
		return &registry.Change{Key: key, Err: fmt.Errorf("%w: %w", registry.ErrMissing, err)}, true
	}
	sum := sha256.Sum256(content)
	s.files[key] = file{info: info, sum: sum}
	if known && !last.bad && last.sum == sum {
		return nil, true
	}
	d, err := registration.Decode(content)
	if err != nil {
		return &registry.Change{Key: key, Err: err}, true
	}
	return &registry.Change{Key: key, Document: d}, true
}

func unchanged(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// readFile reads a regular file, and one byte more than a document may have so that Decode refuses what is too large.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	return io.ReadAll(io.LimitReader(f, registration.MaxSize+1))
}
