package collect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// country is a Breaker in front of regions of which some do not answer.
type country struct {
	*Breaker
	dead map[string]error // by "service region", or region
	sent int
}

func newCountry() *country {
	c := &country{dead: make(map[string]error)}
	c.Breaker = NewBreaker(roundTrip(func(req *http.Request) (*http.Response, error) {
		c.sent++
		call, _ := CallOf(req.Context())
		for _, where := range []string{serviceOf(call) + " " + call.Region, call.Region} {
			if err := c.dead[where]; err != nil {
				return nil, err
			}
		}
		return answer(http.StatusForbidden), nil // also a refusal is an answer
	}))
	return c
}

// ask sends one request and reports whether it was sent, and what came of it.
func (c *country) ask(t *testing.T, call, region string) (sent bool, err error) {
	t.Helper()
	before := c.sent
	body, err := post(t.Context(), c, call, region)
	if c.sent == before && !body.closed {
		t.Error("the body of a request that was not sent was left open")
	}
	return c.sent > before, err
}

// gaveUp reports whether an error says that nobody answers.
func gaveUp(err error) bool {
	_, ok := errors.AsType[*UnansweredError](err)
	return ok
}

var errDial = &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}

// An endpoint is tried three times, whoever asks, and then left alone.
func TestBreakerGivesUpAnEndpoint(t *testing.T) {
	c := newCountry()
	c.dead["rds eu-south-2"] = errDial
	for i := 1; i <= 5; i++ {
		sent, err := c.ask(t, fmt.Sprintf("rds:Describe%d", i), "eu-south-2")
		if err == nil || sent != (i <= EndpointFailures) || gaveUp(err) != (i >= EndpointFailures) {
			t.Errorf("request %d: sent %t, %v", i, sent, err)
		}
		if i >= EndpointFailures {
			const want = "rds in eu-south-2 does not answer: given up after 3 failed connections, the last: dial tcp: i/o timeout"
			if err.Error() != want || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		}
	}
	for _, other := range [][2]string{{"rds:DescribeDBInstances", "eu-west-1"}, {"s3:GetBucketAcl", "eu-south-2"}} {
		if sent, err := c.ask(t, other[0], other[1]); !sent || err != nil {
			t.Errorf("%v: sent %t, %v", other, sent, err)
		}
	}
}

func TestBreakerOfGlobalEndpoint(t *testing.T) {
	c := newCountry()
	c.dead["organizations "] = errDial
	var err error
	for range EndpointFailures {
		_, err = c.ask(t, "organizations:DescribeOrganization", "")
	}
	if !gaveUp(err) || !strings.HasPrefix(err.Error(), "organizations does not answer: ") {
		t.Errorf("error %v", err)
	}
	// What has no region is no region, however much of it is dead.
	for i := range 2 * RegionFailures {
		c.dead[fmt.Sprintf("dead%d ", i)] = errDial
		_, _ = c.ask(t, fmt.Sprintf("dead%d:Get", i), "")
	}
	if sent, err := c.ask(t, "sts:GetCallerIdentity", ""); !sent || err != nil {
		t.Errorf("sent %t, %v", sent, err)
	}
}

// A region of which nothing answers is given up as a whole; no other is.
func TestBreakerGivesUpARegion(t *testing.T) {
	c := newCountry()
	c.dead["eu-south-2"] = errDial
	var last error
	for i := range RegionFailures {
		if sent, err := c.ask(t, fmt.Sprintf("s%d:List", i%RegionServices), "eu-south-2"); !sent || err == nil {
			t.Fatalf("failure %d: sent %t, %v", i, sent, err)
		} else {
			last = err
		}
	}
	const want = "eu-south-2 does not answer: given up after 6 failed connections, the last: dial tcp: i/o timeout"
	if last.Error() != want {
		t.Errorf("error %v\nwant  %s", last, want)
	}
	if sent, err := c.ask(t, "kms:ListKeys", "eu-south-2"); sent || !gaveUp(err) {
		t.Errorf("a service never tried: sent %t, %v", sent, err)
	}
	if sent, err := c.ask(t, "kms:ListKeys", "eu-west-1"); !sent || err != nil {
		t.Errorf("another region: sent %t, %v", sent, err)
	}
}

// One answer shows that the region lives: then each endpoint is on its own, and
// one that may well answer is never skipped for the sake of others.
func TestBreakerOfARegionThatAnswered(t *testing.T) {
	c := newCountry()
	if sent, err := c.ask(t, "sts:GetCallerIdentity", "eu-west-1"); !sent || err != nil {
		t.Fatal(sent, err)
	}
	for i := range 3 * RegionFailures {
		service := fmt.Sprintf("s%d", i)
		c.dead[service+" eu-west-1"] = errDial
		if sent, err := c.ask(t, service+":List", "eu-west-1"); !sent || gaveUp(err) {
			t.Errorf("%s: sent %t, %v", service, sent, err)
		}
	}
	if sent, err := c.ask(t, "kms:ListKeys", "eu-west-1"); !sent || err != nil {
		t.Errorf("sent %t, %v", sent, err)
	}
}

// Few services are not a region, however often they fail.
func TestBreakerOfTwoServices(t *testing.T) {
	c := newCountry()
	for i := range 4 * RegionFailures {
		service := fmt.Sprintf("s%d", i%2)
		c.dead[service+" eu-west-1"] = errDial
		_, _ = c.ask(t, service+":List", "eu-west-1")
	}
	if sent, err := c.ask(t, "kms:ListKeys", "eu-west-1"); !sent || err != nil {
		t.Errorf("sent %t, %v", sent, err)
	}
}

// Every 30 seconds one request sees whether somebody answers again.
func TestBreakerSeesAgain(t *testing.T) {
	for name, where := range map[string]string{"an endpoint": "rds eu-south-2", "a region": "eu-south-2"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCountry()
				c.dead[where] = errDial
				for i := range RegionFailures {
					service := "rds"
					if where == "eu-south-2" {
						service = fmt.Sprintf("s%d", i%RegionServices)
					}
					_, _ = c.ask(t, service+":List", "eu-south-2")
				}
				ask := func() bool { sent, _ := c.ask(t, "rds:List", "eu-south-2"); return sent }
				time.Sleep(BreakerRest - time.Nanosecond)
				if ask() {
					t.Error("asked before the rest was over")
				}
				time.Sleep(time.Nanosecond)
				if !ask() || ask() {
					t.Error("one request sees whether somebody answers, and no second")
				}
				time.Sleep(BreakerRest)
				delete(c.dead, where)
				for range 3 {
					if !ask() {
						t.Error("an answer did not end it")
					}
				}
			})
		})
	}
}

// An answer in between starts the count again.
func TestBreakerCountsInARow(t *testing.T) {
	c := newCountry()
	for range 3 * EndpointFailures {
		for range EndpointFailures - 1 {
			c.dead["rds eu-west-1"] = errDial
			if sent, err := c.ask(t, "rds:List", "eu-west-1"); !sent || gaveUp(err) {
				t.Fatalf("sent %t, %v", sent, err)
			}
		}
		delete(c.dead, "rds eu-west-1")
		if _, err := c.ask(t, "rds:List", "eu-west-1"); err != nil {
			t.Fatal(err)
		}
	}
}

// What counts is that nobody answered, and nothing else.
func TestBreakerCounts(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"a dial that timed out":           {errDial, true},
		"a dial that was refused":         {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"a network without a way there":   {&net.OpError{Op: "dial", Err: syscall.ENETUNREACH}, true},
		"a proxy that does not answer":    {&net.OpError{Op: "proxyconnect", Err: syscall.ECONNREFUSED}, true},
		"a resolver that does not answer": {&net.DNSError{Err: "server misbehaving", IsTemporary: true}, true},
		"a name that does not exist":      {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, false},
		"an answer that never began":      {fmt.Errorf("net/http: %w", os.ErrDeadlineExceeded), true},
		"a reset":                         {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		"what must not be sent":           {&ForbiddenError{Call: "rds:List"}, false},
		"a recording without it":          {errors.New("not recorded"), false},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := newCountry()
			cloud.dead["rds eu-west-1"] = c.err
			var err error
			for range EndpointFailures {
				_, err = cloud.ask(t, "rds:List", "eu-west-1")
			}
			if gaveUp(err) != c.want || !errors.Is(err, c.err) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Whoever loses patience says nothing about the region.
func TestBreakerOfAnImpatientCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sent := 0
	b := NewBreaker(roundTrip(func(req *http.Request) (*http.Response, error) {
		if sent++; req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		return answer(http.StatusOK), nil
	}))
	for range 2 * EndpointFailures {
		if _, err := post(ctx, b, "rds:List", "eu-west-1"); !errors.Is(err, context.Canceled) || gaveUp(err) {
			t.Fatal(err)
		}
	}
	if sent != 2*EndpointFailures {
		t.Errorf("%d sent", sent)
	}
	if _, err := post(t.Context(), b, "", ""); err != nil || sent != 2*EndpointFailures+1 {
		t.Errorf("an unnamed request is passed on: %d sent, %v", sent, err)
	}
}

// Over real connections: one that is refused, one where nobody answers in time,
// and one where all is well.
func TestBreakerOverTheWire(t *testing.T) {
	well := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer well.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	wire := &http.Transport{ResponseHeaderTimeout: time.Millisecond}
	defer wire.CloseIdleConnections()
	patient := new(http.Transport)
	defer patient.CloseIdleConnections()
	for name, c := range map[string]struct {
		url  string
		next http.RoundTripper
		says string
	}{
		"refused":     {closed.URL, patient, "connection refused"},
		"no answer":   {"http://" + silent.Addr().String(), wire, "timeout awaiting response headers"},
		"all is well": {well.URL, patient, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBreaker(c.next)
			var err error
			for range EndpointFailures {
				req, broken := http.NewRequestWithContext(WithCall(t.Context(), Call{Name: "rds:List", Region: "eu-west-1"}), http.MethodGet, c.url, nil)
				if broken != nil {
					t.Fatal(broken)
				}
				var answer *http.Response
				if answer, err = b.RoundTrip(req); err == nil {
					_ = answer.Body.Close()
				}
			}
			if gaveUp(err) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}
