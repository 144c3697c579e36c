package explain

import (
	"strings"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/resource"
)

// contents is what a class of store holds, in the owner's words.
var contents = map[resource.Class]string{
	"bucket": "its objects", "access-point": "the objects behind it", "database": "its data", "snapshot": "its data",
}

// noun is what an owner calls such a store: the last part of its kind, "bucket",
// "disk"; an account alone could be any.
func (t *text) noun() string {
	kind := string(t.r.Kind)
	last := kind[strings.LastIndexByte(kind, '.')+1:]
	switch last {
	case "":
		return "store"
	case "account":
		return report.Kind(t.r.Kind)
	default:
		return strings.ReplaceAll(last, "_", " ")
	}
}

func (t *text) holds() string {
	if what, ok := contents[t.r.Class]; ok {
		return what
	}
	return "its contents"
}

// verdict is the store in a sentence or two.
func (t *text) verdict() string {
	if t.r.Gone {
		return "This " + t.noun() + " was listed, but had been deleted by the time it was read: there is nothing left to judge."
	}
	settled := t.store.Assessment.Settled
	if settled.Decided() {
		return t.proven(settled.Least)
	}
	return t.proven(settled.Least) + " " + possible[settled.Most]
}

var possible = map[exposure.Level]string{
	exposure.Shared:    "What could not be read may still let named outsiders in: the verdict is unknown.",
	exposure.Reachable: "What could not be read may still let anyone reach it: the verdict is unknown.",
	exposure.Tenant:    "What could not be read may still open it to any account of the cloud: the verdict is unknown.",
	exposure.Public:    "What could not be read may still make it public: the verdict is unknown.",
}

// proven says what the evidence shows at a level: who can do what.
func (t *text) proven(level exposure.Level) string {
	if level == exposure.Private {
		if t.store.Assessment.Settled.Decided() {
			return "Nobody outside the owner's account or organisation gets into this " + t.noun() + "."
		}
		return "Nothing that was read lets an outsider into this " + t.noun() + "."
	}
	for _, o := range t.openings {
		if o.Range.Least == level {
			return sentence(o.Who) + " can " + t.deeds(o.Can) + "."
		}
	}
	return "This " + t.noun() + " is " + level.String() + "."
}

// sentence makes an audience the subject of a sentence. Names keep their
// spelling: an ARN does not begin with a capital.
func sentence(who string) string {
	if who == "anyone" {
		return "Anyone on the internet"
	}
	for _, ours := range []string{"any", "account", "named"} {
		if strings.HasPrefix(who, ours) {
			return strings.ToUpper(who[:1]) + who[1:]
		}
	}
	return who
}

// deeds joins what actions mean here: "list this bucket, read its objects and
// change who is let in".
func (t *text) deeds(can []resource.Action) string {
	var said []string
	for _, a := range can {
		said = append(said, t.deed(a))
	}
	if len(said) < 2 {
		return strings.Join(said, "")
	}
	last := len(said) - 1
	return strings.Join(said[:last], ", ") + " and " + said[last]
}

func (t *text) deed(a resource.Action) string {
	switch a {
	case resource.List:
		return "list this " + t.noun()
	case resource.Read:
		return "read " + t.holds()
	case resource.Write:
		return "add or replace " + t.holds()
	case resource.Delete:
		return "delete " + t.holds()
	case resource.Restore:
		return "copy all of this " + t.noun()
	case resource.Connect:
		return "connect to this " + t.noun()
	case resource.ReadACL:
		return "see who is let in"
	case resource.TakeOver:
		return "change who is let in"
	case resource.Configure:
		return "change its settings"
	case resource.ReadMeta:
		return "see its settings"
	case resource.AnyAction:
		return "use it in ways that it does not name"
	}
	return report.Actions([]resource.Action{a})
}
