package controlplane

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
)

// validity of certificates: longer than any run of a demo.
const validity = 365 * 24 * time.Hour

// pki is the certificates of one run. Fields that are paths are files in the pki folder.
type pki struct {
	etcdCA, clusterCA     string
	etcdServer, apiServer pair
	etcdClient            pair
	serviceAccounts       string
	// admin and its authority are for us and the kubeconfig; not files.
	adminCert, adminKey, clusterCAPEM []byte
	etcdTLS                           *tls.Config
}

// pair is the paths of a certificate and its key.
type pair struct{ cert, key string }

// authority signs certificates; its key stays in memory.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	now  time.Time
}

// makePKI makes every certificate anew, and the key of service account tokens if it is not there yet.
func makePKI(dir string, now time.Time) (*pki, error) {
	etcd, err := newAuthority("etcd", now)
	if err != nil {
		return nil, err
	}
	cluster, err := newAuthority("kubernetes", now)
	if err != nil {
		return nil, err
	}
	k := &pki{
		etcdCA: filepath.Join(dir, "etcd-ca.crt"), clusterCA: filepath.Join(dir, "ca.crt"),
		serviceAccounts: filepath.Join(dir, "service-accounts.key"), clusterCAPEM: cluster.pem(),
	}
	errs := []error{
		os.WriteFile(k.etcdCA, etcd.pem(), 0o600),
		os.WriteFile(k.clusterCA, cluster.pem(), 0o600),
		keyFile(k.serviceAccounts),
		etcd.file(dir, "etcd", pkix.Name{CommonName: "etcd"}, &k.etcdServer),
		etcd.file(dir, "etcd-client", pkix.Name{CommonName: "kube-apiserver"}, &k.etcdClient),
		cluster.file(dir, "kube-apiserver", pkix.Name{CommonName: "kube-apiserver"}, &k.apiServer),
	}
	k.adminCert, k.adminKey, err = cluster.issue(pkix.Name{CommonName: "grantkeeper-dev", Organization: []string{"system:masters"}})
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	client, err := tls.LoadX509KeyPair(k.etcdClient.cert, k.etcdClient.key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(etcd.cert)
	k.etcdTLS = &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{client}, MinVersion: tls.VersionTLS13}
	return k, nil
}

// dial checks that etcd answers, as the one it should be.
func (k *pki) dial(ctx context.Context, port int) error {
	conn, err := (&tls.Dialer{Config: k.etcdTLS}).DialContext(ctx, "tcp", address(port))
	if err != nil {
		return err
	}
	return conn.Close()
}

// restConfig reaches the API server as an administrator.
func (k *pki) restConfig(port int) *rest.Config {
	return &rest.Config{
		Host:            "https://" + address(port),
		TLSClientConfig: rest.TLSClientConfig{CAData: k.clusterCAPEM, CertData: k.adminCert, KeyData: k.adminKey},
		// One user on loopback: client-side throttling would only slow the start.
		QPS: 200, Burst: 400,
	}
}

func newAuthority(name string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := template(pkix.Name{CommonName: "grantkeeper dev " + name}, now)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key, now}, err
}

// template is a certificate's common part. The number needs to be unique only within an authority of one run.
func template(subject pkix.Name, now time.Time) *x509.Certificate {
	number := make([]byte, 16)
	_, _ = rand.Read(number) // never fails, by its documentation
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(number),
		Subject:      subject,
		// A clock that is set back while it runs should not end the demo.
		NotBefore: now.Add(-time.Hour),
		NotAfter:  now.Add(validity),
	}
}

func (a *authority) pem() []byte { return encode("CERTIFICATE", a.cert.Raw) }

// issue makes a certificate for both ends of a connection, for loopback, and its key, in PEM.
func (a *authority) issue(subject pkix.Name) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t := template(subject, a.now)
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	t.DNSNames = []string{"localhost"}
	t.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, private.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", pkcs8), nil
}

// file issues a certificate into files and notes their paths.
func (a *authority) file(dir, name string, subject pkix.Name, into *pair) error {
	cert, key, err := a.issue(subject)
	if err != nil {
		return err
	}
	*into = pair{filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")}
	return errors.Join(os.WriteFile(into.cert, cert, 0o600), os.WriteFile(into.key, key, 0o600))
}

// keyFile makes a private key, unless the file is there: tokens of service accounts outlive a restart.
func keyFile(path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, encode("EC PRIVATE KEY", der), 0o600)
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
