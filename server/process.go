package server

import "runtime/debug"

// gcPercent lets the heap grow to four times what is live before it is collected. What is live is mostly the registry, which
// hardly ever changes, and marking it is the one cost of the token path that grows with the number of clients. 10,000
// clients are about 20 MiB.
const gcPercent = 300

// TuneProcess sets the garbage collector of a process that is nothing but this server. GOGC and GOMEMLIMIT of the
// environment are left to whoever set them: call it only where GOGC is not set.
func TuneProcess() { debug.SetGCPercent(gcPercent) }
