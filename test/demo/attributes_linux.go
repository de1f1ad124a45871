package demo

import "syscall"

// attributes puts the command into a process group of its own, so that Ctrl-C on the tests does not reach it before they
// end it, and has the kernel end it when the tests are killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
