package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/examples"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/aws/awstest"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/azure/azuretest"
	"github.com/andon-audit/andon/providers/gcp"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

// The files of an estate. One of another name is of AWS, unless its name ends as
// one of the others does.
const (
	awsWorld    = "world.yaml"
	azureWorld  = "world-azure.yaml"
	googleWorld = "world-gcp.yaml"
)

// worldFiles are the files of an estate, by cloud.
var worldFiles = map[string]string{aws.Name: awsWorld, azure.Name: azureWorld, gcp.Name: googleWorld}

// demoWorlds are the estates of examples/toyota, by cloud.
func demoWorlds() map[string][]byte {
	return map[string][]byte{aws.Name: examples.ToyotaWorld, azure.Name: examples.ToyotaAzureWorld, gcp.Name: examples.ToyotaGoogleWorld}
}

func (s *session) demoCommand() *cobra.Command {
	var addr, world string
	cmd := &cobra.Command{
		Use:   "demo [VERB ARGS...]",
		Short: "Start loopback clouds with a demo estate, to try every verb without an account",
		Long: `Starts small clouds on this machine, reachable from this machine alone, with the
estate of examples/toyota in them or that of --world: a folder with a ` + awsWorld + `
(AWS), a ` + azureWorld + ` (Azure), a ` + googleWorld + ` (Google Cloud) or several of
them, or one such file. Without a verb it prints the environment that points andon
at them and runs until it is interrupted; with a verb it runs that verb against them
and ends.

Azure speaks TLS alone. The environment names a temporary file with its certificate
(SSL_CERT_FILE, which macOS and Windows do not read: a verb given here needs none).`,
		Example: `  andon demo audit
  andon demo explain tconnect-telemetry
  andon demo --world examples/toyota audit
  andon demo                                  then, in another terminal, use what it prints`,
		RunE: func(cmd *cobra.Command, args []string) error { return s.demo(cmd.Context(), world, addr, args) },
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:0", "loopback address to listen on; each further cloud listens on the next port")
	cmd.Flags().StringVar(&world, "world", "", "folder or file of the estate (default: that of examples/toyota)")
	return cmd
}

func (s *session) demo(ctx context.Context, world, addr string, args []string) error {
	worlds := demoWorlds()
	if world != "" {
		read, err := readWorlds(world)
		if err != nil {
			return usagef("read demo estate: %w", err)
		}
		worlds = read
	}
	d, err := serveDemo(worlds, addr)
	if err != nil {
		return usage(err)
	}
	defer d.stop()
	if len(args) > 0 {
		return s.demoVerb(d, args)
	}
	if err := d.writeCertificate(); err != nil {
		return fmt.Errorf("start demo: %w", err)
	}
	fmt.Fprintln(s.stdout, "export "+d.exports())
	if d.certificateFile != "" {
		fmt.Fprintln(s.stderr, "The certificate of the demo's Azure is in "+d.certificateFile+" until then; where SSL_CERT_FILE names it, no other is trusted.")
	}
	fmt.Fprintln(s.stderr, "The demo cloud runs until you press Ctrl-C. Set the line above in another terminal and try: andon audit"+d.flags())
	<-ctx.Done()
	return nil
}

// readWorlds reads the estate of a folder, or of one file.
func readWorlds(name string) (map[string][]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		of := aws.Name
		for _, other := range []string{azure.Name, gcp.Name} {
			if strings.HasSuffix(name, strings.TrimPrefix(worldFiles[other], "world")) {
				of = other
			}
		}
		text, err := os.ReadFile(name)
		return map[string][]byte{of: text}, err
	}
	worlds := make(map[string][]byte)
	for of, file := range worldFiles {
		text, err := os.ReadFile(filepath.Join(name, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		worlds[of] = text
	}
	if len(worlds) == 0 {
		return nil, fmt.Errorf("%s holds neither %s nor %s nor %s", name, awsWorld, azureWorld, googleWorld)
	}
	return worlds, nil
}

// demo is what andon demo serves.
type demo struct {
	urls  map[string]string // by cloud
	stops []func()
	// certificate is what a client has to trust, as PEM, and certificateFile the
	// file in which it is; empty where no cloud speaks TLS, and where no file is
	// needed.
	certificate     []byte
	certificateFile string
}

// serveDemo starts a loopback cloud for each world.
func serveDemo(worlds map[string][]byte, addr string) (d *demo, err error) {
	d = &demo{urls: make(map[string]string)}
	defer func() {
		if err != nil {
			d.stop()
		}
	}()
	for _, name := range slices.Sorted(maps.Keys(worlds)) {
		start, certificate, err := loopback(name, worlds[name], addr)
		if err != nil {
			return d, fmt.Errorf("read demo estate of %s: %w", name, err)
		}
		url, stop, err := start()
		if err != nil {
			return d, fmt.Errorf("start demo: %w", err)
		}
		d.urls[name], d.stops = url, append(d.stops, stop)
		d.certificate = append(d.certificate, certificate...)
		addr = nextPort(addr)
	}
	return d, nil
}

// loopback reads a world and returns what starts the cloud that serves it, and
// its certificate, if it speaks TLS.
func loopback(name string, text []byte, addr string) (start func() (string, func(), error), certificate []byte, err error) {
	switch name {
	case azure.Name:
		world, err := azuretest.Parse(text)
		if err != nil {
			return nil, nil, err
		}
		server := azuretest.NewServer(world, azuretest.WithAddr(addr))
		return server.Start, server.Certificate(), nil
	case gcp.Name:
		world, err := gcptest.Parse(text)
		if err != nil {
			return nil, nil, err
		}
		return gcptest.NewServer(world, gcptest.WithAddr(addr)).Start, nil, nil
	}
	world, err := awstest.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	return awstest.NewServer(world, awstest.WithAddr(addr)).Start, nil, nil
}

// writeCertificate writes what a client in another terminal has to trust into a
// file, which is there as long as the demo runs.
func (d *demo) writeCertificate() error {
	if len(d.certificate) == 0 {
		return nil
	}
	file, err := os.CreateTemp("", "andon-demo-*.pem")
	if err != nil {
		return err
	}
	d.certificateFile = file.Name()
	d.stops = append(d.stops, func() { _ = os.Remove(file.Name()) })
	_, err = file.Write(d.certificate)
	return errors.Join(err, file.Close())
}

// nextPort leaves an address alone that has no port of its own: the system
// chooses a free one for each.
func nextPort(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	number, numberErr := strconv.Atoi(port)
	if err != nil || numberErr != nil || number == 0 {
		return addr
	}
	return net.JoinHostPort(host, strconv.Itoa(number+1))
}

func (d *demo) stop() {
	for _, stop := range d.stops {
		stop()
	}
}

// environment points andon at the demo, with credentials that only the demo
// accepts.
func (d *demo) environment() map[string]string {
	set := make(map[string]string)
	if url, served := d.urls[aws.Name]; served {
		set["AWS_ENDPOINT_URL"], set["AWS_REGION"] = url, "us-east-1"
		set["AWS_ACCESS_KEY_ID"], set["AWS_SECRET_ACCESS_KEY"] = "demo", "demo"
	}
	if url, served := d.urls[azure.Name]; served {
		set[azureEndpoint], set["AZURE_AUTHORITY_HOST"], set[azureInstanceDiscovery] = url, url, "false"
		set["AZURE_TENANT_ID"], set["AZURE_CLIENT_ID"], set["AZURE_CLIENT_SECRET"] = "demo", "demo", "demo"
		set["AZURE_TOKEN_CREDENTIALS"] = "EnvironmentCredential"
	}
	if url, served := d.urls[gcp.Name]; served {
		set[gcpEndpoint] = url
	}
	if d.certificateFile != "" {
		set["SSL_CERT_FILE"] = d.certificateFile
	}
	return set
}

func (d *demo) exports() string {
	var all []string
	set := d.environment()
	for _, name := range slices.Sorted(maps.Keys(set)) {
		all = append(all, name+"="+set[name])
	}
	return strings.Join(all, " ")
}

// flags keep an audit from the clouds that the demo does not serve.
func (d *demo) flags() string {
	if len(d.urls) == len(clouds()) {
		return ""
	}
	said := ""
	for _, name := range slices.Sorted(maps.Keys(d.urls)) {
		said += " --cloud " + name
	}
	return said
}

// demoVerb runs a verb against the demo alone.
func (s *session) demoVerb(d *demo, args []string) error {
	set := d.environment()
	// What the environment says otherwise would lead out of the demo.
	set["AWS_SESSION_TOKEN"], set["AWS_PROFILE"], set["STORAGE_EMULATOR_HOST"] = "", "", ""
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "CLOUDSDK_API_ENDPOINT_OVERRIDES_") {
			set[name] = ""
		}
	}
	for name, value := range set {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("point at demo: %w", err)
		}
	}
	verb := newSession(s.stdin, s.stdout, s.stderr)
	verb.served = slices.Sorted(maps.Keys(d.urls))
	if len(d.certificate) > 0 {
		verb.trusted = x509.NewCertPool()
		verb.trusted.AppendCertsFromPEM(d.certificate)
	}
	s.exit = verb.run(args)
	return nil
}
