package restapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/internal/restapi"
)

func TestRefusal(t *testing.T) {
	cause := errors.New("connection reset")
	unread := json.Unmarshal([]byte(`[`), new(any))
	mistyped := json.Unmarshal([]byte(`[]`), new(struct{}))
	for name, c := range map[string]struct {
		err  error
		want collect.Refusal
	}{
		"nobody answers":   {&url.Error{Op: "Get", URL: "https://host/?page=3", Err: cause}, collect.Refusal{Reason: resource.Failed, Detail: "connection reset"}},
		"too slow":         {&url.Error{Op: "Get", URL: "https://host/", Err: context.DeadlineExceeded}, collect.Refusal{Reason: resource.Failed, Detail: "no full answer within 1m0s"}},
		"given up":         {&url.Error{Op: "Get", Err: &collect.UnansweredError{Where: "pubsub", Failures: 3, Err: cause}}, collect.Refusal{Reason: resource.Failed, Detail: (&collect.UnansweredError{Where: "pubsub", Failures: 3, Err: cause}).Error()}},
		"over many lines":  {errors.New(" a\n\tb "), collect.Refusal{Reason: resource.Failed, Detail: "a b"}},
		"malformed":        {collect.Malformed("call", "no %s", "list"), collect.Refusal{Reason: resource.Malformed, Detail: "no list"}},
		"half a document":  {fmt.Errorf("decode: %w", unread), collect.Refusal{Reason: resource.Malformed, Detail: "decode: " + unread.Error()}},
		"another type":     {mistyped, collect.Refusal{Reason: resource.Malformed, Detail: mistyped.Error()}},
		"cut off":          {io.ErrUnexpectedEOF, collect.Refusal{Reason: resource.Malformed, Detail: "unexpected EOF"}},
		"no answer at all": {&url.Error{Op: "Get", Err: io.EOF}, collect.Refusal{Reason: resource.Malformed, Detail: "EOF"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, about := restapi.Refusal(c.err)
			if diff := cmp.Diff(c.want, got); diff != "" || about != (restapi.CallError{}) {
				t.Errorf("%s, about %+v", diff, about)
			}
			c.want.Call = "topics.list"
			for gone, err := range map[bool]error{
				false: restapi.Failed("topics.list", "tconnect", c.err),
				true:  restapi.FailedOf("topics.list", "tconnect", c.err),
			} {
				got, about := restapi.Refusal(fmt.Errorf("list topics: %w", err))
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("once the call is named: %s", diff)
				}
				if about != (restapi.CallError{Call: "topics.list", Account: "tconnect", Gone: gone, Err: c.err}) {
					t.Errorf("about %+v", about)
				}
				if !errors.Is(err, c.err) || err.Error() != "topics.list: "+c.err.Error() {
					t.Errorf("%v", err)
				}
			}
		})
	}
	if restapi.Failed("c", "a", nil) != nil || restapi.FailedOf("c", "a", nil) != nil {
		t.Error("nothing failed")
	}
}

func TestDetail(t *testing.T) {
	for message, want := range map[string]string{
		"":        "HTTP status Forbidden",
		" \n":     "HTTP status Forbidden",
		" no\nno": "no no",
	} {
		if got := restapi.Detail(message, 403); got != want {
			t.Errorf("%q is told as %q, want %q", message, got, want)
		}
	}
}

// Whatever a cloud writes, it stays on one short line of valid text, and what is
// short already stays as it is.
func TestLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.Byte(), 0, 500).Draw(t, "text"))
		if rapid.Bool().Draw(t, "readable") {
			text = rapid.StringN(0, 300, 400).Draw(t, "words")
		}
		line := restapi.Line(text)
		if !utf8.ValidString(line) || len(line) > 240+len("…") || strings.ContainsAny(line, "\n\r\t") || strings.TrimSpace(line) != line {
			t.Fatalf("%q", line)
		}
		if again := restapi.Line(line); len(line) <= 240 && again != line {
			t.Fatalf("%q becomes %q", line, again)
		}
	})
}
