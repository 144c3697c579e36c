package main

import (
	"bytes"
	"encoding/json"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/andon-audit/andon/cmd/andon/cli"
	"github.com/andon-audit/andon/examples"
	"github.com/andon-audit/andon/providers/aws/awstest"
)

// TestInterrupt ends a run while the cloud keeps it waiting: what is known by
// then is written, to the end of the document, and marked incomplete.
func TestInterrupt(t *testing.T) {
	world, err := awstest.Parse(examples.ToyotaWorld)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIADEMO", "AWS_SECRET_ACCESS_KEY": "x", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(signal.String(), func(t *testing.T) {
			const stuck = "s3:GetBucketAcl"
			server := awstest.NewServer(world, awstest.WithFault(awstest.Fault{Call: stuck, Subject: "billing-archive", Kind: awstest.Hang}))
			url, stop, err := server.Start()
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
			go func() {
				for !waitsFor(server, "billing-archive") {
					time.Sleep(time.Millisecond)
				}
				_ = syscall.Kill(os.Getpid(), signal) // cli.Run catches it
			}()
			var report, complaints bytes.Buffer
			code := cli.Run([]string{"audit", "--endpoint", url, "--format", "json"}, nil, &report, &complaints)
			if code != want || complaints.Len() != 0 {
				t.Errorf("exit code %d, want %d; said %q", code, want, complaints.String())
			}
			var got struct {
				Stores  []struct{ Name, Verdict string }
				Summary struct {
					Incomplete bool
					Reason     string
					Exit       int
				}
			}
			if err := json.Unmarshal(report.Bytes(), &got); err != nil {
				t.Fatalf("the report is not whole: %v", err)
			}
			if !got.Summary.Incomplete || got.Summary.Exit != want || got.Summary.Reason != "interrupted: the report holds what was known by then" {
				t.Errorf("summary %+v", got.Summary)
			}
			if len(got.Stores) == 0 || got.Stores[0].Name != "billing-archive" || got.Stores[0].Verdict != "unknown" {
				t.Errorf("stores %+v", got.Stores)
			}
		})
	}
}

// waitsFor reports whether a question about the bucket was left hanging.
func waitsFor(server *awstest.Server, bucket string) bool {
	for _, call := range server.Log() {
		if call.Subject == bucket && call.Fault == awstest.Hang {
			return true
		}
	}
	return false
}
