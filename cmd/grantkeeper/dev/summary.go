package dev

import (
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"text/template"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
)

//go:embed summary.txt
var summaryText embed.FS

// summary is what the terminal shows when everything is up. Every command in it works when pasted.
type summary struct {
	// Issuer is the issuer identifier.
	Issuer string
	// DeclaredIssuer is the manifest's, when dev serves it under another.
	DeclaredIssuer string
	// Operations is the address of health and metrics.
	Operations string
	// User and Password are the demo account's; empty when no identity provider has it.
	User, Password string
	// Kubeconfig and Kubectl are for cluster mode; Kubectl is how to call it.
	Kubeconfig, Kubectl string
	// Service is a client for the client credentials grant, Device one for the device grant, Native an app on this computer; nil
	// when there is none.
	Service *exampleService
	Device  *exampleDevice
	Native  *exampleNative
	// Edit is the folder whose files take effect as they are saved, or for cluster mode the one that was applied.
	Edit string
	// Files is true in files mode.
	Files bool
	// Logs and Data are folders.
	Logs, Data string
	// Again is the command that starts it again.
	Again string
}

// exampleService is where the credentials of a service client are.
type exampleService struct {
	Namespace, Name string
	// Secret is the name of its Secret, or in files mode the folder with one file per key.
	Secret string
}

// exampleDevice is a client for the device login.
type exampleDevice struct {
	Namespace, Name string
	ClientID        string
}

// exampleNative is an app for the authorization code grant, and a request of it.
type exampleNative struct {
	Namespace, Name string
	ClientID        string
	// RedirectURI is where the browser ends, with a port that nobody listens on.
	RedirectURI string
	// Verifier is the request's PKCE verifier, and Link the request (RFC 7636 section 4).
	Verifier, Link string
}

// nativePort is the port in the redirect URI of the request that is shown. Any would do (RFC 8252 section 7.3).
const nativePort = "9082"

// newNative makes a request. A verifier has 43 to 128 characters.
func newNative(issuer, clientID, redirect string, scopes []string, verifier string) (*exampleNative, error) {
	u, err := url.Parse(redirect)
	if err != nil {
		return nil, err
	}
	u.Host = net.JoinHostPort(u.Hostname(), nativePort)
	challenge := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {u.String()}, "scope": {strings.Join(scopes, " ")},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	return &exampleNative{ClientID: clientID, RedirectURI: u.String(), Verifier: verifier, Link: issuer + "/v1/authorize?" + q.Encode()}, nil
}

// write prints the summary.
func (s summary) write(w io.Writer) error {
	t, err := template.New("summary.txt").Funcs(template.FuncMap{
		"quote":    quote,
		"trimHTTP": func(s string) string { return strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://") },
	}).ParseFS(summaryText, "summary.txt")
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := t.Execute(&b, s); err != nil {
		return err
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// has reports whether a grant type is among those in force.
func has(grantTypes []string, want v1alpha1.GrantType) bool {
	for _, g := range grantTypes {
		if g == string(want) {
			return true
		}
	}
	return false
}

// line prints one line of progress.
func line(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...) // a terminal that is gone is noticed by its signal
}

// baseSummary has what both modes show. declared is the issuer of the manifest.
func (s *session) baseSummary(declared string, demo bool) summary {
	out := summary{Issuer: s.issuer(), Operations: s.Operations, Logs: s.logs.dir, Data: s.data.path, Again: s.again()}
	if declared != out.Issuer {
		out.DeclaredIssuer = declared
	}
	if demo {
		out.User, out.Password = demoUser, s.account.password
	}
	return out
}

// consider shows a client if it is the first that fits: one with a secret for client credentials, one that needs none for
// the device login, one that needs none for the code login on this computer.
func (s *summary) consider(c *v1alpha1.OAuthClient, clientID string, grantTypes []string, secret string) {
	if s.Service == nil && has(grantTypes, v1alpha1.GrantTypeClientCredentials) && compile.NeedsSecret(c) {
		s.Service = &exampleService{Namespace: c.Namespace, Name: c.Name, Secret: secret}
	}
	if redirect := loopbackRedirect(c); s.Native == nil && has(grantTypes, v1alpha1.GrantTypeAuthorizationCode) && !compile.NeedsSecret(c) && redirect != "" {
		// What cannot be shown is left out: there are other ways to try a login.
		if n, err := newNative(s.Issuer, clientID, redirect, c.Spec.Scopes, rand.Text()+rand.Text()); err == nil {
			n.Namespace, n.Name = c.Namespace, c.Name
			s.Native = n
		}
	}
	if s.Device == nil && has(grantTypes, v1alpha1.GrantTypeDeviceCode) && startsWithoutSecret(c) {
		s.Device = &exampleDevice{Namespace: c.Namespace, Name: c.Name, ClientID: clientID}
	}
}

// loopbackRedirect is the first redirect URI of a client that leads to any port of this computer; empty when there is none.
func loopbackRedirect(c *v1alpha1.OAuthClient) string {
	for _, r := range c.Spec.RedirectURIs {
		if u, err := url.Parse(r); err == nil && u.Scheme == "http" {
			return r
		}
	}
	return ""
}

// startsWithoutSecret reports whether a client may leave its secret out.
func startsWithoutSecret(c *v1alpha1.OAuthClient) bool {
	if !compile.NeedsSecret(c) {
		return true
	}
	a := c.Spec.Authentication
	return a != nil && a.ClientSecret != nil && a.ClientSecret.Optional
}
