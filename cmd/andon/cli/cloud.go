package cli

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/gcp"
)

// cloud is one cloud as the command line reaches it.
type cloud struct {
	// name is the cloud's in flags and kinds, title what readers call it.
	name, title string
	kinds       func() []*collect.Kind
	calls       func() []string
	secrets     []string // calls that recordings leave out
	throttled   func(*http.Response) bool
	blind       []string
	// given returns the cloud's own flags that were given, without those whose
	// value is the default.
	given func(*source) []string
	// credentials reports whether this machine has credentials for the cloud,
	// good or bad. It asks nobody but the machine's own metadata.
	credentials func(context.Context, *source) bool
	// open reaches the cloud, or a recording of it.
	open func(context.Context, *source, reach) (*reached, error)
}

// reach is how a provider gets to its answers.
type reach struct {
	transport http.RoundTripper
	// tokens carries what a provider asks for its credentials; nil means Go's own
	// transport.
	tokens http.RoundTripper
	// tapes are what is replayed; none when the cloud itself is asked.
	tapes []*tape.Tape
	// attempts is how often a call is tried; 0 means the provider's default.
	attempts int
}

// reached is a provider, and what a recording must hold beside its answers to be
// replayed: sections by name.
type reached struct {
	provider collect.Provider
	sections map[string]string
}

// clouds returns every cloud, in the order in which they are audited.
func clouds() []*cloud { return []*cloud{amazon(), microsoft(), google()} }

func amazon() *cloud {
	return &cloud{
		name: aws.Name, title: "AWS", kinds: aws.Kinds, calls: aws.Calls, secrets: aws.SecretCalls, throttled: aws.Throttled, blind: aws.Blind,
		given: (*source).givenAWS, credentials: credentialsAWS, open: openAWS,
	}
}

func microsoft() *cloud {
	return &cloud{
		name: azure.Name, title: "Azure", kinds: azure.Kinds, calls: azure.Calls, secrets: azure.SecretCalls, throttled: azure.Throttled, blind: azure.Blind,
		given: (*source).givenAzure, credentials: credentialsAzure, open: openAzure,
	}
}

func google() *cloud {
	return &cloud{
		name: gcp.Name, title: "Google Cloud", kinds: gcp.Kinds, calls: gcp.Calls, secrets: gcp.SecretCalls, throttled: gcp.Throttled, blind: gcp.Blind,
		given: (*source).givenGoogle, credentials: credentialsGoogle, open: openGoogle,
	}
}

func cloudNames() []string { return namesOf(clouds()) }

func namesOf(of []*cloud) []string {
	names := make([]string, 0, len(of))
	for _, c := range of {
		names = append(names, c.name)
	}
	return names
}

// inWords joins names as a sentence does: "aws, azure and gcp".
func inWords(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// withNames returns the clouds of these names, in their own order.
func withNames(all []*cloud, names []string) []*cloud {
	return slices.DeleteFunc(slices.Clone(all), func(c *cloud) bool { return !slices.Contains(names, c.name) })
}

// checkCloud returns an error for a name that is no cloud's.
func checkCloud(name string) error {
	if slices.Contains(cloudNames(), name) {
		return nil
	}
	return usagef("--cloud %s: not a cloud that andon knows (there are: %s)", name, strings.Join(cloudNames(), ", "))
}

// blindOf returns what is not looked at in the whole cloud of a kind.
func blindOf(k resource.Kind) []string {
	for _, c := range withNames(clouds(), []string{k.Provider()}) {
		return c.blind
	}
	return nil
}

// onTapes returns the clouds whose calls were recorded; no two have one by the same
// name. A recording of none is AWS's: it has an answer that no audit asks for any
// more.
func onTapes(tapes []*tape.Tape) []*cloud {
	recorded := make(map[string]bool)
	for _, t := range tapes {
		for _, e := range t.Exchanges {
			recorded[e.Call.Name] = true
		}
	}
	found := slices.DeleteFunc(clouds(), func(c *cloud) bool {
		return !slices.ContainsFunc(c.calls(), func(call string) bool { return recorded[call] })
	})
	if len(found) == 0 {
		return []*cloud{amazon()}
	}
	return found
}
