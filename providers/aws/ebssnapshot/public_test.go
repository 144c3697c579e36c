package ebssnapshot_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/awstest"
	"github.com/andon-audit/andon/providers/aws/ebssnapshot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const world = `
accounts:
- id: "111111111111"
  stock:
    ec2.snapshot:
    - {region: eu-west-1, SnapshotId: snap-1, Encrypted: true, CreateVolumePermissions: []}
    - {region: eu-west-1, SnapshotId: snap-2, Encrypted: false, CreateVolumePermissions: [{Group: all}]}
    - {region: eu-west-1, SnapshotId: snap-3, Encrypted: false, CreateVolumePermissions: []}
    - {region: eu-west-1, SnapshotId: snap-4, CreateVolumePermissions: [{Group: all}]}
    - {region: us-east-1, SnapshotId: snap-5, Encrypted: true, CreateVolumePermissions: [{Group: all}]}
`

// door stands before the loopback AWS and may answer the nth page of the public
// snapshots itself: with a status other than 0.
type door struct {
	next   http.RoundTripper
	public page

	asked int
	sent  []string
}

type page func(n int) (status int, body string)

func (d *door) RoundTrip(req *http.Request) (*http.Response, error) {
	call, _ := collect.CallOf(req.Context())
	if !strings.Contains(call.Input, "RestorableByUserIds") {
		d.sent = append(d.sent, call.Name)
		return d.next.RoundTrip(req)
	}
	d.asked++
	d.sent = append(d.sent, call.Name+" public")
	status, body := 0, ""
	if d.public != nil {
		status, body = d.public(d.asked)
	}
	if status == 0 {
		return d.next.RoundTrip(req)
	}
	return &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

// always answers every page the same.
func always(status int, body string) page { return func(int) (int, string) { return status, body } }

// denied refuses every page from one on.
func denied(from int) page {
	return func(n int) (int, string) {
		if n < from {
			return 0, ""
		}
		return http.StatusForbidden, "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>"
	}
}

// open serves a world, a page at a time, behind a door.
func open(t *testing.T, text string, custom bool, length int) (*account.Account, *door) {
	t.Helper()
	w, err := awstest.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	server := awstest.NewServer(w, awstest.WithPageSize(length))
	_, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	transport := server.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	d := &door{next: transport}
	a, err := account.Open(t.Context(), account.Options{
		Transport: d, Offline: true, Custom: custom, Attempts: 1, Backoff: func(int) time.Duration { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	d.sent = nil
	return a, d
}

// list returns what each snapshot is by the listing alone, and the last error.
func list(ctx context.Context, a *account.Account, region string) (ranges map[string]string, refused error) {
	ranges = make(map[string]string)
	collector := ebssnapshot.New(a, resource.Scope{Provider: "aws", Account: a.ID, Region: region}, nil)
	for r, err := range collector.List(ctx) {
		if err != nil {
			return ranges, err
		}
		ranges[r.Name] = exposure.Assess(r).Range.String()
	}
	return ranges, nil
}

// The public snapshots of a region are one call, made once it is worth it.
func TestPublicSnapshotsAreListedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		region string
		want   map[string]string
		sent   []string
	}{
		"some could be public": {
			"eu-west-1",
			map[string]string{"snap-1": "private", "snap-2": "tenant", "snap-3": "private", "snap-4": "tenant"},
			[]string{"ec2:DescribeSnapshots", "ec2:DescribeSnapshots public"},
		},
		"all are encrypted": {
			"us-east-1",
			map[string]string{"snap-5": "private"},
			[]string{"ec2:DescribeSnapshots"},
		},
		"there is none": {
			"us-west-2",
			map[string]string{},
			[]string{"ec2:DescribeSnapshots"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, d := open(t, world, false, 0)
			got, err := list(t.Context(), a, c.region)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.sent, d.sent); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// An endpoint that is not Amazon's may list what it wants: every snapshot is
// asked, also the encrypted ones.
func TestCustomEndpoint(t *testing.T) {
	a, d := open(t, world, true, 0)
	collector := ebssnapshot.New(a, resource.Scope{Provider: "aws", Account: a.ID, Region: "us-east-1"}, nil)
	for r, err := range collector.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range collector.Questions(r) {
			unasked := &resource.Resource{Gaps: []resource.Gap{q.Gap(resource.Denied, "")}}
			if most := exposure.Assess(unasked).Most; q.Call == "ec2:DescribeSnapshotAttribute" && most != exposure.Tenant {
				t.Errorf("without %s it is at most %s", q.Call, most)
			}
			if err := q.Ask(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		if got := exposure.Assess(r).Range.String(); got != "tenant" {
			t.Errorf("%s is %s", r.Name, got)
		}
	}
	want := []string{"ec2:DescribeSnapshots", "ec2:GetSnapshotBlockPublicAccessState", "ec2:DescribeSnapshotAttribute"}
	if diff := cmp.Diff(want, d.sent); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// What another account owns is passed over: some endpoints list it as our own.
func TestOwnSnapshotsOnly(t *testing.T) {
	a, _ := open(t, `
accounts:
- id: "111111111111"
  stock:
    ec2.snapshot:
    - {region: eu-west-1, SnapshotId: snap-1, OwnerId: "111111111111", Encrypted: true}
    - {region: eu-west-1, SnapshotId: snap-2, OwnerId: "801119661308", Encrypted: true}
`, true, 0)
	got, err := list(t.Context(), a, "eu-west-1")
	if diff := cmp.Diff(map[string]string{"snap-1": "private"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// A region whose public snapshots cannot be listed keeps all its snapshots: each
// may be public but those that cannot be, and the refusal is told at the end.
func TestPublicSnapshotsRefused(t *testing.T) {
	unknown := map[string]string{"snap-1": "private", "snap-2": "private..tenant", "snap-3": "private..tenant", "snap-4": "private..tenant"}
	partly := map[string]string{"snap-1": "private", "snap-2": "tenant", "snap-3": "private..tenant", "snap-4": "private..tenant"}
	for name, c := range map[string]struct {
		public page
		want   map[string]string
	}{
		"denied":                {denied(1), unknown},
		"denied on page two":    {denied(2), partly},
		"an empty answer":       {always(200, "<DescribeSnapshotsResponse></DescribeSnapshotsResponse>"), unknown},
		"a sign-in page":        {always(200, "<!DOCTYPE html><html><br></html>"), unknown},
		"a nameless snapshot":   {always(200, "<DescribeSnapshotsResponse><snapshotSet><item></item></snapshotSet></DescribeSnapshotsResponse>"), unknown},
		"a server out of order": {always(500, ""), unknown},
	} {
		t.Run(name, func(t *testing.T) {
			a, d := open(t, world, false, 1)
			d.public = c.public
			got, err := list(t.Context(), a, "eu-west-1")
			if err == nil {
				t.Error("the refusal is not told")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The end of a run is no refusal: nothing more is listed after it.
func TestPublicSnapshotsInterrupted(t *testing.T) {
	a, d := open(t, world, false, 1)
	ctx, cancel := context.WithCancel(t.Context())
	d.public = func(int) (int, string) { cancel(); return 0, "" }
	got, err := list(ctx, a, "eu-west-1")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff(map[string]string{"snap-1": "private"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Ten thousand snapshots are listed a page at a time, and cost as many calls as
// there are pages, and one for the public ones.
func TestPagesAreStreamed(t *testing.T) {
	const snapshots, page = 10_000, 1000
	var text strings.Builder
	text.WriteString("accounts:\n- id: \"111111111111\"\n  stock:\n    ec2.snapshot:\n")
	for i := range snapshots {
		fmt.Fprintf(&text, "    - {region: eu-west-1, SnapshotId: snap-%05d, Encrypted: false, public: %t}\n", i, i == snapshots-1)
	}
	a, d := open(t, text.String(), false, 0)
	got, err := list(t.Context(), a, "eu-west-1")
	if err != nil || len(got) != snapshots || got["snap-09999"] != "tenant" || got["snap-00000"] != "private" {
		t.Errorf("%d snapshots, %v", len(got), err)
	}
	if len(d.sent) != snapshots/page+1 || d.sent[1] != "ec2:DescribeSnapshots public" {
		t.Errorf("calls %v", d.sent)
	}
}
