//go:build unix && !linux

package controlplane

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// diesWithUs says whether the kernel kills the children when we are killed.
const diesWithUs = false

// processAttributes cannot ask this kernel to kill the child with us; the next start ends it (endLeftOvers).
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// commandOf is the executable and the arguments of a process; false when there is none. Paths with spaces are cut up, and
// then not recognised, which errs on the safe side.
func commandOf(pid int) (exe string, args []string, ok bool) {
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return "", nil, false
	}
	args = strings.Fields(string(out))
	if len(args) == 0 {
		return "", nil, false
	}
	return args[0], args, true
}
