// Package demo starts what `make demo` starts, for tests: the real command, built once, as a process of its own, on free
// ports of loopback and with a data folder that ends with the test. A Demo has what the command printed (issuer, kubeconfig,
// account, password, the blocks to paste), a kubectl, and a Person who signs in and decides on the pages as a browser would.
//
// A Witness remembers every token, code, secret and cookie that a test saw, and looks for them where none may be: in the
// data folder, in objects of the API server, in metrics and in what was printed.
//
// It owns the process and what is left of it. It knows nothing of OAuth beyond the names of what must be kept secret, and
// ends no process that it did not start.
package demo
