package dev

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// portHolder names the process that listens on a port, as far as this user may know: "nginx (process 812)". Empty when it
// cannot be found out.
func portHolder(port string) string {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return ""
	}
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listeners(table, fmt.Sprintf(":%04X", n), sockets)
	}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && sockets[target] {
			process := filepath.Dir(filepath.Dir(fd))
			comm, _ := os.ReadFile(filepath.Join(process, "comm"))
			return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(comm)), filepath.Base(process))
		}
	}
	return ""
}

// listeners collects the sockets that listen on a port, in the form of links in /proc/<pid>/fd.
func listeners(table, port string, into map[string]bool) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close() // nothing was written
	for s := bufio.NewScanner(f); s.Scan(); {
		// sl local_address rem_address st ... inode; 0A is LISTEN.
		if c := strings.Fields(s.Text()); len(c) > 9 && strings.HasSuffix(c[1], port) && c[3] == "0A" {
			into["socket:["+c[9]+"]"] = true
		}
	}
}
