// Command server runs one replica of an authorization server: flags, logs, server.New, listen, drain. It holds no logic;
// that is in package server.
package main
