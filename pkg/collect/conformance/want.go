package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
)

// want spells what runs make of a recording, for people to check by hand:
//
//	aws.s3.bucket open range=public settled=public calls=3 full=8
//	  lets internet/none list via acl
//	  guard account Block Public Access (IgnorePublicAcls)
//	  gap malformed s3:GetBucketPolicy
//	  latent public without bucket Block Public Access (IgnorePublicAcls)
//	  acls_enabled=true
//
// range is the verdict when every question is asked, settled the verdict of a
// run that only decides who is let in; calls and full are the questions about
// the store that the two of them ask. Guards that stop nobody are left out, and
// incomplete listings follow at the end.
func (b *bench) want() string {
	var out strings.Builder
	for _, r := range b.full.stores {
		if r.Gone {
			fmt.Fprintf(&out, "%s %s gone\n", r.Kind, r.Name)
			continue
		}
		settled, asked := "missing", 0
		if quick := b.quick.store(r.ID); quick != nil {
			settled, asked = exposure.Assess(quick).Settled.String(), quick.Calls
		}
		a := exposure.Assess(r)
		fmt.Fprintf(&out, "%s %s range=%s settled=%s calls=%d full=%d\n", r.Kind, r.Name, a.Range, settled, asked, r.Calls)
		describe(&out, r, &a)
		for _, key := range slices.Sorted(maps.Keys(b.suite.Kind.Settings)) {
			if s, ok := r.Settings[key]; ok {
				fmt.Fprintf(&out, "  %s=%v\n", key, s.Value)
			}
		}
	}
	for _, line := range b.full.ledger {
		if !line.Complete() {
			out.WriteString(incomplete(line))
		}
	}
	return out.String()
}

func describe(out *strings.Builder, r *resource.Resource, a *exposure.Assessment) {
	for _, g := range r.Grants {
		fmt.Fprintf(out, "  lets %s %s via %s%s\n", audience(g.To), join(g.Can), g.Via, note(g.Note))
	}
	for _, g := range r.Guards {
		if !resource.Anyone.Within(g.Cap) {
			fmt.Fprintf(out, "  guard %s on %s\n", g.Name, join(g.On))
		}
	}
	for _, g := range r.Gaps {
		fmt.Fprintf(out, "  gap %s %s\n", g.Reason, g.Call)
	}
	for _, l := range a.Latent {
		fmt.Fprintf(out, "  latent %s without %s\n", l.Level, strings.Join(l.Without, " and "))
	}
}

func audience(a resource.Audience) string {
	text := a.Reach.String() + "/" + a.Credential.String()
	if len(a.Named) > 0 {
		text += " (" + strings.Join(a.Named, ", ") + ")"
	}
	return text
}

func note(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func join[T ~string](words []T) string {
	var texts []string
	for _, w := range words {
		texts = append(texts, string(w))
	}
	return strings.Join(texts, "+")
}

func incomplete(l collect.Line) string {
	why := fmt.Sprintf("%d of %d not read in full", l.Unread, l.Stores)
	if l.Refused != nil {
		why = string(l.Refused.Reason) + " " + l.Refused.Call
	}
	return fmt.Sprintf("incomplete %s %s: %s\n", l.Scope, l.Kind, why)
}
