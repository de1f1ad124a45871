package dev

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/grantkeeper/grantkeeper/internal/controlplane"
)

// markFile is in every data folder, so that --fresh deletes nothing else. It is also what is locked.
const markFile = ".grantkeeper-dev"

// dataDir is a data folder that this process alone uses.
type dataDir struct {
	path string
	lock *os.File
}

// filesData is the data folder of files mode: one per folder of manifests, so that two of them do not mix.
func filesData(base, files string) (string, error) {
	abs, err := filepath.Abs(files)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(base, "files", filepath.Base(abs)+"-"+hex.EncodeToString(sum[:4])), nil
}

// openData makes the folder if needed and takes its lock; with fresh it is emptied first.
func openData(path string, fresh bool) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, controlplane.Explain(err, path)
	}
	if err := checkMark(path); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, markFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, controlplane.Explain(err, path)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := make([]byte, 32)
		n, _ := lock.Read(holder)
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s is in use by another grantkeeper dev (process %s); stop that one with Ctrl-C, or choose another folder with --data", path, strings.TrimSpace(string(holder[:n])))
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	d := &dataDir{path: path, lock: lock}
	if err := d.prepare(fresh); err != nil {
		return nil, errors.Join(controlplane.Explain(err, path), d.close())
	}
	return d, nil
}

// checkMark refuses a folder that has something else in it: --fresh would delete it.
func checkMark(path string) error {
	if _, err := os.Stat(filepath.Join(path, markFile)); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return controlplane.Explain(err, path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return controlplane.Explain(err, path)
	}
	if len(entries) > 0 && (len(entries) > 1 || entries[0].Name() != "files") {
		return fmt.Errorf("%s is not empty and was not made by grantkeeper dev; choose another folder with --data", path)
	}
	return nil
}

func (d *dataDir) prepare(fresh bool) error {
	if fresh {
		entries, err := os.ReadDir(d.path)
		if err != nil {
			return err
		}
		for _, e := range entries {
			// "files" holds the folders of files mode, which are data of their own.
			if e.Name() == markFile || e.Name() == "files" {
				continue
			}
			if err := os.RemoveAll(filepath.Join(d.path, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := d.lock.Truncate(0); err != nil {
		return err
	}
	_, err := d.lock.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

// sub is a folder in the data folder, made if needed.
func (d *dataDir) sub(name string) (string, error) {
	path := filepath.Join(d.path, name)
	return path, controlplane.Explain(os.MkdirAll(path, 0o700), d.path)
}

// close lets others use the folder.
func (d *dataDir) close() error { return d.lock.Close() }

// writeFile replaces a file in one step; its owner alone can read it. The temporary name begins with a dot, which
// everything that follows a folder here passes over.
func writeFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
