// Package manifest reads a folder of manifests without an API server, and judges them as one would: unknown fields are
// refused, defaults filled in, the OpenAPI schema and the CEL rules of the CustomResourceDefinitions checked by the very
// code that the API server runs, so that a message here is the message there.
//
// It owns finding files, splitting them into documents, decoding, and saying where in which file a problem is. It does
// not know what a manifest means; that is internal/compile. The embedded mode and the offline check both start here.
package manifest
