package ldap

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	ldaplib "github.com/go-ldap/ldap/v3"

	"github.com/grantkeeper/grantkeeper/internal/freeport"
)

// What is in every directory.
const (
	Suffix = "dc=example,dc=org"
	People = "ou=people," + Suffix
	Groups = "ou=groups," + Suffix
	// Service may read everything but passwords; nobody else may.
	Service         = "cn=service," + Suffix
	ServicePassword = "service password"

	root         = "cn=root," + Suffix
	rootPassword = "root password"
	startTimeout = 20 * time.Second
)

// Server is a running directory.
type Server struct {
	// URL takes StartTLS, or nothing; TLSURL is TLS from the start.
	URL, TLSURL string
	// CA is the certificate of its authority, in PEM.
	CA string

	path, folder string
	process      *exec.Cmd
	ended        chan struct{}
}

// Start runs a directory until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{path: slapd(t), folder: t.TempDir()}
	for _, u := range []struct {
		scheme string
		into   *string
	}{{"ldap://", &s.URL}, {"ldaps://", &s.TLSURL}} {
		address, err := freeport.Address()
		if err != nil {
			t.Fatal(err)
		}
		*u.into = u.scheme + address
	}
	s.certify(t)
	s.write(t, "slapd.conf", strings.ReplaceAll(configuration, "FOLDER", s.folder))
	if err := os.Mkdir(filepath.Join(s.folder, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.run(t)
	t.Cleanup(func() { s.end(t) })
	s.Add(t, Suffix, "objectClass", "dcObject", "objectClass", "organization", "dc", "example", "o", "Example")
	for _, dn := range []string{People, Groups} {
		s.Add(t, dn, "objectClass", "organizationalUnit")
	}
	s.Add(t, Service, "objectClass", "applicationProcess", "objectClass", "simpleSecurityObject", "userPassword", ServicePassword)
	s.Add(t, "cn=policy,"+Suffix, "objectClass", "device", "objectClass", "pwdPolicy", "pwdAttribute", "userPassword", "pwdLockout", "TRUE")
	return s
}

// slapd finds the program, or ends the test.
func slapd(t testing.TB) string {
	t.Helper()
	for _, path := range []string{os.Getenv("SLAPD"), "/usr/sbin/slapd"} {
		if info, err := os.Stat(path); path != "" && err == nil && !info.IsDir() {
			return path
		}
	}
	required := strings.FieldsFunc(os.Getenv("GRANTKEEPER_REQUIRE"), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Contains(required, "ldap") || slices.Contains(required, "all") {
		t.Fatal("slapd is missing: run test/ldap/install, or set SLAPD")
	}
	t.Skip("NOT RUN: slapd is missing; run test/ldap/install, or set SLAPD")
	return ""
}

// run starts the process and waits until it listens.
func (s *Server) run(t testing.TB) {
	t.Helper()
	s.process = exec.Command(s.path, "-f", filepath.Join(s.folder, "slapd.conf"), "-h", s.URL+" "+s.TLSURL, "-d", "256")
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	s.process.Stderr = &said
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	process, ended := s.process, make(chan struct{})
	s.ended = ended
	go func() {
		_ = process.Wait() // how it ended is in what it said
		close(ended)
	}()
	again, late := time.NewTicker(10*time.Millisecond), time.NewTimer(startTimeout)
	defer again.Stop()
	defer late.Stop()
	for _, url := range []string{s.URL, s.TLSURL} {
		_, address, _ := strings.Cut(url, "://")
		for {
			c, err := net.Dial("tcp", address)
			if err == nil {
				_ = c.Close()
				break
			}
			select {
			case <-ended:
				t.Fatalf("slapd ended:\n%s", said.String())
			case <-late.C:
				t.Fatalf("slapd does not listen: %v", err)
			case <-again.C:
			}
		}
	}
}

func (s *Server) end(t testing.TB) {
	if s.process == nil {
		return
	}
	if err := s.process.Process.Kill(); err != nil {
		t.Error(err)
	}
	<-s.ended
	s.process = nil
}

// Down ends the process, and returns how to start it again over the same data.
func (s *Server) Down(t *testing.T) (up func()) {
	t.Helper()
	s.end(t)
	return func() { s.run(t) }
}

// Hang stops the process without ending it: it accepts connections and says nothing. It returns how to let it go on.
func (s *Server) Hang(t *testing.T) (up func()) {
	t.Helper()
	signal := func(sig os.Signal) {
		if err := s.process.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	return func() { signal(syscall.SIGCONT) }
}

// as asks the directory as its administrator.
func (s *Server) as(t testing.TB, do func(*ldaplib.Conn) error) {
	t.Helper()
	c, err := ldaplib.DialURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.Bind(root, rootPassword); err != nil {
		t.Fatal(err)
	}
	if err := do(c); err != nil {
		t.Fatal(err)
	}
}

// Add adds an entry with pairs of attribute and value. Passwords are hashed.
func (s *Server) Add(t testing.TB, dn string, pairs ...string) {
	t.Helper()
	r := ldaplib.NewAddRequest(dn, nil)
	values := map[string][]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[pairs[i]] = append(values[pairs[i]], pairs[i+1])
	}
	for attribute, v := range values {
		r.Attribute(attribute, v)
	}
	s.as(t, func(c *ldaplib.Conn) error { return c.Add(r) })
}

// Set replaces an attribute; without values it removes it.
func (s *Server) Set(t testing.TB, dn, attribute string, values ...string) {
	t.Helper()
	r := ldaplib.NewModifyRequest(dn, nil)
	r.Replace(attribute, values)
	s.as(t, func(c *ldaplib.Conn) error { return c.Modify(r) })
}

// Delete removes an entry.
func (s *Server) Delete(t testing.TB, dn string) {
	t.Helper()
	s.as(t, func(c *ldaplib.Conn) error { return c.Del(ldaplib.NewDelRequest(dn, nil)) })
}

func (s *Server) write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// certify makes a certificate of its own authority for loopback.
func (s *Server) certify(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	s.write(t, "cert.pem", s.CA)
	s.write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// Person adds an account in People, of the classes that have mail and the attributes of other directories, and returns its DN.
func (s *Server) Person(t testing.TB, uid, password string, pairs ...string) string {
	t.Helper()
	dn := fmt.Sprintf("uid=%s,%s", ldaplib.EscapeDN(uid), People)
	s.Add(t, dn, append([]string{"objectClass", "inetOrgPerson", "objectClass", "testAccount", "cn", uid, "sn", uid, "userPassword", password}, pairs...)...)
	return dn
}

// Group adds a group of DNs in Groups.
func (s *Server) Group(t testing.TB, name string, members ...string) string {
	t.Helper()
	dn := fmt.Sprintf("cn=%s,%s", ldaplib.EscapeDN(name), Groups)
	pairs := []string{"objectClass", "groupOfNames"}
	for _, m := range members {
		pairs = append(pairs, "member", m)
	}
	s.Add(t, dn, pairs...)
	return dn
}

// configuration is a slapd.conf: Argon2 for passwords, a policy with locks, and the attributes by which Active Directory and 389
// Directory Server disable accounts.
const configuration = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.4203.666.99.1 NAME 'testAccount' SUP top AUXILIARY MAY ( userAccountControl $ objectGUID $ nsAccountLock ) )
moduleload back_mdb.so
moduleload ppolicy.so
moduleload argon2.so
pidfile FOLDER/slapd.pid
TLSCACertificateFile FOLDER/cert.pem
TLSCertificateFile FOLDER/cert.pem
TLSCertificateKeyFile FOLDER/key.pem
password-hash {ARGON2}
database mdb
directory FOLDER/data
suffix "` + Suffix + `"
rootdn "` + root + `"
rootpw "` + rootPassword + `"
index objectClass,uid,mail,entryUUID,member eq
overlay ppolicy
ppolicy_default "cn=policy,` + Suffix + `"
ppolicy_hash_cleartext
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="` + Service + `" read by anonymous auth by * none
`
