package controlplane

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// diesWithUs says whether the kernel kills the children when we are killed.
const diesWithUs = true

func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// commandOf is the executable and the arguments of a process; false when there is none, or it is not ours to look at.
func commandOf(pid int) (exe string, args []string, ok bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	exe, err := os.Readlink(dir + "/exe")
	if err != nil {
		return "", nil, false
	}
	b, err := os.ReadFile(dir + "/cmdline")
	if err != nil {
		return "", nil, false
	}
	// A binary that was built anew since is still the one that was started.
	return strings.TrimSuffix(exe, " (deleted)"), strings.Split(strings.TrimRight(string(b), "\x00"), "\x00"), true
}
