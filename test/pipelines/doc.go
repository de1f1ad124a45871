// Package pipelines reads statuses as delivery pipelines do: with kstatus, which Flux and kpt wait by, with Flux's own checker of
// statuses, and with the health check that Argo CD runs. It has what the suites of the controllers hold against every status that
// anybody writes, at each moment.
package pipelines
