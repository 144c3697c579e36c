package cli

import (
	"context"
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
	"github.com/andon-audit/andon/providers/gcp"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

// The files of an estate. One of another name is of AWS, unless its name ends as
// the second does.
const (
	awsWorld    = "world.yaml"
	googleWorld = "world-gcp.yaml"
)

// demoWorlds are the estates of examples/toyota, by cloud.
func demoWorlds() map[string][]byte {
	return map[string][]byte{aws.Name: examples.ToyotaWorld, gcp.Name: examples.ToyotaGoogleWorld}
}

func (s *session) demoCommand() *cobra.Command {
	var addr, world string
	cmd := &cobra.Command{
		Use:   "demo [VERB ARGS...]",
		Short: "Start loopback clouds with a demo estate, to try every verb without an account",
		Long: `Starts a small AWS and a small Google Cloud on this machine, reachable from this
machine alone, with the estate of examples/toyota in them or that of --world: a
folder with a ` + awsWorld + ` (AWS), a ` + googleWorld + ` (Google Cloud) or both, or one
such file. Without a verb it prints the environment that points andon at them and
runs until it is interrupted; with a verb it runs that verb against them and ends.`,
		Example: `  andon demo audit
  andon demo explain tconnect-telemetry
  andon demo --world examples/toyota audit
  andon demo                                  then, in another terminal, use what it prints`,
		RunE: func(cmd *cobra.Command, args []string) error { return s.demo(cmd.Context(), world, addr, args) },
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:0", "loopback address to listen on; Google Cloud listens on the next port")
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
	fmt.Fprintln(s.stdout, "export "+d.exports())
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
		if strings.HasSuffix(name, strings.TrimPrefix(googleWorld, "world")) {
			of = gcp.Name
		}
		text, err := os.ReadFile(name)
		return map[string][]byte{of: text}, err
	}
	worlds := make(map[string][]byte)
	for of, file := range map[string]string{aws.Name: awsWorld, gcp.Name: googleWorld} {
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
		return nil, fmt.Errorf("%s holds neither %s nor %s", name, awsWorld, googleWorld)
	}
	return worlds, nil
}

// demo is what andon demo serves.
type demo struct {
	urls  map[string]string // by cloud
	stops []func()
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
		start, err := loopback(name, worlds[name], addr)
		if err != nil {
			return d, fmt.Errorf("read demo estate of %s: %w", name, err)
		}
		url, stop, err := start()
		if err != nil {
			return d, fmt.Errorf("start demo: %w", err)
		}
		d.urls[name], d.stops = url, append(d.stops, stop)
		addr = nextPort(addr)
	}
	return d, nil
}

// loopback reads a world and returns what starts the cloud that serves it.
func loopback(name string, text []byte, addr string) (start func() (string, func(), error), err error) {
	if name == gcp.Name {
		world, err := gcptest.Parse(text)
		if err != nil {
			return nil, err
		}
		return gcptest.NewServer(world, gcptest.WithAddr(addr)).Start, nil
	}
	world, err := awstest.Parse(text)
	if err != nil {
		return nil, err
	}
	return awstest.NewServer(world, awstest.WithAddr(addr)).Start, nil
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
	if url, served := d.urls[gcp.Name]; served {
		set[gcpEndpoint] = url
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
	s.exit = verb.run(args)
	return nil
}
