package demo

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// children are the processes that work on a data folder, other than the command itself: those whose ids it keeps, and, where
// there is a /proc, all whose command line names the folder.
func children(data string) map[int]string {
	found := map[int]string{}
	files, _ := filepath.Glob(filepath.Join(data, "run", "*.pid"))
	for _, f := range files {
		b, _ := os.ReadFile(f)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			found[pid] = filepath.Base(f)
		}
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		b, _ := os.ReadFile(l)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(l)))
		if command := strings.ReplaceAll(string(b), "\x00", " "); strings.Contains(command, data) && pid != os.Getpid() {
			found[pid] = command
		}
	}
	return found
}

// alive reports whether there is such a process.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
