package dev

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/controlplane"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/keyring"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/internal/version"
	"github.com/grantkeeper/grantkeeper/server"
)

// filesMode follows a folder of manifests.
type filesMode struct {
	*session
	store *store
	// set is what is in force; nil before the first time.
	set *manifest.Set
	// project is what set came to.
	project project
	// declaredIssuer is the served server's, as its manifest has it.
	declaredIssuer string
	// keysAt is when the keys have to be looked at again.
	keysAt time.Time
	// shown is the table of clients that was printed last.
	shown string
}

// errNoServer says that there is nothing to serve yet.
var errNoServer = errors.New("there is no OAuthServer among the manifests; add one, with spec.issuer: http://127.0.0.1:9080")

func (s *session) runFiles(ctx context.Context) error {
	if info, err := os.Stat(s.Files); err != nil || !info.IsDir() {
		return errors.New(s.Files + " is not a folder; name one with manifests (--files)")
	}
	store, err := openStore(s.data, rand.Reader)
	if err != nil {
		return err
	}
	w, err := watch(s.Files)
	if err != nil {
		return err
	}
	defer w.close() // nothing was written
	f := &filesMode{session: s, store: store}
	for err = f.refresh(ctx); err != nil; err = f.refresh(ctx) {
		if !errors.Is(err, errNoServer) {
			return err
		}
		line(s.Err, "%v\nwaiting for an edit in %s ...", err, s.Files)
		if err := w.next(ctx); err != nil {
			return err
		}
	}
	srv, ready, err := s.startServer(ctx, server.Config{Folder: store.registrations, SQLite: filepath.Join(s.data.path, "grantkeeper.db"), Version: version.String()})
	if err != nil {
		return err
	}
	defer srv.stop()
	select {
	case <-ready:
	case err := <-srv.done:
		return srv.ended(err, s.logs.dir)
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := f.summary().write(s.Out); err != nil {
		return err
	}
	return f.follow(ctx, w, srv)
}

// follow takes edits as they are saved, and brings keys up to date when it is time.
func (f *filesMode) follow(ctx context.Context, w *watcher, srv *running) error {
	changed := make(chan error)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for {
			err := w.next(watching)
			select {
			case changed <- err:
			case <-watching.Done():
				return
			}
		}
	}()
	for {
		keys := time.NewTimer(time.Until(f.keysAt))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-srv.done:
			return srv.ended(err, f.logs.dir)
		case err := <-changed:
			if err != nil {
				return err
			}
		case <-keys.C:
		}
		keys.Stop()
		// A disk that is full or a manifest that is wrong is no reason to stop serving what there is.
		if err := f.refresh(ctx); err != nil && ctx.Err() == nil {
			line(f.Err, "%v\nwhat was served before is still served", controlplane.Explain(err, f.data.path))
			f.keysAt = time.Now().Add(time.Minute)
		}
	}
}

// refresh reads the manifests, compiles them and publishes what they come to. errNoServer is returned when there is nothing to
// publish.
func (f *filesMode) refresh(ctx context.Context) error {
	began := time.Now()
	set, problems := f.loader.Load(ctx, f.Files)
	f.problems(problems)
	if f.set != nil {
		carryOver(f.set, &set, problems)
	}
	chosen := chooseServer(set.Servers)
	if chosen == nil {
		return errNoServer
	}
	f.declaredIssuer = chosen.Spec.Issuer
	chosen.Spec.Issuer = f.issuer()
	in := inputs{set: &set, server: chosen, accounts: f.account}
	var err error
	if in.previous, err = f.store.previous(); err != nil {
		return err
	}
	values, taken, err := f.clientSecrets(&set)
	if err != nil {
		return err
	}
	in.secrets = map[types.NamespacedName][]registration.SecretHash{}
	for name, value := range values {
		in.secrets[name] = []registration.SecretHash{credentials.Hash(value)}
	}
	p := compileSet(in)
	for i := range p.clients {
		if f, ok := taken[types.NamespacedName{Namespace: p.clients[i].Manifest.Namespace, Name: p.clients[i].Manifest.Name}]; ok {
			p.clients[i].Findings = append(p.clients[i].Findings, f)
		}
	}
	if err := f.publish(&p, chosen, values); err != nil {
		return err
	}
	again := f.set != nil
	f.set, f.project = &set, p
	f.show(again, time.Since(began))
	return nil
}

// clientSecrets finds or makes the secret of every client that has one. taken are clients whose Secret's name an older
// client has, and those who wait for a secret that their team brings.
func (f *filesMode) clientSecrets(set *manifest.Set) (values map[types.NamespacedName]string, taken map[types.NamespacedName]compile.Finding, err error) {
	values, taken = map[types.NamespacedName]string{}, map[types.NamespacedName]compile.Finding{}
	holders := map[string]string{}
	for i := range set.Clients {
		c := &set.Clients[i]
		name := types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
		dir := f.store.secretDir(c.Namespace, compile.SecretName(c))
		if holder, ok := holders[dir]; ok {
			taken[name] = compile.Finding{
				Reason:  v1alpha1.ReasonSecretNameTaken,
				Message: "spec.secret.name " + compile.SecretName(c) + ": OAuthClient " + holder + " writes that Secret; choose another name",
			}
			continue
		}
		holders[dir] = name.String()
		if !compile.NeedsSecret(c) {
			continue
		}
		if ref := compile.InboundSecret(c); ref != nil {
			value, finding := compile.InboundValue(c, set.Secret(c.Namespace, ref.Name))
			if finding != nil {
				taken[name] = *finding
				continue
			}
			values[name] = value
			continue
		}
		if values[name], err = f.store.clientSecret(dir); err != nil {
			return nil, nil, err
		}
	}
	return values, taken, nil
}

// publish writes keys, credentials and documents, in this order: a document is never served before its client can have
// the secret.
func (f *filesMode) publish(p *project, s *v1alpha1.OAuthServer, values map[types.NamespacedName]string) error {
	owner := types.NamespacedName{Namespace: s.Namespace, Name: s.Name}
	var settings keyring.Settings
	if k := s.Spec.SigningKeys; k != nil && k.RotateEvery != nil {
		settings.RotateEvery = k.RotateEvery.Duration
	}
	keys, keysAt, err := f.store.serverKeys(owner, settings, time.Now())
	if err != nil {
		return err
	}
	f.keysAt = keysAt
	p.documents[fileName(registration.KindKeys, owner)] = keys
	for _, c := range p.clients {
		r := c.Registration
		if r == nil || len(c.Findings) > 0 {
			continue
		}
		data, err := f.store.secretContent(c.Manifest, r, s.Spec.Issuer, values[types.NamespacedName{Namespace: r.Namespace, Name: r.Name}])
		if err != nil {
			return err
		}
		if err := f.store.keepSecret(f.store.secretDir(r.Namespace, compile.SecretName(c.Manifest)), data); err != nil {
			return err
		}
	}
	return f.store.publish(p.documents)
}

// show prints what became of the manifests, if that is news.
func (f *filesMode) show(again bool, took time.Duration) {
	table := f.table()
	if again && table == f.shown {
		line(f.Err, "%s  taken in %v; nothing changed for the clients", time.Now().Format(time.TimeOnly), took.Round(time.Millisecond))
		return
	}
	if again {
		line(f.Err, "%s  taken in %v", time.Now().Format(time.TimeOnly), took.Round(time.Millisecond))
	}
	f.shown = table
	line(f.Err, "%s", table)
}

// table lists the clients, and what else was refused.
func (f *filesMode) table() string {
	var b tableWriter
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line(w, "CLIENT\tCLIENT ID\tTYPE\tPOLICY\tRESULT")
	for _, c := range f.project.clients {
		result := "accepted"
		switch {
		case c.CutOff:
			result = "cut off, since no policy accepts it any more: " + reasons(c.Findings)
		case len(c.Findings) > 0 && c.Registration != nil:
			result = "refused as it is now, served as it was accepted before: " + reasons(c.Findings)
		case len(c.Findings) > 0:
			result = "refused: " + reasons(c.Findings)
		case c.Manifest.Spec.Suspended:
			result = "suspended"
		}
		policy := c.Policy
		if policy == "" {
			policy = "-"
		}
		line(w, "%s/%s\t%s\t%s\t%s\t%s", c.Manifest.Namespace, c.Manifest.Name, c.ClientID, c.Manifest.Spec.Type, policy, result)
	}
	_ = w.Flush() // b takes everything
	for _, r := range f.project.refused {
		line(&b, "%s: %s refused: %s", f.origin(r.key), r.key, reasons(r.findings))
	}
	return string(b)
}

func (f *filesMode) origin(k manifest.ObjectKey) manifest.Origin {
	return f.set.Origin(k.Kind, k.Namespace, k.Name)
}

// reasons is findings in one line.
func reasons(findings []compile.Finding) string {
	parts := make([]string, len(findings))
	for i, f := range findings {
		parts[i] = string(f.Reason) + ": " + f.Message
	}
	return strings.Join(parts, "; ")
}

// tableWriter collects text.
type tableWriter []byte

func (b *tableWriter) Write(p []byte) (int, error) { *b = append(*b, p...); return len(p), nil }

// summary picks the clients to show.
func (f *filesMode) summary() summary {
	s := f.baseSummary(f.declaredIssuer, f.project.demo)
	s.Files, s.Edit = true, f.Files
	for _, c := range f.project.clients {
		if c.Registration == nil || c.Registration.Suspended || len(c.Findings) > 0 {
			continue
		}
		dir := f.store.secretDir(c.Manifest.Namespace, compile.SecretName(c.Manifest))
		s.consider(c.Manifest, c.Registration.ClientID, c.Registration.GrantTypes, dir)
	}
	return s
}
