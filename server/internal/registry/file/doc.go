// Package file is a registry source that reads documents from a folder: one *.json file per document, each put there whole
// by renaming it into place.
//
// It owns finding and decoding the files and noticing that they changed. What is in the documents, and what is done with
// them, belongs to the registry.
package file
