package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/auth/credentials"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/smithy-go/logging"
	"golang.org/x/sync/errgroup"

	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/gcp/api"
)

// credentialed returns those of the clouds for which this machine has
// credentials, good or bad: a session that has expired is to be told, and no
// reason to audit the other clouds alone and call that clean.
func credentialed(ctx context.Context, of []*cloud, f *source) []*cloud {
	has := make([]bool, len(of))
	var group errgroup.Group
	for i, c := range of {
		group.Go(func() error { has[i] = c.credentials(ctx, f); return nil })
	}
	_ = group.Wait()
	var found []*cloud
	for i, c := range of {
		if has[i] {
			found = append(found, c)
		}
	}
	return found
}

// credentialsAWS goes through the SDK's chain. Its last resort is the metadata
// of an EC2 instance: only where the chain comes to that is nothing configured,
// and only then may there be nothing.
//
// Source: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
func credentialsAWS(ctx context.Context, _ *source) bool {
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithLogger(logging.Nop{}))
	if err != nil || !aws.IsCredentialsProvider(cfg.Credentials, (*ec2rolecreds.Provider)(nil)) {
		return true // what is wrong with it is said when it is used
	}
	_, err = cfg.Credentials.Retrieve(ctx)
	return err == nil
}

// azureLimit is how long what is left of Azure's chain may take: the metadata
// service of a virtual machine and tools that are started, each of which may say
// nothing for ten seconds.
const azureLimit = 15 * time.Second

// credentialsAzure goes through the default chain of Azure's client libraries: a
// service principal or a workload identity that the environment names, a managed
// identity, the sessions of tools. What the environment names and a session of
// the Azure CLI are there even if they give no token; of the others only asking
// tells. An endpoint without TLS needs none.
//
// Source: https://learn.microsoft.com/azure/developer/go/sdk/authentication/credential-chains
func credentialsAzure(ctx context.Context, f *source) bool {
	o := f.microsoft()
	if strings.HasPrefix(o.Endpoint, "http://") {
		return true
	}
	for _, name := range []string{"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_PASSWORD", "AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_HEADER"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	if slices.Contains([]string{"", "dev", "azureclicredential"}, strings.ToLower(os.Getenv("AZURE_TOKEN_CREDENTIALS"))) && azureCLI() {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, azureLimit)
	defer cancel()
	o.Backoff = atOnce
	_, err := azure.Open(ctx, o)
	return err == nil
}

// azureCLI reports whether somebody is signed in to the Azure CLI, whose profile
// lists the subscriptions of its sessions. One that cannot be read is there.
func azureCLI() bool {
	folder := os.Getenv("AZURE_CONFIG_DIR")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return false
		}
		folder = filepath.Join(home, ".azure")
	}
	text, err := os.ReadFile(filepath.Join(folder, "azureProfile.json"))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	var profile struct {
		Subscriptions []json.RawMessage `json:"subscriptions"`
	}
	const mark = "\ufeff" // the CLI begins its file with it
	return json.Unmarshal(bytes.TrimPrefix(text, []byte(mark)), &profile) != nil || len(profile.Subscriptions) > 0
}

// credentialsGoogle goes through Application Default Credentials: a file that the
// environment names, the file that gcloud writes, the metadata of a virtual
// machine. An endpoint without TLS needs none.
//
// Source: https://cloud.google.com/docs/authentication/application-default-credentials
func credentialsGoogle(ctx context.Context, f *source) bool {
	if endpoint := f.google().Endpoint; endpoint != "" && !strings.HasPrefix(endpoint, "https://") {
		return true
	}
	if os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") != "" {
		return true
	}
	if _, err := os.Stat(gcloudCredentials()); err == nil {
		return true
	}
	found, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{api.Scope}, DisableAsyncRefresh: true})
	if err == nil {
		_, err = found.Token(ctx) // a virtual machine may have no service account
	}
	return err == nil
}

// gcloudCredentials is the file that gcloud auth application-default login
// writes, where the client libraries look for it.
func gcloudCredentials() string {
	const name = "application_default_credentials.json"
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("APPDATA"), "gcloud", name)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".config", "gcloud", name)
}
