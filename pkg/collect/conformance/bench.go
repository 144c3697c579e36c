package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
)

// bench is one recording under examination, with what undisturbed runs make of
// it: the truth that every disturbed run is measured against.
type bench struct {
	suite     Suite
	ctx       context.Context
	recording *Recording
	full      *outcome // every question asked
	quick     *outcome // only what decides who is let in
	seen      *tally
}

func (s Suite) bench(ctx context.Context, r *Recording, seen *tally) *bench {
	b := &bench{suite: s, ctx: ctx, recording: r, seen: seen}
	b.full = b.play(r.Tape, everything)
	b.quick = b.play(r.Tape, s.verdictErrand())
	return b
}

func (b *bench) play(t *tape.Tape, e errand) *outcome { return b.collect(tape.NewPlayer(t), e) }

func (b *bench) collect(transport http.RoundTripper, e errand) *outcome {
	b.seen.note(func(y *tally) { y.count++ })
	return b.suite.collect(b.ctx, transport, e)
}

// role says what a call is to the kind under examination.
type role int

const (
	identity role = iota // the provider's own
	listing
	detail
)

func (b *bench) role(call string) role {
	kind := b.suite.Kind
	switch {
	case slices.ContainsFunc(kind.Reads, func(r collect.Reading) bool { return r.Call == call }):
		return detail
	case slices.ContainsFunc(kind.Lists, func(l collect.Listing) bool { return l.Call == call }):
		return listing
	}
	return identity
}

// details returns the recorded calls about single stores and scopes.
func (b *bench) details() []collect.Call {
	return slices.DeleteFunc(calls(b.recording.Tape), func(c collect.Call) bool { return b.role(c.Name) != detail })
}

// safer complains about every store that a disturbed run lost or shows in a
// better light than the truth does.
func (b *bench) safer(o *outcome, after string, breach complain) {
	for _, truth := range b.full.stores {
		found := o.store(truth.ID)
		if found == nil {
			breach("%s: %s is not there any more", after, truth.Name)
			continue
		}
		if truth.Gone {
			continue // nothing was known, so nothing can be lost
		}
		if found.Gone {
			breach("%s: %s is taken for deleted", after, truth.Name)
			continue
		}
		was, is := exposure.View{}.Range(truth), exposure.View{}.Range(found)
		if !is.Contains(was) {
			breach("%s: %s is %s, which does not contain the truth, %s", after, truth.Name, is, was)
		} else if action, ok := saferFor(truth, found); ok {
			breach("%s: %s looks safer than it is to whoever asks about %q alone", after, truth.Name, action)
		}
	}
}

// saferFor finds an action for which a store looks safer than the truth, whole
// ranges aside: policies ask about single actions.
func saferFor(truth, found *resource.Resource) (resource.Action, bool) {
	for _, action := range resource.Actions() {
		view := exposure.View{Can: []resource.Action{action}}
		if view.Range(found).Most < view.Range(truth).Most {
			return action, true
		}
	}
	return "", false
}

// settledSafer complains about stores whose settled verdict became better than
// that of the undisturbed run of the same kind.
func (b *bench) settledSafer(undisturbed, o *outcome, after string, breach complain) {
	for _, before := range undisturbed.stores {
		found := o.store(before.ID)
		if found == nil || found.Gone || before.Gone {
			continue // said already
		}
		was, is := exposure.Assess(before).Settled, exposure.Assess(found).Settled
		if is.Most < was.Most {
			breach("%s: %s is settled as %s, safer than the %s before", after, before.Name, is, was)
		}
	}
}

func (o *outcome) store(id resource.ID) *resource.Resource {
	for _, r := range o.stores {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// loud reports whether the run says that it did not see everything.
func (o *outcome) loud() bool {
	return o.err != nil || slices.ContainsFunc(o.ledger, func(l collect.Line) bool { return l.Refused != nil })
}

// text is everything that comes out of a run, byte for byte.
func (o *outcome) text() string {
	var out strings.Builder
	write := func(v any) {
		text, err := json.Marshal(v)
		if err != nil {
			text = []byte(err.Error())
		}
		out.Write(text)
		out.WriteByte('\n')
	}
	for _, r := range o.stores {
		write(r)
	}
	for _, l := range o.ledger {
		write(l)
	}
	if o.err != nil {
		write(o.err.Error())
	}
	return out.String()
}

// difference is the first line in which two outcomes differ, "" when there is
// none.
func difference(a, b *outcome) string {
	left, right := strings.Split(a.text(), "\n"), strings.Split(b.text(), "\n")
	for i := range max(len(left), len(right)) {
		var l, r string
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		if l != r {
			return "\n" + l + "\nbecomes\n" + r
		}
	}
	return ""
}

// callLog is a transport that remembers the names of the calls made.
type callLog struct {
	next http.RoundTripper
	mu   sync.Mutex
	sent []string
}

func (l *callLog) RoundTrip(req *http.Request) (*http.Response, error) {
	call, ok := collect.CallOf(req.Context())
	if !ok {
		call.Name = "an unnamed request"
	}
	l.mu.Lock()
	l.sent = append(l.sent, call.Name)
	l.mu.Unlock()
	return l.next.RoundTrip(req)
}

func (l *callLog) names() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.sent)
}
