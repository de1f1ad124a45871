package registration

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Version of the documents. Versions: 1, the first.
const Version = 1

// MaxSize bounds one encoded document, below what a Secret can hold.
const MaxSize = 512 << 10

// Labels and keys by which documents are found in Secrets (and the same content in files).
const (
	// SecretType is the type of a Secret that holds one document.
	SecretType = "grantkeeper.dev/registration"
	// DataKey is the key of a Secret that holds the document.
	DataKey = "document.json"
	// LabelServer names the server the document is for.
	LabelServer = "grantkeeper.dev/server"
	// LabelDocument is the document's kind.
	LabelDocument = "grantkeeper.dev/document"
	// AnnotationOwner is the "namespace/name" of the manifest.
	AnnotationOwner = "grantkeeper.dev/owner"
	// LabelReplica marks the Leases in which replicas report; its value is the server's name.
	LabelReplica = "grantkeeper.dev/replica-of"
	// AnnotationLoaded, on a replica's Lease, is the highest resourceVersion it has loaded.
	AnnotationLoaded = "grantkeeper.dev/loaded-resource-version"
	// AnnotationReady, on a replica's Lease, is "true" while the replica can serve requests, "false" while it cannot. What it
	// says to have loaded is then what it had loaded when it last could.
	AnnotationReady = "grantkeeper.dev/ready"
)

type envelope struct {
	Version int             `json:"version"`
	Kind    Kind            `json:"kind"`
	Spec    json.RawMessage `json:"spec"`
}

// Encode validates a document and writes it in the current version. The same document gives the same bytes.
func Encode(d Document) ([]byte, error) {
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("%s %s: %w", d.DocumentKind(), d.DocumentName(), err)
	}
	spec, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(envelope{Version: Version, Kind: d.DocumentKind(), Spec: spec})
	if err != nil {
		return nil, err
	}
	if len(b) > MaxSize {
		return nil, fmt.Errorf("%s %s: %d bytes, more than the %d a document may have", d.DocumentKind(), d.DocumentName(), len(b), MaxSize)
	}
	return b, nil
}

// Decode reads a document strictly: an unknown version or kind, a field that is unknown, repeated or in another case, anything
// after the document, or a field that does not validate is an error, so that a document is served as it was meant or not at all.
func Decode(b []byte) (Document, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("%d bytes, more than the %d a document may have", len(b), MaxSize)
	}
	if !utf8.Valid(b) {
		return nil, errors.New("not valid UTF-8")
	}
	var e envelope
	if err := strict(b, &e); err != nil {
		return nil, err
	}
	if e.Version != Version {
		return nil, fmt.Errorf("version %d: this server reads version %d", e.Version, Version)
	}
	var d Document
	switch e.Kind {
	case KindServer:
		d = new(Server)
	case KindClient:
		d = new(Client)
	case KindPolicy:
		d = new(Policy)
	case KindResource:
		d = new(Resource)
	case KindIdentityProvider:
		d = new(IdentityProvider)
	case KindKeys:
		d = new(Keys)
	default:
		return nil, fmt.Errorf("kind %q is unknown", e.Kind)
	}
	if err := strict(e.Spec, d); err != nil {
		return nil, fmt.Errorf("%s: %w", e.Kind, err)
	}
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("%s %s: %w", e.Kind, d.DocumentName(), err)
	}
	return d, nil
}
