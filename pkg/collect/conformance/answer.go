package conformance

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
)

// canary is the secret that must never come out.
const canary = "canary-7d1f0c52"

// secrets: nothing that was planted in an answer comes out, not even in the
// words about what is wrong with it.
func (b *bench) secrets(breach complain) {
	for _, e := range b.recording.Tape.Exchanges {
		for i, planted := range b.suite.Dialect.Plant(e, canary) {
			b.silent(planted, "intact", breach)
			if i > 1 {
				continue // the first of each sort stand for the others
			}
			for _, m := range malformations(b.suite.Dialect, planted) {
				b.silent(m.answer, m.name, breach)
			}
		}
	}
}

func (b *bench) silent(planted tape.Exchange, shape string, breach complain) {
	if !bytes.Contains(planted.Body, []byte(canary)) && shape != "intact" {
		return
	}
	o := b.play(instead(b.recording.Tape, planted.Call, planted), everything)
	text := o.text()
	if i := strings.Index(text, canary); i >= 0 {
		breach("a secret in the answer of %s (%s) comes out: …%s", planted.Call.Name, shape, text[max(0, i-200):i+len(canary)])
	}
}

// unseen is a word that no cloud uses yet. What stands before it, such as the
// service of an action, stays.
func unseen(word string) string { return word[:strings.LastIndexAny(word, ":/")+1] + "AndonUnseenWord" }

// unknownWords: each word from a list that the cloud may lengthen is replaced,
// everywhere it stands in turn, and nothing looks safer.
func (b *bench) unknownWords(breach complain) {
	for _, e := range b.recording.Tape.Exchanges {
		if b.role(e.Call.Name) == identity {
			continue
		}
		for _, word := range b.suite.Dialect.Words() {
			for n, body := range replaceEach(e.Body, word, unseen(word)) {
				changed := e
				changed.Body = body
				after := "when " + word + " in " + e.Call.Name + " becomes a word that is not known yet"
				o := b.play(instead(b.recording.Tape, e.Call, changed), everything)
				if b.role(e.Call.Name) == listing && o.loud() {
					continue
				}
				b.safer(o, after+nth(n), breach)
			}
		}
	}
}

func nth(n int) string {
	if n == 0 {
		return ""
	}
	return " (place " + string(rune('1'+n%9)) + ")"
}

// malformed: an answer that is not what it should be leaves a gap (or, where it
// does not matter, the same facts), never a crash, and nothing looks safer.
func (b *bench) malformed(breach complain) {
	for _, e := range b.recording.Tape.Exchanges {
		for _, m := range malformations(b.suite.Dialect, e) {
			if !b.saysNothing(m) {
				b.misread(m, breach)
			}
		}
	}
}

// saysNothing reports whether an answer without anything in it is how the cloud
// says that there is nothing.
func (b *bench) saysNothing(m malformation) bool {
	body := string(m.answer.Body)
	return (body == "" || body == "{}") && slices.Contains(b.suite.Dialect.Bare(), m.answer.Call.Name)
}

func (b *bench) misread(m malformation, breach complain) {
	call := m.answer.Call
	after := call.Name + " " + call.Input + " answered with " + m.name
	o := b.play(instead(b.recording.Tape, call, m.answer), everything)
	if text := o.text(); strings.Contains(text, "runtime error") {
		breach("%s: the collector crashed: %s", after, text)
	}
	if b.role(call.Name) != detail {
		if !o.loud() {
			b.same(o, after, breach)
		}
		return
	}
	b.safer(o, after, breach)
	for _, truth := range b.full.stores {
		if found := o.store(truth.ID); found != nil && !o.hasGapOf(call.Name) && facts(found) != facts(truth) {
			breach("%s: %s looks different, and no gap says why", after, truth.Name)
		}
	}
}

func (o *outcome) hasGapOf(call string) bool {
	return slices.ContainsFunc([]resource.Reason{resource.Malformed, resource.Failed, resource.Undecided, resource.Denied, resource.Unsupported},
		func(why resource.Reason) bool { return o.hasGap(call, why) })
}

func (b *bench) same(o *outcome, after string, breach complain) {
	if d := difference(b.full, o); d != "" {
		breach("%s: the run looks complete, and differs: %s", after, d)
	}
}

// facts is what lets in and keeps out, without how it was found.
func facts(r *resource.Resource) string {
	text, err := json.Marshal([]any{r.Grants, r.Guards, r.Gaps})
	if err != nil {
		return err.Error()
	}
	return string(text)
}
