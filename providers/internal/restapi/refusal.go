// Package restapi is what the clouds that andon asks over plain HTTP, in JSON,
// have in common, whoever's client sends the request: how a call is named, bounded
// and given up, how an error is tied to the call that it belongs to and told.
package restapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
)

// CallError says which call an error belongs to, where a collector makes several.
type CallError struct {
	Call string
	// Account is the id of the project or subscription that was asked about, or "".
	Account string
	// Gone says that an answer of 404 means that the store is no longer there:
	// the call was about the store itself, which had been listed.
	Gone bool
	Err  error
}

// Error implements error.
func (e *CallError) Error() string { return e.Call + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// Failed names the call that an error belongs to, and the account that was asked
// about; nil stays nil.
func Failed(call, account string, err error) error {
	if err == nil {
		return nil
	}
	return &CallError{Call: call, Account: account, Err: err}
}

// FailedOf is Failed for a call about a store that was listed: where the cloud
// says that there is no such thing, the store is gone.
func FailedOf(call, account string, err error) error {
	if err == nil {
		return nil
	}
	return &CallError{Call: call, Account: account, Gone: true, Err: err}
}

// Refusal reads what an error says in every cloud alike, and of which call; what
// the cloud itself answered is left to be read. An answer that nobody can read
// needs no further look: its reason is Malformed.
func Refusal(err error) (collect.Refusal, CallError) {
	r := collect.Refusal{Reason: resource.Failed, Detail: Line(Plain(err).Error())}
	var about CallError
	if named, ok := errors.AsType[*CallError](err); ok {
		about, r.Call = *named, named.Call
	}
	if malformed(err) {
		r.Reason = resource.Malformed
	}
	return r, about
}

func malformed(err error) bool {
	if _, ok := errors.AsType[*collect.MalformedError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// maxDetail bounds, in bytes, what is kept of a message that a cloud wrote.
const maxDetail = 240

// Line puts hostile text on one line of bounded length.
func Line(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "�")), " ")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}

// Detail is a cloud's own message on one line, or else what the status says.
func Detail(message string, status int) string {
	if line := Line(message); line != "" {
		return line
	}
	return "HTTP status " + http.StatusText(status)
}

// Plain strips wrapping down to what a reader can act on, and addresses that
// only this program understands.
func Plain(err error) error {
	if unanswered, ok := errors.AsType[*collect.UnansweredError](err); ok {
		return unanswered
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return fmt.Errorf("no full answer within %v", collect.AttemptLimit)
		}
		return Plain(u.Err)
	}
	if c, ok := errors.AsType[*CallError](err); ok {
		return Plain(c.Err)
	}
	if m, ok := errors.AsType[*collect.MalformedError](err); ok {
		return m.Err
	}
	return err
}
