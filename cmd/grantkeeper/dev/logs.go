package dev

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/grantkeeper/grantkeeper/internal/controlplane"
)

// logs writes one file per part, so that the terminal stays readable.
type logs struct {
	dir     string
	verbose io.Writer // nil unless asked for
	files   []*os.File
}

func openLogs(data *dataDir, o Options) (*logs, error) {
	dir, err := data.sub("log")
	if err != nil {
		return nil, err
	}
	l := &logs{dir: dir}
	if o.Verbose {
		l.verbose = o.Err
	}
	return l, nil
}

// part returns the logger of one part. What it said in the run before is kept beside it.
func (l *logs) part(name string) (*slog.Logger, error) {
	path := filepath.Join(l.dir, name+".log")
	if err := os.Rename(path, path+".1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, controlplane.Explain(err, l.dir)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, controlplane.Explain(err, l.dir)
	}
	l.files = append(l.files, f)
	var w io.Writer = f
	if l.verbose != nil {
		w = io.MultiWriter(f, l.verbose)
	}
	return slog.New(slog.NewTextHandler(w, nil)).With("part", name), nil
}

func (l *logs) close() error {
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
