package sqlmanagedinstance

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
)

var subnet = []string{"10.0.1.0/24"}

// group is a network security group of the given rules.
func group(t testing.TB, rules ...map[string]any) *groupProperties {
	g := &groupProperties{Rules: []json.RawMessage{}}
	for i, r := range rules {
		text, err := json.Marshal(map[string]any{"name": fmt.Sprintf("rule%d", i), "properties": r})
		if err != nil {
			t.Fatal(err)
		}
		g.Rules = append(g.Rules, text)
	}
	return g
}

// rule is one that allows the internet through to the endpoint, but for what is
// said otherwise.
func rule(priority int, otherwise ...any) map[string]any {
	r := map[string]any{
		"priority": priority, "direction": "Inbound", "access": "Allow", "protocol": "Tcp",
		"sourceAddressPrefix": "Internet", "destinationAddressPrefix": "*", "destinationPortRange": "3342", "sourcePortRange": "*",
	}
	for i := 0; i+1 < len(otherwise); i += 2 {
		r[fmt.Sprint(otherwise[i])] = otherwise[i+1]
	}
	return r
}

func TestJudge(t *testing.T) {
	const private, listed, provider, broad, internet = resource.ReachPrivate, resource.ReachListed, resource.ReachProvider, resource.ReachBroad, resource.ReachInternet
	for name, c := range map[string]struct {
		rules       []map[string]any
		least, most resource.Reach
	}{
		"none":                         {nil, private, private},
		"the internet":                 {[]map[string]any{rule(100)}, internet, internet},
		"in small letters":             {[]map[string]any{rule(100, "direction", "inbound", "access", "ALLOW", "protocol", "tcp", "sourceAddressPrefix", "internet")}, internet, internet},
		"all of Azure":                 {[]map[string]any{rule(100, "sourceAddressPrefix", "AzureCloud")}, provider, provider},
		"a region of Azure":            {[]map[string]any{rule(100, "sourceAddressPrefix", "azurecloud.westeurope")}, provider, provider},
		"a region without a name":      {[]map[string]any{rule(100, "sourceAddressPrefix", "AzureCloud.")}, private, internet},
		"IPv6":                         {[]map[string]any{rule(100, "sourceAddressPrefix", "::/0")}, private, private},
		"private addresses":            {[]map[string]any{rule(100, "sourceAddressPrefix", "10.0.0.0/8")}, private, private},
		"a /7":                         {[]map[string]any{rule(100, "sourceAddressPrefix", "50.0.0.0/7")}, broad, broad},
		"an address":                   {[]map[string]any{rule(100, "sourceAddressPrefix", "203.0.113.7")}, listed, listed},
		"several":                      {[]map[string]any{rule(100, "sourceAddressPrefix", "", "sourceAddressPrefixes", []string{"0.0.0.0/1", "128.0.0.0/1"})}, internet, internet},
		"a range, which no rule has":   {[]map[string]any{rule(100, "sourceAddressPrefix", "203.0.113.1-203.0.113.9")}, private, internet},
		"another tag":                  {[]map[string]any{rule(100, "sourceAddressPrefix", "AzureMonitor")}, private, internet},
		"a known one and another":      {[]map[string]any{rule(100, "sourceAddressPrefix", "", "sourceAddressPrefixes", []string{"203.0.113.7", "AzureMonitor"})}, listed, internet},
		"every port":                   {[]map[string]any{rule(100, "destinationPortRange", "*")}, internet, internet},
		"ports around":                 {[]map[string]any{rule(100, "destinationPortRange", "3000-4000")}, internet, internet},
		"ports below":                  {[]map[string]any{rule(100, "destinationPortRange", "0-3341")}, private, private},
		"ports the wrong way round":    {[]map[string]any{rule(100, "destinationPortRange", "4000-3000")}, private, internet},
		"no port":                      {[]map[string]any{rule(100, "destinationPortRange", "")}, private, internet},
		"UDP":                          {[]map[string]any{rule(100, "protocol", "Udp")}, private, private},
		"a protocol nobody knows":      {[]map[string]any{rule(100, "protocol", "Carrier")}, private, internet},
		"outbound":                     {[]map[string]any{rule(100, "direction", "Outbound")}, private, private},
		"to its subnet":                {[]map[string]any{rule(100, "destinationAddressPrefix", "10.0.0.0/16")}, internet, internet},
		"to a part of it":              {[]map[string]any{rule(100, "destinationAddressPrefix", "10.0.1.128/25")}, private, internet},
		"to another":                   {[]map[string]any{rule(100, "destinationAddressPrefix", "10.0.2.0/24")}, private, private},
		"to its network":               {[]map[string]any{rule(100, "destinationAddressPrefix", "VirtualNetwork")}, internet, internet},
		"to a tag":                     {[]map[string]any{rule(100, "destinationAddressPrefix", "Sql")}, private, internet},
		"denied first":                 {[]map[string]any{rule(200), rule(100, "access", "Deny")}, private, private},
		"denied first, in any order":   {[]map[string]any{rule(100, "access", "Deny"), rule(200)}, private, private},
		"denied later":                 {[]map[string]any{rule(100), rule(200, "access", "Deny")}, internet, internet},
		"denied perhaps":               {[]map[string]any{rule(100, "access", "Deny", "protocol", "Carrier"), rule(200)}, private, internet},
		"denied by a word":             {[]map[string]any{rule(100, "access", "Audit"), rule(200)}, private, internet},
		"Azure denied, Azure let in":   {[]map[string]any{rule(100, "access", "Deny", "sourceAddressPrefix", "AzureCloud"), rule(200, "sourceAddressPrefix", "AzureCloud")}, private, private},
		"0.0.0.0/0 denied, Azure too":  {[]map[string]any{rule(100, "access", "Deny", "sourceAddressPrefix", "0.0.0.0/0"), rule(200, "sourceAddressPrefix", "AzureCloud")}, private, private},
		"a region denied, Azure let":   {[]map[string]any{rule(100, "access", "Deny", "sourceAddressPrefix", "AzureCloud.westeurope"), rule(200, "sourceAddressPrefix", "AzureCloud")}, private, provider},
		"its own networks":             {[]map[string]any{rule(100, "sourceAddressPrefix", "VirtualNetwork"), rule(101, "sourceAddressPrefix", "AzureLoadBalancer")}, private, private},
		"its own networks denied":      {[]map[string]any{rule(100, "access", "Deny", "sourceAddressPrefix", "VirtualNetwork"), rule(101)}, internet, internet},
		"halves denied, all let in":    {[]map[string]any{rule(100, "access", "Deny", "sourceAddressPrefix", "0.0.0.0/1"), rule(101, "access", "Deny", "sourceAddressPrefix", "128.0.0.0/1"), rule(200, "sourceAddressPrefix", "*")}, private, private},
		"both in one, Azure let in":    {[]map[string]any{rule(100, "access", "Deny", "sourceAddressPrefix", "", "sourceAddressPrefixes", []string{"0.0.0.0/1", "128.0.0.0/1"}), rule(200, "sourceAddressPrefix", "AzureCloud")}, private, private},
		"half denied, Azure let in":    {[]map[string]any{rule(100, "access", "Deny", "sourceAddressPrefix", "0.0.0.0/1"), rule(200, "sourceAddressPrefix", "AzureCloud")}, provider, provider},
		"one port of theirs denied":    {[]map[string]any{rule(100, "access", "Deny", "sourcePortRange", "1024"), rule(200)}, private, internet},
		"low ports of theirs denied":   {[]map[string]any{rule(100, "access", "Deny", "sourcePortRange", "", "sourcePortRanges", []string{"1-1023"}), rule(200)}, private, internet},
		"one port of theirs let in":    {[]map[string]any{rule(100, "sourcePortRange", "1024")}, internet, internet},
		"no port of theirs let in":     {[]map[string]any{rule(100, "sourcePortRange", "")}, internet, internet},
		"no list of ports of theirs":   {[]map[string]any{rule(100, "sourcePortRange", nil, "sourcePortRanges", []string{})}, internet, internet},
		"no port of theirs denied":     {[]map[string]any{rule(100, "access", "Deny", "sourcePortRange", ""), rule(200)}, private, internet},
		"no port of theirs, who knows": {[]map[string]any{rule(100, "access", "Perhaps", "sourcePortRange", ""), rule(200)}, private, internet},
		"an odd port of theirs":        {[]map[string]any{rule(100, "sourcePortRange", "low")}, private, internet},
		"without a priority":           {[]map[string]any{rule(100, "priority", nil)}, private, internet},
		"with a priority that is text": {[]map[string]any{rule(100, "priority", "first")}, private, internet},
	} {
		t.Run(name, func(t *testing.T) {
			v := group(t, c.rules...).judge(subnet)
			if v.least.reach() != c.least || v.most.reach() != c.most {
				t.Errorf("%v to %v, want %v to %v", v.least.reach(), v.most.reach(), c.least, c.most)
			}
			if c.least != c.most && len(v.doubts) == 0 {
				t.Error("nothing says why it cannot be told")
			}
		})
	}
}

// A subnet whose addresses nobody said is not known to be any rule's destination.
func TestSubnetUnknown(t *testing.T) {
	v := group(t, rule(100, "destinationAddressPrefix", "10.0.0.0/8")).judge(nil)
	if v.least.reach() != resource.ReachPrivate || v.most.reach() != resource.ReachInternet {
		t.Errorf("%v to %v", v.least.reach(), v.most.reach())
	}
}

// TestFirstMatch holds that the algebra comes to what trying the rules one after
// the other does, address by address.
func TestFirstMatch(t *testing.T) {
	sources := []string{"*", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "203.0.113.0/24", "198.51.100.7", "50.0.0.0/8"}
	senders := []string{"1.2.3.4", "203.0.113.9", "198.51.100.7", "50.1.1.1", "130.0.0.1", "223.255.255.254"}
	rapid.Check(t, func(r *rapid.T) {
		var rules []map[string]any
		for i, priority := range rapid.SliceOfNDistinct(rapid.IntRange(100, 4096), 0, 6, rapid.ID[int]).Draw(r, "priorities") {
			rules = append(rules, rule(priority,
				"access", rapid.SampledFrom([]string{"Allow", "Deny"}).Draw(r, fmt.Sprint("access ", i)),
				"sourceAddressPrefix", rapid.SampledFrom(sources).Draw(r, fmt.Sprint("source ", i)),
				"destinationPortRange", rapid.SampledFrom([]string{"*", "3342", "1433", "3000-3400"}).Draw(r, fmt.Sprint("port ", i)),
				"protocol", rapid.SampledFrom([]string{"Tcp", "*", "Udp"}).Draw(r, fmt.Sprint("protocol ", i))))
		}
		v := group(t, rules...).judge(subnet)
		if v.least.reach() != v.most.reach() {
			r.Fatalf("%v to %v, and every word is known", v.least.reach(), v.most.reach())
		}
		ordered := slices.SortedFunc(slices.Values(rules), func(a, b map[string]any) int { return number(a) - number(b) })
		for _, text := range senders {
			if got, want := v.least.addresses.Contains(netip.MustParseAddr(text)), let(ordered, text); got != want {
				r.Fatalf("%s gets through: %t, want %t by %v", text, got, want, ordered)
			}
		}
	})
}

func number(rule map[string]any) int {
	n, _ := rule["priority"].(int)
	return n
}

// let tries rules in their order.
func let(ordered []map[string]any, sender string) bool {
	for _, r := range ordered {
		prefix, _ := r["sourceAddressPrefix"].(string)
		if prefix == "*" {
			prefix = "0.0.0.0/0"
		}
		set, err := netset.Parse(prefix)
		if err != nil {
			panic(err)
		}
		if r["protocol"] != "Udp" && r["destinationPortRange"] != "1433" && set.Contains(netip.MustParseAddr(sender)) {
			return r["access"] == "Allow"
		}
	}
	return false
}

// TestUnknownWordsWiden: a word that nobody knows yet, in the place of any, leaves
// what was true possible.
func TestUnknownWordsWiden(t *testing.T) {
	words := []string{"access", "direction", "protocol", "sourceAddressPrefix", "destinationAddressPrefix", "destinationPortRange"}
	rapid.Check(t, func(r *rapid.T) {
		var rules []map[string]any
		for i := range rapid.IntRange(1, 4).Draw(r, "rules") {
			rules = append(rules, rule(100+i,
				"access", rapid.SampledFrom([]string{"Allow", "Deny"}).Draw(r, fmt.Sprint("access ", i)),
				"direction", rapid.SampledFrom([]string{"Inbound", "Outbound"}).Draw(r, fmt.Sprint("direction ", i)),
				"sourceAddressPrefix", rapid.SampledFrom([]string{"*", "Internet", "AzureCloud", "203.0.113.0/24", "VirtualNetwork"}).Draw(r, fmt.Sprint("source ", i)),
				"destinationAddressPrefix", rapid.SampledFrom([]string{"*", "10.0.1.0/24", "10.9.0.0/24"}).Draw(r, fmt.Sprint("destination ", i))))
		}
		before := group(t, rules...).judge(subnet)
		one := rules[rapid.IntRange(0, len(rules)-1).Draw(r, "rule")]
		one[rapid.SampledFrom(words).Draw(r, "word")] = "AndonUnseenWord"
		after := group(t, rules...).judge(subnet)
		if after.least.reach() > before.least.reach() || after.most.reach() < before.most.reach() {
			r.Fatalf("%v to %v becomes %v to %v", before.least.reach(), before.most.reach(), after.least.reach(), after.most.reach())
		}
	})
}

// FuzzJudge: whatever a rule holds, it is judged, and never narrower than without.
func FuzzJudge(f *testing.F) {
	f.Add([]byte(`{"name":"a","properties":{"priority":100,"access":"Allow","direction":"Inbound","protocol":"*","sourceAddressPrefix":"*","destinationAddressPrefix":"*","destinationPortRange":"*"}}`))
	f.Add([]byte(`{"properties":{"priority":-1,"sourceAddressPrefixes":[""],"destinationPortRanges":["-","3342-"]}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		v := (&groupProperties{Rules: []json.RawMessage{text}}).judge(subnet)
		if v.least.reach() > v.most.reach() {
			t.Errorf("at least %v, and at most %v", v.least.reach(), v.most.reach())
		}
		if v.why() == "" {
			t.Error("no word on why")
		}
	})
}
