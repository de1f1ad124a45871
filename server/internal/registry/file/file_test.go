package file_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/registry/file"
)

// resource encodes a document whose title tells its edits apart.
func resource(t *testing.T, name, title string) []byte {
	t.Helper()
	b, err := registration.Encode(&registration.Resource{Namespace: "oauth", Name: name, Identifier: "https://" + name + ".example", Title: title})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// put writes a file as a writer is asked to: whole, by renaming it into place.
func put(t *testing.T, folder, name string, content []byte) {
	t.Helper()
	tmp := filepath.Join(folder, "."+name+".tmp")
	if err := os.WriteFile(tmp, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
}

// sink hands on to a registry and counts.
type sink struct {
	*registry.Registry
	mu       sync.Mutex
	replaced int
	applied  int
}

func (s *sink) Replace(docs []registry.Change, version string) {
	s.mu.Lock()
	s.replaced++
	s.mu.Unlock()
	s.Registry.Replace(docs, version)
}

func (s *sink) Apply(changes []registry.Change, version string) {
	s.mu.Lock()
	s.applied += len(changes)
	s.mu.Unlock()
	s.Registry.Apply(changes, version)
}

// start runs a source on folder until the test ends.
func start(t *testing.T, folder string) *sink {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s := &sink{Registry: registry.New(log)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- file.New(folder, log).Run(ctx, s) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		goleak.VerifyNone(t)
	})
	waitFor(t, s, "the first listing", func(*registry.Snapshot) bool { return s.Synced() })
	return s
}

func waitFor(t *testing.T, s *sink, what string, until func(*registry.Snapshot) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.WaitFor(ctx, until); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func title(name, want string) func(*registry.Snapshot) bool {
	return func(s *registry.Snapshot) bool {
		r, ok := s.Resource("https://" + name + ".example")
		return ok && r.Title == want || !ok && want == ""
	}
}

func TestAFolderIsFollowed(t *testing.T) {
	folder := t.TempDir()
	put(t, folder, "a.json", resource(t, "a", "first"))
	put(t, folder, "README.md", []byte("not a document"))
	if err := os.WriteFile(filepath.Join(folder, ".hidden.json"), []byte("being written"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, folder)
	waitFor(t, s, "what is there at the start", title("a", "first"))

	put(t, folder, "b.json", resource(t, "b", "new"))
	waitFor(t, s, "a new file", title("b", "new"))
	put(t, folder, "a.json", resource(t, "a", "again"))
	waitFor(t, s, "a changed file", title("a", "again"))
	if err := os.WriteFile(filepath.Join(folder, "a.json"), resource(t, "a", "inplace"), 0o600); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s, "a file written in place", title("a", "inplace"))
	if err := os.Rename(filepath.Join(folder, "a.json"), filepath.Join(folder, "c.json")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s, "a renamed file", func(snap *registry.Snapshot) bool {
		return title("a", "inplace")(snap) && snap.Documents()[registration.KindResource] == 2
	})
	if err := os.Remove(filepath.Join(folder, "c.json")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s, "a removed file", title("a", ""))

	put(t, folder, "b.json", []byte(`{"version":1,"kind":"Resource","spec":{"nonsense":true}}`))
	waitFor(t, s, "a bad file fails closed, alone", func(snap *registry.Snapshot) bool { return title("b", "")(snap) && len(snap.Rejected()) == 1 })
	put(t, folder, "b.json", []byte(strings.Repeat(" ", registration.MaxSize+1)))
	put(t, folder, "d.json", resource(t, "d", "fine"))
	waitFor(t, s, "a good file beside it", title("d", "fine"))
	put(t, folder, "b.json", resource(t, "b", "mended"))
	waitFor(t, s, "a mended file", func(snap *registry.Snapshot) bool { return title("b", "mended")(snap) && len(snap.Rejected()) == 0 })
	if s.replaced != 1 {
		t.Errorf("listed %d times", s.replaced)
	}
}

func TestTheVersionCountsChanges(t *testing.T) {
	folder := t.TempDir()
	s := start(t, folder)
	waitFor(t, s, "the first version, of an empty folder", func(snap *registry.Snapshot) bool { return snap.Version() == "1" })
	put(t, folder, "a.json", resource(t, "a", "x"))
	waitFor(t, s, "the second", func(snap *registry.Snapshot) bool { return snap.Version() == "2" && title("a", "x")(snap) })
	put(t, folder, "a.json", resource(t, "a", "x")) // the same content is no change
	put(t, folder, "a.json", resource(t, "a", "y"))
	waitFor(t, s, "the third", title("a", "y"))
	if v := s.Current().Version(); v != "3" {
		t.Errorf("version %s, want 3", v)
	}
}

func TestManyFilesAtOnce(t *testing.T) {
	folder := t.TempDir()
	s := start(t, folder)
	const n = 1000
	for i := range n {
		put(t, folder, fmt.Sprintf("r%d.json", i), resource(t, fmt.Sprintf("r%d", i), "x"))
	}
	waitFor(t, s, "all of them", func(snap *registry.Snapshot) bool { return snap.Documents()[registration.KindResource] == n })
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.applied != n {
		t.Errorf("%d changes applied for %d files", s.applied, n)
	}
}

func TestAFolderThatComesBackIsFollowedAgain(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "documents")
	makeFolder := func() {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	makeFolder()
	put(t, folder, "a.json", resource(t, "a", "before"))
	s := start(t, folder)
	waitFor(t, s, "what is there at the start", title("a", "before"))
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	makeFolder()
	put(t, folder, "a.json", resource(t, "a", "after"))
	waitFor(t, s, "the other folder of that name", title("a", "after"))
	put(t, folder, "a.json", resource(t, "a", "later"))
	waitFor(t, s, "a change in it", title("a", "later"))
}

func TestAFolderThatCannotBeReadIsAnError(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, folder := range map[string]string{"it does not exist": missing, "it is a file": plain} {
		t.Run(name, func(t *testing.T) {
			log := slog.New(slog.DiscardHandler)
			r := registry.New(log)
			err := file.New(folder, log).Run(t.Context(), r)
			if err == nil || !strings.Contains(err.Error(), folder) {
				t.Errorf("got %v", err)
			}
			if r.Synced() {
				t.Error("synced")
			}
		})
	}
}

func TestAFileThatCannotBeOpenedFailsClosed(t *testing.T) {
	folder := t.TempDir()
	put(t, folder, "a.json", resource(t, "a", "x"))
	s := start(t, folder)
	waitFor(t, s, "the file", title("a", "x"))
	if err := os.Remove(filepath.Join(folder, "a.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "a.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	waitFor(t, s, "a folder in its place", func(snap *registry.Snapshot) bool { return title("a", "")(snap) && len(snap.Rejected()) == 1 })
}
