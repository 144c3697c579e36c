package collect

import (
	"github.com/andon-audit/andon/pkg/resource"
)

// Ledger says what was seen, one line for each collector of each scope, in
// order. What is not in the ledger was not looked at.
type Ledger []Line

// Line is one collector's coverage of one scope.
type Line struct {
	Scope resource.Scope
	Kind  resource.Kind
	// Stores counts what was listed and handed over, Unread those with a
	// question that was asked and got no answer that could be read, Gone those deleted meanwhile.
	Stores, Unread, Gone int
	// Refused is set when the listing did not reach its end.
	Refused *Refusal
	// Absent is set when the listing was refused because the endpoint does not
	// offer a kind that is not offered everywhere: nothing was missed.
	Absent bool
	// Permission is what the refused listing needs.
	Permission string
	// Gaps counts unanswered questions by call; First is one of them.
	Gaps  map[string]int
	First *resource.Gap
}

// Complete reports whether everything that was set out to be read was read.
func (l Line) Complete() bool { return l.Refused == nil && l.Unread == 0 }

func (l *Line) refuse(refusal Refusal, kind *Kind) {
	if refusal.Call == "" && len(kind.Lists) > 0 {
		refusal.Call = kind.Lists[0].Call
	}
	for _, listing := range kind.Lists {
		if listing.Call == refusal.Call {
			l.Permission = listing.Permission
		}
	}
	l.Refused, l.Absent = &refusal, kind.Sparse && refusal.Reason == resource.Unsupported
}

func (l *Line) count(r *resource.Resource) {
	l.Stores++
	if r.Gone {
		l.Gone++
		return
	}
	unread := false
	for _, g := range r.Gaps {
		if g.Reason == resource.NotAsked || g.Reason == resource.Undecided {
			continue
		}
		unread = true
		if l.Gaps == nil {
			l.Gaps = make(map[string]int)
		}
		l.Gaps[g.Call]++
		if l.First == nil {
			l.First = &g
		}
	}
	if unread {
		l.Unread++
	}
}

func ledgerOf(units []*unit) Ledger {
	lines := make(Ledger, 0, len(units))
	for _, u := range units {
		lines = append(lines, u.line)
	}
	return lines
}
