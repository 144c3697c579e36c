package tape

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/collect"
)

// cloud answers each call with its own name, and counts.
type cloud struct {
	status int
	body   io.Reader
	err    error
}

func (c *cloud) RoundTrip(req *http.Request) (*http.Response, error) {
	if c.err != nil {
		return nil, c.err
	}
	call, _ := collect.CallOf(req.Context())
	body := c.body
	if body == nil {
		body = strings.NewReader("answer to " + call.Name + " " + call.Input)
	}
	return &http.Response{
		StatusCode: max(c.status, 200), Header: http.Header{"Content-Type": {"text/plain"}, "Set-Cookie": {"session=secret"}},
		Body: io.NopCloser(body),
	}, nil
}

func request(t *testing.T, call collect.Call) *http.Request {
	t.Helper()
	ctx := t.Context()
	if call.Name != "" {
		ctx = collect.WithCall(ctx, call)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://s3.amazonaws.com/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIASECRET")
	return req
}

// send makes a call and returns the status and the body of its answer.
func send(t *testing.T, transport http.RoundTripper, call collect.Call) (int, string) {
	t.Helper()
	answer, err := transport.RoundTrip(request(t, call))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.Body.Close() != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

var (
	acl    = collect.Call{Name: "s3:GetBucketAcl", Region: "eu-west-1", Input: `{"Bucket":"b"}`}
	assume = collect.Call{Name: "sts:AssumeRole", Region: "us-east-1"}
)

func TestRecordAndPlay(t *testing.T) {
	var out bytes.Buffer
	live := &cloud{status: 403}
	recorder := NewRecorder(live, &out, assume.Name)
	_, said := send(t, recorder, acl)
	tape, err := Parse("t.txtar", out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	status, again := send(t, NewPlayer(tape), acl)
	if said == "" || again != said || status != 403 {
		t.Errorf("played %d %q, recorded 403 %q", status, again, said)
	}
}

// No credential gets onto a tape: neither the request's, nor an answer that is
// one, nor a header that nobody needs.
func TestRecordingHoldsNoSecret(t *testing.T) {
	var out bytes.Buffer
	recorder := NewRecorder(&cloud{}, &out, assume.Name)
	if _, body := send(t, recorder, assume); body != "answer to sts:AssumeRole " {
		t.Errorf("the caller got %q", body)
	}
	send(t, recorder, collect.Call{})
	if out.Len() != 0 {
		t.Errorf("recorded of a secret and of an unnamed call: %s", out.String())
	}
	send(t, recorder, acl)
	if text := out.String(); text == "" || strings.Contains(strings.ToLower(text), "secret") {
		t.Errorf("recorded: %s", text)
	}
}

type brokenDisk struct{}

func (brokenDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// The audit goes on without its recording, and says so in the end.
func TestRecordToBrokenDisk(t *testing.T) {
	recorder := NewRecorder(&cloud{}, brokenDisk{})
	if _, body := send(t, recorder, acl); !strings.HasPrefix(body, "answer to") {
		t.Errorf("the caller got %q", body)
	}
	if err := recorder.Err(); err == nil || err.Error() != "no space left on device" {
		t.Errorf("error %v", err)
	}
}

func TestRecordBadAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		cloud cloud
		want  string
	}{
		"none":      {cloud{err: io.ErrUnexpectedEOF}, "unexpected EOF"},
		"cut short": {cloud{body: io.MultiReader(strings.NewReader("<a"), failing{})}, "record s3:GetBucketAcl: connection reset"},
		"endless":   {cloud{body: zeros{}}, "record s3:GetBucketAcl: the answer is larger than 33554432 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			answer, err := NewRecorder(&c.cloud, &out).RoundTrip(request(t, acl))
			if err == nil {
				_ = answer.Body.Close()
				t.Fatal("no error")
			}
			if err.Error() != c.want || out.Len() != 0 {
				t.Errorf("error %v, want %s; recorded %q", err, c.want, out.String())
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A call that was throttled and then answered is played that way, and a call
// that is made once more than it was recorded gets the last answer again.
func TestPlayInOrder(t *testing.T) {
	other := collect.Call{Name: acl.Name, Region: acl.Region, Input: `{"Bucket":"c"}`}
	player := NewPlayer(
		&Tape{Exchanges: []Exchange{
			{Call: acl, Status: 503},
			{Call: other, Status: 404},
			{Call: acl, Status: 200, Body: []byte("<first/>")},
		}},
		&Tape{Exchanges: []Exchange{{Call: acl, Status: 200, Body: []byte("<second/>")}}},
	)
	var got []string
	for range 4 {
		status, body := send(t, player, acl)
		got = append(got, http.StatusText(status)+body)
	}
	want := []string{"Service Unavailable", "OK<first/>", "OK<second/>", "OK<second/>"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if status, _ := send(t, player, other); status != 404 {
		t.Errorf("the other bucket got %d", status)
	}
}

func TestPlayMissing(t *testing.T) {
	player := NewPlayer(&Tape{Exchanges: []Exchange{{Call: acl, Status: 200}}})
	for _, call := range []collect.Call{
		{Name: acl.Name, Region: acl.Region, Input: `{"Bucket":"c"}`},
		{Name: acl.Name, Region: "us-east-1", Input: acl.Input},
		{Name: "s3:GetBucketPolicy", Region: acl.Region, Input: acl.Input},
	} {
		answer, err := player.RoundTrip(request(t, call))
		if err == nil {
			_ = answer.Body.Close()
		}
		missing, ok := errors.AsType[*MissingError](err)
		if !ok || missing.Call != call {
			t.Errorf("%+v: %v", call, err)
		}
		if want := "play " + call.Name + " " + call.Input + ": not in this recording"; ok && err.Error() != want {
			t.Errorf("error %s, want %s", err, want)
		}
	}
}

func TestPlayHonoursContext(t *testing.T) {
	ctx, cancel := context.WithCancel(collect.WithCall(t.Context(), acl))
	cancel()
	player := NewPlayer(&Tape{Exchanges: []Exchange{{Call: acl, Status: 200}}})
	answer, err := player.RoundTrip(request(t, acl).WithContext(ctx))
	if err == nil {
		_ = answer.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestReadDir(t *testing.T) {
	write := func(t *testing.T, dir string, files map[string]string) string {
		t.Helper()
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	// DIR stands for the folder in what is wanted.
	for name, c := range map[string]struct {
		folder func(t *testing.T) string
		want   string
	}{
		"missing": {
			func(t *testing.T) string { return filepath.Join(t.TempDir(), "nowhere") },
			"open recording: open DIR: no such file or directory",
		},
		"a file": {
			func(t *testing.T) string {
				return filepath.Join(write(t, t.TempDir(), map[string]string{"tape.txtar": sample}), "tape.txtar")
			},
			"open recording: open DIR: not a directory",
		},
		"empty": {
			func(t *testing.T) string { return t.TempDir() },
			"open recording DIR: no *.txtar file with recorded answers in it",
		},
		"something else": {
			func(t *testing.T) string { return write(t, t.TempDir(), map[string]string{"report.json": "{}"}) },
			"open recording DIR: no *.txtar file with recorded answers in it",
		},
		"an archive without answers": {
			func(t *testing.T) string {
				return write(t, t.TempDir(), map[string]string{"notes.txtar": "-- README --\nnothing\n"})
			},
			"open recording DIR: no *.txtar file with recorded answers in it",
		},
		"a recording that never began": {
			func(t *testing.T) string { return write(t, t.TempDir(), map[string]string{"tape.txtar": ""}) },
			"open recording DIR: no *.txtar file with recorded answers in it",
		},
		"every damaged file is named": {
			func(t *testing.T) string {
				return write(t, t.TempDir(), map[string]string{"a.txtar": "garbage", "b.txtar": sample, "c.txtar": "-- s3:ListBuckets - --\nOK\n\n"})
			},
			"read tape DIR/a.txtar:1: no section in it: not a recording, or a damaged one\n" +
				`read tape DIR/c.txtar:1: recording of s3:ListBuckets is damaged: "OK" is not an HTTP status`,
		},
		"a folder in its place": {
			func(t *testing.T) string {
				dir := t.TempDir()
				if err := os.Mkdir(filepath.Join(dir, "tape.txtar"), 0o700); err != nil {
					t.Fatal(err)
				}
				return dir
			},
			"open recording DIR/tape.txtar: read DIR/tape.txtar: is a directory",
		},
		"a way out of the folder": {
			func(t *testing.T) string {
				outside := filepath.Join(write(t, t.TempDir(), map[string]string{"tape.txtar": sample}), "tape.txtar")
				dir := t.TempDir()
				if err := os.Symlink(outside, filepath.Join(dir, "tape.txtar")); err != nil {
					t.Fatal(err)
				}
				return dir
			},
			"open recording DIR/tape.txtar: openat tape.txtar: path escapes from parent",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := c.folder(t)
			tapes, err := ReadDir(dir)
			if err == nil {
				t.Fatalf("read %d tapes without complaint", len(tapes))
			}
			if got := strings.ReplaceAll(err.Error(), dir, "DIR"); got != c.want {
				t.Errorf("error %s\nwant  %s", got, c.want)
			}
		})
	}
	dir := write(t, t.TempDir(), map[string]string{"a.txtar": sample, "b.txtar": sample, "notes.txt": "not read"})
	if tapes, err := ReadDir(dir); err != nil || len(tapes) != 2 || len(tapes[0].Exchanges) != 3 {
		t.Errorf("a folder of two recordings: %d tapes, %v", len(tapes), err)
	}
}
