package loopback

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// Identity is a certificate that signs itself, of a key that nobody keeps.
type Identity struct{ certificate tls.Certificate }

// loopbackHost is whom the certificate is for, beside localhost.
const loopbackHost = "127.0.0.1"

// NewIdentity makes one for whatever listens on loopback.
func NewIdentity() *Identity {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("loopback: " + err.Error()) // the random source of the system never fails
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "loopback cloud"},
		NotBefore: time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, time.January, 1, 0, 0, 0, 0, time.UTC),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.ParseIP(loopbackHost), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic("loopback: " + err.Error())
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic("loopback: " + err.Error())
	}
	return &Identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}}
}

// PEM is what a client has to trust: for SSL_CERT_FILE.
func (id *Identity) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.certificate.Leaf.Raw})
}

func (id *Identity) secure(listener net.Listener) net.Listener {
	return quiet{tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{id.certificate}, MinVersion: tls.VersionTLS12})}
}

// quiet is a listener whose connections do not show that they are secured: whoever
// does not trust the certificate is told so by its client, and the server would
// log it to stderr.
type quiet struct{ net.Listener }

// Accept implements net.Listener.
func (q quiet) Accept() (net.Conn, error) {
	conn, err := q.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return struct{ net.Conn }{conn}, nil
}

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// dial secures the connections of a dialer, and trusts none but this identity.
func (id *Identity) dial(plain dialer) dialer {
	trusted := x509.NewCertPool()
	trusted.AddCert(id.certificate.Leaf)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := plain(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		secured := tls.Client(conn, &tls.Config{RootCAs: trusted, ServerName: loopbackHost, MinVersion: tls.VersionTLS12})
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return secured, nil
	}
}
