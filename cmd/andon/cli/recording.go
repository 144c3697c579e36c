package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/providers/aws"
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

// String is the section's text.
func (a asked) String() string {
	text, err := json.Marshal(a)
	if err != nil {
		panic(fmt.Sprintf("encode flags: %v", err)) // they are texts
	}
	return string(text)
}

// askedOnTapes reads what was asked for. Recordings that were asked for different
// things cannot be replayed as one: of some projects there would be no trace.
func askedOnTapes(tapes []*tape.Tape) (asked, error) {
	var all []asked
	for _, t := range tapes {
		text, ok := t.Attached[askedSection]
		if !ok {
			continue
		}
		var a asked
		if err := json.Unmarshal(text, &a); err != nil {
			return a, fmt.Errorf("read recording: section %s: %w", askedSection, err)
		}
		if all = append(all, a); a.flags() != all[0].flags() {
			return a, errors.New("read recording: its files were recorded with different flags (replay each in a folder of its own)")
		}
	}
	if len(all) == 0 {
		return asked{}, nil
	}
	return all[0], nil
}

func (a asked) flags() string {
	a.At = time.Time{}
	return a.String()
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
