package servernetwork

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/perimeter"
)

// Server is a database while it is described from its entry of the listing.
type Server struct {
	*resource.Resource
	Record     arm.Record
	Properties Members
	Client     *arm.Client
	// Permission is what the listing needs.
	Permission string

	row      Row
	nameless bool
}

// Cited is the evidence of what the entry says.
func (s *Server) Cited(quote string) resource.Evidence { return s.Record.Evidence(quote) }

// Said spells a member and its value, or that it is not there.
func Said(value Value, path ...string) string {
	member := strings.Join(path, ".")
	switch {
	case !value.Set:
		return member + " is not set"
	case value.Text != "":
		return member + "=" + firewall.Quote(value.Text)
	case value.List != nil:
		return fmt.Sprintf("%s: %d", member, len(value.List))
	}
	return member + "=" + strconv.FormatBool(value.Flag)
}

// Note adds facts that explain the verdict.
func (s *Server) Note(texts ...string) { note(s.Resource, texts...) }

// Grant adds who is let in.
func (s *Server) Grant(grants ...resource.Grant) { s.Grants = append(s.Grants, grants...) }

// Close adds a guard that lets nobody from outside through the public endpoint.
func (s *Server) Close(name string, because resource.Evidence) {
	s.Guards = append(s.Guards, resource.Guard{
		Name: name, On: []resource.Channel{Network}, Cap: resource.Nobody, Because: []resource.Evidence{because},
	})
}

// Doubt adds the gap of something that may be a guard like that of Close.
func (s *Server) Doubt(detail string, settings ...string) {
	g := s.gap(resource.Undecided, detail, settings...)
	g.Shields = []resource.Shield{{On: []resource.Channel{Network}, Cap: resource.Nobody}}
	s.Gaps = append(s.Gaps, g)
}

// Hide adds the gap of something that may let somebody in. Nothing hidden is no
// gap.
func (s *Server) Hide(detail string, hidden ...resource.Hidden) {
	if len(hidden) == 0 {
		return
	}
	g := s.gap(resource.Undecided, detail)
	g.Hides = hidden
	s.Gaps = append(s.Gaps, g)
}

func (s *Server) gap(reason resource.Reason, detail string, settings ...string) resource.Gap {
	return resource.Gap{Call: s.Record.Item.Call, Permission: s.Permission, Reason: reason, Detail: detail, Settings: settings}
}

// unread adds the gap of an entry that lacks what decides about it: anybody may
// be let in, or nobody. It lacks the settings, too.
func (s *Server) unread(detail string, settings ...string) {
	g := s.gap(resource.Malformed, detail, settings...)
	g.Hides = []resource.Hidden{Anybody()}
	if s.row.Unauthenticated {
		g.Hides[0].To = resource.Anyone
	}
	if s.nameless && s.row.Perimeter != "" {
		g.Hides = append(g.Hides, resource.Hidden{Via: perimeter.Channel, To: From(resource.ReachInternet), Can: Connect()})
	}
	g.Shields = []resource.Shield{{On: []resource.Channel{Network}, Cap: resource.Nobody}}
	s.Gaps = append(s.Gaps, g)
}

// anonymous keeps an entry that no further call can be made about.
func (s *Server) anonymous(why error) {
	s.nameless = true
	place := s.Record.Item.Place + 1
	s.ID = resource.ID(fmt.Sprintf("/subscriptions/%s/providers/%s/#%d", s.Scope.Account, s.row.Type, place))
	if s.Name = firewall.Quote(s.Name); s.Name == "" {
		s.Name = fmt.Sprintf("entry %d of the listing", place)
	}
	detail := "it has no id"
	if s.Record.ID != "" {
		detail = why.Error()
	}
	s.unread(detail, slices.Sorted(maps.Keys(s.row.Kind.Settings))...)
}

// accessSetting is the key under which publicNetworkAccess is recorded.
const accessSetting = "public_network_access"

// Access returns publicNetworkAccess as it is said.
func (s *Server) Access() Value { return s.Properties.Text(s.row.Access...) }

// addAccess reads publicNetworkAccess. Where nothing is set, the endpoint is
// public; where it is disabled, the rules stay listed and are dead. A type that
// cannot be in a perimeter has no word for being left to one.
//
// Source: https://learn.microsoft.com/azure/azure-sql/database/connectivity-settings
func (s *Server) addAccess() {
	if s.row.Access == nil {
		return
	}
	raw, odd := s.Properties.find(s.row.Access)
	if odd {
		raw = json.RawMessage("{}") // no text, as what stands there is none
	}
	word := s.Access().Text
	if s.row.Perimeter == "" && arm.Is(word, "SecuredByPerimeter") {
		s.Set(accessSetting, word, s.Cited("publicNetworkAccess="+word))
		s.Doubt("what publicNetworkAccess=" + word + " means to this type is not known")
		return
	}
	perimeter.Door{PublicNetworkAccess: raw, Rules: []resource.Channel{Network}, Trusted: s.row.Trusted, Cite: s.Cited}.Describe(s.Resource)
}

// maxText bounds, in bytes, a text that is recorded: ids are a few hundred long.
const maxText = 1024

// Whole puts a text of the cloud on one line, whole but for what nobody configures.
func Whole(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// SetText records a text, if there is one.
func (s *Server) SetText(key string, path ...string) {
	v := s.Properties.Text(path...)
	switch {
	case v.Odd:
		s.missing(key, path)
	case v.Set:
		s.Set(key, Whole(v.Text), s.Cited(Said(v, path...)))
	}
}

// SetFlag records true or false, if it is said.
func (s *Server) SetFlag(key string, path ...string) Value {
	v := s.Properties.Flag(path...)
	switch {
	case v.Odd:
		s.missing(key, path)
	case v.Set:
		s.Set(key, v.Flag, s.Cited(Said(v, path...)))
	}
	return v
}

// SetNot records the opposite of true or false, if it is said.
func (s *Server) SetNot(key string, path ...string) {
	if v := s.SetFlag(key, path...); v.Set && !v.Odd {
		s.Set(key, !v.Flag, s.Cited(Said(v, path...)))
	}
}

// SetSwitch records whether a word is Enabled, if one is said.
func (s *Server) SetSwitch(key string, path ...string) {
	v := s.Properties.Text(path...)
	switch {
	case !v.Set:
	case v.Odd:
		s.missing(key, path)
	case arm.Is(v.Text, "Enabled", "Disabled"):
		s.Set(key, arm.Is(v.Text, "Enabled"), s.Cited(Said(v, path...)))
	default:
		s.Gaps = append(s.Gaps, s.gap(resource.Undecided, fmt.Sprintf("%s %q is not known", strings.Join(path, "."), firewall.Quote(v.Text)), key))
	}
}

func (s *Server) missing(key string, path []string) {
	s.Gaps = append(s.Gaps, s.gap(resource.Malformed, strings.Join(path, ".")+" cannot be read", key))
}

// Endpoints counts the private endpoints of a store: those that are approved, and
// those of which that is not known.
//
// Source: https://learn.microsoft.com/azure/private-link/manage-private-endpoint
// (Approved, Pending, Rejected, Disconnected)
func (s *Server) Endpoints() (approved, doubtful int) {
	list := s.Properties.List("privateEndpointConnections")
	if list.Odd {
		return 0, 1
	}
	for _, raw := range list.List {
		m, _ := decodeMembers(raw)
		switch status := m.Text("properties", "privateLinkServiceConnectionState", "status"); {
		case arm.Is(status.Text, "Approved"):
			approved++
		case !arm.Is(status.Text, "Pending", "Rejected", "Disconnected"):
			doubtful++
		}
	}
	return approved, doubtful
}

// SetEndpoints records how many private endpoints are approved.
func (s *Server) SetEndpoints() {
	const key = "private_endpoints"
	approved, doubtful := s.Endpoints()
	if doubtful > 0 {
		s.Gaps = append(s.Gaps, s.gap(resource.Undecided, "it is not known how many of its private endpoints are approved", key))
		return
	}
	s.Set(key, float64(approved), s.Cited(fmt.Sprintf("privateEndpointConnections: %d approved", approved)))
}

// Strings reads the text of each entry of a list; an entry that is none, or of
// which a member is asked for that it does not have, is odd.
func Strings(list []json.RawMessage, member string) (texts []string, odd int) {
	texts = []string{}
	for _, raw := range list {
		var text string
		if member == "" {
			_ = json.Unmarshal(raw, &text) // what is no text stays empty
		} else if m, ok := decodeMembers(raw); ok {
			text = m.Text(member).Text
		}
		if text == "" {
			odd++
			continue
		}
		texts = append(texts, text)
	}
	return texts, odd
}

// SubnetType is the type of the subnets that a database can be put into.
const SubnetType = "Microsoft.Network/virtualNetworks/subnets"

// Inside closes a database that was put into a subnet. What is no id of a subnet,
// of one of the types given, may keep nobody out.
func (s *Server) Inside(id string, because resource.Evidence, types ...string) {
	if slices.ContainsFunc(types, func(of string) bool { _, err := arm.ParseID(id, of); return err == nil }) {
		s.Close("virtual network only", because)
		return
	}
	s.Doubt(fmt.Sprintf("what it is in, %q, is not the id of a subnet", firewall.Quote(id)))
}

// Delegated reads the subnet that a flexible server was put into: whoever is not
// in its virtual network does not get to it, and it has no firewall rules.
//
// Source: https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-networking-private
// and https://learn.microsoft.com/azure/mysql/flexible-server/concepts-networking-vnet
func (s *Server) Delegated(path ...string) {
	const key = "subnet"
	v := s.Properties.Text(path...)
	switch {
	case v.Odd:
		s.Doubt(strings.Join(path, ".")+" cannot be read", key)
		return
	case !v.Set:
		return
	}
	from := s.Cited(Said(v, path...))
	s.Set(key, Whole(v.Text), from)
	if access := s.Access(); access.Set && !arm.Is(access.Text, "Disabled") {
		s.Doubt(fmt.Sprintf("it is in a subnet, and its public network access is %q", firewall.Quote(access.Text)))
		return
	}
	s.Inside(v.Text, from, SubnetType)
}

// State reads whether a server answers at all. The words in which it does, or may
// again any moment, are those given. One that is stopped has nothing that could
// answer; started again, by whomever, it is as open as its rules are.
//
// Source: https://learn.microsoft.com/azure/postgresql/flexible-server/how-to-stop-start-server-portal,
// https://learn.microsoft.com/azure/mysql/flexible-server/how-to-stop-start-server-portal
// and https://learn.microsoft.com/azure/azure-sql/managed-instance/instance-stop-start-how-to
func (s *Server) State(serving ...string) {
	const key = "state"
	v := s.Properties.Text(key)
	switch {
	case v.Odd:
		s.Doubt("its state cannot be read", key)
		return
	case !v.Set:
		return
	case arm.Is(v.Text, "Stopped"):
		s.Close("stopped", s.Cited(Said(v, key)))
		s.Note("it is stopped: its owner, a schedule or Azure itself can start it again, and then its rules decide")
	case !arm.Is(v.Text, serving...):
		s.Doubt(fmt.Sprintf("what it does in the state %q is not known", firewall.Quote(v.Text)))
	}
	s.Set(key, Whole(v.Text), s.Cited(Said(v, key)))
}
