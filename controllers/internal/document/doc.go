// Package document puts registration documents where the replicas of a server find them: one labelled Secret each, in the
// server's namespace, with the server as its controller and the manifest's name as an annotation.
//
// It owns how a document is kept, found and removed, and the last two conditions on the way to Ready: that the document
// is written and that every live replica has loaded it. What a document says is decided in internal/compile.
package document
