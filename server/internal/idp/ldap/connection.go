package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	ldaplib "github.com/go-ldap/ldap/v3"

	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/outbound"
)

const (
	// each bounds one exchange with a directory, total all that a question takes.
	each  = 5 * time.Second
	total = 8 * time.Second
)

// dialer opens connections to one directory.
type dialer struct {
	net      *net.Dialer
	tls      *tls.Config
	url      *url.URL
	startTLS bool
}

// connection is one connection, which ends with its context.
type connection struct {
	*ldaplib.Conn
	stop func() bool
}

func (d dialer) open(ctx context.Context) (*connection, error) {
	secure := d.url.Scheme == "ldaps"
	port := d.url.Port()
	if port == "" {
		port = map[bool]string{true: ldaplib.DefaultLdapsPort, false: ldaplib.DefaultLdapPort}[secure]
	}
	raw, err := d.net.DialContext(ctx, "tcp", net.JoinHostPort(d.url.Hostname(), port))
	if err != nil {
		return nil, err
	}
	if secure {
		encrypted := tls.Client(raw, d.tls)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, ignoreClosed(raw.Close()))
		}
		raw = encrypted
	} else if !d.startTLS && !onLoopback(raw) {
		return nil, errors.Join(fmt.Errorf("%w: without TLS only this machine is asked", outbound.ErrAddress), ignoreClosed(raw.Close()))
	}
	conn := ldaplib.NewConn(raw, secure)
	conn.SetTimeout(each)
	conn.Start()
	c := &connection{Conn: conn, stop: context.AfterFunc(ctx, func() { _ = raw.Close() })} // whoever waits is told
	if d.startTLS {
		if err := conn.StartTLS(d.tls.Clone()); err != nil {
			c.close()
			return nil, fmt.Errorf("StartTLS: %w", plain(err))
		}
	}
	return c, nil
}

func onLoopback(c net.Conn) bool {
	at, ok := c.RemoteAddr().(*net.TCPAddr)
	return ok && at.IP.IsLoopback()
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (c *connection) close() {
	c.stop()
	_ = c.Close() // nothing is to be had from it any more
}

// bindAs tries a user's password. ErrRefused for whatever the directory does not take it for.
func (c *connection) bindAs(dn, password string) error {
	if dn == "" || password == "" { // either makes it a bind that proves nothing
		return idp.ErrRefused
	}
	err := c.Bind(dn, password)
	switch {
	case err == nil:
		return nil
	case ldaplib.IsErrorAnyOf(err, ldaplib.LDAPResultInvalidCredentials, ldaplib.LDAPResultInsufficientAccessRights,
		ldaplib.LDAPResultInappropriateAuthentication, ldaplib.LDAPResultConstraintViolation, ldaplib.LDAPResultUnwillingToPerform,
		ldaplib.LDAPResultNoSuchObject):
		return idp.ErrRefused
	default:
		return fmt.Errorf("the directory: %w", plain(err))
	}
}

// plain keeps of an error of the directory what it is, and not the text that comes with it: nobody knows what is in there.
func plain(err error) error {
	e := new(ldaplib.Error)
	if !errors.As(err, &e) {
		return err
	}
	if e.ResultCode < ldaplib.ErrorNetwork {
		return errors.New(ldaplib.LDAPResultCodeMap[e.ResultCode])
	}
	return fmt.Errorf("%s: %w", ldaplib.LDAPResultCodeMap[e.ResultCode], e.Err)
}
