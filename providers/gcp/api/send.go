package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"google.golang.org/api/googleapi"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/internal/restapi"
)

const (
	attempts     = 6
	shortestWait = 500 * time.Millisecond
	longestWait  = 20 * time.Second
)

// newSender returns the transport that tries again what is worth it.
func newSender(o Options) http.RoundTripper {
	tries := attempts
	if o.Attempts > 0 {
		tries = o.Attempts
	}
	return &retryablehttp.RoundTripper{Client: &retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: collect.NewLimit(collect.NewBreaker(o.Transport)), CheckRedirect: restapi.Stay},
		RetryMax:     tries - 1,
		RetryWaitMin: shortestWait, RetryWaitMax: longestWait,
		CheckRetry:   worthAnother,
		Backoff:      o.wait,
		ErrorHandler: giveUp,
	}}
}

// giveUp returns the last answer, a refusal, to be read; beside an error nobody
// reads it.
func giveUp(answer *http.Response, err error, _ int) (*http.Response, error) {
	if err != nil && answer != nil {
		_ = answer.Body.Close()
		return nil, err
	}
	return answer, err
}

// wait honours Retry-After, whatever it says.
func (o Options) wait(shortest, longest time.Duration, attempt int, answer *http.Response) time.Duration {
	if o.Backoff != nil {
		return o.Backoff(attempt)
	}
	return retryablehttp.DefaultBackoff(shortest, longest, attempt, answer)
}

// worthAnother reports whether a request is worth another attempt.
func worthAnother(ctx context.Context, answer *http.Response, err error) (bool, error) {
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil && restapi.Final(err):
		return false, err
	case err == nil && answer.StatusCode == http.StatusForbidden:
		return limited(answer), nil
	}
	again, _ := retryablehttp.ErrorPropagatedRetryPolicy(ctx, answer, err)
	return again, nil
}

// limitedReasons are how services that answer 403 say that they were asked too
// often.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/status-codes and
// https://cloud.google.com/bigquery/docs/error-messages
var limitedReasons = []string{"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"}

// limited reports whether a refusal is one for its rate. The body stays to be
// read.
func limited(answer *http.Response) bool {
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxError))
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), answer.Body), answer.Body}
	if err != nil {
		return false
	}
	return slices.ContainsFunc(limitedReasons, func(reason string) bool { return bytes.Contains(body, []byte(`"`+reason+`"`)) })
}

// Throttled reports whether an HTTP answer asks to slow down, as far as its
// head tells.
func Throttled(answer *http.Response) bool {
	return restapi.Throttled(answer)
}

// maxError bounds, in bytes, what is read of a refusal.
const maxError = 64 << 10

// Request is one request to a service's own REST interface.
type Request struct {
	Service string
	// Location is that of a regional endpoint, or "".
	Location string
	// Method is GET where it is empty.
	Method string
	// Path stands below the service's root, escaped, with its query.
	Path string
	// Body is sent as JSON, if there is one.
	Body any
}

// call is the name of what is asked; the transport refuses what has none.
func (r Request) call() string {
	path, _, _ := strings.Cut(r.Path, "?")
	route, _, _ := Match(r.Service, cmp.Or(r.Method, http.MethodGet), path)
	return route.Call
}

// Ask sends a request that is in a route and decodes its answer into a value.
// Its errors are read by Refusal.
func (c *Client) Ask(ctx context.Context, r Request, into any) error {
	req, err := c.request(ctx, r)
	if err != nil {
		return err
	}
	answer, err := c.HTTP(r.Service).Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if err := googleapi.CheckResponse(answer); err != nil {
		return err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return collect.Malformed(r.call(), "%v", err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	method, body := r.Method, []byte(nil)
	if method == "" {
		method = http.MethodGet
	}
	if r.Body != nil {
		text, err := json.Marshal(r.Body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = text
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Root(r.Service, r.Location)+r.Path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// compact reads a JSON document and returns it on one line, or "".
func compact(r io.Reader) string {
	text, err := io.ReadAll(io.LimitReader(r, maxError))
	if err != nil {
		return ""
	}
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		return ""
	}
	return out.String()
}
