// Package owned writes the objects that the operator makes, and tells them from those that it does not.
//
// An object is the operator's own when it carries the label LabelManagedBy and has the manifest that it was made for as
// its controller. Secrets are created, never adopted: creating one is a plain create, which the API server refuses
// when the name is taken, and changing one carries the resourceVersion that the decision was based on. Server-side apply
// knows neither, so that a stale leader, or a name that somebody else was quicker to use, would end in a merge;
// it serves for everything that is not a Secret. The package does not decide what is in an object.
package owned
