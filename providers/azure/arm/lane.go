package arm

import (
	"context"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/andon-audit/andon/pkg/collect"
)

// abreast is how many calls about one subscription are under way, those that wait
// for another attempt included. The narrowest limit lets 100 through in five
// minutes: whoever it refuses is let through by the next window, and a storm slows
// an audit without using up the attempts of a call.
//
// Source: https://learn.microsoft.com/azure/storage/common/scalability-targets-resource-provider
const abreast = 32

// lanes hold the calls about each subscription to that many.
func (c *Client) lanes() policy.Policy {
	var slots sync.Map // chan struct{}, by subscription
	names := &namer{client: c}
	return policyFunc(func(req *policy.Request) (*http.Response, error) {
		call, err := names.name(req.Raw())
		if err != nil || call.Region == "" {
			return req.Next() // what has no name is refused where it would leave
		}
		made, _ := slots.LoadOrStore(call.Region, make(chan struct{}, abreast))
		slot, ok := made.(chan struct{})
		if !ok {
			panic("arm: a lane of another type")
		}
		if err := enter(req.Raw().Context(), slot); err != nil {
			return nil, err
		}
		defer func() { <-slot }()
		return req.Next()
	})
}

// enter takes a place in a lane. Who finds none waits for what Azure lets through.
func enter(ctx context.Context, slot chan<- struct{}) error {
	select {
	case slot <- struct{}{}:
		return nil
	default:
	}
	defer collect.Waiting(ctx)()
	select {
	case slot <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
