package resourcepolicy

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
)

const owner = "111111111111"

func keyGrant(to string, operations ...types.GrantOperation) KeyGrant {
	return KeyGrant{types.GrantListEntry{GranteePrincipal: aws.String(to), Operations: operations}, resource.Evidence{Call: keyGrantsCall, Of: "k", Pointer: "/Grants/0"}}
}

func TestOutside(t *testing.T) {
	const stranger = "arn:aws:iam::222222222222:role/reader"
	for name, c := range map[string]struct {
		grant KeyGrant
		want  exposure.Range
		can   []resource.Action
	}{
		"another account":     {keyGrant(stranger, "Decrypt", "CreateGrant"), exposure.Range{Least: exposure.Shared, Most: exposure.Shared}, []resource.Action{resource.Read, resource.TakeOver}},
		"the owner's role":    {keyGrant("arn:aws:iam::111111111111:role/app", "Decrypt"), exposure.Range{}, nil},
		"a service":           {keyGrant("dynamodb.eu-west-1.amazonaws.com", "Decrypt"), exposure.Range{}, nil},
		"a service by field":  {KeyGrant{GrantListEntry: types.GrantListEntry{GranteeServicePrincipal: aws.String("rds.amazonaws.com"), Operations: []types.GrantOperation{"Decrypt"}}}, exposure.Range{}, nil},
		"a role called so":    {keyGrant("arn:aws:iam::222222222222:role/rds.amazonaws.com", "Decrypt"), exposure.Range{Least: exposure.Shared, Most: exposure.Shared}, []resource.Action{resource.Read}},
		"somebody unknown":    {keyGrant("AROAEXAMPLEROLEID", "Decrypt"), exposure.Range{Most: exposure.Shared}, nil},
		"nobody at all":       {keyGrant("", "Decrypt"), exposure.Range{Most: exposure.Shared}, nil},
		"an unknown use":      {keyGrant(stranger, "DecryptTomorrow"), exposure.Range{Least: exposure.Shared, Most: exposure.Shared}, []resource.Action{resource.AnyAction}},
		"for no use it tells": {keyGrant(stranger), exposure.Range{Most: exposure.Shared}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			to, gap := c.grant.Outside(owner, "grant")
			r := new(resource.Resource)
			if to != nil {
				r.Grants = append(r.Grants, *to)
				if !slices.Equal(to.Can, c.can) {
					t.Errorf("can %v, want %v", to.Can, c.can)
				}
			}
			if gap != nil {
				r.Gaps = append(r.Gaps, *gap)
			}
			if got := exposure.Assess(r).Range; got != c.want {
				t.Errorf("%v, want %v; %+v", got, c.want, r)
			}
		})
	}
}

// Grants of a key that are not understood never count as nobody's.
func TestCountsFor(t *testing.T) {
	const stranger = "arn:aws:iam::222222222222:root"
	for name, c := range map[string]struct {
		grant      KeyGrant
		understood bool
		names      []string
	}{
		"another account":            {keyGrant(stranger, "Decrypt"), true, []string{"222222222222"}},
		"for another use":            {keyGrant(stranger, "Encrypt"), true, nil},
		"for another use, whoever":   {keyGrant("AROAEXAMPLEROLEID", "Encrypt"), true, nil},
		"somebody unknown":           {keyGrant("AROAEXAMPLEROLEID", "Decrypt"), false, nil},
		"the owner":                  {keyGrant("arn:aws:iam::111111111111:role/app", "Decrypt"), true, nil},
		"an unknown use among known": {keyGrant(stranger, "Encrypt", "DecryptTomorrow"), false, nil},
		"for no use it tells":        {keyGrant(stranger), false, nil},
	} {
		u := &use{ability: resource.Read, operation: "Decrypt"}
		if got := c.grant.countsFor(u, owner); got != c.understood || !slices.Equal(u.names, c.names) {
			t.Errorf("%s: understood %t, names %v", name, got, u.names)
		}
	}
}

// A key narrows by what it says of whom it lets in, and leaves open the rest.
func TestUseCounts(t *testing.T) {
	for name, c := range map[string]struct {
		to         resource.Audience
		comparable bool
		all        bool
		names      []string
	}{
		"the owner":        {resource.Nobody, true, false, nil},
		"an account":       {resource.Outsiders("222222222222"), true, false, []string{"222222222222"}},
		"an organisation":  {resource.Outsiders("o-somebodyelse"), false, false, nil},
		"every account":    {resource.AnyTenant, true, true, nil},
		"by a service":     {resource.Audience{Reach: resource.ReachProvider, Credential: resource.CredentialTenant}, false, false, nil},
		"from a few hosts": {resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialTenant, Named: []string{"198.51.100.0/24"}}, false, false, nil},
	} {
		u := new(use)
		if got := u.count(resource.Grant{To: c.to}); got != c.comparable || u.all != c.all || !slices.Equal(u.names, c.names) {
			t.Errorf("%s: %t, %+v", name, got, u)
		}
	}
}
