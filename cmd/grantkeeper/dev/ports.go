package dev

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// checkPort makes sure that an address can be listened on. It is asked at the very start, before anything takes time.
func checkPort(flag, address string) error {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l.Close()
	}
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		by := "another program"
		if name := portHolder(port); name != "" {
			by = name
		}
		return fmt.Errorf("port %[1]s is in use by %[2]s; stop that, or choose another port with %[3]s, such as %[3]s 127.0.0.1:%[4]s (make demo ARGS='%[3]s 127.0.0.1:%[4]s')", port, by, flag, other(port))
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("port %s may not be used by an ordinary user; choose one above 1023 with %s", port, flag)
	}
	return fmt.Errorf("cannot listen on %s (%s): %w", address, flag, err)
}

// other suggests another port.
func other(port string) string {
	n, err := net.LookupPort("tcp", port)
	if err != nil || n > 55000 {
		return "19080"
	}
	return strconv.Itoa(n + 10000)
}
