// Package status is the frame that every reconciler of this project runs in: fetch, steps in order, one summary, one
// patch.
//
// It owns the bookkeeping of conditions, what their reasons mean for what happens next (stalled, waiting, retry), their
// summary to Ready, Reconciling and Stalled by the rules of kstatus, the events that follow from them, and the one
// server-side apply of the status, which owns only fields that the operator sets. It does not know what a step does, nor
// any kind in particular.
package status
