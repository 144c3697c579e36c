package authorisednetwork

import "github.com/andon-audit/andon/pkg/resource"

// Listed is a database while it is described from one entry of a listing, which
// is all that is read of it.
type Listed struct {
	*resource.Resource
	// Call is the listing, Permission what it needs.
	Call, Permission string
	// Pointer leads to the list in an answer. It does not lead on to the entry,
	// whose place changes with the paging.
	Pointer string
}

// Cited is the evidence of what the entry says.
func (l *Listed) Cited(quote string) resource.Evidence {
	return resource.Evidence{Call: l.Call, Of: l.Name, Pointer: l.Pointer, Quote: quote}
}

// Said spells a member and its value, or that it is not there.
func Said(member, value string) string {
	if value == "" {
		return member + " is not set"
	}
	return member + "=" + Quote(value)
}

// Note adds facts that explain the verdict.
func (l *Listed) Note(texts ...string) { l.Notes = append(l.Notes, texts...) }

// SetText records a text, if there is one.
func (l *Listed) SetText(key, value, member string) {
	if value != "" {
		l.Set(key, value, l.Cited(Said(member, value)))
	}
}

// Grant adds who is let in.
func (l *Listed) Grant(grants ...resource.Grant) { l.Grants = append(l.Grants, grants...) }

// Close adds a guard that lets nobody from outside through on the channels.
func (l *Listed) Close(name string, because resource.Evidence, on ...resource.Channel) {
	l.Guards = append(l.Guards, resource.Guard{Name: name, On: on, Cap: resource.Nobody, Because: []resource.Evidence{because}})
}

// Unread adds the gap of an entry that lacks what decides about it: anybody may
// be let in. It lacks the settings, too.
func (l *Listed) Unread(detail string, settings ...string) {
	g := l.gap(resource.Malformed, detail)
	g.Hides, g.Settings = []resource.Hidden{Anybody(), AnyConsumer()}, settings
	l.Gaps = append(l.Gaps, g)
}

// Nameless adds the gap of an entry without a name. What lacks that may lack more:
// what seemed to keep others out is not believed.
func (l *Listed) Nameless() {
	l.Guards = nil
	l.Unread("the entry has no name")
}

// Doubt adds the gap of a word that is not understood: it may be a guard like
// that of Close on the channels, and it leaves a setting ("" for none) unread.
func (l *Listed) Doubt(detail, setting string, on ...resource.Channel) {
	g := l.gap(resource.Undecided, detail)
	if len(on) > 0 {
		g.Shields = []resource.Shield{{On: on, Cap: resource.Nobody}}
	}
	if setting != "" {
		g.Settings = []string{setting}
	}
	l.Gaps = append(l.Gaps, g)
}

// Hide adds the gap of something that may let somebody in. Nothing hidden is no
// gap.
func (l *Listed) Hide(detail string, hidden ...resource.Hidden) {
	if len(hidden) == 0 {
		return
	}
	g := l.gap(resource.Undecided, detail)
	g.Hides = hidden
	l.Gaps = append(l.Gaps, g)
}

func (l *Listed) gap(reason resource.Reason, detail string) resource.Gap {
	return resource.Gap{Call: l.Call, Permission: l.Permission, Reason: reason, Detail: detail}
}
