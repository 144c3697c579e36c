package azuretest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	const listing = "GET " + cars + "/providers/Microsoft.Storage/storageAccounts"
	for kind, want := range map[FaultKind]struct {
		status int
		body   string // part of it
	}{
		AccessDenied:  {403, `"code":"AuthorizationFailed","message":"The client 'andon@example.com' with object id '00000000-0000-0000-0000-00000000000a' does not have authorization to perform action 'Microsoft.Storage/storageAccounts/read' over scope '` + cars + `'`},
		Throttle:      {429, `"code":"TooManyRequests"`},
		InternalError: {500, `"code":"InternalServerError"`},
		NotFound:      {404, `"code":"ResourceNotFound"`},
		Unregistered:  {409, `not registered to use namespace 'Microsoft.Storage'`},
		NotJSON:       {200, `<!DOCTYPE html>`},
		WrongType:     {200, `{"value":"unexpected"}`},
		ForeignLink:   {200, `"nextLink":"https://elsewhere.example` + cars},
		NullRecords:   {200, `{"value":[null,null,7`},
		Latency:       {200, `{"value":[null,7`},
	} {
		c := start(t, example, WithFault(Fault{Call: "storage:*", Kind: kind, Latency: time.Millisecond, RetryAfter: 0}))
		status, body := c.ask(t, listing)
		if status != want.status || !strings.Contains(body, want.body) {
			t.Errorf("%s: %d %s", kind, status, body)
		}
		if log := c.Log(); len(log) != 1 || kind != Latency && log[0].Fault != kind || log[0].Status != want.status {
			t.Errorf("%s: %+v", kind, log)
		}
		if status, _ := c.ask(t, "GET /subscriptions"); status != http.StatusOK {
			t.Errorf("%s: others get %d", kind, status)
		}
	}
	status, half := start(t, example, WithFault(Fault{Call: "*", Kind: Truncated})).ask(t, listing)
	if status != 200 || json.Valid([]byte(half)) || !strings.HasPrefix(half, `{"value":[`) {
		t.Errorf("%d %s", status, half)
	}
}

func TestThrottleAsksToWait(t *testing.T) {
	for given, want := range map[int]string{0: "1", 270: "270"} {
		a := start(t, example, WithFault(Fault{Call: "*", Kind: Throttle, RetryAfter: given})).do(t, "GET /subscriptions")
		_ = a.Body.Close()
		if got := a.Header.Get("Retry-After"); a.StatusCode != 429 || got != want {
			t.Errorf("%d: %d, wait %s", given, a.StatusCode, got)
		}
	}
}

// TestFaultsOfSome: a fault meets the question that it is for, as often as it says.
func TestFaultsOfSome(t *testing.T) {
	c := start(t, example, WithPageSize(2), WithFault(
		Fault{Call: "storage:storageAccounts.list", Subscription: "aaaaaaaa-0000-0000-0000-000000000001", Kind: Throttle, Times: 1},
		Fault{Call: "storage:*", Subject: "*/telemetry/*", Kind: AccessDenied},
	))
	listing := "GET " + cars + "/providers/Microsoft.Storage/storageAccounts"
	for _, want := range []int{429, 200, 200} {
		if status, _ := c.ask(t, listing); status != want {
			t.Errorf("%d, want %d", status, want)
		}
	}
	page := textOf(c.get(t, listing)["nextLink"])
	for _, want := range []int{429, 200} { // another page is another question
		if status, _ := c.ask(t, "GET "+page); status != want {
			t.Errorf("%d, want %d", status, want)
		}
	}
	if status, _ := c.ask(t, "GET "+idle+"/providers/Microsoft.Storage/storageAccounts"); status != 200 {
		t.Errorf("another subscription: %d", status)
	}
	if status, code := c.refused(t, "GET "+data+"/Microsoft.Storage/storageAccounts/telemetry/blobServices/default"); status != 403 || code != "AuthorizationFailed" {
		t.Errorf("%d %s", status, code)
	}
}

func TestTokens(t *testing.T) {
	const login = "https://login.microsoftonline.com/"
	c := start(t, example)
	configuration := c.get(t, "GET "+login+"mine/v2.0/.well-known/openid-configuration")
	same(t, configuration["token_endpoint"], any(login+"mine/oauth2/v2.0/token"))
	same(t, configuration["issuer"], any(login+"mine/v2.0"))
	same(t, c.get(t, "POST "+login+"mine/oauth2/v2.0/token")["token_type"], any("Bearer"))
	if aliases, ok := c.get(t, "GET "+login+"common/discovery/instance?x=1")["metadata"].([]any); !ok || len(aliases) != 1 {
		t.Error("no authority is known")
	}
	same(t, c.Calls(), map[string]int{"entra:token": 1, "entra:openid-configuration": 1, "entra:discovery-instance": 1})
	if c.Writes() != 0 {
		t.Error("asking for a token writes nothing")
	}
	status, body := start(t, example, WithFault(Fault{Call: "entra:token", Kind: AccessDenied})).ask(t, "POST "+login+"mine/oauth2/v2.0/token")
	if status != 401 || !strings.Contains(body, "AADSTS7000215") {
		t.Errorf("%d %s", status, body)
	}
}
