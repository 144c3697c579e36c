package s3access_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/s3access"
)

const ownerID = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"

var bucketTarget = iam.Target{
	Service: "s3", Resources: []string{"arn:aws:s3:::ours", "arn:aws:s3:::ours/*"}, Account: owner, CanonicalUser: ownerID,
}

func group(name string) *types.Grantee {
	return &types.Grantee{Type: types.TypeGroup, URI: aws.String("http://acs.amazonaws.com/groups/" + name)}
}

func user(id string) *types.Grantee {
	return &types.Grantee{Type: types.TypeCanonicalUser, ID: aws.String(id)}
}

func TestACL(t *testing.T) {
	allUsers, authenticated := group("global/AllUsers"), group("global/AuthenticatedUsers")
	read := func(g *types.Grantee) types.Grant { return types.Grant{Grantee: g, Permission: types.PermissionRead} }
	deny := func(rest string) string {
		return policy(`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::ours","arn:aws:s3:::ours/*"]` + rest + `}`)
	}
	tests := []struct {
		name, policy string
		grant        types.Grant
		want         []string
		gap          string // what may be hidden, and by which channel
	}{
		{"everybody reads", "", read(allUsers), []string{"acl to internet/none: list"}, ""},
		{"everybody writes", "", types.Grant{Grantee: allUsers, Permission: types.PermissionWrite}, []string{"acl to internet/none: write"}, ""},
		{"everybody reads the ACL", "", types.Grant{Grantee: allUsers, Permission: types.PermissionReadAcp}, []string{"acl to internet/none: read-acl"}, ""},
		{"everybody may let itself in", "", types.Grant{Grantee: allUsers, Permission: types.PermissionWriteAcp}, []string{"acl to internet/none: take-over"}, ""},
		{
			"everybody does everything", "",
			types.Grant{Grantee: allUsers, Permission: types.PermissionFullControl},
			[]string{"acl to internet/none: list write read-acl take-over"},
			"",
		},
		{"every account reads", "", read(authenticated), []string{"acl to internet/any-tenant: list"}, ""},
		{"log delivery is AWS", "", types.Grant{Grantee: group("s3/LogDelivery"), Permission: types.PermissionWrite}, nil, ""},
		{"the owner", "", types.Grant{Grantee: user(ownerID), Permission: types.PermissionFullControl}, nil, ""},
		{"a named canonical user", "", read(user("c0ffee")), []string{"named-acl to listed/named (canonical user c0ffee): list"}, ""},
		{
			"an account by e-mail", "",
			read(&types.Grantee{Type: types.TypeAmazonCustomerByEmail, EmailAddress: aws.String("it@example.com")}),
			[]string{"named-acl to listed/named (the account with e-mail it@example.com): list"},
			"",
		},

		{"a group that is not known", "", read(group("global/Partners")), nil, "acl internet/none"},
		{"a permission that is not known", "", types.Grant{Grantee: allUsers, Permission: "APPEND"}, nil, "acl internet/none"},
		{"a grantee without a type", "", read(&types.Grantee{ID: aws.String("c0ffee")}), nil, "acl internet/none"},
		{"a canonical user without an id", "", read(user("")), nil, "acl internet/none"},
		{"no grantee", "", read(nil), nil, "acl internet/none"},

		{"denied to all", deny(""), read(allUsers), nil, ""},
		{"denied to unsigned requests", deny(`,"Condition":{"Bool":{"aws:PrincipalIsAWSService":"false"}}`), read(authenticated), nil, ""},
		{"denied over plain HTTP", deny(`,"Condition":{"Bool":{"aws:SecureTransport":"false"}}`), read(allUsers), []string{"acl to internet/none: list"}, ""},
		{
			"denied outside a network", deny(`,"Condition":{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`), read(allUsers),
			[]string{"acl to listed/none: list"},
			"",
		},
		{
			"denied to other accounts", deny(`,"Condition":{"StringNotEquals":{"aws:PrincipalAccount":"` + owner + `"}}`), read(authenticated),
			nil, "",
		},
		{
			"one of several actions denied", policy(`{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"*"}`),
			types.Grant{Grantee: allUsers, Permission: types.PermissionFullControl},
			[]string{"acl to internet/none: list read-acl take-over"},
			"",
		},
		{"what the policy allows is not the ACL's", policy(`{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}`), read(allUsers), []string{"acl to internet/none: list"}, ""},
		{"denied where a fact is not known", deny(`,"Condition":{"StringEquals":{"s3:BucketTag/closed":"yes"}}`), read(allUsers), nil, "acl internet/none"},
		{"a named user is not judged past denials", deny(""), read(user("c0ffee")), []string{"named-acl to listed/named (canonical user c0ffee): list"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			acl := s3access.ACLOf{Bucket: "ours", Owner: ownerID, Target: bucketTarget}
			if test.policy != "" {
				acl.Policy = parse(t, test.policy)
			}
			grants, gaps := acl.Judge([]types.Grant{{Grantee: user(ownerID), Permission: types.PermissionFullControl}, test.grant})
			if diff := cmp.Diff(test.want, spell(grants)); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
			if got := hidden(gaps); got != test.gap {
				t.Errorf("hidden: %q, want %q", got, test.gap)
			}
			for _, g := range grants {
				if b := g.Because[0]; b.Call != "s3:GetBucketAcl" || b.Of != "ours" || b.Pointer != "/AccessControlPolicy/AccessControlList/Grant[2]" || b.Quote == "" {
					t.Errorf("because %+v", b)
				}
				if named := g.Via == s3access.NamedACL; (g.Witness == nil) != named {
					t.Errorf("%s with the witness %v", g.Via, g.Witness)
				}
			}
		})
	}
}

func hidden(gaps []resource.Gap) string {
	var lines []string
	for _, gap := range gaps {
		for _, h := range gap.Hides {
			lines = append(lines, string(h.Via)+" "+h.To.Reach.String()+"/"+h.To.Credential.String())
		}
	}
	return strings.Join(lines, ", ")
}

func parse(t *testing.T, document string) *iam.Policy {
	t.Helper()
	p, err := iam.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
