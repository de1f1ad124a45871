// Package bench measures the server side by side with a floor: a bare net/http handler that does what no server can do
// without. Both run as processes of their own, confined to one core, and are driven in turns within one run by the same
// light client, so that what is reported is a ratio and not the machine. Nothing here passes or fails.
package bench
