package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/gcp"
	"github.com/andon-audit/andon/providers/gcp/api"
)

// source says where the stores come from: live clouds or a recording.
type source struct {
	clouds      []string
	aws         aws.Options
	azure       azure.Options
	gcp         gcp.Options
	replay      string
	record      string
	kinds       []string
	concurrency int
	// served limits a live run to these clouds, trusted to servers with these
	// certificates, see session; nil means all.
	served  []string
	trusted *x509.CertPool
}

// Variables that stand for flags: for --gcp-endpoint, --azure-endpoint, and, where
// it is false, for --azure-disable-instance-discovery. The last one is that of the
// Azure CLI.
//
// Source: https://learn.microsoft.com/cli/azure/azure-cli-configuration
// (AZURE_{section}_{name})
const (
	gcpEndpoint            = "ANDON_GCP_ENDPOINT"
	azureEndpoint          = "ANDON_AZURE_ENDPOINT"
	azureInstanceDiscovery = "AZURE_CORE_INSTANCE_DISCOVERY"
)

func (f *source) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.clouds, "cloud", nil, "cloud to audit, aws, azure or gcp, repeatable (default: those whose flags or kinds are given, else those of your credentials)")
	flags.StringVar(&f.aws.Profile, "profile", "", "profile of the shared AWS configuration (default: the SDK's chain)")
	flags.StringArrayVar(&f.aws.Regions, "region", nil, "AWS region to audit, repeatable (default: every enabled region)")
	flags.StringVar(&f.aws.RoleARN, "role-arn", "", "AWS IAM role to assume first")
	flags.StringVar(&f.aws.ExternalID, "external-id", "", "external id for --role-arn")
	flags.StringVar(&f.aws.Endpoint, "endpoint", "", "custom endpoint for every AWS service (default: AWS_ENDPOINT_URL)")
	flags.StringArrayVar(&f.gcp.Projects, "project", nil, "Google Cloud project to audit, by id, repeatable (default: every project you can see)")
	flags.StringVar(&f.gcp.Organization, "organization", "", "Google Cloud organisation to audit, by number; with --project, only what guards it is read")
	flags.StringArrayVar(&f.gcp.Folders, "folder", nil, "Google Cloud folder to audit, by number, repeatable")
	flags.StringVar(&f.gcp.QuotaProject, "quota-project", "", "Google Cloud project that the calls are counted for (default: that of the credentials)")
	flags.BoolVar(&f.gcp.Deep, "deep", false, "look at every object of Cloud Storage buckets with ACLs (default: at 1,000 of each)")
	flags.StringVar(&f.gcp.Endpoint, "gcp-endpoint", "", "custom endpoint for every Google Cloud service (default: "+gcpEndpoint+")")
	flags.StringArrayVar(&f.azure.Subscriptions, "subscription", nil, "Azure subscription to audit, by id, repeatable (default: every subscription you can see)")
	flags.StringVar(&f.azure.ManagementGroup, "management-group", "", "Azure management group to audit, by id: every subscription below it")
	flags.StringVar(&f.azure.TenantID, "azure-tenant", "", "tenant in which tools such as the Azure CLI sign in (default: that of their session)")
	flags.StringVar(&f.azure.Cloud, "azure-cloud", "", "Azure to audit: public, usgov or china (default: that of AZURE_AUTHORITY_HOST, else public)")
	flags.StringVar(&f.azure.Endpoint, "azure-endpoint", "", "custom endpoint of Azure Resource Manager (default: "+azureEndpoint+")")
	flags.StringVar(&f.azure.Audience, "azure-audience", "", "whom tokens for a custom endpoint are for (default: Azure Resource Manager)")
	flags.StringVar(&f.azure.Authority, "azure-authority", "", "custom root of Microsoft Entra, https (default: AZURE_AUTHORITY_HOST)")
	flags.BoolVar(&f.azure.DisableInstanceDiscovery, "azure-disable-instance-discovery", false,
		"do not ask Microsoft whether the authority is one: for private clouds (default: where "+azureInstanceDiscovery+" is false)")
	flags.StringVar(&f.replay, "replay", "", "folder of a recording to audit offline, instead of a cloud")
	flags.StringVar(&f.record, "record", "", "folder to record every answer into, for --replay")
	flags.StringArrayVar(&f.kinds, "kind", nil, "kind of store to audit, repeatable (default: every kind, see andon kinds)")
	flags.IntVar(&f.concurrency, "concurrency", collect.DefaultConcurrency, "stores examined at the same time, not counting those that wait because their cloud throttles")
	must(cmd.MarkFlagDirname("replay"))
	must(cmd.MarkFlagDirname("record"))
	must(cmd.RegisterFlagCompletionFunc("cloud", words(cloudNames()...)))
	must(cmd.RegisterFlagCompletionFunc("kind", words(kindNames()...)))
	must(cmd.RegisterFlagCompletionFunc("azure-cloud", words(arm.Clouds()...)))
}

// givenAWS and its like return the flags of one cloud that were given.
func (f *source) givenAWS() []string {
	return given(
		cloudFlag{"--profile", f.aws.Profile != ""}, cloudFlag{"--region", len(f.aws.Regions) > 0}, cloudFlag{"--role-arn", f.aws.RoleARN != ""},
		cloudFlag{"--external-id", f.aws.ExternalID != ""}, cloudFlag{"--endpoint", f.aws.Endpoint != ""},
	)
}

func (f *source) givenAzure() []string {
	o := f.azure
	return given(
		cloudFlag{"--subscription", len(o.Subscriptions) > 0}, cloudFlag{"--management-group", o.ManagementGroup != ""}, cloudFlag{"--azure-tenant", o.TenantID != ""},
		cloudFlag{"--azure-cloud", o.Cloud != ""}, cloudFlag{"--azure-endpoint", o.Endpoint != ""}, cloudFlag{"--azure-audience", o.Audience != ""},
		cloudFlag{"--azure-authority", o.Authority != ""}, cloudFlag{"--azure-disable-instance-discovery", o.DisableInstanceDiscovery},
	)
}

func (f *source) givenGoogle() []string {
	return given(
		cloudFlag{"--project", len(f.gcp.Projects) > 0}, cloudFlag{"--organization", f.gcp.Organization != ""}, cloudFlag{"--folder", len(f.gcp.Folders) > 0},
		cloudFlag{"--quota-project", f.gcp.QuotaProject != ""}, cloudFlag{"--deep", f.gcp.Deep}, cloudFlag{"--gcp-endpoint", f.gcp.Endpoint != ""},
	)
}

type cloudFlag struct {
	name  string
	given bool
}

func given(flags ...cloudFlag) []string {
	var names []string
	for _, f := range flags {
		if f.given {
			names = append(names, f.name)
		}
	}
	return names
}

func kindNames() []string {
	var names []string
	for _, k := range providers.Kinds() {
		names = append(names, string(k.Name))
	}
	return names
}

// check finds mistakes before anything is asked.
func (f *source) check() error {
	if f.aws.ExternalID != "" && f.aws.RoleARN == "" {
		return usagef("--external-id is only of use with --role-arn")
	}
	if f.replay != "" && f.record != "" {
		return usagef("--record and --replay exclude each other")
	}
	if f.concurrency < 1 || f.concurrency > 1024 {
		return usagef("--concurrency %d: must be between 1 and 1024", f.concurrency)
	}
	known := kindNames()
	for _, kind := range f.kinds {
		if !slices.Contains(known, kind) {
			return usagef("--kind %s: not a kind (there are: %s)", kind, strings.Join(known, ", "))
		}
	}
	if err := cmp.Or(f.checkAzure(), f.checkGoogle()); err != nil {
		return err
	}
	_, err := f.chosen(clouds())
	return err
}

// uuid is how ids of subscriptions and tenants look.
var uuid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// checkAzure tells an id from a name, which Azure would not find.
func (f *source) checkAzure() error {
	o := f.azure
	for _, id := range o.Subscriptions {
		if !uuid.MatchString(strings.TrimPrefix(id, "/subscriptions/")) {
			return usagef("--subscription %q: must be the id of a subscription (az account list shows it)", id)
		}
	}
	if len(o.Subscriptions) > 0 && o.ManagementGroup != "" {
		return usagef("--subscription and --management-group exclude each other")
	}
	if o.Cloud != "" && !slices.Contains(arm.Clouds(), o.Cloud) {
		return usagef("--azure-cloud %s: must be public, usgov or china", o.Cloud)
	}
	if o.Audience != "" && f.microsoft().Endpoint == "" {
		return usagef("--azure-audience is only of use with --azure-endpoint")
	}
	return nil
}

// checkGoogle tells an id from a name: Google would answer either with a refusal.
func (f *source) checkGoogle() error {
	for _, id := range f.gcp.Projects {
		if id == "" || strings.ContainsAny(id, "/ ") {
			return usagef("--project %q: must be the id of a project (gcloud projects list shows it)", id)
		}
	}
	if o := f.gcp.Organization; o != "" && !number(strings.TrimPrefix(o, "organizations/")) {
		return usagef("--organization %s: must be a number (gcloud organizations list shows it)", o)
	}
	for _, folder := range f.gcp.Folders {
		if !number(strings.TrimPrefix(folder, "folders/")) {
			return usagef("--folder %s: must be a number (gcloud resource-manager folders list shows it)", folder)
		}
	}
	return nil
}

func number(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// chosen returns those of the clouds that the flags choose: those that --cloud
// names; else those that the kinds are of; else those whose own flags are given.
// Without any of these it returns none. Flags that contradict each other are a
// mistake: one of them would do nothing.
func (f *source) chosen(among []*cloud) ([]*cloud, error) {
	if err := f.checkClouds(); err != nil {
		return nil, err
	}
	names, left := f.clouds, "--cloud leaves it out"
	if len(names) == 0 {
		names, left = f.kindClouds(), "no --kind is of it"
	}
	var flagged []string
	for _, c := range clouds() {
		own := c.given(f)
		if len(own) == 0 {
			continue
		}
		if len(names) > 0 && !slices.Contains(names, c.name) {
			return nil, usagef("%s is only of use where %s is audited (%s)", own[0], c.title, left)
		}
		flagged = append(flagged, c.name)
	}
	if len(names) == 0 {
		names = flagged
	}
	for _, c := range withNames(clouds(), names) {
		if !slices.Contains(namesOf(among), c.name) {
			return nil, usagef("%s has nothing of %s", f.where(), c.title)
		}
	}
	return withNames(among, names), nil
}

// where names what stands for the clouds.
func (f *source) where() string {
	if f.replay != "" {
		return "the recording " + f.replay
	}
	return "the demo"
}

// kindClouds are the clouds that the kinds are of.
func (f *source) kindClouds() []string {
	var names []string
	for _, kind := range f.kinds {
		names = append(names, resource.Kind(kind).Provider())
	}
	return names
}

// checkClouds holds --cloud and --kind against each other.
func (f *source) checkClouds() error {
	ofKinds := f.kindClouds()
	for _, name := range f.clouds {
		if err := checkCloud(name); err != nil {
			return err
		}
		if len(ofKinds) > 0 && !slices.Contains(ofKinds, name) {
			return usagef("--cloud %s: no --kind is of it", name)
		}
	}
	for i, name := range ofKinds {
		if len(f.clouds) > 0 && !slices.Contains(f.clouds, name) {
			return usagef("--kind %s: --cloud leaves %s out", f.kinds[i], name)
		}
	}
	return nil
}

// given reports whether any flag says where the stores come from.
func (f *source) given() bool {
	ofClouds := slices.ContainsFunc(clouds(), func(c *cloud) bool { return len(c.given(f)) > 0 })
	return len(f.clouds) > 0 || ofClouds || f.replay != "" || f.record != "" || len(f.kinds) > 0
}

func (f *source) kindFilter() []resource.Kind {
	var kinds []resource.Kind
	for _, k := range f.kinds {
		kinds = append(kinds, resource.Kind(k))
	}
	return kinds
}

// opened is a source ready to be collected from.
type opened struct {
	provider collect.Provider
	calls    func() map[string]int
	name     string // "live" or "replay"
	close    func() error
	// clouds are those that are audited, remark says why where no flag does.
	clouds []*cloud
	remark string
}

// open opens a source, and says which clouds that is where no flag does.
func (s *session) open(ctx context.Context, f *source) (*opened, error) {
	f.served, f.trusted = s.served, s.trusted
	out, err := f.open(ctx)
	if err == nil && out.remark != "" {
		fmt.Fprintln(s.stderr, "andon: "+out.remark)
	}
	return out, err
}

// open reaches the clouds or the recording.
func (f *source) open(ctx context.Context) (*opened, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if f.replay != "" {
		return f.openReplay(ctx)
	}
	there := clouds()
	if f.served != nil {
		there = withNames(there, f.served)
	}
	of, err := f.chosen(there)
	if err != nil {
		return nil, err
	}
	out := &opened{name: "live", clouds: of}
	switch {
	case len(of) > 0:
	case f.served != nil:
		out.clouds = there
	default:
		out.clouds = credentialed(ctx, there, f)
		out.remark = remark(out.clouds)
	}
	live := newTransport(f.concurrency, f.trusted)
	out.close = func() error { live.CloseIdleConnections(); return nil }
	var rec *recording
	if f.record != "" {
		if rec, err = startRecording(f.record); err != nil {
			return nil, usage(err)
		}
		out.close = func() error { live.CloseIdleConnections(); return rec.close() }
	}
	err = out.reach(ctx, f, rec, func(c *cloud) reach {
		return reach{transport: rec.of(c, collect.NewPace(live, c.throttled)), tokens: live}
	})
	if err != nil {
		return nil, errors.Join(usage(out.leaveOut(err)), out.close(), rec.discard())
	}
	return out, nil
}

// openReplay opens the providers whose answers were recorded.
func (f *source) openReplay(ctx context.Context) (*opened, error) {
	tapes, err := tape.ReadDir(f.replay)
	if err != nil {
		return nil, usage(err)
	}
	recorded := onTapes(tapes)
	of, err := f.chosen(recorded)
	if err != nil {
		return nil, err
	}
	if len(of) == 0 {
		of = recorded
	}
	out := &opened{name: "replay", clouds: of, close: func() error { return nil }}
	player := tape.NewPlayer(tapes...)
	err = out.reach(ctx, f, nil, func(*cloud) reach { return reach{transport: player, tapes: tapes} })
	if err != nil {
		return nil, usage(err)
	}
	return out, nil
}

// reach opens the provider of each cloud, behind a transport of its own that lets
// out what that provider declares and nothing else. Where there are credentials
// of no cloud, the error says so of each.
func (o *opened) reach(ctx context.Context, f *source, rec *recording, by func(*cloud) reach) error {
	of := o.clouds
	if len(of) == 0 {
		of = clouds()
	}
	var opened []collect.Provider
	var guards []*collect.ReadOnly
	var failed error
	for _, c := range of {
		how := by(c)
		guard := collect.NewReadOnly(how.transport, c.calls()...)
		how.transport = guard
		reached, err := c.open(ctx, f, how)
		switch {
		case err != nil && failed != nil:
			failed = fmt.Errorf("%w; %w", failed, err)
			continue
		case err != nil:
			failed = err
			continue
		}
		opened, guards = append(opened, reached.provider), append(guards, guard)
		rec.attach(c, reached.sections)
	}
	if failed != nil {
		return failed
	}
	o.provider, o.calls = collect.Several(opened...), func() map[string]int { return sum(guards) }
	return nil
}

// leaveOut says how to go on without a cloud that was only found.
func (o *opened) leaveOut(err error) error {
	if o.remark == "" || len(o.clouds) < 2 {
		return err
	}
	return fmt.Errorf("%w; there are credentials for %s, --cloud audits one of them alone", err, inWords(namesOf(o.clouds)))
}

// remark says which clouds are audited where no flag does.
func remark(found []*cloud) string {
	said := "auditing " + inWords(namesOf(found)) + ", for which there are credentials"
	missing := slices.DeleteFunc(cloudNames(), func(name string) bool { return slices.Contains(namesOf(found), name) })
	if len(missing) > 0 {
		said += "; none were found for " + inWords(missing)
	}
	return said + " (--cloud chooses)"
}

func sum(guards []*collect.ReadOnly) map[string]int {
	all := make(map[string]int)
	for _, g := range guards {
		for call, times := range g.Calls() {
			all[call] += times // two clouds may have a call of one name
		}
	}
	return all
}

// openAWS implements cloud.open.
func openAWS(ctx context.Context, f *source, r reach) (*reached, error) {
	o := f.aws
	o.Transport, o.Attempts = r.transport, r.attempts
	if r.tapes != nil {
		o = asRecorded(o, r.tapes)
	}
	p, err := aws.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	sections := make(map[string]string)
	if p.Custom() {
		sections[endpointSection] = "custom"
	}
	return &reached{provider: p, sections: sections}, nil
}

// openAzure implements cloud.open.
func openAzure(ctx context.Context, f *source, r reach) (*reached, error) {
	o := f.microsoft()
	o.Transport, o.Tokens, o.Attempts = r.transport, r.tokens, r.attempts
	kept := textOf(askedOfAzure(o))
	if r.tapes != nil {
		recorded, err := askedOnTapes[azureAsked](r.tapes, azureSection)
		if err != nil {
			return nil, err
		}
		o = recorded.again(o)
	}
	p, err := azure.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &reached{provider: p, sections: map[string]string{azureSection: kept}}, nil
}

// microsoft are the options of a live run. A flag that says which Azure is meant
// wins over what the environment says of that.
func (f *source) microsoft() azure.Options {
	o := f.azure
	if o.Endpoint == "" && o.Cloud == "" {
		o.Endpoint = os.Getenv(azureEndpoint)
	}
	o.Options = arm.Environment(o.Options)
	switch strings.ToLower(os.Getenv(azureInstanceDiscovery)) {
	case "0", "no", "false", "off":
		o.DisableInstanceDiscovery = true
	}
	return o
}

// openGoogle implements cloud.open.
func openGoogle(ctx context.Context, f *source, r reach) (*reached, error) {
	o := f.google()
	o.Transport, o.Attempts = r.transport, r.attempts
	kept := textOf(askedOf(o))
	if r.tapes != nil {
		recorded, err := askedOnTapes[asked](r.tapes, askedSection)
		if err != nil {
			return nil, err
		}
		o = recorded.again(o)
	}
	p, err := gcp.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &reached{provider: p, sections: map[string]string{askedSection: kept}}, nil
}

// google are the options of a live run. A flag wins over what the environment
// says of single services.
func (f *source) google() gcp.Options {
	o := f.gcp
	o.Projects, o.Folders = slices.Clone(o.Projects), slices.Clone(o.Folders)
	if o.Endpoint == "" {
		o.Endpoint, o.Endpoints = os.Getenv(gcpEndpoint), api.Environment()
	}
	o.Ancestors = o.Organization != "" || len(o.Folders) > 0
	return o
}

// newTransport is a transport that gives up early on a dead host and keeps a
// connection for each store that is examined at the same time. It trusts servers
// with the given certificates; nil stands for those that the system trusts.
func newTransport(concurrency int, trusted *x509.CertPool) *http.Transport {
	return &http.Transport{
		TLSClientConfig:       &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   concurrency,
		IdleConnTimeout:       90 * time.Second,
	}
}
