package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/gcp"
	"github.com/andon-audit/andon/providers/gcp/api"
)

// TestNoFlagIsIgnored holds that whatever is given about a cloud, the cloud is
// among those that are audited, or it is a mistake that is told. A flag that did
// nothing would let a reader believe that it did.
func TestNoFlagIsIgnored(t *testing.T) {
	kinds := kindNames()
	rapid.Check(t, func(rt *rapid.T) {
		given := func(name string) bool { return rapid.Bool().Draw(rt, name) }
		f := source{
			concurrency: 1,
			clouds:      rapid.SliceOfN(rapid.SampledFrom(cloudNames()), 0, 2).Draw(rt, "cloud"),
			kinds:       rapid.SliceOfN(rapid.SampledFrom(kinds), 0, 2).Draw(rt, "kind"),
		}
		if given("region") {
			f.aws.Regions = []string{"eu-west-1"}
		}
		if given("endpoint") {
			f.aws.Endpoint = "http://127.0.0.1:1"
		}
		if given("project") {
			f.gcp.Projects = []string{"tconnect"}
		}
		if given("organization") {
			f.gcp.Organization = "organizations/1"
		}
		f.gcp.Deep = given("deep")
		if given("subscription") {
			f.azure.Subscriptions = []string{"11111111-2222-3333-4444-555555555555"}
		}
		f.azure.DisableInstanceDiscovery = given("azure-disable-instance-discovery")
		of, err := f.chosen(clouds())
		if err != nil {
			if len(f.clouds)+len(f.kinds) == 0 {
				rt.Fatalf("flags of clouds contradict nothing: %v", err)
			}
			return
		}
		names := namesOf(of)
		if !slices.IsSorted(names) {
			rt.Fatalf("order %v", names)
		}
		for _, c := range clouds() {
			wanted := slices.Contains(f.clouds, c.name) || len(c.given(&f)) > 0 ||
				slices.ContainsFunc(f.kinds, func(k string) bool { return resource.Kind(k).Provider() == c.name })
			if wanted != slices.Contains(names, c.name) {
				rt.Fatalf("%s is wanted: %t; chosen %v", c.name, wanted, names)
			}
		}
	})
}

// A replay asks for what was asked for when the recording was made, as of then.
func TestAskedAgain(t *testing.T) {
	at := time.Date(2026, 11, 6, 9, 0, 0, 0, time.UTC)
	recorded := asked{Projects: []string{"a"}, Organization: "1", Folders: []string{"2"}, Deep: true, Endpoint: true, Endpoints: []string{"storage"}, At: at}
	live := gcp.Options{Options: api.Options{Endpoint: "http://127.0.0.1:1", Endpoints: map[string]string{"storage": "x"}, QuotaProject: "q"}}
	for name, c := range map[string]struct {
		recorded asked
		flags    gcp.Options
		want     asked
		above    bool
	}{
		"by hand":         {asked{}, live, asked{}, false},
		"the same":        {recorded, live, recorded, true},
		"one project":     {asked{Projects: []string{"a"}, At: at}, live, asked{Projects: []string{"a"}, At: at}, false},
		"flags win":       {recorded, gcp.Options{Projects: []string{"b"}}, asked{Projects: []string{"b"}, Deep: true, Endpoint: true, Endpoints: []string{"storage"}, At: at}, false},
		"a folder":        {asked{}, gcp.Options{Folders: []string{"3"}}, asked{Folders: []string{"3"}}, true},
		"deeper by flags": {asked{}, gcp.Options{Options: api.Options{Deep: true}}, asked{Deep: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			read, err := askedOnTapes[asked]([]*tape.Tape{{}, {Attached: map[string][]byte{askedSection: []byte(textOf(c.recorded) + "\n")}}}, askedSection)
			if err != nil {
				t.Fatal(err)
			}
			o := read.again(c.flags)
			got := askedOf(o)
			got.At = time.Time{}
			if o.Now != nil {
				got.At = o.Now()
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if !o.Offline || o.Endpoint == live.Endpoint || o.Endpoints["storage"] == "x" || o.QuotaProject != "" || o.Backoff(5) != 0 || o.Ancestors != c.above {
				t.Errorf("options %+v", o)
			}
		})
	}
	for _, damaged := range []string{"", "{", `{"projects":"a"}`} {
		if _, err := askedOnTapes[asked]([]*tape.Tape{{Attached: map[string][]byte{askedSection: []byte(damaged)}}}, askedSection); err == nil || !strings.Contains(err.Error(), "section gcp.json") {
			t.Errorf("%q: %v", damaged, err)
		}
	}
}

// A replay of Azure asks where it was asked, for what was asked for, as of then.
func TestAskedAgainOfAzure(t *testing.T) {
	at := time.Date(2026, 11, 6, 9, 0, 0, 0, time.UTC)
	recorded := azureAsked{Subscriptions: []string{"a"}, Cloud: "china", Endpoint: "https://stack.example/arm", Custom: true, At: at}
	live := azure.Options{Options: arm.Options{
		Cloud: "usgov", Endpoint: "https://127.0.0.1:1", Authority: "https://127.0.0.1:2", Audience: "x", DisableInstanceDiscovery: true,
	}}
	for name, c := range map[string]struct {
		recorded azureAsked
		flags    azure.Options
		want     azureAsked
	}{
		"by hand":            {azureAsked{}, live, azureAsked{}},
		"the same":           {recorded, live, recorded},
		"a management group": {azureAsked{ManagementGroup: "corp"}, live, azureAsked{ManagementGroup: "corp"}},
		"flags win":          {azureAsked{ManagementGroup: "corp"}, azure.Options{Subscriptions: []string{"b"}}, azureAsked{Subscriptions: []string{"b"}}},
		"an authority alone": {azureAsked{Custom: true}, live, azureAsked{Custom: true}},
	} {
		t.Run(name, func(t *testing.T) {
			read, err := askedOnTapes[azureAsked]([]*tape.Tape{{}, {Attached: map[string][]byte{azureSection: []byte(textOf(c.recorded) + "\n")}}}, azureSection)
			if err != nil {
				t.Fatal(err)
			}
			o := read.again(c.flags)
			got := azureAsked{Subscriptions: o.Subscriptions, ManagementGroup: o.ManagementGroup, Cloud: o.Cloud, Endpoint: o.Endpoint, Custom: o.Custom}
			if o.Now != nil {
				got.At = o.Now()
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if !o.Offline || o.Authority != "" || o.Audience != "" || o.Backoff(5) != 0 {
				t.Errorf("options %+v", o)
			}
		})
	}
	for endpoint, want := range map[string]string{
		"": "", "127.0.0.1:9000": "https://127.0.0.1:9000", "https://who:secret@stack.example/arm?key=secret#x": "https://stack.example/arm", "::": "",
	} {
		if got := askedOfAzure(azure.Options{Options: arm.Options{Endpoint: endpoint}}).Endpoint; got != want {
			t.Errorf("of %q is kept %q, want %q", endpoint, got, want)
		}
	}
}

// Without a flag, the environment says which Azure is meant; a flag wins over it.
func TestAzureEndpoints(t *testing.T) {
	of := func(flags arm.Options) (o arm.Options) {
		f := source{azure: azure.Options{Options: flags}}
		o = f.microsoft().Options
		return arm.Options{Cloud: o.Cloud, Endpoint: o.Endpoint, Authority: o.Authority, DisableInstanceDiscovery: o.DisableInstanceDiscovery}
	}
	const stack, login = "https://stack.example", "https://login.stack.example"
	t.Setenv(azureEndpoint, stack)
	t.Setenv(azureInstanceDiscovery, "False")
	t.Setenv("AZURE_AUTHORITY_HOST", login)
	for name, c := range map[string]struct{ flags, want arm.Options }{
		"by the environment": {arm.Options{}, arm.Options{Endpoint: stack, Authority: login, DisableInstanceDiscovery: true}},
		"an endpoint":        {arm.Options{Endpoint: "https://127.0.0.1:1"}, arm.Options{Endpoint: "https://127.0.0.1:1", Authority: login, DisableInstanceDiscovery: true}},
		"an authority":       {arm.Options{Authority: "https://127.0.0.1:1"}, arm.Options{Endpoint: stack, Authority: "https://127.0.0.1:1", DisableInstanceDiscovery: true}},
		"a cloud":            {arm.Options{Cloud: "usgov"}, arm.Options{Cloud: "usgov", DisableInstanceDiscovery: true}},
	} {
		if diff := cmp.Diff(c.want, of(c.flags), cmpopts.EquateComparable()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	t.Setenv(azureEndpoint, "")
	t.Setenv(azureInstanceDiscovery, "true")
	t.Setenv("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/")
	if diff := cmp.Diff(arm.Options{Cloud: "usgov"}, of(arm.Options{})); diff != "" {
		t.Errorf("by the authority (-want +got):\n%s", diff)
	}
}

// Without a flag, the environment says where Google Cloud is; a flag wins over it.
func TestGoogleEndpoints(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:4443")
	t.Setenv(gcpEndpoint, "http://127.0.0.1:9000")
	if o := new(source).google(); o.Endpoint != "http://127.0.0.1:9000" || o.Endpoints["storage"] != "127.0.0.1:4443" || o.Ancestors {
		t.Errorf("by the environment: %+v", o)
	}
	f := source{gcp: gcp.Options{Organization: "1", Folders: []string{"2"}, Options: api.Options{Endpoint: "http://127.0.0.1:1"}}}
	o := f.google()
	if o.Endpoint != "http://127.0.0.1:1" || o.Endpoints != nil || !o.Ancestors {
		t.Errorf("by a flag: %+v", o)
	}
	if o.Folders[0] = "folders/2"; f.gcp.Folders[0] != "2" {
		t.Error("what a provider does to its options shows in the flags")
	}
}

func TestOnTapes(t *testing.T) {
	played := func(calls ...string) []*tape.Tape {
		var tapes []*tape.Tape
		for _, call := range calls {
			tapes = append(tapes, &tape.Tape{Exchanges: []tape.Exchange{{Call: collect.Call{Name: call}}}})
		}
		return tapes
	}
	const search = "cloudresourcemanager:projects.search"
	for _, c := range []struct {
		calls, want []string
	}{
		{nil, []string{aws.Name}},
		{[]string{"s3:ForgottenCall"}, []string{aws.Name}},
		{[]string{"sts:GetCallerIdentity"}, []string{aws.Name}},
		{[]string{search}, []string{gcp.Name}},
		{[]string{search, "sts:GetCallerIdentity"}, []string{aws.Name, gcp.Name}},
		{[]string{"computerp:snapshots.list"}, []string{azure.Name}},
		{[]string{"compute:snapshots.list"}, []string{gcp.Name}},
		{[]string{"resources:subscriptions.list", search}, []string{azure.Name, gcp.Name}},
	} {
		if diff := cmp.Diff(c.want, namesOf(onTapes(played(c.calls...)))); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.calls, diff)
		}
	}
}

// A session that has expired is there: it is told, and not passed over.
func TestCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		environment map[string]string
		want        []string
	}{
		"none":                   {nil, nil},
		"keys":                   {map[string]string{"AWS_ACCESS_KEY_ID": "AKIADEMO", "AWS_SECRET_ACCESS_KEY": "x"}, []string{aws.Name}},
		"a profile that is none": {map[string]string{"AWS_PROFILE": "nobody"}, []string{aws.Name}},
		"a token that is none":   {map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": "nowhere", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/andon"}, []string{aws.Name}},
		"a file that is none":    {map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": "nowhere"}, []string{gcp.Name}},
		"an emulator":            {map[string]string{gcpEndpoint: "127.0.0.1:9000"}, []string{gcp.Name}},
		"another Google":         {map[string]string{gcpEndpoint: "https://127.0.0.1:9000"}, nil},
		"what gcloud wrote":      {map[string]string{"HOME": "home"}, []string{gcp.Name}},
		"a principal":            {map[string]string{"AZURE_CLIENT_SECRET": "x"}, []string{azure.Name}},
		"no certificate":         {map[string]string{"AZURE_CLIENT_CERTIFICATE_PATH": "nowhere"}, []string{azure.Name}},
		"another Azure":          {map[string]string{azureEndpoint: "http://127.0.0.1:9000"}, []string{azure.Name}},
		"a session of az":        {map[string]string{"AZURE_CONFIG_DIR": "signed-in", "AZURE_TOKEN_CREDENTIALS": "AzureCLICredential"}, []string{azure.Name}},
		"none that is asked for": {map[string]string{"AZURE_CONFIG_DIR": "signed-in"}, nil},
		"signed out of az":       {map[string]string{"AZURE_CONFIG_DIR": "signed-out", "AZURE_TOKEN_CREDENTIALS": "AzureCLICredential"}, nil},
		"a damaged profile":      {map[string]string{"AZURE_CONFIG_DIR": "damaged", "AZURE_TOKEN_CREDENTIALS": "AzureCLICredential"}, []string{azure.Name}},
		"all": {
			map[string]string{"AWS_PROFILE": "nobody", "AZURE_CLIENT_SECRET": "x", "GOOGLE_APPLICATION_CREDENTIALS": "nowhere"},
			[]string{aws.Name, azure.Name, gcp.Name},
		},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			if err := os.MkdirAll(filepath.Join(home, ".config", "gcloud"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(home, ".config", "gcloud", "application_default_credentials.json"), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
			for folder, profile := range map[string]string{
				"signed-in": "\ufeff" + `{"subscriptions": [{"id": "a", "state": "Enabled"}]}`, "signed-out": "\ufeff" + `{"subscriptions": []}`, "damaged": "{",
			} {
				if err := os.Mkdir(filepath.Join(home, folder), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(home, folder, "azureProfile.json"), []byte(profile), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, variable := range []string{
				"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_PASSWORD", "AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_HEADER", "AZURE_CONFIG_DIR", azureEndpoint,
				"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
				"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_API_USE_CLIENT_CERTIFICATE", gcpEndpoint,
			} {
				t.Setenv(variable, "")
			}
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			t.Setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
			t.Setenv("PATH", "") // no tool of Azure is started
			t.Setenv("AWS_CONFIG_FILE", os.DevNull)
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
			metadata := httptest.NewServer(http.NotFoundHandler()) // of a virtual machine without a service account
			t.Cleanup(metadata.Close)
			t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(metadata.URL, "http://"))
			t.Setenv("HOME", t.TempDir())
			for variable, value := range c.environment {
				if value == "home" {
					value = home
				}
				if variable == "AZURE_CONFIG_DIR" {
					value = filepath.Join(home, value)
				}
				t.Setenv(variable, value)
			}
			if diff := cmp.Diff(c.want, namesOf(credentialed(t.Context(), clouds(), new(source))), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("credentials (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNextPort(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:0": "127.0.0.1:0", "127.0.0.1:9000": "127.0.0.1:9001", "[::1]:9000": "[::1]:9001", "nonsense": "nonsense", "localhost:http": "localhost:http",
	} {
		if got := nextPort(addr); got != want {
			t.Errorf("after %s comes %s, want %s", addr, got, want)
		}
	}
}
