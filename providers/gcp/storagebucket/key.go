package storagebucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
)

// keys are the HMAC keys of a project's service accounts: bearer credentials that
// do not expire. Their ids and secrets are not kept; no call answers with a secret.
//
// Source: https://cloud.google.com/storage/docs/authentication/hmackeys
type keys struct {
	active int
	oldest time.Time
	some   bool // the answer has an entry that can be pointed at
}

// askKeys reads how many keys work, and since when. It is asked once a project.
func (c *collector) askKeys(ctx context.Context, r *resource.Resource) error {
	once := api.Shared(c.client, "storage keys "+c.project, func() *collect.Once[keys] { return new(collect.Once[keys]) })
	k, err := once.Get(ctx, c.listKeys)
	if err != nil {
		return err
	}
	from := resource.Evidence{Call: keysCall, Of: c.project, Quote: fmt.Sprintf("%d keys that work", k.active)}
	if k.some {
		from.Pointer = "/items"
	}
	days := 0
	if k.active > 0 {
		days = int(c.client.Now().Sub(k.oldest) / (24 * time.Hour))
	}
	r.Set("active_hmac_keys", float64(k.active), from)
	r.Set("oldest_hmac_key_days", float64(max(days, 0)), from)
	return nil
}

func (c *collector) listKeys(ctx context.Context) (keys, error) {
	clients, err := c.open(ctx)
	if err != nil {
		return keys{}, err
	}
	var k keys
	for listed := clients.library.ListHMACKeys(ctx, c.project); ; {
		key, err := listed.Next()
		switch {
		case errors.Is(err, iterator.Done):
			return k, nil
		case err != nil:
			return keys{}, api.Failed(keysCall, c.project, err)
		}
		k.some = true
		if key.State == storage.Inactive || key.State == storage.Deleted {
			continue
		}
		k.active++ // a state that is not known may be one that works
		if k.active == 1 || key.CreatedTime.Before(k.oldest) {
			k.oldest = key.CreatedTime
		}
	}
}
