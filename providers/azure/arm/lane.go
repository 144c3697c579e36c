package arm

import (
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
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
		select {
		case slot <- struct{}{}:
		case <-req.Raw().Context().Done():
			return nil, req.Raw().Context().Err()
		}
		defer func() { <-slot }()
		return req.Next()
	})
}
