package network

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
)

// The small region that the cases change: a subnet with a way to the internet,
// a group that lets everybody in on 5432, an ACL that lets everything through.
func open() *facts {
	return &facts{
		groups:  map[string]*group{"sg-1": {id: "sg-1", rules: []rule{{position: 1, protocol: "tcp", ports: portRange{5432, 5432, true}, sources: prefixes("0.0.0.0/0")}}}},
		subnets: map[string]*subnet{"subnet-1": {id: "subnet-1", vpc: "vpc-1", zone: "a", blocks: prefixes("10.0.1.0/24"), mode: "off"}},
		tables: map[string]*table{"rtb-1": {id: "rtb-1", vpc: "vpc-1", links: []link{{main: true, state: "associated"}}, routes: []route{
			{position: 1, to: block("10.0.0.0/16"), via: local, gateway: "local", state: "active"},
			{position: 2, to: block("0.0.0.0/0"), via: internetGateway, gateway: "igw-1", state: "active", rank: 1},
		}}},
		acls: map[string]*acl{"acl-1": {
			id: "acl-1", subnets: []string{"subnet-1", "subnet-2"},
			in: []entry{anyEntry(1, 100, "allow"), anyEntry(2, defaultRule, "deny")}, out: []entry{anyEntry(3, 100, "allow"), anyEntry(4, defaultRule, "deny")},
		}},
		lists: map[string]*list{}, owners: map[string]listOwner{},
	}
}

func anyEntry(position int, number int32, action string) entry {
	return entry{position: position, number: number, protocol: "-1", block: block("0.0.0.0/0"), action: action}
}

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}

func listOf(id string, texts ...string) *list {
	return &list{id: id, prefixes: prefixes(texts...), texts: texts}
}

func (f *facts) sources(texts ...string) { f.groups["sg-1"].rules[0].sources = prefixes(texts...) }

func (f *facts) route(r route) { f.tables["rtb-1"].routes = append(f.tables["rtb-1"].routes, r) }

// postgres listens in a subnet that is known, with a public IPv4 address.
var postgres = Endpoint{IPv4: true, Port: 5432, SecurityGroups: []string{"sg-1"}, VPC: "vpc-1", Subnets: []string{"subnet-1"}}

func both(e Endpoint) Endpoint { e.IPv6 = true; return e }

func maybeSix(e Endpoint) Endpoint { e.MaybeIPv6 = true; return e }

// each case of the exact rule by which a store is reachable.
func TestDecide(t *testing.T) {
	const (
		internet = resource.ReachInternet
		broad    = resource.ReachBroad
		provider = resource.ReachProvider
		listed   = resource.ReachListed
		nobody   = resource.ReachPrivate
	)
	for name, c := range map[string]struct {
		change      func(*facts)
		at          Endpoint
		least, most resource.Reach
	}{
		"open":         {func(*facts) {}, postgres, internet, internet},
		"another port": {func(f *facts) { f.groups["sg-1"].rules[0].ports.to = 5431; f.groups["sg-1"].rules[0].ports.from = 80 }, postgres, nobody, nobody},
		"every port":   {func(f *facts) { f.groups["sg-1"].rules[0].ports = portRange{0, 65535, true} }, postgres, internet, internet},
		"every protocol": {func(f *facts) {
			f.groups["sg-1"].rules[0].protocol, f.groups["sg-1"].rules[0].ports = "-1", portRange{}
		}, postgres, internet, internet},
		"protocol 6":                {func(f *facts) { f.groups["sg-1"].rules[0].protocol = "6" }, postgres, internet, internet},
		"only UDP":                  {func(f *facts) { f.groups["sg-1"].rules[0].protocol = "udp" }, postgres, nobody, nobody},
		"a protocol of tomorrow":    {func(f *facts) { f.groups["sg-1"].rules[0].protocol = "quic" }, postgres, nobody, internet},
		"port not known":            {func(*facts) {}, Endpoint{IPv4: true, SecurityGroups: []string{"sg-1"}, VPC: "vpc-1", Subnets: []string{"subnet-1"}}, nobody, internet},
		"family not known":          {func(*facts) {}, Endpoint{Port: 5432, SecurityGroups: []string{"sg-1"}, VPC: "vpc-1", Subnets: []string{"subnet-1"}}, nobody, internet},
		"security group closed":     {func(f *facts) { f.groups["sg-1"].rules = nil }, postgres, nobody, nobody},
		"only the owner's networks": {func(f *facts) { f.sources("10.0.0.0/8", "192.168.0.0/16") }, postgres, nobody, nobody},
		"only members of a group": {func(f *facts) {
			f.groups["sg-1"].rules[0].sources = nil
			f.groups["sg-1"].rules[0].groups = []string{"sg-9"}
		}, postgres, nobody, nobody},
		"one office":                 {func(f *facts) { f.sources("203.0.113.0/24") }, postgres, listed, listed},
		"two halves of the internet": {func(f *facts) { f.sources("0.0.0.0/1", "128.0.0.0/1") }, postgres, internet, internet},
		"two halves in two groups":   {func(f *facts) { halves(f) }, Endpoint{IPv4: true, Port: 5432, SecurityGroups: []string{"sg-1", "sg-2"}, VPC: "vpc-1", Subnets: []string{"subnet-1"}}, internet, internet},
		"a /8":                       {func(f *facts) { f.sources("54.0.0.0/8") }, postgres, broad, broad},
		"only IPv6, and it has none": {func(f *facts) { f.sources("::/0") }, postgres, nobody, nobody},
		"only IPv6, without a route": {func(f *facts) { f.sources("::/0"); sixACL(f) }, both(postgres), nobody, nobody},
		"only IPv6, by egress only": {func(f *facts) {
			f.sources("::/0")
			sixACL(f)
			f.route(route{position: 3, to: block("::/0"), via: elsewhere, gateway: "eigw-1", state: "active", rank: 1})
		}, both(postgres), nobody, nobody},
		"only IPv6":                     {func(f *facts) { f.sources("::/0"); six(f) }, both(postgres), internet, internet},
		"only IPv6, stopped by the ACL": {func(f *facts) { f.sources("::/0"); six(f); f.acls["acl-1"].in = f.acls["acl-1"].in[:0] }, both(postgres), nobody, nobody},
		"a prefix list of everything":   {func(f *facts) { byList(f, "o"); f.lists["pl-1"] = listOf("pl-1", "0.0.0.0/1", "128.0.0.0/1") }, postgres, internet, internet},
		"a prefix list of an office":    {func(f *facts) { byList(f, "o"); f.lists["pl-1"] = listOf("pl-1", "203.0.113.0/24") }, postgres, listed, listed},
		"a prefix list that is refused": {func(f *facts) { byList(f, "o"); f.lists["pl-1"] = nil }, postgres, nobody, internet},
		"CloudFront":                    {func(f *facts) { byList(f, "AWS"); f.lists["pl-1"] = listOf("pl-1", "203.0.113.0/24") }, postgres, provider, provider},
		"whose list is refused":         {func(f *facts) { byList(f, "o"); f.owners = nil; f.lists["pl-1"] = listOf("pl-1", "203.0.113.0/24") }, postgres, listed, provider},
		"a group that is not there":     {func(f *facts) { delete(f.groups, "sg-1") }, postgres, nobody, internet},
		"no group is named":             {func(*facts) {}, Endpoint{IPv4: true, Port: 5432, VPC: "vpc-1", Subnets: []string{"subnet-1"}}, nobody, internet},
		"one group is not there":        {func(*facts) {}, Endpoint{IPv4: true, Port: 5432, SecurityGroups: []string{"sg-1", "sg-2"}, VPC: "vpc-1", Subnets: []string{"subnet-1"}}, internet, internet},
		"blocked":                       {func(f *facts) { f.subnets["subnet-1"].mode = "block-bidirectional" }, postgres, nobody, nobody},
		"ingress blocked":               {func(f *facts) { f.subnets["subnet-1"].mode = "block-ingress" }, postgres, nobody, nobody},
		"a block mode of tomorrow":      {func(f *facts) { f.subnets["subnet-1"].mode = "block-some" }, postgres, nobody, internet},
		"no block mode":                 {func(f *facts) { f.subnets["subnet-1"].mode = "" }, postgres, nobody, internet},
		"no block mode in an emulator":  {func(f *facts) { f.subnets["subnet-1"].mode, f.emulated = "", true }, postgres, internet, internet},
		"a subnet that is not there":    {func(f *facts) { delete(f.subnets, "subnet-1") }, postgres, nobody, internet},
		"no route out":                  {func(f *facts) { f.tables["rtb-1"].routes = f.tables["rtb-1"].routes[:1] }, postgres, nobody, nobody},
		"a NAT gateway":                 {func(f *facts) { f.tables["rtb-1"].routes[1].via = elsewhere }, postgres, nobody, nobody},
		"a gateway that is gone":        {func(f *facts) { f.tables["rtb-1"].routes[1].state = "blackhole" }, postgres, nobody, nobody},
		"a route state of tomorrow":     {func(f *facts) { f.tables["rtb-1"].routes[1].state = "resting" }, postgres, nobody, internet},
		"a target of tomorrow":          {func(f *facts) { f.tables["rtb-1"].routes[1].via = unknownTarget }, postgres, nobody, internet},
		"half the internet by transit": {func(f *facts) {
			f.route(route{position: 3, to: block("0.0.0.0/1"), via: elsewhere, gateway: "tgw-1", state: "active", rank: 1})
		}, postgres, broad, broad},
		"the office by transit": {func(f *facts) {
			f.sources("203.0.113.0/24")
			f.route(route{position: 3, to: block("203.0.113.0/24"), via: elsewhere, gateway: "tgw-1", state: "active", rank: 1})
		}, postgres, nobody, nobody},
		"the office into a black hole": {func(f *facts) {
			f.sources("203.0.113.0/24")
			f.route(route{position: 3, to: block("203.0.113.0/24"), via: internetGateway, gateway: "igw-0", state: "blackhole", rank: 1})
		}, postgres, nobody, nobody},
		"a route to one office only": {func(f *facts) { f.tables["rtb-1"].routes[1].to = block("203.0.113.0/24") }, postgres, listed, listed},
		"a route by prefix list": {func(f *facts) {
			f.tables["rtb-1"].routes[1].list = "pl-1"
			f.lists["pl-1"] = listOf("pl-1", "0.0.0.0/0")
		}, postgres, internet, internet},
		"a route by a refused list": {func(f *facts) { f.tables["rtb-1"].routes[1].list = "pl-1" }, postgres, nobody, internet},
		"a refused list elsewhere": {func(f *facts) {
			f.route(route{position: 3, list: "pl-1", via: elsewhere, gateway: "tgw-1", state: "active", rank: 2})
		}, postgres, nobody, internet},
		"static beats propagated": {func(f *facts) {
			f.route(route{position: 3, to: block("0.0.0.0/0"), via: elsewhere, gateway: "vgw-1", state: "active", rank: 3})
		}, postgres, internet, internet},
		"a table of its own": {func(f *facts) {
			f.tables["rtb-2"] = &table{id: "rtb-2", vpc: "vpc-1", links: []link{{subnet: "subnet-1", state: "associated"}}}
		}, postgres, nobody, nobody},
		"a table of its own that failed": {func(f *facts) {
			f.tables["rtb-2"] = &table{id: "rtb-2", vpc: "vpc-1", links: []link{{subnet: "subnet-1", state: "failed"}}}
		}, postgres, internet, internet},
		"moving to another table": {func(f *facts) {
			f.tables["rtb-2"] = &table{id: "rtb-2", vpc: "vpc-1", links: []link{{subnet: "subnet-1", state: "associating"}}}
		}, postgres, nobody, internet},
		"two main tables": {func(f *facts) {
			f.tables["rtb-0"] = &table{id: "rtb-0", vpc: "vpc-1", links: []link{{main: true, state: "associated"}}}
		}, postgres, nobody, internet},
		"a main table to be": {func(f *facts) {
			f.tables["rtb-0"] = &table{id: "rtb-0", vpc: "vpc-1", links: []link{{main: true, state: "associating"}}}
		}, postgres, nobody, internet},
		"answers by an appliance": {func(f *facts) {
			f.tables["rtb-1"].routes[1].via, f.tables["rtb-1"].routes[1].gateway = middlebox, "eni-1"
		}, postgres, nobody, internet},
		"answers by an appliance that is gone": {func(f *facts) {
			f.tables["rtb-1"].routes[1].via, f.tables["rtb-1"].routes[1].state = middlebox, "blackhole"
		}, postgres, nobody, nobody},
		"only to the gateway endpoint of a service": {func(f *facts) {
			f.lists["pl-1"] = listOf("pl-1", "52.216.0.0/15")
			f.tables["rtb-1"].routes[1] = route{position: 2, list: "pl-1", via: middlebox, gateway: "vpce-1", state: "active", rank: 2}
		}, postgres, nobody, nobody},
		"two ACLs": {func(f *facts) {
			f.acls["acl-0"] = &acl{id: "acl-0", subnets: []string{"subnet-1"}}
		}, postgres, nobody, internet},
		"only IPv6, and perhaps an address": {func(f *facts) { f.sources("::/0"); six(f) }, maybeSix(postgres), nobody, internet},
		"IPv4, and perhaps an address more": {func(*facts) {}, maybeSix(postgres), internet, internet},
		"a subnet whose zone is not told": {func(f *facts) {
			f.subnets["subnet-1"].mode = "block-ingress"
			f.subnets["subnet-2"] = &subnet{id: "subnet-2", vpc: "vpc-1", mode: "off"}
		}, Endpoint{IPv4: true, Port: 5432, SecurityGroups: []string{"sg-1"}, VPC: "vpc-1", Zone: "a"}, nobody, internet},
		"a subnet whose VPC is not told": {func(f *facts) {
			f.subnets["subnet-1"].mode = "block-ingress"
			f.subnets["subnet-2"] = &subnet{id: "subnet-2", zone: "a", mode: "off"}
		}, Endpoint{IPv4: true, Port: 5432, SecurityGroups: []string{"sg-1"}, VPC: "vpc-1", Zone: "a"}, nobody, internet},
		"the main table of another VPC": {func(f *facts) { f.tables["rtb-1"].vpc = "vpc-2" }, postgres, nobody, internet},
		"no table at all":               {func(f *facts) { f.tables = map[string]*table{} }, postgres, nobody, internet},
		"through a firewall":            {func(f *facts) { f.tables["rtb-9"] = firewall("10.0.1.0/24") }, postgres, nobody, internet},
		"a firewall for others":         {func(f *facts) { f.tables["rtb-9"] = firewall("10.0.2.0/24") }, postgres, internet, internet},
		"through a firewall both ways": {func(f *facts) {
			f.tables["rtb-9"] = firewall("10.0.1.0/24")
			f.tables["rtb-1"].routes[1].via = middlebox
		}, postgres, nobody, internet},
		"ACL denies the port": {func(f *facts) {
			f.acls["acl-1"].in = slices.Insert(f.acls["acl-1"].in, 0, entry{5, 90, "6", portRange{5432, 5432, true}, block("0.0.0.0/0"), "deny"})
		}, postgres, nobody, nobody},
		"ACL denies it too late": {func(f *facts) {
			f.acls["acl-1"].in = slices.Insert(f.acls["acl-1"].in, 1, entry{5, 110, "6", portRange{5432, 5432, true}, block("0.0.0.0/0"), "deny"})
		}, postgres, internet, internet},
		"ACL denies the office":       {func(f *facts) { f.sources("203.0.113.0/24"); denyOffice(f) }, postgres, nobody, nobody},
		"ACL denies an office of all": {func(f *facts) { denyOffice(f) }, postgres, internet, internet},
		"ACL denies every answer": {func(f *facts) {
			f.acls["acl-1"].out = []entry{{1, 100, "6", portRange{0, 1023, true}, block("0.0.0.0/0"), "allow"}}
		}, postgres, nobody, nobody},
		"ACL denies some answers": {func(f *facts) {
			f.acls["acl-1"].out = []entry{{1, 100, "6", portRange{32768, 60999, true}, block("0.0.0.0/0"), "allow"}}
		}, postgres, internet, internet},
		"ACL lets one answer out": {func(f *facts) {
			f.acls["acl-1"].out = []entry{{1, 100, "6", portRange{1024, 65534, true}, block("0.0.0.0/0"), "deny"}, anyEntry(2, 110, "allow")}
		}, postgres, internet, internet},
		"ACL with an action of tomorrow": {func(f *facts) { f.acls["acl-1"].in[0].action = "ask" }, postgres, nobody, internet},
		"ACL that is not there":          {func(f *facts) { f.acls = map[string]*acl{} }, postgres, nobody, internet},
		"two subnets that agree":         {func(f *facts) { second(f, "rtb-1") }, anywhere, internet, internet},
		"two subnets that differ":        {func(f *facts) { second(f, "rtb-2") }, anywhere, nobody, internet},
		"two subnets, in both":           {func(f *facts) { second(f, "rtb-2") }, everywhere, internet, internet},
		"two subnets, one in its zone":   {func(f *facts) { second(f, "rtb-2") }, inZone, internet, internet},
		"two subnets, interface found": {func(f *facts) {
			second(f, "rtb-2")
			f.interfaces = []iface{{"eni-1", "subnet-1", "vpc-1", []string{"sg-1"}, nil}}
		}, anywhere, internet, internet},
		"the groups were not read":  {func(f *facts) { f.groups = nil }, postgres, nobody, internet},
		"only the groups were read": {func(f *facts) { f.sources("203.0.113.0/24"); f.subnets, f.tables, f.acls = nil, nil, nil }, postgres, nobody, listed},
	} {
		t.Run(name, func(t *testing.T) {
			f := open()
			c.change(f)
			got := f.decide(c.at)
			if got.least() != c.least || got.most() != c.most {
				t.Errorf("%s..%s, want %s..%s; %v", got.least(), got.most(), c.least, c.most, got.doubts)
			}
			if !got.admitted.most.Covers(got.admitted.least) {
				t.Errorf("at least %v, at most %v", got.admitted.least, got.admitted.most)
			}
			if f.complete() && got.least() != got.most() && len(got.doubts) == 0 && f.owners != nil {
				t.Error("nothing says why it is not decided")
			}
			capsAgree(t, &got)
		})
	}
}

var (
	anywhere   = Endpoint{IPv4: true, Port: 5432, SecurityGroups: []string{"sg-1"}, VPC: "vpc-1"}
	everywhere = Endpoint{IPv4: true, Port: 5432, SecurityGroups: []string{"sg-1"}, VPC: "vpc-1", Everywhere: true}
	inZone     = Endpoint{IPv4: true, Port: 5432, SecurityGroups: []string{"sg-1"}, VPC: "vpc-1", Zone: "a"}
)

// fataler is what a test and a property have in common.
type fataler interface {
	Helper()
	Errorf(string, ...any)
}

// capsAgree checks that the guards together leave what the joint set is.
func capsAgree(t fataler, r *reach) {
	t.Helper()
	left := resource.ReachInternet
	for _, g := range (&state{}).stageGuards(r) {
		left = min(left, g.Cap.Reach)
	}
	if left != r.most() && len(r.stages) > 0 {
		t.Errorf("the guards leave %s, and %s is what may get through", left, r.most())
	}
}

func halves(f *facts) {
	f.sources("0.0.0.0/1")
	f.groups["sg-2"] = &group{id: "sg-2", rules: []rule{{position: 1, protocol: "-1", sources: prefixes("128.0.0.0/1")}}}
}

func six(f *facts) {
	sixACL(f)
	f.route(route{position: 3, to: block("::/0"), via: internetGateway, gateway: "igw-1", state: "active", rank: 1})
}

func sixACL(f *facts) {
	e := anyEntry(5, 101, "allow")
	e.block = block("::/0")
	f.acls["acl-1"].in = slices.Insert(f.acls["acl-1"].in, 1, e)
	f.acls["acl-1"].out = slices.Insert(f.acls["acl-1"].out, 1, e)
}

func byList(f *facts, owner string) {
	f.groups["sg-1"].rules[0].sources, f.groups["sg-1"].rules[0].lists = nil, []string{"pl-1"}
	f.owners["pl-1"] = listOwner{"com.amazonaws.global.cloudfront.origin-facing", owner}
}

func firewall(to string) *table {
	return &table{id: "rtb-9", vpc: "vpc-1", links: []link{{gateway: "igw-1", state: "associated"}}, routes: []route{
		{position: 1, to: block("10.0.0.0/16"), via: local, gateway: "local", state: "active"},
		{position: 2, to: block(to), via: middlebox, gateway: "vpce-1", state: "active", rank: 1},
	}}
}

func denyOffice(f *facts) {
	f.acls["acl-1"].in = slices.Insert(f.acls["acl-1"].in, 0, entry{5, 90, "-1", portRange{}, block("203.0.113.0/24"), "deny"})
}

func second(f *facts, table2 string) {
	f.subnets["subnet-2"] = &subnet{id: "subnet-2", vpc: "vpc-1", zone: "b", mode: "off"}
	f.tables["rtb-2"] = &table{id: "rtb-2", vpc: "vpc-1"}
	f.tables[table2].links = append(f.tables[table2].links, link{subnet: "subnet-2", state: "associated"})
}

// What keeps somebody out is named as its owner would.
func TestStagesNameWhatCloses(t *testing.T) {
	for _, c := range []struct {
		change func(*facts)
		want   string
	}{
		{denyAll, "network ACL acl-1 (inbound rule 90 denies)"},
		{func(f *facts) { f.sources("203.0.113.0/24"); denyOffice(f) }, "network ACL acl-1 (inbound rule 90 denies)"},
		{func(f *facts) { f.acls["acl-1"].in = nil }, "network ACL acl-1 (inbound no rule allows it)"},
		{func(f *facts) { f.acls["acl-1"].out = f.acls["acl-1"].out[1:] }, "network ACL acl-1 (outbound rule * denies)"},
		{func(f *facts) { f.subnets["subnet-1"].mode = "block-ingress" }, "VPC Block Public Access (block-ingress)"},
		{func(f *facts) {
			f.tables["rtb-1"].routes[1].via, f.tables["rtb-1"].routes[1].gateway = elsewhere, "nat-1"
		}, "route table rtb-1 (0.0.0.0/0 to nat-1)"},
		{func(f *facts) { f.tables["rtb-1"].routes = nil }, "route table rtb-1 (no route to 1.0.0.0)"},
		{func(f *facts) { f.groups["sg-1"].rules = nil }, "security group sg-1"},
	} {
		f := open()
		c.change(f)
		r := f.decide(postgres)
		var closing []string
		for _, g := range (&state{}).stageGuards(&r) {
			if g.Cap.Reach == resource.ReachPrivate {
				closing = append(closing, g.Name)
			}
		}
		if !slices.Equal(closing, []string{c.want}) {
			t.Errorf("closed by %q, want %q", closing, c.want)
		}
	}
}

func denyAll(f *facts) {
	f.acls["acl-1"].in = slices.Insert(f.acls["acl-1"].in, 0, anyEntry(5, 90, "deny"))
}

func TestNames(t *testing.T) {
	s, err := netset.Parse("203.0.113.0/24", "198.51.100.7")
	if err != nil {
		t.Fatal(err)
	}
	if got := names(s); !slices.Equal(got, []string{"198.51.100.7/32", "203.0.113.0/24"}) {
		t.Errorf("%q", got)
	}
	if got := names(netset.Public()); len(got) != maxCited+1 {
		t.Errorf("%q", got)
	}
}

func BenchmarkDecide(b *testing.B) {
	f := open()
	for range b.N {
		f.decide(postgres)
	}
}

// A rule without a number may stand before all others, or behind them.
func TestEntryWithoutNumber(t *testing.T) {
	anybody := func(number *int32, action types.RuleAction, out bool) types.NetworkAclEntry {
		return types.NetworkAclEntry{RuleNumber: number, RuleAction: action, Egress: new(out), Protocol: new("-1"), CidrBlock: new("0.0.0.0/0")}
	}
	for action, want := range map[types.RuleAction]answer{types.RuleActionDeny: maybe, types.RuleActionAllow: yes} {
		a := readACL(&types.NetworkAcl{Entries: []types.NetworkAclEntry{
			anybody(nil, action, false), anybody(new(int32(100)), types.RuleActionAllow, false), anybody(new(int32(100)), types.RuleActionAllow, true),
		}})
		passes, packet, got := a.inboundTo(5432), netip.MustParseAddr("203.0.113.7"), no
		switch {
		case passes.least.Contains(packet):
			got = yes
		case passes.most.Contains(packet):
			got = maybe
		}
		if got != want {
			t.Errorf("%s without a number: %v, want %v", action, got, want)
		}
	}
}
