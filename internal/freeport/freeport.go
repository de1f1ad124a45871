// Package freeport finds addresses to listen on later. It owns no listener: between the look and the use somebody else may
// take the port, and what it does is to make that unlikely.
package freeport

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports looked at: below those that systems give to outgoing connections (32768 and up on Linux, 49152 elsewhere), which
// would otherwise take a port that was free a moment ago.
const (
	first = 20000
	last  = 29999
)

// Address is an address on 127.0.0.1 that nobody listens on, as host:port.
func Address() (string, error) {
	err := errors.New("no port was tried")
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(last-first+1)))
		var l net.Listener
		if l, err = net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", err
}
