package conformance

import (
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
)

// deterministic: two runs give the same bytes, one store at a time or all at
// once.
func (b *bench) deterministic(breach complain) {
	for _, concurrency := range []int{1, collect.DefaultConcurrency} {
		if d := difference(b.full, b.play(b.recording.Tape, errand{concurrency: concurrency})); d != "" {
			breach("a run with concurrency %d differs from the run before: %s", concurrency, d)
		}
	}
}

// verdict: what comes out is what the recording wants.
func (b *bench) verdict(breach complain) {
	if b.full.err != nil {
		breach("the recording cannot be replayed: %v", b.full.err)
	}
	if got := b.want(); got != b.recording.Want {
		breach("got\n%s\nwant\n%s\n(after a review: go test -update)", got, b.recording.Want)
	}
	b.safer(b.quick, "in a run that only decides who is let in", breach)
}

// paging: pages of one come to the same.
func (b *bench) paging(breach complain) {
	if len(b.recording.World) == 0 {
		return
	}
	transport, stop, err := b.suite.Dialect.Serve(b.recording.World, 1)
	if err != nil {
		breach("serve pages of one: %v", err)
		return
	}
	defer stop()
	o := b.collect(transport, everything)
	if d := difference(b.full, o); d != "" {
		breach("in pages of one: %s", d)
	}
	more := b.listings(o) > b.listings(b.full)
	b.seen.note(func(y *tally) { y.served, y.paged = true, y.paged || more })
}

func (b *bench) listings(o *outcome) int {
	return len(slices.DeleteFunc(slices.Clone(o.sent), func(name string) bool { return b.role(name) != listing }))
}

// throttling: each call is told to slow down once, in each way there is, and
// the run comes to the same.
func (b *bench) throttling(breach complain) {
	ways := 0
	for _, call := range calls(b.recording.Tape) {
		ways = max(ways, len(b.suite.Dialect.Refuse(call, resource.Throttled)))
	}
	for way := range ways {
		first := make(map[collect.Call]bool)
		slower := alter(b.recording.Tape, func(e tape.Exchange) []tape.Exchange {
			answers := b.suite.Dialect.Refuse(e.Call, resource.Throttled)
			if first[e.Call] || len(answers) == 0 {
				return []tape.Exchange{e}
			}
			first[e.Call] = true
			return []tape.Exchange{answers[min(way, len(answers)-1)], e}
		})
		if d := difference(b.full, b.play(slower, everything)); d != "" {
			breach("when every call is throttled once: %s", d)
		}
	}
}

// readOnly: nothing is called that is not declared.
func (b *bench) readOnly(breach complain) {
	allowed := append(b.suite.Kind.Calls(), b.suite.Dialect.Identity()...)
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(b.full.sent, b.quick.sent)))) {
		if !slices.Contains(allowed, name) {
			breach("%s is called and not declared", name)
		}
	}
	b.seen.note(func(y *tally) {
		for _, name := range b.full.sent {
			y.calls[name] = true
		}
	})
}

// declared: no channel and no setting comes out that kind.yaml does not name.
func (b *bench) declared(breach complain) {
	for _, r := range b.full.stores {
		for _, via := range channels(r) {
			if _, ok := b.suite.Kind.Channels[via]; !ok {
				breach("%s: the channel %q is not declared", r.Name, via)
			}
		}
		for key, s := range r.Settings {
			if want := b.suite.Kind.Settings[key].Type; typeOf(s.Value) != want {
				breach("%s: the setting %s holds a %s and is declared as %q", r.Name, key, typeOf(s.Value), want)
			}
			b.seen.note(func(y *tally) { y.settings[key] = true })
		}
	}
}

func channels(r *resource.Resource) []resource.Channel {
	var all []resource.Channel
	for _, g := range r.Grants {
		all = append(all, g.Via)
	}
	for _, g := range r.Guards {
		all = append(all, g.On...)
	}
	for _, g := range r.Gaps {
		for _, h := range g.Hides {
			all = append(all, h.Via)
		}
		for _, s := range g.Shields {
			all = append(all, s.On...)
		}
	}
	return all
}

// typeOf is the type of a setting in the words of kind.yaml.
func typeOf(value any) string {
	switch value.(type) {
	case bool:
		return "bool"
	case string:
		return "text"
	case float64:
		return "number"
	case []string:
		return "texts"
	}
	return "value of another type"
}
