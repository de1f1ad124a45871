// Package sqlite is the storage engine for one replica: a single SQLite file in WAL mode with synchronous=FULL, in pure Go.
//
// It owns the file: its schema (embedded, forward-only migrations), its permissions (0600), and a lock file beside it that
// refuses a second process. Reads go through a pool of read-only connections. Writes go through one goroutine that lets
// concurrent requests share a commit, because the fsync of a commit costs more than everything else a request does; each
// request runs in a savepoint of its own, so that one that fails leaves no trace and does not hurt the others.
//
// Nothing is answered before the commit that holds it is on disk. When a commit fails, everyone in it is told so.
//
// Times are kept as Unix microseconds in UTC, lists of strings as JSON, tokens as SHA-256.
//
// It does not know what a token looks like, when one may be issued or how often Collect should run.
package sqlite
