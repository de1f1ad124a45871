package freeport

import (
	"net"
	"testing"
)

func TestAddressCanBeListenedOnAndIsOfNoOutgoingConnection(t *testing.T) {
	for range 50 {
		address, err := Address()
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if port := l.Addr().(*net.TCPAddr).Port; port < first || port > last {
			t.Errorf("port %d", port)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
