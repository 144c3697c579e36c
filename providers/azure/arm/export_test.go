package arm

import (
	"context"
	"io"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
)

// Send sends any request on the client's own pipeline, as a careless caller of
// the SDK would.
func (c *Client) Send(ctx context.Context, method, url string, body io.ReadSeeker) error {
	req, err := runtime.NewRequest(ctx, method, url)
	if err != nil {
		return err
	}
	if body != nil {
		if err := req.SetBody(streaming.NopCloser(body), "application/json"); err != nil {
			return err
		}
	}
	answer, err := c.arm.Pipeline().Do(req)
	if err == nil {
		err = answer.Body.Close()
	}
	return err
}
