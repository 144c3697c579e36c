package account

import (
	"context"
	"iter"

	"github.com/andon-audit/andon/pkg/resource"
)

// paginator is what the SDK makes of a listing call.
type paginator[Page, Options any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*Options)) (*Page, error)
}

// List yields what the pages of a listing hold, as collect.Collector wants it.
// items takes the entries out of a page, or says why it cannot be one: the SDK
// decodes any document without an error. describe returns nil for an entry that
// is passed over.
func List[Page, Options, Item any](
	ctx context.Context, pages paginator[Page, Options],
	items func(*Page) ([]Item, error), describe func(*Item) *resource.Resource,
) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			var found []Item
			if err == nil {
				found, err = items(page)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range found {
				if r := describe(&found[i]); r != nil && !yield(r, nil) {
					return
				}
			}
		}
	}
}
