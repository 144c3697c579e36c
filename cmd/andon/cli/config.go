package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/pkg/audit"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/policies"
	"github.com/andon-audit/andon/providers"
)

// configFile is read from the working folder where --config names none.
const configFile = "andon.yaml"

// config is the configuration file. Unknown keys are errors.
type config struct {
	// TrustedAccounts are foreign accounts that may share stores, tenants of Azure,
	// and domains, projects and principals of Google Cloud, as findings name them.
	TrustedAccounts []string `yaml:"trusted_accounts"`
}

func readConfig(name string) (policy.Config, error) {
	optional := name == ""
	if optional {
		name = configFile
	}
	file, err := os.Open(name)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return policy.Config{}, nil
	}
	if err != nil {
		return policy.Config{}, usagef("read configuration: %w", err)
	}
	defer func() { _ = file.Close() }()
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	var c config
	if err := decoder.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return policy.Config{}, usagef("read configuration %s: %w", name, err)
	}
	return policy.Config{TrustedAccounts: c.TrustedAccounts}, nil
}

// checkTrusted holds names of outsiders to the forms that findings have: account
// ids in AWS, ids of tenants in Azure; in Google Cloud domains, projects and
// principals, as they are shown.
func checkTrusted(names []string) error {
	for _, name := range names {
		letters := strings.ContainsFunc(name, unicode.IsLetter)
		if uuid.MatchString(name) || letters && !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
			continue
		}
		if err := checkAccounts([]string{name}); err != nil {
			return err
		}
	}
	return nil
}

func checkAccounts(ids []string) error {
	for _, id := range ids {
		if len(id) != 12 || slices.ContainsFunc([]byte(id), func(c byte) bool { return c < '0' || c > '9' }) {
			return usagef("trusted account %q: an AWS account id has twelve digits (quote it in YAML)", id)
		}
	}
	return nil
}

func loadPolicies(dir string, c policy.Config) (*policy.Set, error) {
	if dir == "" {
		set, err := policy.Load(policies.FS, Vocabulary(), c)
		if err != nil {
			return nil, fmt.Errorf("load built-in policies: %w", err)
		}
		return set, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, usagef("--policies: %w", err)
	}
	defer func() { _ = root.Close() }()
	set, err := policy.Load(root.FS(), Vocabulary(), c)
	if err != nil {
		return nil, usagef("load policies of %s:\n%w", dir, err)
	}
	return set, nil
}

// Vocabulary is what policies may mention: what every kind declares.
func Vocabulary() policy.Vocabulary { return audit.Vocabulary(providers.Kinds()) }
