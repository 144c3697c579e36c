//go:build e2e

package azurite

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andon-audit/andon/e2e/internal/andon"
)

const (
	// cache is where the emulator is kept between runs; .gitignore covers it.
	cache = "../../.cache/azurite"
	// version is pinned, so that a new release cannot change the answers.
	version = "3.35.0"
	// patience is how long the emulator may take until it listens.
	patience = time.Minute
)

// emulator is a running Azurite.
type emulator struct {
	url  string            // https, without a slash at its end
	keys map[string][]byte // by account
	http *http.Client      // trusts the emulator, and uses no proxy

	process *exec.Cmd
	stdin   io.Closer
	mu      sync.Mutex
	said    bytes.Buffer
}

// startEmulator installs Azurite where that was not done yet, and serves these
// accounts until the test ends. Without node the test is skipped, except where it
// is required.
func startEmulator(t *testing.T, accounts ...string) *emulator {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" || os.Getenv("ANDON_E2E") == "required" {
				t.Fatalf("Azurite needs node and npm: %v", err)
			}
			t.Skipf("SKIPPED: NOTHING IS COMPARED WITH AZURITE, which needs node and npm: %v (ANDON_E2E=required makes this a failure)", err)
		}
	}
	folder, err := install()
	if err != nil {
		t.Fatal(err)
	}
	e := &emulator{keys: make(map[string][]byte, len(accounts))}
	var secrets []string
	for _, name := range accounts {
		key := make([]byte, 64)
		_, _ = rand.Read(key) // never fails
		e.keys[name] = key
		secrets = append(secrets, name+":"+base64.StdEncoding.EncodeToString(key))
	}
	certificate, key := e.secure(t)
	e.process = exec.Command(
		"node", "--require", "./ends-with-stdin.cjs", filepath.Join(folder, "node_modules", "azurite", "dist", "src", "blob", "main.js"),
		"--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--disableTelemetry", "--silent",
		"--skipApiVersionCheck", "--disableProductStyleUrl", "--cert", certificate, "--key", key,
	)
	e.process.Env = append(andon.Offline(), "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir(), "AZURITE_ACCOUNTS="+strings.Join(secrets, ";"))
	if err := e.serve(t); err != nil {
		t.Fatalf("start Azurite: %v", err)
	}
	return e
}

// serve runs the emulator and waits until it says where it listens.
func (e *emulator) serve(t *testing.T) error {
	t.Helper()
	var err error
	if e.stdin, err = e.process.StdinPipe(); err != nil {
		return err
	}
	output, err := e.process.StdoutPipe()
	if err != nil {
		return err
	}
	e.process.Stderr = writerFunc(e.note)
	if err := e.process.Start(); err != nil {
		return err
	}
	ready, drained := make(chan string, 1), make(chan struct{})
	go func() { defer close(drained); e.read(output, ready) }()
	t.Cleanup(func() {
		_ = e.stdin.Close()
		if err := e.process.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("stop Azurite: %v", err)
		}
		<-drained
		_ = e.process.Wait() // it was killed
	})
	select {
	case e.url = <-ready:
	case <-time.After(patience):
	}
	if !strings.HasPrefix(e.url, "https://127.0.0.1:") {
		return fmt.Errorf("it listens at %q:\n%s", e.url, e.heard())
	}
	return nil
}

// read keeps what the emulator says, and finds in it where that listens.
func (e *emulator) read(output io.Reader, ready chan<- string) {
	defer close(ready)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		_, _ = e.note(append(lines.Bytes(), '\n'))
		if _, url, ok := strings.Cut(lines.Text(), "successfully listens on "); ok {
			ready <- strings.TrimSpace(url)
		}
	}
}

// writerFunc is a function that takes what is written.
type writerFunc func(text []byte) (int, error)

func (f writerFunc) Write(text []byte) (int, error) { return f(text) }

func (e *emulator) note(text []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.said.Write(text)
}

func (e *emulator) heard() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.said.String()
}

// secure makes the certificate with which the emulator answers, and the client
// that trusts no other: Azure's blob endpoints are https, so the emulator's is.
func (e *emulator) secure(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("make certificate: %v", err)
	}
	now := time.Now()
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatalf("make certificate: %v", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatalf("make certificate: %v", err)
	}
	folder := t.TempDir()
	certificate, key = filepath.Join(folder, "certificate.pem"), filepath.Join(folder, "key.pem")
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, text := range map[string][]byte{certificate: public, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatalf("make certificate: %v", err)
		}
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(public)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	e.http = &http.Client{Transport: transport, Timeout: 20 * time.Second}
	return certificate, key
}

// install puts the pinned emulator into a folder of its own.
func install() (string, error) {
	folder, err := filepath.Abs(filepath.Join(cache, version))
	if err != nil {
		return "", fmt.Errorf("install Azurite: %w", err)
	}
	done := filepath.Join(folder, "installed")
	if _, err := os.Stat(done); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", fmt.Errorf("install Azurite: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact", "azurite@"+version)
	if said, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install Azurite: %w\n%s", err, said)
	}
	return folder, os.WriteFile(done, nil, 0o600)
}
