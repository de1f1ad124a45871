// Package dev is `grantkeeper dev`: the whole of Grantkeeper on a laptop, in one process.
//
// In cluster mode it starts a real control plane (internal/controlplane), installs the kinds, runs the operator's
// controllers and the authorization server beside it, applies manifests and waits until they are ready. In files mode there
// is no API server: a folder of manifests goes through the same compile step to a folder of registration documents, again each
// time a file is saved, and the server follows that folder.
//
// It owns the data folder, the demo account, and what is printed. What a manifest means is in internal/compile, what a
// controller does in controllers, what the server answers in server; there is no second version of any of them here.
package dev
