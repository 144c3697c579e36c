package storageaccount

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/perimeter"
)

// containers asks which blob containers let in whoever has no credential. Where
// the account forbids that, none does by any way.
func (a *account) containers() *collect.Question {
	q := Kind.Question(containersCall, a.askContainers)
	if a.anonymousOff {
		q.Hides = slices.DeleteFunc(q.Hides, func(h resource.Hidden) bool { return h.Via == perimeter.Channel })
	}
	return q
}

// containerName is a name as Azure accepts it, which needs no escaping in a URL.
//
// Source: https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
var containerName = regexp.MustCompile(`^(?:\$root|\$web|\$logs|[a-z0-9][a-z0-9-]{2,62})$`)

// door are containers that let in whoever has no credential, in one way.
type door struct {
	names []string
	can   []resource.Action
	word  string
}

func (a *account) askContainers(ctx context.Context, r *resource.Resource) error {
	blobs := door{word: "Blob", can: []resource.Action{resource.Read}}
	whole := door{word: "Container", can: []resource.Action{resource.List, resource.Read, resource.ReadMeta}}
	var odd []string
	count := 0
	for item, err := range a.client.List(ctx, containersCall, a.id.Values()...) {
		switch {
		case unsupported(err):
			a.none(r, containersCall, err, "containers", "public_containers")
			return nil
		case err != nil:
			return arm.FailedOf(containersCall, a.id, err)
		}
		count++
		switch name, word, readable := access(item); {
		case !readable:
			odd = append(odd, name)
		case arm.Is(word, "Blob"):
			blobs.names = append(blobs.names, name)
		case arm.Is(word, "Container"):
			whole.names = append(whole.names, name)
		case word != "" && !arm.Is(word, "None"):
			odd = append(odd, name+": publicAccess="+firewall.Quote(word))
		}
	}
	a.oddContainers(r, odd, whole.can)
	a.openContainers(r, blobs)
	a.openContainers(r, whole)
	because := resource.Evidence{Call: containersCall, Of: string(r.ID), Pointer: "/value", Quote: fmt.Sprintf("containers: %d", count)}
	if len(odd)+len(blobs.names)+len(whole.names) == 0 {
		a.permits(r, whole.can, because)
	}
	r.Set("containers", float64(count), because)
	if len(odd) == 0 {
		r.Set("public_containers", float64(len(blobs.names)+len(whole.names)), because)
	}
	return nil
}

// access reads a container's level of anonymous access; without a word it has
// none.
//
// Source: https://learn.microsoft.com/rest/api/storagerp/blob-containers/list
func access(item arm.Item) (name, word string, readable bool) {
	record := item.Record()
	var p struct {
		Access json.RawMessage `json:"publicAccess"`
	}
	if record.Name == "" || record.Into(&p) != nil {
		return firewall.Quote(record.Name), "", false
	}
	if isNull(p.Access) {
		return firewall.Quote(record.Name), "", true
	}
	return firewall.Quote(record.Name), word, json.Unmarshal(p.Access, &word) == nil
}

// openContainers adds the containers of one level: at Blob, whoever knows a name
// reads; at Container, everybody sees the names, too.
//
// Source: https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure
func (a *account) openContainers(r *resource.Resource, d door) {
	if len(d.names) == 0 {
		return
	}
	named := firewall.Names(d.names)
	g := resource.Grant{
		To: resource.Anyone, Can: d.can, Via: containerChannel,
		Because: []resource.Evidence{{
			Call: containersCall, Of: string(r.ID), Pointer: "/value",
			Quote: "publicAccess=" + d.word + ": " + strings.Join(named, ", "),
		}},
		Note: "containers " + strings.Join(named, ", "),
	}
	if at, first := a.endpoint("blob"), slices.Min(d.names); at != "" && containerName.MatchString(first) {
		g.Witness = &resource.Witness{Principal: "anonymous", Action: "Get Blob", Resource: at + first + "/{blob}"}
		if d.word == "Container" {
			g.Witness.Action, g.Witness.Resource = "List Blobs", at+first+"?restype=container&comp=list"
		}
	}
	if !a.unread && isNull(a.AllowBlobPublicAccess) {
		g.Note += "; allowBlobPublicAccess was never set, which permits it"
	}
	r.Grants = append(r.Grants, g)
	if !a.anonymousOff {
		a.opened(r, g)
	}
}

// permits shows what keeps an account closed whose containers may let in whoever
// has no credential, and do not: the next one may.
func (a *account) permits(r *resource.Resource, can []resource.Action, because resource.Evidence) {
	if a.anonymousOff || a.unread || a.anonymousOdd {
		return
	}
	r.Grants = append(r.Grants, resource.Grant{
		To: resource.Anyone, Can: can, Via: nextChannel, Because: []resource.Evidence{because},
		Note: "once a container allows it; the account does",
	})
	r.Guards = append(r.Guards, resource.Guard{
		Name: "no container with anonymous access", On: []resource.Channel{nextChannel}, Cap: resource.Nobody, Because: []resource.Evidence{because},
	})
}

// oddContainers adds the gap of containers whose level is not known: anybody may
// be let in.
func (a *account) oddContainers(r *resource.Resource, names []string, can []resource.Action) {
	if len(names) == 0 {
		return
	}
	g := resource.Gap{
		Call: containersCall, Permission: permission(containersCall), Reason: resource.Undecided,
		Detail:   fmt.Sprintf("whom the containers %q let in is not known", firewall.Names(names)),
		Hides:    []resource.Hidden{{Via: containerChannel, To: resource.Anyone, Can: can}},
		Settings: []string{"public_containers"},
	}
	if !a.anonymousOff {
		g.Hides = append(g.Hides, resource.Hidden{Via: perimeter.Channel, To: resource.Anyone, Can: can})
	}
	r.Gaps = append(r.Gaps, g)
}

func permission(call string) string {
	return Kind.Reads[slices.IndexFunc(Kind.Reads, func(r collect.Reading) bool { return r.Call == call })].Permission
}

// website asks whether the static website is on. It asks nobody who they are,
// whatever the account says of containers; network rules apply to it.
//
// Source: https://learn.microsoft.com/azure/storage/blobs/storage-blob-static-website
func (a *account) website() *collect.Question {
	return Kind.Question(blobCall, func(ctx context.Context, r *resource.Resource) error {
		var answer struct {
			Properties *struct {
				Website *struct {
					Enabled *bool `json:"enabled"`
				} `json:"staticWebsite"`
				CORS json.RawMessage `json:"cors"`
			} `json:"properties"`
		}
		err := a.client.Get(ctx, blobCall, &answer, a.id.Values()...)
		switch {
		case unsupported(err):
			because := a.lacks(r, blobCall, err)
			r.Set("website", false, because)
			r.Set("cors_any_origin", false, because)
			return nil
		case err != nil:
			return arm.FailedOf(blobCall, a.id, err)
		}
		p := answer.Properties
		if p != nil && p.Website == nil && a.siteless() {
			r.Set("website", false, a.blobEvidence(r, "/properties", "kind="+a.kind+", staticWebsite is not set"))
			return a.addCORS(r, p.CORS)
		}
		if p == nil || p.Website == nil || p.Website.Enabled == nil {
			return arm.Failed(blobCall, a.id.Subscription, collect.Malformed(blobCall, "it does not say whether the static website is on"))
		}
		if err := a.addCORS(r, p.CORS); err != nil {
			return err
		}
		a.addWebsite(r, *p.Website.Enabled)
		return nil
	})
}

// siteless reports whether the account is of a kind that has no static website:
// "Static websites are only supported for StorageV2 (general-purpose v2) accounts",
// and for premium block blobs since. Where nothing is said of one there, there is
// none.
//
// Source: https://github.com/Azure/azure-cli
// (src/azure-cli/azure/cli/command_modules/storage/operations/blob.py)
func (a *account) siteless() bool { return arm.Is(a.kind, "Storage", "BlobStorage") }

func (a *account) blobEvidence(r *resource.Resource, pointer, quote string) resource.Evidence {
	return resource.Evidence{Call: blobCall, Of: string(r.ID), Pointer: pointer, Quote: quote}
}

func (a *account) addWebsite(r *resource.Resource, enabled bool) {
	because := a.blobEvidence(r, "/properties/staticWebsite/enabled", fmt.Sprint(enabled))
	r.Set("website", enabled, because)
	if !enabled {
		return
	}
	g := resource.Grant{
		To: resource.Anyone, Can: []resource.Action{resource.Read}, Via: websiteChannel, Because: []resource.Evidence{because},
		Note: "everything in the container $web",
	}
	if at := a.endpoint("web"); at != "" {
		g.Witness = &resource.Witness{Principal: "anonymous", Action: "GET", Resource: at}
	}
	r.Grants = append(r.Grants, g)
	a.opened(r, g)
}

// addCORS reads whether scripts of any website may read. That opens nothing by
// itself.
//
// Source: https://learn.microsoft.com/rest/api/storageservices/cross-origin-resource-sharing--cors--support-for-the-azure-storage-services
func (a *account) addCORS(r *resource.Resource, raw json.RawMessage) error {
	var cors struct {
		Rules []struct {
			Origins []string `json:"allowedOrigins"`
		} `json:"corsRules"`
	}
	pointer, quote := "/properties", "cors is not set"
	if !isNull(raw) {
		if json.Unmarshal(raw, &cors) != nil {
			return arm.Failed(blobCall, a.id.Subscription, collect.Malformed(blobCall, "cors cannot be read"))
		}
		pointer, quote = "/properties/cors", fmt.Sprintf("%d rules", len(cors.Rules))
	}
	any := false
	for _, rule := range cors.Rules {
		any = any || slices.Contains(rule.Origins, "*")
	}
	r.Set("cors_any_origin", any, a.blobEvidence(r, pointer, quote))
	return nil
}

// opened remembers somebody who needs no credential, and adds them to those whom
// the perimeter lets in, or may.
func (a *account) opened(r *resource.Resource, g resource.Grant) {
	a.open = append(a.open, g)
	switch {
	case a.inbound != nil:
		a.through(r, g)
	case a.refused != nil:
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: perimeterCall, Permission: a.perimeter.Permission, Reason: a.refused.Reason, Detail: a.refused.String(),
			Hides: []resource.Hidden{behind(g, resource.ReachInternet)},
		})
	default:
		a.perimeter.Hides = append(a.perimeter.Hides, behind(g, resource.ReachInternet))
	}
}

// behind is a grant as the perimeter may hide it.
func behind(g resource.Grant, reach resource.Reach) resource.Hidden {
	return resource.Hidden{Via: perimeter.Channel, To: resource.Audience{Reach: reach, Credential: resource.CredentialNone}, Can: g.Can}
}

// watchPerimeter remembers that the perimeter could not be asked for, for what is
// found later.
func (a *account) watchPerimeter() {
	ask := a.perimeter.Ask
	a.perimeter.Ask = func(ctx context.Context, r *resource.Resource) error {
		err := ask(ctx, r)
		if err != nil {
			refusal := a.client.Refusal(err)
			a.refused = &refusal
		}
		return err
	}
}

// learnPerimeter adds what the perimeter does to requests without a credential.
// Where there is none, nobody comes in by it.
func (a *account) learnPerimeter(r *resource.Resource, in perimeter.Inbound) {
	a.inbound = &in
	if limit, stands := in.Admission.Guard("no network security perimeter", []resource.Channel{perimeter.Channel}, in.Because...); stands && !in.Associated {
		r.Guards = append(r.Guards, limit)
	}
	for _, g := range a.open {
		a.through(r, g)
	}
}

// through adds somebody who needs no credential as the perimeter lets them in: its
// address rules ask for none, while those for subscriptions ask for an identity. An
// account of which it is not known what its containers may do may close them there,
// too.
//
// Source: https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts
func (a *account) through(r *resource.Resource, g resource.Grant) {
	if !a.inbound.Associated {
		return
	}
	admission := a.inbound.Admission
	grants := admission.Grants(perimeter.Channel, resource.CredentialNone, g.Can, append(slices.Clone(g.Because), a.inbound.Because...)...)
	_, hidden := admission.Hides(perimeter.Channel, resource.CredentialNone, g.Can)
	detail := "whom the perimeter lets in is not known, and " + g.Note + " ask for no credential"
	odd := g.Via == containerChannel && (a.unread || a.anonymousOdd)
	if odd && a.inbound.Certain {
		detail = "whether containers that the perimeter leads to may let in whoever has no credential is not known: " + g.Note
	}
	if odd || !a.inbound.Certain {
		for _, through := range grants {
			hidden = append(hidden, resource.Hidden{Via: through.Via, To: through.To, Can: through.Can})
		}
		grants = nil
	}
	for i := range grants {
		grants[i].Note, grants[i].Witness = g.Note, g.Witness
	}
	r.Grants = append(r.Grants, grants...)
	if len(hidden) > 0 {
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: perimeterCall, Permission: a.perimeter.Permission, Reason: resource.Undecided,
			Detail: detail, Hides: hidden,
		})
	}
}
