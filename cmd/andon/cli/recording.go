package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/gcp"
)

// recording is the tape that a live run writes: one file, whatever the number of
// clouds. The nil recording records nothing.
type recording struct {
	file      *os.File
	recorders map[string]*tape.Recorder // by cloud
}

const tapeFile = "tape.txtar"

func startRecording(dir string) (*recording, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("start recording: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, tapeFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, fmt.Errorf("start recording: %w (a recording is never overwritten: name a new folder)", err)
	}
	return &recording{file: file, recorders: make(map[string]*tape.Recorder)}, nil
}

// of returns a transport that records the answers of one cloud. Recorders share
// the file: each writes a section at once, and a file takes one write at a time.
func (r *recording) of(c *cloud, next http.RoundTripper) http.RoundTripper {
	if r == nil {
		return next
	}
	recorder := tape.NewRecorder(next, r.file, c.secrets...)
	r.recorders[c.name] = recorder
	return recorder
}

// attach writes what a replay of a cloud needs beside its answers.
func (r *recording) attach(c *cloud, sections map[string]string) {
	if r == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		r.recorders[c.name].Attach(name, sections[name])
	}
}

// close ends the recording. Its error is the first there was: after that, the
// recording is of no use.
func (r *recording) close() error {
	err := r.file.Close()
	for _, name := range slices.Sorted(maps.Keys(r.recorders)) {
		if failed := r.recorders[name].Err(); failed != nil {
			return errors.Join(failed, err)
		}
	}
	return err
}

// discard removes a recording in which there is nothing to replay.
func (r *recording) discard() error {
	if r == nil {
		return nil
	}
	return os.Remove(r.file.Name())
}

// endpointSection of a recording says that its AWS answers are not Amazon's.
const endpointSection = "endpoint"

// asRecorded returns the options under which a recording gives the answers it
// gave when it was made. A throttled answer is followed by its retry, at once.
func asRecorded(o aws.Options, tapes []*tape.Tape) aws.Options {
	o.Offline, o.Endpoint, o.RoleARN, o.Backoff = true, "", "", atOnce
	for _, t := range tapes {
		if _, custom := t.Attached[endpointSection]; custom {
			o.Custom = true
		}
		for _, e := range t.Exchanges {
			if e.Call.Name == "sts:GetCallerIdentity" {
				o.Home = e.Call.Region
			}
		}
	}
	return o
}

func atOnce(int) time.Duration { return 0 }

// askedSection of a recording says what Google Cloud was asked for.
const askedSection = "gcp.json"

// asked are the flags on which the calls to Google Cloud depend: a replay has to
// make the same calls. A recording that was made by hand has none: it is asked
// for every project.
type asked struct {
	Projects     []string `json:"projects,omitempty"`
	Organization string   `json:"organization,omitempty"`
	Folders      []string `json:"folders,omitempty"`
	Deep         bool     `json:"deep,omitempty"`
	// Endpoint says that the answers came from a custom endpoint, Endpoints of
	// which services alone they did: such a call bears no location in its name.
	Endpoint  bool     `json:"endpoint,omitempty"`
	Endpoints []string `json:"endpoints,omitempty"`
	// At is when the run began: what had expired by then has expired, and nothing
	// else.
	At time.Time `json:"at,omitzero"`
}

func askedOf(o gcp.Options) asked {
	return asked{
		Projects: o.Projects, Organization: o.Organization, Folders: o.Folders, Deep: o.Deep,
		Endpoint: o.Endpoint != "", Endpoints: slices.Sorted(maps.Keys(o.Endpoints)), At: time.Now().UTC(),
	}
}

// textOf is a section's text.
func textOf(section any) string {
	text, err := json.Marshal(section)
	if err != nil {
		panic(fmt.Sprintf("encode flags: %v", err)) // they are texts
	}
	return string(text)
}

// askedOnTapes reads what was asked for. Recordings that were asked for different
// things cannot be replayed as one: of some projects there would be no trace.
func askedOnTapes[A interface{ flags() string }](tapes []*tape.Tape, section string) (A, error) {
	var all []A
	for _, t := range tapes {
		text, ok := t.Attached[section]
		if !ok {
			continue
		}
		var a A
		if err := json.Unmarshal(text, &a); err != nil {
			return a, fmt.Errorf("read recording: section %s: %w", section, err)
		}
		if all = append(all, a); a.flags() != all[0].flags() {
			return a, errors.New("read recording: its files were recorded with different flags (replay each in a folder of its own)")
		}
	}
	if len(all) == 0 {
		var nothing A
		return nothing, nil
	}
	return all[0], nil
}

func (a asked) flags() string {
	a.At = time.Time{}
	return textOf(a)
}

// nowhere stands for an endpoint that was asked when a recording was made.
const nowhere = "http://recording.invalid"

// again returns the options under which a recording gives the answers it gave
// when it was made. Flags that say what to look at win over those of the recording.
func (a asked) again(o gcp.Options) gcp.Options {
	o.Offline, o.QuotaProject, o.Backoff = true, "", atOnce
	o.Endpoint, o.Endpoints = "", make(map[string]string)
	if a.Endpoint {
		o.Endpoint = nowhere
	}
	for _, service := range a.Endpoints {
		o.Endpoints[service] = nowhere
	}
	if len(o.Projects)+len(o.Folders) == 0 && o.Organization == "" {
		o.Projects, o.Organization, o.Folders = a.Projects, a.Organization, a.Folders
	}
	o.Ancestors = o.Organization != "" || len(o.Folders) > 0
	o.Deep = o.Deep || a.Deep
	if !a.At.IsZero() {
		o.Now = func() time.Time { return a.At }
	}
	return o
}

// azureSection of a recording says what Azure was asked for.
const azureSection = "azure.json"

// azureAsked are the flags on which the calls to Azure depend. A recording that was
// made by hand has none: it is asked for every subscription.
type azureAsked struct {
	Subscriptions   []string `json:"subscriptions,omitempty"`
	ManagementGroup string   `json:"management_group,omitempty"`
	// Cloud and Endpoint are where Resource Manager was: the links from page to
	// page lead there.
	Cloud    string `json:"cloud,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
	// Custom says that not all of this was Microsoft's.
	Custom bool `json:"custom,omitempty"`
	// At is when the run began.
	At time.Time `json:"at,omitzero"`
}

func askedOfAzure(o azure.Options) azureAsked {
	return azureAsked{
		Subscriptions: o.Subscriptions, ManagementGroup: o.ManagementGroup, Cloud: o.Cloud, Endpoint: bare(o.Endpoint),
		Custom: o.Endpoint != "" || o.Authority != "", At: time.Now().UTC(),
	}
}

// bare is an endpoint without what may be secret in it.
func bare(endpoint string) string {
	if endpoint != "" && !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "" // nothing is recorded of what cannot be reached
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

func (a azureAsked) flags() string {
	a.At = time.Time{}
	return textOf(a)
}

// again returns the options under which a recording gives the answers it gave
// when it was made. Flags that say what to look at win over those of the recording.
func (a azureAsked) again(o azure.Options) azure.Options {
	o.Offline, o.Backoff = true, atOnce
	o.Cloud, o.Endpoint, o.Custom, o.Authority, o.Audience = a.Cloud, a.Endpoint, a.Custom, "", ""
	if len(o.Subscriptions) == 0 && o.ManagementGroup == "" {
		o.Subscriptions, o.ManagementGroup = a.Subscriptions, a.ManagementGroup
	}
	if !a.At.IsZero() {
		o.Now = func() time.Time { return a.At }
	}
	return o
}
