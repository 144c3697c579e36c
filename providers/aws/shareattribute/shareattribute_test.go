package shareattribute_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/shareattribute"
)

const owner = "111111111111"

func describe(values ...string) *resource.Resource {
	sharing := shareattribute.Sharing{Owner: owner}
	sharing.Attribute("restore", values, resource.Evidence{Call: "rds:DescribeDBSnapshotAttributes", Pointer: "/A"})
	r := new(resource.Resource)
	sharing.Describe(r)
	return r
}

func TestWhoIsLetIn(t *testing.T) {
	for name, c := range map[string]struct {
		values []string
		want   string
		named  []string
	}{
		"nobody":                       {nil, "private", nil},
		"everybody":                    {[]string{"all"}, "tenant", nil},
		"one account":                  {[]string{"222222222222"}, "shared", []string{"222222222222"}},
		"two accounts, sorted":         {[]string{"333333333333", "222222222222"}, "shared", []string{"222222222222", "333333333333"}},
		"an account twice":             {[]string{"222222222222", "222222222222"}, "shared", []string{"222222222222"}},
		"the owner's own account":      {[]string{owner}, "private", nil},
		"the owner's and another":      {[]string{owner, "222222222222"}, "shared", []string{"222222222222"}},
		"everybody and an account":     {[]string{"222222222222", "all"}, "tenant", []string{"222222222222"}},
		"a word from next year":        {[]string{"everyone"}, "private..tenant", nil},
		"an account of thirteen":       {[]string{"2222222222222"}, "private..tenant", nil},
		"nothing where somebody's due": {[]string{""}, "private..tenant", nil},
		"an account and a new word":    {[]string{"222222222222", "everyone"}, "shared..tenant", []string{"222222222222"}},
		"all in capital letters":       {[]string{"ALL"}, "private..tenant", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := describe(c.values...)
			if got := exposure.Assess(r).Range.String(); got != c.want {
				t.Errorf("%v is %s, want %s", c.values, got, c.want)
			}
			if diff := cmp.Diff(c.named, named(r)); diff != "" {
				t.Errorf("named (-want +got):\n%s", diff)
			}
		})
	}
}

func named(r *resource.Resource) []string {
	var all []string
	for _, g := range r.Grants {
		all = append(all, g.To.Named...)
	}
	return all
}

// An attribute that is not known yet shares in a way that is not known; one
// without values shares nothing.
func TestUnknownAttribute(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   string
	}{{nil, "private"}, {[]string{"all"}, "private..tenant"}, {[]string{owner}, "private..tenant"}} {
		sharing := shareattribute.Sharing{Owner: owner}
		sharing.Attribute("stream", c.values, resource.Evidence{Pointer: "/A"})
		r := new(resource.Resource)
		sharing.Describe(r)
		if got := exposure.Assess(r).Range.String(); got != c.want {
			t.Errorf("%v is %s, want %s", c.values, got, c.want)
		}
	}
}

// Where a listing said that not everybody is let in, what is not understood is
// somebody whom the owner named.
func TestListed(t *testing.T) {
	for _, c := range []struct {
		group, user string
		listed      bool
		want        string
	}{
		{"all", "", true, "tenant"},
		{"", "222222222222", true, "shared"},
		{"everyone", "", true, "private..shared"},
		{"everyone", "", false, "private..tenant"},
		{"", "", true, "private..shared"},
		{"", owner, true, "private"},
	} {
		sharing := shareattribute.Sharing{Owner: owner, Listed: c.listed}
		sharing.Permission(c.group, c.user, resource.Evidence{Pointer: "/item"}, 0)
		r := new(resource.Resource)
		sharing.Describe(r)
		if got := exposure.Assess(r).Range.String(); got != c.want {
			t.Errorf("%+v is %s", c, got)
		}
	}
}

// What is known to be public is said once, by whoever said it first.
func TestPublicOnce(t *testing.T) {
	listed := resource.Evidence{Call: "ec2:DescribeSnapshots"}
	r := &resource.Resource{Grants: []resource.Grant{shareattribute.ToEverybody("", "rds:RestoreDBInstanceFromDBSnapshot", listed)}}
	sharing := shareattribute.Sharing{Owner: owner}
	sharing.Entry("all", resource.Evidence{Call: "ec2:DescribeSnapshotAttribute"})
	sharing.Describe(r)
	if len(r.Grants) != 1 || r.Grants[0].Because[0] != listed {
		t.Errorf("grants %+v", r.Grants)
	}
}

// Encryption stops everybody, and nobody whom the owner named.
func TestEncryption(t *testing.T) {
	for _, c := range []struct {
		encrypted, custom bool
		want              string
	}{{true, false, "shared"}, {true, true, "tenant"}, {false, false, "tenant"}} {
		r := describe("all", "222222222222", "everyone")
		shareattribute.Settings(r, resource.Evidence{Pointer: "/S"}, shareattribute.Member{Key: shareattribute.Encrypted, Element: "Encrypted", Value: &c.encrypted})
		shareattribute.GuardEncrypted(r, c.custom)
		if got := exposure.Assess(r).Range.String(); got != c.want {
			t.Errorf("%+v is %s", c, got)
		}
	}
}

// Whatever an attribute holds, another entry never makes its store look safer,
// the order does not matter, and each name cites where it stands.
func TestEntries(t *testing.T) {
	word := rapid.SampledFrom([]string{"all", owner, "222222222222", "333333333333", "everyone", "", "o-1"})
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(word, 0, 6).Draw(t, "values")
		less, more := describe(values...), describe(append(slices.Clone(values), word.Draw(t, "another"))...)
		was, is := exposure.Assess(less).Range, exposure.Assess(more).Range
		if is.Most < was.Most || is.Least < was.Least {
			t.Fatalf("%s becomes %s", was, is)
		}
		turned := slices.Clone(values)
		slices.Reverse(turned)
		if diff := cmp.Diff(named(less), named(describe(turned...))); diff != "" {
			t.Fatalf("the order matters:\n%s", diff)
		}
		for _, g := range more.Grants {
			if len(g.To.Named) != 0 && len(g.Because) != len(g.To.Named) {
				t.Fatalf("%d names, %d places", len(g.To.Named), len(g.Because))
			}
			for i, who := range g.To.Named {
				if g.Because[i].Quote != who {
					t.Fatal(fmt.Sprint(g))
				}
			}
		}
	})
}
