//go:build !linux

package demo

import "syscall"

// attributes puts the command into a process group of its own, so that Ctrl-C on the tests does not reach it before they
// end it.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
