package awstest

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func allBuckets(t *testing.T, c cloud, size int32) []string {
	t.Helper()
	var got []string
	pages := s3.NewListBucketsPaginator(c.s3(), &s3.ListBucketsInput{MaxBuckets: aws.Int32(size)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range page.Buckets {
			got = append(got, *b.Name+" "+*b.BucketRegion)
		}
	}
	return got
}

func TestGeneratedListing(t *testing.T) {
	c := start(t, world(t, "estate"))
	got := allBuckets(t, c, 10000)
	if len(got) != 1003 || !slices.IsSorted(got) {
		t.Fatalf("%d buckets, sorted: %t", len(got), slices.IsSorted(got))
	}
	same(t, allBuckets(t, c, 7), got)
	same(t, allBuckets(t, start(t, world(t, "estate")), 100), got)
	if other := allBuckets(t, start(t, strings.Replace(world(t, "estate"), "seed: 1", "seed: 2", 1)), 10000); slices.Equal(other, got) {
		t.Error("another seed makes the same buckets")
	}
}

// Every listed bucket can be asked about, and none other.
func TestGeneratedDetail(t *testing.T) {
	c := start(t, world(t, "estate"))
	for _, listed := range allBuckets(t, c, 10000)[:50] {
		name, region, _ := strings.Cut(listed, " ")
		if _, err := onS3("GetBucketAcl", name)(t.Context(), c.in(region)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"estate-0001000-telemetry", "estate-0000001-nothing", "estate-1-telemetry", "estate--000001-logs", "estate-"} {
		if _, err := onS3("GetBucketAcl", name)(t.Context(), c); code(err) != "NoSuchBucket" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMix(t *testing.T) {
	w, err := Parse([]byte(world(t, "estate")))
	if err != nil {
		t.Fatal(err)
	}
	g, seen := w.accounts[0].Generate, map[string]int{}
	const rounds = 100
	for i := range g.total * rounds {
		seen[g.kind(i)]++
	}
	for kind, share := range g.Mix {
		if got := seen[kind]; got < share*rounds*8/10 || got > share*rounds*12/10 {
			t.Errorf("%s: %d, want about %d", kind, got, share*rounds)
		}
	}
}

// A million buckets cost no more memory than ten.
func TestGeneratorHoldsNothing(t *testing.T) {
	w, err := Parse([]byte(strings.Replace(world(t, "estate"), "buckets: 1000,", "buckets: 1000000,", 1)))
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 0
	for b := range w.accounts[0].bucketsAfter("estate-0900000") {
		if w.bucket(b.Name) == nil {
			t.Fatalf("%s is listed and does not exist", b.Name)
		}
		n++
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n != 100001 {
		t.Errorf("%d buckets", n)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}
