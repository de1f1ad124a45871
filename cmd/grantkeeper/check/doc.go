// Package check is `grantkeeper check`: what a cluster would make of the manifests of a pull request, said before anything is
// applied, without a cluster and without a network.
//
// It owns finding the manifests (folders, kustomizations, what a pipe brings), the report and its forms: a table for people,
// JSON for machines, annotations for GitHub. The verdicts are not its own: the schema and the rules of the kinds are applied
// by internal/manifest, the operator's decisions by internal/offline and internal/compile.
package check
