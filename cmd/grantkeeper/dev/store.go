package dev

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/internal/keyring"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// store is what files mode keeps between runs, in place of a cluster:
//
//	registrations/  documents, one file each, which the server follows
//	keys/           the servers' keys, by namespace and name
//	secrets/        the clients' credentials: a folder per namespace, one per Secret, a file per key, as a pod that mounts
//	                the Secret would see it
//
// Keys and credentials of manifests that are gone are kept: taking a file away by mistake must not cost its app the secret.
type store struct {
	registrations, keys, secrets string
	random                       io.Reader
}

func openStore(data *dataDir, random io.Reader) (*store, error) {
	s := &store{random: random}
	for name, into := range map[string]*string{"registrations": &s.registrations, "keys": &s.keys, "secrets": &s.secrets} {
		path, err := data.sub(name)
		if err != nil {
			return nil, err
		}
		*into = path
	}
	return s, nil
}

// serverKeys brings the keys of a server up to date and says when to look again.
func (s *store) serverKeys(owner types.NamespacedName, settings keyring.Settings, now time.Time) (*registration.Keys, time.Time, error) {
	path := filepath.Join(s.keys, owner.Namespace+"."+owner.Name+".json")
	var current *registration.Keys
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		d, err := registration.Decode(b)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("%s is damaged: %w; start with --fresh to make new keys", path, err)
		}
		keys, ok := d.(*registration.Keys)
		if !ok {
			return nil, time.Time{}, fmt.Errorf("%s has no keys in it; start with --fresh to make new ones", path)
		}
		current = keys
	case !errors.Is(err, fs.ErrNotExist):
		return nil, time.Time{}, err
	}
	next, changed, wakeAt, err := keyring.Next(current, owner, settings, now, s.random)
	if err != nil || !changed {
		return next, wakeAt, err
	}
	b, err = registration.Encode(next)
	if err != nil {
		return nil, time.Time{}, err
	}
	return next, wakeAt, writeFile(path, b)
}

// secretDir is the folder with a client's credentials.
func (s *store) secretDir(namespace, secret string) string {
	return filepath.Join(s.secrets, namespace, secret)
}

// keepSecret writes a client's credentials, one file per key, and removes keys that are no longer there.
func (s *store) keepSecret(dir string, data map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncFolder(dir, data, func(string) bool { return true })
}

// previous reads the registrations in force. Files that cannot be read are passed over: they will be written anew.
func (s *store) previous() (map[types.NamespacedName]*registration.Client, error) {
	files, err := filepath.Glob(filepath.Join(s.registrations, "*.json"))
	if err != nil {
		return nil, err
	}
	out := map[types.NamespacedName]*registration.Client{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		d, err := registration.Decode(b)
		if err != nil {
			continue
		}
		if c, ok := d.(*registration.Client); ok {
			out[types.NamespacedName{Namespace: c.Namespace, Name: c.Name}] = c
		}
	}
	return out, nil
}

// publish makes the folder of registrations hold these documents and no others.
func (s *store) publish(documents map[string]registration.Document) error {
	files := map[string][]byte{}
	for name, d := range documents {
		b, err := registration.Encode(d)
		if err != nil {
			return err
		}
		files[name] = b
	}
	return syncFolder(s.registrations, files, func(name string) bool { return strings.HasSuffix(name, ".json") })
}

// syncFolder writes the files that differ and then removes those that are not wanted, among the ones that are ours.
func syncFolder(dir string, files map[string][]byte, ours func(name string) bool) error {
	for name, content := range files {
		path := filepath.Join(dir, name)
		if is, err := os.ReadFile(path); err == nil && bytes.Equal(is, content) {
			continue
		}
		if err := writeFile(path, content); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, wanted := files[e.Name()]; wanted || !ours(e.Name()) || e.IsDir() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
