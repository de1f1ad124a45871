package registry

import (
	"context"
	"errors"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Key names a document within a source: the Secret's or file's name.
type Key string

// Change is one change of a source.
type Change struct {
	Key Key
	// Document is the new content; nil when it was deleted.
	Document registration.Document
	// Err is set instead when the content cannot be decoded. What was there under the key before is no longer served: the
	// document fails closed, alone.
	Err error
}

// Sink takes what a source finds.
type Sink interface {
	// Replace says that docs is all there is, as of version. It is called once the source has listed everything, and
	// again whenever it had to list anew.
	Replace(docs []Change, version string)
	// Apply folds in changes that happened after Replace, in order, as of version.
	Apply(changes []Change, version string)
}

// Source finds documents and follows their changes.
type Source interface {
	// Run feeds sink until ctx ends. While what it reads from is away it keeps trying, and sink keeps what it has. It returns
	// only ctx's error or one that no retry can mend.
	Run(ctx context.Context, sink Sink) error
}

// ErrMissing is the Change.Err of a document that is not where it should be: a Secret without the key, a file that cannot
// be opened.
var ErrMissing = errors.New("there is no document, or it cannot be opened")
