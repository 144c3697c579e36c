package restapi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
)

// Root reads "127.0.0.1:9000" and "https://host/path" as a URL that ends in '/'.
// The scheme is that of an endpoint that names none.
func Root(endpoint, scheme string) (*url.URL, error) {
	if !strings.Contains(endpoint, "://") {
		endpoint = scheme + "://" + endpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not an http or https URL with a host", endpoint)
	}
	u.RawQuery, u.ForceQuery, u.Fragment, u.User = "", false, "", nil
	return url.Parse(strings.TrimSuffix(u.String(), "/") + "/")
}

// Named marks the context of a request with its call, which is what recordings,
// counts and the allow-list go by. What has no name is not sent.
func Named(req *http.Request, name func(*http.Request) (collect.Call, error)) (*http.Request, error) {
	call, err := name(req)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	return req.Clone(collect.WithCall(req.Context(), call)), nil
}

// Stay refuses redirects: an answer never sends andon to another host.
func Stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Throttled reports whether an HTTP answer asks to slow down, as far as its
// head tells.
func Throttled(answer *http.Response) bool {
	return answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable
}

// Final reports that another attempt would tell nothing new: the request was
// stopped on this side, took all the time there was, or came where nobody listens.
func Final(err error) bool {
	if _, ok := errors.AsType[*collect.ForbiddenError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*tape.MissingError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*collect.UnansweredError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*collect.MalformedError](err); ok {
		return true
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}

// MaxAnswer bounds, in bytes, what is read of an answer.
const MaxAnswer = tape.MaxBody

// Bounded returns a body of which no more is read than there should be.
func Bounded(call string, body io.ReadCloser) io.ReadCloser {
	return &bounded{ReadCloser: body, call: call, left: MaxAnswer}
}

type bounded struct {
	io.ReadCloser
	call string
	left int
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return n, collect.Malformed(b.call, "the answer is larger than %d bytes", MaxAnswer)
	}
	return n, err
}
