package resourcepolicy

import (
	"fmt"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/iam"
)

func (at *Attachment) grant(class iam.Class, admission iam.Admission) resource.Grant {
	evidence, _ := at.cite(admission.Allow)
	evidence.Quote = quote(class, admission)
	return resource.Grant{
		To:      iam.Audience(class, admission.Network).Meet(at.Door.To),
		Can:     at.Can(admission.Actions),
		Because: []resource.Evidence{evidence},
		Witness: Witness(admission.Witness),
		Note:    note(class, admission),
	}
}

// beside marks the statements of the second policy among those of the first.
const beside = "beside "

// denials are the second policy's, marked as its own.
func (at *Attachment) denials() []iam.Statement {
	if at.Beside == nil || at.Beside.Policy == nil {
		return nil
	}
	var denials []iam.Statement
	for _, s := range at.Beside.Policy.Statements {
		if s.Effect == iam.ExplicitDeny {
			s.Pointer = beside + s.Pointer
			denials = append(denials, s)
		}
	}
	return denials
}

// cite leads to a statement or condition of the policy or of the one beside it.
// The second result is false where there is no such place.
func (at *Attachment) cite(place string) (resource.Evidence, bool) {
	from, own := at.Source, strings.TrimPrefix(place, beside)
	if own != place {
		from = at.Beside.Source
	}
	return from.at(own), strings.HasPrefix(own, "/")
}

// at leads to a place in a policy: into the answer itself where that is the
// policy, else through the element that holds its text.
func (s Source) at(place string) resource.Evidence {
	if s.Pointer != "" {
		place = s.Pointer + "#" + place
	}
	return resource.Evidence{Call: s.Call, Of: s.Of, Pointer: place}
}

func quote(class iam.Class, a iam.Admission) string {
	text := "Allow " + summary(a.Actions) + " to " + string(class)
	if len(a.Conditions) > 0 {
		text += " where " + strings.Join(a.Conditions, " and ")
	}
	return text
}

const quoted = 4 // actions named in a quote before "… and N more"

func summary(actions []string) string {
	if len(actions) <= quoted {
		return strings.Join(actions, ", ")
	}
	return fmt.Sprintf("%s and %d more actions", strings.Join(actions[:quoted], ", "), len(actions)-quoted)
}

func note(class iam.Class, a iam.Admission) string {
	var notes []string
	if class == iam.AnyService {
		notes = append(notes, "through an AWS service acting for a stranger: the policy does not say for whom the service may act")
	}
	if a.From != "" {
		notes = append(notes, "from "+a.From)
	}
	if a.Until != "" {
		notes = append(notes, "until "+a.Until)
	}
	return strings.Join(notes, "; ")
}

// Witness shows a request that a policy was found to allow.
func Witness(r iam.Request) *resource.Witness {
	w := &resource.Witness{Principal: strings.TrimSpace(r.Principal.Kind + " " + r.Principal.ID), Action: r.Action, Resource: r.Resource, Context: make(map[string]string)}
	for key, values := range r.Shown() {
		w.Context[key] = strings.Join(values, ", ")
	}
	return w
}
