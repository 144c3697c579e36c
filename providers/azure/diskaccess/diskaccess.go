// Package diskaccess collects what managed disks and their snapshots have in
// common: both can be exported, and written to by upload, by a URL with a shared
// access signature in it. Whoever has such a URL needs nothing else, unless the
// disk asks for a sign-in as well.
//
// Resource Manager never shows the URL. It shows that there is one (diskState),
// and what stands in its way: networkAccessPolicy, publicNetworkAccess and
// dataAccessAuthMode. All of it stands in the listing.
//
// Use it from a kind that is listed with these members, and nothing else decides
// who is let in.
package diskaccess

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

// Link is the way in by a URL that carries its own credential.
const Link resource.Channel = "link"

// Collector lists the disks, or the snapshots, of one subscription.
type Collector struct {
	client   *arm.Client
	scope    resource.Scope
	kind     *collect.Kind
	typeName string
}

// New returns the collector of a kind, whose one listing holds resources of a
// type such as "Microsoft.Compute/disks".
func New(c *arm.Client, scope resource.Scope, kind *collect.Kind, typeName string) *Collector {
	return &Collector{client: c, scope: scope, kind: kind, typeName: typeName}
}

// Kind implements collect.Collector.
func (c *Collector) Kind() *collect.Kind { return c.kind }

// Questions implements collect.Collector: the listing tells everything.
func (c *Collector) Questions(*resource.Resource) []*collect.Question { return nil }

func (c *Collector) listCall() string { return c.kind.Lists[0].Call }

// List implements collect.Collector. An entry that cannot be told from others is
// a store of which nothing is known, and the last error says so as well.
func (c *Collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return c.client.Stores(ctx, c.listCall(), c.scope.Account, c.Describe)
}

// properties are the members that disks and snapshots share. Each is read by
// itself, so that an odd one does not hide the others.
type properties struct {
	State       json.RawMessage `json:"diskState"`
	Policy      json.RawMessage `json:"networkAccessPolicy"`
	Public      json.RawMessage `json:"publicNetworkAccess"`
	Mode        json.RawMessage `json:"dataAccessAuthMode"`
	Access      json.RawMessage `json:"diskAccessId"`
	Created     json.RawMessage `json:"timeCreated"`
	System      json.RawMessage `json:"osType"`
	Incremental json.RawMessage `json:"incremental"`
	Encryption  json.RawMessage `json:"encryption"`
	Creation    json.RawMessage `json:"creationData"`
}

// store is a disk while it is described.
type store struct {
	*resource.Resource
	collector *Collector
	record    arm.Record
	has       properties
}

// Describe makes a store of an entry of the listing. The error says why the entry
// has no id or no name to go by, and the store is known by its place alone.
func (c *Collector) Describe(item arm.Item) (r *resource.Resource, unnamed error) {
	record := item.Record()
	r, unnamed = record.Store(c.kind, c.typeName, c.scope)
	s := store{collector: c, record: record, Resource: r}
	if err := record.Into(&s.has); err != nil {
		s.unread("its properties cannot be read")
		return s.Resource, unnamed
	}
	s.describe()
	if unnamed != nil {
		// What lacks a name may lack more: what seems to keep others out only may.
		s.unread(unnamed.Error())
		s.Gaps[len(s.Gaps)-1].Shields = firewall.Unguard(s.Resource)
	}
	return s.Resource, unnamed
}

func (s *store) describe() {
	if s.Created.IsZero() {
		created, _, _ := arm.Text(s.has.Created)
		s.Created, _ = time.Parse(time.RFC3339, created) // what is no time stays unknown
	}
	s.addState()
	s.addPolicy()
	s.addPublicAccess()
	s.addSignIn()
	s.addFacts()
}

// addState reads whether there is a URL at this moment. Only then is anybody let
// in; what would be, if somebody made one, is the same grant behind a guard. A
// state that is not told, or not known, may be either.
//
// Source: https://learn.microsoft.com/javascript/api/@azure/arm-compute/knowndiskstate
func (s *store) addState() {
	state, given, ok := arm.Text(s.has.State)
	s.setWord("disk_state", "diskState", state, "", ok)
	switch {
	case !ok:
		s.maybe(resource.Malformed, "diskState cannot be read, so that a URL may be active or not", "disk_state")
	case arm.Is(state, "ActiveSAS", "ActiveSASFrozen"):
		s.let(resource.Read, "to whoever has the URL, until it expires or is revoked")
	case arm.Is(state, "ActiveUpload"):
		s.let(resource.Write, "to whoever has the URL, until it expires or is revoked")
		// Microsoft does not say whether a URL for writing reads as well.
		s.Gaps = append(s.Gaps, s.gap(resource.Undecided, "whether the URL of an upload can be read from as well is not documented",
			[]resource.Hidden{{Via: Link, To: resource.Anyone, Can: []resource.Action{resource.Read}}}, nil))
	case arm.Is(state, "Unattached", "Attached", "Reserved", "Frozen", "ReadyToUpload"):
		s.let(resource.Read, "to whoever has a URL, once somebody makes one")
		s.guard("no SAS is active", firewall.Said("diskState", state, given))
	default:
		s.maybe(resource.Undecided, firewall.Said("diskState", state, given)+", which does not tell whether a URL is active")
	}
}

// maybe lets in whoever may have a URL, for reading or for writing, unless there
// is none: the state does not tell.
func (s *store) maybe(reason resource.Reason, detail string, settings ...string) {
	s.let(resource.Read, "")
	s.doubt(reason, detail, settings...)
	s.Gaps[len(s.Gaps)-1].Hides = []resource.Hidden{{Via: Link, To: resource.Anyone, Can: []resource.Action{resource.Write}}}
}

// addPolicy reads from which networks a URL works. Without a word it works from
// all of them.
//
// Source: https://learn.microsoft.com/javascript/api/@azure/arm-compute/knownnetworkaccesspolicy
// and https://learn.microsoft.com/azure/virtual-machines/disks-restrict-import-export-overview
func (s *store) addPolicy() {
	s.addSwitch("network_access_policy", "networkAccessPolicy", s.has.Policy, "AllowAll", map[string]string{
		"allowprivate": "private endpoints alone (AllowPrivate)", "denyall": "no export (DenyAll)",
	})
}

// addPublicAccess reads whether a URL works from the internet, whatever the
// policy says. Without a word it does.
//
// Source: https://learn.microsoft.com/javascript/api/@azure/arm-compute/publicnetworkaccess
func (s *store) addPublicAccess() {
	s.addSwitch("public_network_access", "publicNetworkAccess", s.has.Public, "Enabled", map[string]string{
		"disabled": "public network access is disabled",
	})
}

// addSwitch reads a member that lets URLs work where it says open, or nothing. The
// guards are what other words, in small letters, stand for.
func (s *store) addSwitch(key, member string, raw json.RawMessage, open string, guards map[string]string) {
	word, given, ok := arm.Text(raw)
	s.setWord(key, member, word, open, ok)
	because := firewall.Said(member, word, given)
	switch guard := guards[strings.ToLower(word)]; {
	case !ok:
		s.doubt(resource.Malformed, member+" cannot be read", key)
	case !given || arm.Is(word, open):
	case guard != "":
		s.guard(guard, because)
	default:
		s.doubt(resource.Undecided, because+" is not known")
	}
}

// addSignIn reads whether a URL needs a sign-in as well: with AzureActiveDirectory
// Microsoft Entra decides each time it is used, as in front of every interface of
// Azure. Without a word it does not.
//
// Source: https://learn.microsoft.com/azure/virtual-machines/disks-secure-upload-download
func (s *store) addSignIn() {
	mode, given, ok := arm.Text(s.has.Mode)
	because := firewall.Said("dataAccessAuthMode", mode, given)
	switch {
	case !ok:
		s.doubt(resource.Malformed, "dataAccessAuthMode cannot be read", "sign_in_required")
	case !given || arm.Is(mode, "None"):
		s.Set("sign_in_required", false, s.record.Evidence(because))
	case arm.Is(mode, "AzureActiveDirectory"):
		s.Set("sign_in_required", true, s.record.Evidence(because))
		s.guard("Microsoft Entra sign-in for exports", because)
	default:
		s.doubt(resource.Undecided, because+" is not known", "sign_in_required")
	}
}

// addFacts adds what explains a disk and lets nobody in.
func (s *store) addFacts() {
	var encryption struct {
		Type json.RawMessage `json:"type"`
		Set  json.RawMessage `json:"diskEncryptionSetId"`
	}
	var creation struct {
		Source json.RawMessage `json:"sourceResourceId"`
	}
	// What is no object has no such members, and the settings stay unread.
	_ = json.Unmarshal(s.has.Encryption, &encryption)
	_ = json.Unmarshal(s.has.Creation, &creation)
	for _, m := range []struct {
		key, member string
		raw         json.RawMessage
	}{
		{"disk_access", "diskAccessId", s.has.Access},
		{"os", "osType", s.has.System},
		{"encryption", "encryption.type", encryption.Type},
		{"encryption_set", "encryption.diskEncryptionSetId", encryption.Set},
		{"source", "creationData.sourceResourceId", creation.Source},
	} {
		text, given, ok := arm.Text(m.raw)
		if _, declared := s.collector.kind.Settings[m.key]; declared && given {
			s.setWord(m.key, m.member, text, "", ok)
		}
	}
	var incremental *bool
	if _, declared := s.collector.kind.Settings["incremental"]; declared && json.Unmarshal(s.has.Incremental, &incremental) == nil && incremental != nil {
		s.Set("incremental", *incremental, s.record.Evidence("incremental="+strconv.FormatBool(*incremental)))
	}
}

// let adds the grant to whoever has a URL.
func (s *store) let(can resource.Action, note string) {
	state, given, _ := arm.Text(s.has.State)
	s.Grants = append(s.Grants, resource.Grant{
		To: resource.Anyone, Can: []resource.Action{can}, Via: Link, Note: note,
		Because: []resource.Evidence{s.record.Evidence(firewall.Said("diskState", state, given))},
		Witness: &resource.Witness{Principal: "whoever has the URL", Action: string(can) + " by the URL that beginGetAccess gave out", Resource: string(s.ID)},
	})
}

// guard adds something that lets nobody from outside use a URL.
func (s *store) guard(name, because string) {
	s.Guards = append(s.Guards, resource.Guard{
		Name: name, On: []resource.Channel{Link}, Cap: resource.Nobody, Because: []resource.Evidence{s.record.Evidence(because)},
	})
}

// doubt adds the gap of a member that may be a guard, and leaves settings unread.
func (s *store) doubt(reason resource.Reason, detail string, settings ...string) {
	g := s.gap(reason, detail, nil, []resource.Shield{{On: []resource.Channel{Link}, Cap: resource.Nobody}})
	g.Settings = settings
	s.Gaps = append(s.Gaps, g)
}

// unread adds the gap of an entry that may let in anybody.
func (s *store) unread(detail string) {
	g := s.gap(resource.Malformed, detail, []resource.Hidden{{Via: Link, To: resource.Anyone}}, nil)
	g.Settings = s.collector.kind.Missing(s.Resource)
	s.Gaps = append(s.Gaps, g)
}

func (s *store) gap(reason resource.Reason, detail string, hides []resource.Hidden, shields []resource.Shield) resource.Gap {
	return resource.Gap{
		Call: s.collector.listCall(), Permission: s.collector.kind.Lists[0].Permission, Reason: reason, Detail: detail,
		Hides: hides, Shields: shields,
	}
}

// setWord records a text, or what it is by default where the member is not set.
func (s *store) setWord(key, member, text, byDefault string, ok bool) {
	if ok {
		s.Set(key, cmp.Or(firewall.Quote(text), byDefault), s.record.Evidence(firewall.Said(member, text, text != "")))
	}
}
