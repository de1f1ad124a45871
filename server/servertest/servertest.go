package servertest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/internal/freeport"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/internal/registration/registrationtest"
	"github.com/grantkeeper/grantkeeper/server"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// Issuer is a server. Its methods are for one goroutine, but for Now and Pass.
type Issuer struct {
	// URL is the issuer identifier.
	URL string

	t       testing.TB
	folder  registrationtest.Folder
	config  server.Config
	running *server.Server
	stop    func()

	mu  sync.Mutex
	now time.Time
}

// Start runs a server of these documents, and of settings and keys, at a time of now. It ends with the test.
func Start(t testing.TB, now time.Time, documents ...registration.Document) *Issuer {
	t.Helper()
	dir := t.TempDir()
	i := &Issuer{t: t, now: now, folder: registrationtest.Folder(filepath.Join(dir, "registrations"))}
	if err := os.Mkdir(string(i.folder), 0o700); err != nil {
		t.Fatal(err)
	}
	address, err := freeport.Address() // it is to come back at the same one
	if err != nil {
		t.Fatal(err)
	}
	i.URL = "http://" + address
	i.config = server.Config{Listen: address, Folder: string(i.folder), SQLite: filepath.Join(dir, "data.db")}
	i.folder.Write(t, &registration.Server{
		Namespace: "oauth", Name: "main", Issuer: i.URL, DisplayName: "Upstream",
		Device: registration.Device{CodeTTL: registration.Duration(15 * time.Minute), Interval: registration.Duration(5 * time.Second)},
	})
	i.folder.Write(t, registrationtest.Keys(t, "", now))
	for _, d := range documents {
		i.folder.Write(t, d)
	}
	i.Up()
	t.Cleanup(i.Down)
	return i
}

// Up starts the server again, over the same folder and database, at the same address.
func (i *Issuer) Up() {
	i.t.Helper()
	s, err := server.New(context.WithoutCancel(i.t.Context()), i.config, server.Deps{Now: i.Now})
	if err != nil {
		i.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(i.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	i.running = s
	i.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			i.t.Errorf("the server ended with: %v", err)
		}
	})
	<-s.Ready()
}

// Down stops the server; it may be stopped already. Nobody listens at its address any more.
func (i *Issuer) Down() { i.stop() }

// Put writes a document and waits until it is served. Those with the name of one before take its place.
func (i *Issuer) Put(d registration.Document, served func(*registry.Snapshot) bool) {
	i.t.Helper()
	i.folder.Write(i.t, d)
	ctx, cancel := context.WithTimeout(i.t.Context(), 10*time.Second)
	defer cancel()
	if err := i.running.WaitFor(ctx, served); err != nil {
		i.t.Fatalf("%s %s is not served: %v", d.DocumentKind(), d.DocumentName(), err)
	}
}

// Now is the server's clock.
func (i *Issuer) Now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now
}

// Pass moves the clock.
func (i *Issuer) Pass(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(d)
}
