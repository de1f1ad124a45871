// Package registry holds what operators declared, as the server sees it: an immutable snapshot of all documents, swapped
// as a whole, served from memory also while its source is away.
//
// It owns the snapshot, the loop that folds changes into the next one, and the [Source] interface; the sources kube and
// file are in folders below it. Where policies are evaluated on requests, they are evaluated here, once per snapshot and
// client, by internal/policy. It does not know HTTP, grants or storage.
package registry
