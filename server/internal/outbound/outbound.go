package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// DefaultTimeout is how long one exchange may take in all.
	DefaultTimeout = 5 * time.Second
	// DefaultMaxBody is how long an answer may be, in bytes after decompression.
	DefaultMaxBody = 64 << 10

	maxHeader = 64 << 10
	idle      = 15 * time.Second
)

var (
	// ErrScheme is a URL that is not https, nor http on loopback where that is allowed.
	ErrScheme = errors.New("only https is asked, or http on loopback in development")
	// ErrRedirect is an answer that sends elsewhere. It is not followed.
	ErrRedirect = errors.New("the answer is a redirect, which is not followed")
	// ErrTooLarge is an answer that is longer than the caller takes.
	ErrTooLarge = errors.New("the answer is too long")
)

// Options say where a client may go and how much it takes. The zero value reaches public addresses only.
type Options struct {
	// Loopback allows this machine, and http there: for development, when the issuer itself is on loopback.
	Loopback bool
	// Private allows private networks. It is for what platform administrators declare, since their providers and APIs are
	// often inside; never for what app teams declare, who could reach through us what they cannot reach themselves.
	Private bool
	// CABundle holds the certificates, in PEM, that are trusted instead of the system's; empty for the system's.
	CABundle string
	// Timeout is for one exchange in all; zero means DefaultTimeout.
	Timeout time.Duration
	// MaxBody is in bytes; zero means DefaultMaxBody.
	MaxBody int64
}

func (o Options) timeout() time.Duration {
	if o.Timeout <= 0 {
		return DefaultTimeout
	}
	return o.Timeout
}

// TLS is the configuration for connections under these options, or an error when CABundle has no certificate.
func (o Options) TLS() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CABundle != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(o.CABundle)) {
			return nil, errors.New("the CA bundle has no certificate in PEM")
		}
	}
	return c, nil
}

// Client fetches within the bounds. It is safe for concurrent use.
type Client struct{ http *http.Client }

// New makes a Client. The error says what is wrong with the CA bundle.
func New(o Options) (*Client, error) {
	config, err := o.TLS()
	if err != nil {
		return nil, err
	}
	limit := o.MaxBody
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	t := &transport{limit: limit, secure: newTransport(NewDialer(o), config)}
	if o.Loopback {
		t.plain = newTransport(&net.Dialer{Timeout: o.timeout(), Control: loopbackOnly}, nil)
	}
	return &Client{&http.Client{Transport: t, Timeout: o.timeout()}}, nil
}

func newTransport(d *net.Dialer, c *tls.Config) *http.Transport {
	return &http.Transport{
		// Proxy stays nil: a proxy would resolve names where nothing is checked.
		DialContext: d.DialContext, TLSClientConfig: c, ForceAttemptHTTP2: true, TLSHandshakeTimeout: d.Timeout,
		MaxIdleConns: 16, MaxIdleConnsPerHost: 2, IdleConnTimeout: idle, MaxResponseHeaderBytes: maxHeader,
	}
}

// HTTP is the client for libraries that want one.
func (c *Client) HTTP() *http.Client { return c.http }

// Close ends connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Response is a whole answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request and reads the whole answer. Errors are ErrScheme, ErrAddress, ErrRedirect, ErrTooLarge, or say why there
// was no answer; a status that is not 200 is no error.
func (c *Client) Do(ctx context.Context, r *http.Request) (*Response, error) {
	answer, err := c.http.Do(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // it was read, or is given up
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", r.URL.Host, err)
	}
	return &Response{Status: answer.StatusCode, Header: answer.Header, Body: body}, nil
}

// transport holds every exchange to the bounds, whoever uses the http.Client.
type transport struct {
	secure *http.Transport
	plain  *http.Transport // nil where http is not allowed
	limit  int64
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	through := t.secure
	switch {
	case r.URL.Scheme == "https":
	case r.URL.Scheme == "http" && t.plain != nil && IsLoopbackHost(r.URL.Hostname()):
		through = t.plain
	default:
		closeBody(r)
		return nil, ErrScheme
	}
	if r.Header.Get("User-Agent") == "" {
		r = r.Clone(r.Context()) // a RoundTripper must not change the request
		r.Header.Set("User-Agent", "Grantkeeper")
	}
	answer, err := through.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		_ = answer.Body.Close() // nobody reads it
		return nil, ErrRedirect
	}
	answer.Body = &bounded{ReadCloser: answer.Body, left: t.limit}
	return answer, nil
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (t *transport) CloseIdleConnections() {
	t.secure.CloseIdleConnections()
	if t.plain != nil {
		t.plain.CloseIdleConnections()
	}
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close() // it was never read
	}
}

// bounded fails a body that is longer than it may be, instead of cutting it off.
type bounded struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
