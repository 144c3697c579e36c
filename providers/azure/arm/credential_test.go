package arm_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/azuretest"
)

const world = `
tenant: {id: 11111111-1111-1111-1111-111111111111}
subscriptions:
- id: aaaaaaaa-0000-0000-0000-000000000001
  resources: [{type: Microsoft.Storage/storageAccounts, name: telemetry}]
`

// identify gives the test a service principal, and nothing else of this machine.
func identify(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AZURE_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
	t.Setenv("AZURE_TENANT_ID", "11111111-1111-1111-1111-111111111111")
	t.Setenv("AZURE_CLIENT_ID", "22222222-2222-2222-2222-222222222222")
	t.Setenv("AZURE_CLIENT_SECRET", "secret")
}

func serve(t *testing.T, faults ...azuretest.Fault) (server *azuretest.Server, transport *http.Transport, url string) {
	t.Helper()
	w, err := azuretest.Parse([]byte(world))
	if err != nil {
		t.Fatal(err)
	}
	server = azuretest.NewServer(w, azuretest.WithFault(faults...))
	url, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	transport = server.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	return server, transport, url
}

// hosts notes whom a transport is asked for.
func hosts(asked map[string]int, next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		asked[req.URL.Host]++
		return next.RoundTrip(req)
	})
}

// TestClouds: each cloud has a Resource Manager and an authority of its own.
func TestClouds(t *testing.T) {
	for name, c := range map[string]struct {
		options         arm.Options
		manager, tokens string
		custom          bool
	}{
		"the public one": {arm.Options{}, "management.azure.com", "login.microsoftonline.com", false},
		"by its name":    {arm.Options{Cloud: "public"}, "management.azure.com", "login.microsoftonline.com", false},
		"usgov":          {arm.Options{Cloud: "usgov"}, "management.usgovcloudapi.net", "login.microsoftonline.us", false},
		"china":          {arm.Options{Cloud: "china"}, "management.chinacloudapi.cn", "login.chinacloudapi.cn", false},
		"a stack":        {arm.Options{Endpoint: "https://management.stack.example:8443/", Authority: "https://login.stack.example/", DisableInstanceDiscovery: true}, "management.stack.example:8443", "login.stack.example", true},
	} {
		t.Run(name, func(t *testing.T) {
			identify(t)
			server, transport, _ := serve(t)
			managers, authorities := make(map[string]int), make(map[string]int)
			o := c.options
			o.Transport, o.Tokens, o.Backoff = hosts(managers, transport), hosts(authorities, transport), atOnce
			client, err := arm.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if entries, err := list(t.Context(), client, accounts, sub); err != nil || len(entries) != 1 || client.Custom != c.custom {
				t.Errorf("%v %v, custom %t", entries, err, client.Custom)
			}
			if managers[c.manager] != 1 || len(managers) != 1 || authorities[c.tokens] == 0 {
				t.Errorf("asked %v and %v", managers, authorities)
			}
			if server.Calls()["entra:token"] != 1 || server.Writes() != 0 {
				t.Errorf("%v", server.Calls())
			}
		})
	}
	for _, o := range []arm.Options{{Cloud: "germany"}, {Endpoint: "ftp://host"}, {Endpoint: "https://"}, {Authority: "http://login.example"}, {Authority: "::"}} {
		identify(t)
		o.Transport, o.Tokens = http.DefaultTransport, roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("asked") })
		if _, err := arm.Open(t.Context(), o); err == nil || strings.Contains(err.Error(), "asked") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestInstanceDiscovery: an authority that Microsoft does not know is asked about
// at Microsoft, unless that is turned off.
func TestInstanceDiscovery(t *testing.T) {
	for _, off := range []bool{false, true} {
		identify(t)
		server, transport, url := serve(t)
		authorities := make(map[string]int)
		_, err := arm.Open(t.Context(), arm.Options{
			Endpoint: url, Authority: url, DisableInstanceDiscovery: off, Transport: transport, Tokens: hosts(authorities, transport),
		})
		if err != nil {
			t.Fatal(err)
		}
		if asked := authorities["login.microsoftonline.com"] > 0; asked == off || (server.Calls()["entra:discovery-instance"] > 0) == off {
			t.Errorf("turned off %t: asked %v", off, authorities)
		}
	}
}

// TestNoToken: whoever has no token gets one sentence, and what to do.
func TestNoToken(t *testing.T) {
	const signIn = " (run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET)"
	for name, c := range map[string]struct {
		fault   azuretest.FaultKind
		nobody  bool
		without bool
		proxied bool // something answers for the metadata service
		want    string
	}{
		"the endpoint is down": {nobody: true, want: "find Azure credentials: the token endpoint login.microsoftonline.com does not answer: dial tcp: connection refused"},
		"a wrong secret":       {fault: azuretest.AccessDenied, want: "find Azure credentials: AADSTS7000215: Invalid client secret provided." + signIn},
		"no credentials":       {without: true, want: "find Azure credentials: nothing on this machine gives a token" + signIn},
		"a proxy":              {without: true, proxied: true, want: "find Azure credentials: the metadata service 169.254.169.254 answers 403 Forbidden" + signIn},
		"broken":               {fault: azuretest.InternalError, want: "find Azure credentials: the token endpoint login.microsoftonline.com answers 500 Internal Server Error" + signIn},
	} {
		t.Run(name, func(t *testing.T) {
			identify(t)
			if c.without {
				t.Setenv("AZURE_CLIENT_SECRET", "")
			}
			var faults []azuretest.Fault
			if c.fault != "" {
				faults = append(faults, azuretest.Fault{Call: "entra:token", Kind: c.fault})
			}
			_, transport, _ := serve(t, faults...)
			var tokens http.RoundTripper = transport
			switch {
			case c.nobody:
				tokens = refusing{}
			case c.proxied:
				t.Setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
				tokens = roundTrip(func(req *http.Request) (*http.Response, error) {
					return &http.Response{Status: "403 Forbidden", StatusCode: http.StatusForbidden, Body: http.NoBody, Request: req}, nil
				})
			}
			_, err := arm.Open(t.Context(), arm.Options{Transport: transport, Tokens: tokens, Backoff: atOnce, DisableInstanceDiscovery: true})
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// refusing is a network in which nobody listens.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
}

func TestEnvironment(t *testing.T) {
	for host, want := range map[string]arm.Options{
		"":                                  {},
		"https://login.stack.example/":      {Authority: "https://login.stack.example/"},
		"https://login.microsoftonline.us":  {Cloud: "usgov"},
		"https://login.chinacloudapi.cn/":   {Cloud: "china"},
		"https://login.microsoftonline.com": {Cloud: "public"},
	} {
		t.Setenv("AZURE_AUTHORITY_HOST", host)
		if got := arm.Environment(arm.Options{}); got.Cloud != want.Cloud || got.Authority != want.Authority {
			t.Errorf("%q: %+v", host, got)
		}
		if got := arm.Environment(arm.Options{Cloud: "china"}); got.Cloud != "china" || got.Authority != "" {
			t.Errorf("%q beats what was chosen: %+v", host, got)
		}
	}
}
