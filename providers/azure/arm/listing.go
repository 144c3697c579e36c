package arm

import (
	"context"
	"errors"
	"iter"
	"strconv"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
)

// Stores yields a store for every entry of a subscription's listing, in its order.
// An entry that is odd stays a store, and once all the others are told the last
// error says what is odd about the first.
func (c *Client) Stores(ctx context.Context, call, subscription string, describe func(Item) (r *resource.Resource, odd error)) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		var odd error
		for item, err := range c.List(ctx, call, subscription) {
			if err != nil {
				yield(nil, Failed(call, subscription, err))
				return
			}
			r, why := describe(item)
			if why != nil && odd == nil {
				odd = collect.Malformed(call, "%s: %w", r.Name, why)
			}
			if !yield(r, nil) {
				return
			}
		}
		if odd != nil {
			yield(nil, Failed(call, subscription, odd))
		}
	}
}

// Store begins to describe a record of a type. The error says why it cannot be
// told from others of the subscription that was listed; it is then known by its
// place in the listing alone.
func (r Record) Store(kind *collect.Kind, of string, scope resource.Scope) (s *resource.Resource, unnamed error) {
	s = &resource.Resource{
		ID: resource.ID(r.ID), Kind: kind.Name, Class: kind.Class, Name: r.Name,
		Scope: scope, Created: r.Created, Tags: r.Tags,
	}
	if r.ID == "" || r.Name == "" {
		unnamed = errors.New("it has no id or no name")
	} else {
		_, unnamed = ParseListed(r.ID, of, scope.Account)
	}
	if unnamed != nil {
		place := strconv.Itoa(r.Item.Place + 1)
		s.Name = "entry " + place + " of the listing"
		s.ID = resource.ID("/subscriptions/" + scope.Account + "/providers/" + of + "/#" + place)
	}
	return s, unnamed
}
