package conformance

import (
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
)

// reasons are the ways to refuse that the suite tries.
var reasons = []resource.Reason{resource.Denied, resource.Throttled, resource.Failed, resource.Unsupported}

// refusal: without one answer the store is still there, the gap is named, and
// nothing looks safer.
func (b *bench) refusal(breach complain) {
	for _, call := range b.details() {
		for _, why := range reasons {
			for _, answer := range b.suite.Dialect.Refuse(call, why) {
				b.refuse(call, why, answer, breach)
			}
		}
	}
}

func (b *bench) refuse(call collect.Call, why resource.Reason, answer tape.Exchange, breach complain) {
	after := "after " + string(why) + " " + call.Name + " " + call.Input
	refused := instead(b.recording.Tape, call, answer)
	o := b.play(refused, everything)
	b.safer(o, after, breach)
	b.settledSafer(b.full, o, after, breach)
	if !b.allGone() && !o.hasGap(call.Name, why) {
		breach("%s: no store says that this is missing, and why", after)
	}
	if !b.allGone() && !slices.ContainsFunc(o.ledger, func(l collect.Line) bool { return !l.Complete() }) {
		breach("%s: the ledger shows everything as read", after)
	}
	if why == resource.Denied {
		b.refuseQuick(refused, after+" in a run that only decides who is let in", breach)
	}
}

// refuseQuick is refuse for a run that stops asking when it has decided, and
// asks on where it misses an answer.
func (b *bench) refuseQuick(refused *tape.Tape, after string, breach complain) {
	o := b.play(refused, b.suite.verdictErrand())
	b.safer(o, after, breach)
	b.settledSafer(b.quick, o, after, breach)
}

// allGone reports whether every store was deleted before it was read: then
// there is nothing that could be missing.
func (b *bench) allGone() bool {
	return !slices.ContainsFunc(b.full.stores, func(r *resource.Resource) bool { return !r.Gone })
}

func (o *outcome) hasGap(call string, why resource.Reason) bool {
	return slices.ContainsFunc(o.stores, func(r *resource.Resource) bool {
		return slices.ContainsFunc(r.Gaps, func(g resource.Gap) bool { return g.Call == call && g.Reason == why })
	})
}

// refusedListing: a run that could not list says so, and keeps what it has.
func (b *bench) refusedListing(breach complain) {
	for _, call := range calls(b.recording.Tape) {
		if b.role(call.Name) == detail {
			continue
		}
		for _, why := range reasons {
			for _, answer := range b.suite.Dialect.Refuse(call, why) {
				o := b.play(instead(b.recording.Tape, call, answer), everything)
				if !o.loud() {
					breach("after %s %s %s: the run does not say that it is incomplete", why, call.Name, call.Input)
				}
				b.saysWhatItNeeds(o, call.Name, breach)
			}
		}
	}
	b.refusedPage(breach)
}

// saysWhatItNeeds: the permission of a refused listing is in the ledger.
func (b *bench) saysWhatItNeeds(o *outcome, call string, breach complain) {
	for _, line := range o.ledger {
		if line.Refused != nil && line.Permission == "" && b.role(call) == listing {
			breach("after a refused %s: the ledger does not say which permission it needs", call)
		}
	}
}

// refusedPage: what was listed before a page was refused stays.
func (b *bench) refusedPage(breach complain) {
	if len(b.recording.World) == 0 {
		return
	}
	pages, err := b.suite.record(b.ctx, b.recording.World, 1)
	if err != nil {
		breach("record pages of one: %v", err)
		return
	}
	listings := slices.DeleteFunc(calls(pages), func(c collect.Call) bool { return b.role(c.Name) != listing })
	first := make(map[string]bool)
	for _, call := range listings {
		lane := call.Name + " " + call.Region
		if !first[lane] {
			first[lane] = true
			continue
		}
		o := b.play(instead(pages, call, b.suite.Dialect.Refuse(call, resource.Denied)[0]), everything)
		if !o.loud() {
			breach("after a refused later page of %s: the run does not say that it is incomplete", call.Name)
		}
		if len(o.stores) == 0 {
			breach("after a refused later page of %s: the stores of the pages before it are lost", call.Name)
		}
	}
}
