//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"

	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// The accounts. The first is the one that the test credentials belong to; andon
// reaches the others by assuming a role in them.
const (
	ownAccount         = "123456789012"
	blockedAccount     = "111111111111"
	ignoringAccount    = "222222222222"
	restrictingAccount = "333333333333"
	refusingAccount    = "444444444444"
	bareAccount        = "555555555555"
	organisedAccount   = "888888888888"
	databaseAccount    = "121212121212"
	stockAccount       = "131313131313"
)

// Words of the policies below.
const (
	anyone   = `"*"`
	reading  = `"Action":["s3:GetObject","s3:ListBucket"],"Resource":["BUCKET","BUCKET/*"]`
	getting  = `"Action":"s3:GetObject","Resource":"BUCKET/*"`
	anything = `"Action":"s3:*","Resource":["BUCKET","BUCKET/*"]`
	through  = `"Action":["s3:GetObject","s3:ListBucket"],"Resource":["POINT","POINT/object/*"]`
)

// policy is a policy document of statements.
func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func allow(principal, what string, conditions ...string) string {
	return statement("Allow", principal, what, conditions)
}

func deny(principal, what string, conditions ...string) string {
	return statement("Deny", principal, what, conditions)
}

func statement(effect, principal, what string, conditions []string) string {
	text := fmt.Sprintf(`{"Effect":%q,"Principal":%s,%s`, effect, principal, what)
	if len(conditions) > 0 {
		text += `,"Condition":{` + strings.Join(conditions, ",") + `}`
	}
	return text + "}"
}

// when is one condition; a list of values is written as "a,b".
func when(operator, key, values string) string {
	return fmt.Sprintf(`%q:{%q:["%s"]}`, operator, key, strings.ReplaceAll(values, ",", `","`))
}

// delegated lets a bucket's own access points decide, as AWS recommends.
func delegated(account string) string {
	return policy(allow(anyone, anything, when("StringEquals", "s3:DataAccessPointAccount", account)))
}

func to(group string, permissions ...s3types.Permission) []s3types.Grant {
	var grants []s3types.Grant
	for _, p := range permissions {
		uri := "http://acs.amazonaws.com/groups/" + group
		grants = append(grants, s3types.Grant{Grantee: &s3types.Grantee{Type: s3types.TypeGroup, URI: &uri}, Permission: p})
	}
	return grants
}

func toUser(id string, permission s3types.Permission) []s3types.Grant {
	return []s3types.Grant{{Grantee: &s3types.Grantee{Type: s3types.TypeCanonicalUser, ID: &id}, Permission: permission}}
}

const (
	allUsers           = "global/AllUsers"
	authenticatedUsers = "global/AuthenticatedUsers"
	logDelivery        = "s3/LogDelivery"
	otherUser          = "b5b2a3f3a2f0d0c1e4c5a6978877665544332211ffeeddccbbaa998877665544"
)

var (
	worldRead   = to(allUsers, s3types.PermissionRead)
	worldPolicy = policy(allow(anyone, reading))
)

// estates are every account that is audited, with what AWS makes of each store.
var estates = []*estate{
	{account: ownAccount, buckets: slicesOf(aclBuckets, blockBuckets, policyBuckets, bucketsBehind), points: accessPoints},
	{
		account: blockedAccount, block: allFour,
		buckets: []bucket{
			{name: "blocked-acl", acl: worldRead, expected: expected{want: "private", why: "the account's IgnorePublicAcls holds for every bucket in it"}},
			{name: "blocked-policy", policy: worldPolicy, expected: expected{want: "private", why: "the account's RestrictPublicBuckets holds for every bucket in it"}},
			{name: "blocked-both", acl: worldRead, policy: worldPolicy, region: tokyo, expected: expected{want: "private", why: "the account's block holds in every Region"}},
			{name: "blocked-delegating", policy: delegated(blockedAccount), expected: expected{want: "private", why: "access points of the own account only"}},
			{
				name: "blocked-partner", policy: policy(allow(account(stranger), reading)),
				expected: expected{want: "shared", quick: "private", why: "a policy that names an account is not public, so that the block leaves it alone"},
			},
			{
				name: "blocked-deputy", policy: policy(allow(service("cloudtrail.amazonaws.com"), `"Action":"s3:PutObject","Resource":"BUCKET/*"`)),
				expected: expected{want: "tenant", quick: "private", why: "RestrictPublicBuckets lets AWS services through, and nothing ties this one to the owner"},
			},
			{name: "blocked-named-acl", acl: toUser(otherUser, s3types.PermissionRead), expected: expected{want: "shared", quick: "private", why: "IgnorePublicAcls ignores grants to the two public groups, not to named users"}},
		},
		points: []accessPoint{
			{name: "blocked-point", bucket: "blocked-delegating", block: &flags{}, policy: policy(allow(anyone, through)), expected: expected{want: "private", why: "the account's RestrictPublicBuckets holds for access points too"}},
		},
	},
	{
		account: ignoringAccount, block: ignore,
		buckets: []bucket{
			{name: "ignoring-acl", acl: worldRead, expected: expected{want: "private", why: "the account ignores public ACLs"}},
			{name: "ignoring-policy", policy: worldPolicy, expected: expected{want: "public", why: "IgnorePublicAcls does not touch policies"}},
			{name: "ignoring-split", acl: worldRead, policy: worldPolicy, block: restrict, expected: expected{want: "private", why: "each flag holds when the account or the bucket sets it"}},
		},
	},
	{
		account: restrictingAccount, block: restrict,
		buckets: []bucket{
			{name: "restricting-policy", policy: worldPolicy, expected: expected{want: "private", why: "the account restricts buckets with public policies"}},
			{name: "restricting-acl", acl: worldRead, expected: expected{want: "public", why: "RestrictPublicBuckets looks at policies only"}},
			{name: "restricting-split", acl: worldRead, policy: worldPolicy, block: ignore, expected: expected{want: "private", why: "each flag holds when the account or the bucket sets it"}},
			{name: "restricting-partner", policy: policy(allow(account(stranger), reading)), expected: expected{want: "shared", why: "a policy that names an account is not public"}},
			{
				name: "restricting-tainted", policy: policy(allow(account(stranger), reading), allow(anyone, reading)),
				expected: expected{want: "private", why: "one public statement makes the policy public, and then only the owner's account and AWS services get in"},
			},
		},
	},
	{
		account: organisedAccount, organised: true,
		buckets: []bucket{
			{name: "organised-own", policy: policy(allow(anyone, reading, when("StringEquals", "aws:PrincipalOrgID", "ORGANISATION"))), expected: expected{want: "private", why: "the owner's own organisation"}},
			{name: "organised-other", policy: policy(allow(anyone, reading, when("StringEquals", "aws:PrincipalOrgID", "o-exampleorg1"))), expected: expected{want: "shared", why: "another organisation is a list of outsiders"}},
			{name: "organised-own-denied", policy: policy(allow(anyone, reading), deny(anyone, anything, when("StringNotEquals", "aws:PrincipalOrgID", "ORGANISATION"))), expected: expected{want: "private", why: "the Deny leaves the owner's own organisation"}},
		},
	},
	{
		account: refusingAccount, block: refuseOnly,
		buckets: []bucket{
			{name: "refusing-acl", acl: worldRead, expected: expected{want: "public", why: "BlockPublicAcls refuses new ACLs and leaves the old ones in force"}},
			{name: "refusing-policy", policy: worldPolicy, expected: expected{want: "public", why: "BlockPublicPolicy refuses new policies and leaves the old ones in force"}},
		},
	},
	{
		account: databaseAccount, regions: []string{ireland}, networked: true,
		holdings: slices.Concat(
			of(instanceKind, ireland, instances), of(clusterKind, ireland, clusters), of(warehouseKind, ireland, warehouses),
			of(domainKind, ireland, domains), of(fileKind, ireland, fileSystems),
		),
	},
	{
		account: stockAccount, regions: []string{home, ireland},
		holdings: slices.Concat(
			of(keyKind, home, keys), of(secretKind, home, secrets), of("", home, snapshots), of(queueKind, home, queues), of(topicKind, home, topics),
			of(repositoryKind, home, repositories), of(tableKind, home, tables), of(streamKind, home, streams), of("", home, vaults),
		),
	},
}

func slicesOf(parts ...[]bucket) []bucket {
	var all []bucket
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

func account(id string) string   { return `{"AWS":"arn:aws:iam::` + id + `:root"}` }
func service(name string) string { return `{"Service":"` + name + `"}` }

// aclBuckets say what grants in ACLs mean. Source: Amazon S3 User Guide, "Access
// control list (ACL) overview" and "Controlling ownership of objects".
var aclBuckets = []bucket{
	{name: "acl-none", expected: expected{want: "private", why: "the default ACL lets in the owner alone"}},
	{name: "acl-read", acl: worldRead, region: ireland, expected: expected{want: "public", why: "READ of a bucket lets anyone list it"}},
	{name: "acl-write", acl: to(allUsers, s3types.PermissionWrite), expected: expected{want: "public", why: "WRITE of a bucket lets anyone create objects"}},
	{name: "acl-read-acp", acl: to(allUsers, s3types.PermissionReadAcp), expected: expected{want: "public", why: "READ_ACP lets anyone read the ACL"}},
	{name: "acl-write-acp", acl: to(allUsers, s3types.PermissionWriteAcp), region: tokyo, expected: expected{want: "public", why: "WRITE_ACP lets anyone grant themselves the rest"}},
	{name: "acl-full-control", acl: to(allUsers, s3types.PermissionFullControl), expected: expected{want: "public", why: "FULL_CONTROL is all four permissions"}},
	{name: "acl-authenticated", acl: to(authenticatedUsers, s3types.PermissionRead), expected: expected{want: "tenant", why: "AuthenticatedUsers is anyone with some AWS account"}},
	{name: "acl-named", acl: toUser(otherUser, s3types.PermissionRead), expected: expected{want: "shared", why: "a canonical user is one named account"}},
	{name: "acl-logs", acl: to(logDelivery, s3types.PermissionWrite, s3types.PermissionReadAcp), expected: expected{want: "private", why: "the log delivery group is AWS itself, and not public"}},
	{
		name: "acl-enforced", acl: worldRead, ownership: s3types.ObjectOwnershipBucketOwnerEnforced,
		expected: expected{want: "private", why: "BucketOwnerEnforced takes ACLs out of force, leftovers included"},
	},
	{name: "acl-preferred", acl: worldRead, ownership: s3types.ObjectOwnershipBucketOwnerPreferred, expected: expected{want: "public", why: "BucketOwnerPreferred leaves ACLs in force"}},
	{name: "acl-writer", acl: worldRead, ownership: s3types.ObjectOwnershipObjectWriter, expected: expected{want: "public", why: "ObjectWriter leaves ACLs in force"}},
	{name: "acl-website", acl: worldRead, website: true, expected: expected{want: "public", why: "website hosting means to be public and changes nothing"}},
	{name: "acl-payer", acl: worldRead, payer: true, expected: expected{want: "tenant", why: "Requester Pays refuses unsigned requests, and anyone can sign"}},
	{name: "acl-kms", acl: worldRead, kms: true, expected: expected{want: "public", why: "listing needs no key"}},
	{
		name: "acl-denied", acl: worldRead, policy: policy(deny(anyone, anything, when("StringNotEquals", "aws:PrincipalOrgID", "o-exampleorg1"))),
		expected: expected{want: "private", why: "an explicit Deny beats an ACL; an absent key is not equal, so the Deny meets anonymous callers"},
	},
	{
		name: "acl-denied-write", acl: worldRead, policy: policy(deny(anyone, `"Action":"s3:PutObject","Resource":"BUCKET/*"`)),
		expected: expected{want: "public", why: "the Deny does not speak of listing"},
	},
}

// blockBuckets say what each flag of a bucket's own block does. Source: Amazon
// S3 User Guide, "Blocking public access to your Amazon S3 storage".
var blockBuckets = []bucket{
	{name: "block-all", acl: worldRead, policy: worldPolicy, block: allFour, expected: expected{want: "private", why: "IgnorePublicAcls and RestrictPublicBuckets close both ways in"}},
	{name: "block-refuse-acl", acl: worldRead, block: refuseOnly, expected: expected{want: "public", why: "BlockPublicAcls only refuses new ACLs"}},
	{name: "block-refuse-policy", policy: worldPolicy, block: refuseOnly, expected: expected{want: "public", why: "BlockPublicPolicy only refuses new policies"}},
	{name: "block-ignore-acl", acl: worldRead, block: ignore, expected: expected{want: "private", why: "IgnorePublicAcls alone is enough against ACLs"}},
	{name: "block-ignore-policy", policy: worldPolicy, block: ignore, expected: expected{want: "public", why: "IgnorePublicAcls does not touch policies"}},
	{name: "block-restrict-acl", acl: worldRead, block: restrict, expected: expected{want: "public", why: "RestrictPublicBuckets looks at policies only"}},
	{name: "block-restrict-policy", policy: worldPolicy, block: restrict, region: ireland, expected: expected{want: "private", why: "RestrictPublicBuckets alone is enough against policies"}},
	{
		name: "block-restrict-range", policy: policy(allow(anyone, reading, when("IpAddress", "aws:SourceIp", "198.51.100.0/24"))), block: restrict,
		expected: expected{want: "shared", why: "a policy for a narrow address range is not public, so that the block leaves it alone"},
	},
}

// policyBuckets say whom policies admit. Source: IAM User Guide, "Policy
// evaluation logic", "Condition operators" and "Global condition context keys";
// Amazon S3 User Guide, "The meaning of public".
var policyBuckets = []bucket{
	{name: "policy-star", policy: worldPolicy, expected: expected{want: "public", why: "the principal * includes anonymous callers"}},
	{name: "policy-star-aws", policy: policy(allow(`{"AWS":"*"}`, reading)), expected: expected{want: "public", why: `for resource policies {"AWS":"*"} is the same as *`}},
	{name: "policy-star-list", policy: policy(allow(`{"AWS":["*"]}`, reading)), region: tokyo, expected: expected{want: "public", why: "a list of one is that one"}},
	{name: "policy-star-among", policy: policy(allow(`{"AWS":["arn:aws:iam::`+ownAccount+`:root","*"]}`, reading)), expected: expected{want: "public", why: "the values of a list are alternatives"}},
	{name: "policy-object", policy: `{"Version":"2012-10-17","Statement":` + allow(anyone, reading) + `}`, expected: expected{want: "public", why: "a single statement needs no list around it"}},
	{
		name: "policy-not-principal", policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotPrincipal":` + account(ownAccount) + `,` + reading + `}]}`,
		expected: expected{want: "public", why: "Allow with NotPrincipal lets in everyone else, anonymous callers too"},
	},
	{name: "policy-not-action", policy: policy(allow(anyone, `"NotAction":"s3:DeleteBucket","Resource":["BUCKET","BUCKET/*"]`)), expected: expected{want: "public", why: "NotAction allows every action but the named"}},
	{name: "policy-metadata", policy: policy(allow(anyone, `"Action":"s3:GetBucketTagging","Resource":"BUCKET"`)), expected: expected{want: "public", why: "whatever anyone may do makes a policy public, AWS says"}},
	{name: "policy-elsewhere", policy: policy(allow(anyone, `"Action":"s3:GetObject","Resource":"arn:aws:s3:::acl-none/*"`)), expected: expected{want: "private", why: "a policy only speaks of the bucket it hangs on"}},
	{name: "policy-two-statements", policy: policy(allow(anyone, reading, when("StringEquals", "aws:PrincipalOrgID", "o-exampleorg1")), allow(anyone, getting)), expected: expected{want: "public", why: "statements are alternatives: one without a condition is enough"}},

	{name: "deny-everyone", policy: policy(allow(anyone, reading), deny(anyone, anything)), expected: expected{want: "private", why: "an explicit Deny beats every Allow"}},
	{
		name: "deny-outside-org", policy: policy(allow(anyone, reading), deny(anyone, anything, when("StringNotEquals", "aws:PrincipalOrgID", "o-exampleorg1"))),
		expected: expected{want: "shared", why: "the Deny leaves an organisation that the account is not in"},
	},
	{
		name: "deny-outside-endpoint", policy: policy(allow(anyone, reading), deny(anyone, anything, when("StringNotEquals", "aws:SourceVpce", "vpce-0123456789abcdef0"))),
		expected: expected{want: "private", why: "only requests through the named endpoint escape the Deny"},
	},
	{
		name: "deny-outside-range", policy: policy(allow(anyone, reading), deny(anyone, anything, when("NotIpAddress", "aws:SourceIp", "198.51.100.0/24"))),
		expected: expected{want: "shared", why: "the Deny leaves a narrow address range"},
	},
	{name: "deny-plaintext", policy: policy(allow(anyone, reading), deny(anyone, anything, when("Bool", "aws:SecureTransport", "false"))), expected: expected{want: "public", why: "anyone can use TLS"}},
	{name: "deny-writes", policy: policy(allow(anyone, anything), deny(anyone, `"Action":["s3:Put*","s3:Delete*"],"Resource":["BUCKET","BUCKET/*"]`)), expected: expected{want: "public", why: "the Deny does not speak of reading"}},

	{name: "ip-everywhere", policy: policy(allow(anyone, reading, when("IpAddress", "aws:SourceIp", "0.0.0.0/0"))), expected: expected{want: "public", why: "0.0.0.0/0 is every IPv4 address"}},
	{name: "ip-everywhere-v6", policy: policy(allow(anyone, reading, when("IpAddress", "aws:SourceIp", "::/0"))), expected: expected{want: "public", why: "::/0 is every IPv6 address"}},
	{name: "ip-halves", policy: policy(allow(anyone, reading, when("IpAddress", "aws:SourceIp", "0.0.0.0/1,128.0.0.0/1"))), expected: expected{want: "public", why: "two halves are the whole"}},
	{name: "ip-half", policy: policy(allow(anyone, reading, when("IpAddress", "aws:SourceIp", "128.0.0.0/1"))), expected: expected{want: "public", why: "a range wider than /8 is public"}},
	{name: "ip-internal", policy: policy(allow(anyone, reading, when("IpAddress", "aws:SourceIp", "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"))), expected: expected{want: "private", why: "no request reaches S3 from a private address: through an endpoint the key is absent"}},
	{name: "ip-narrow", policy: policy(allow(anyone, reading, when("IpAddress", "aws:SourceIp", "198.51.100.0/24"))), expected: expected{want: "shared", why: "a narrow range is a list of named outsiders"}},
	{name: "ip-all-but", policy: policy(allow(anyone, reading, when("NotIpAddress", "aws:SourceIp", "198.51.100.0/24"))), expected: expected{want: "public", why: "everything but a range is nearly everything"}},
	{name: "ip-and-agent", policy: policy(allow(anyone, reading, when("IpAddress", "aws:SourceIp", "198.51.100.0/24"), when("StringLike", "aws:UserAgent", "*"))), expected: expected{want: "shared", why: "conditions are joined by and: one that restricts is enough"}},

	{name: "key-any-arn", policy: policy(allow(anyone, reading, when("ArnLike", "aws:PrincipalArn", "*"))), expected: expected{want: "tenant", why: "every signed caller has an ARN, an anonymous one has none"}},
	{name: "key-any-account-arn", policy: policy(allow(anyone, reading, when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:*"))), expected: expected{want: "tenant", why: "a wildcard for the account is any account"}},
	{name: "key-any-source-account", policy: policy(allow(anyone, reading, when("StringLike", "aws:SourceAccount", "*"))), expected: expected{want: "tenant", why: "services carry the key when they act for somebody, whoever that is"}},
	{name: "key-own-arn", policy: policy(allow(anyone, reading, when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::"+ownAccount+":role/*"))), expected: expected{want: "private", why: "roles of the own account only"}},
	{name: "key-org", policy: policy(allow(anyone, reading, when("StringEquals", "aws:PrincipalOrgID", "o-exampleorg1"))), expected: expected{want: "shared", why: "an organisation that the account is not in"}},
	{name: "key-org-if-exists", policy: policy(allow(anyone, reading, when("StringEqualsIfExists", "aws:PrincipalOrgID", "o-exampleorg1"))), expected: expected{want: "public", why: "IfExists is true where the key is absent, as it is for anonymous callers"}},
	{name: "key-org-for-all", policy: policy(allow(anyone, reading, when("ForAllValues:StringEquals", "aws:PrincipalOrgPaths", "o-exampleorg1/r-ab12/ou-ab12-11111111/"))), expected: expected{want: "public", why: "ForAllValues is true where the key is absent"}},
	{name: "key-org-for-any", policy: policy(allow(anyone, reading, when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-exampleorg1/*"))), expected: expected{want: "shared", why: "ForAnyValue is false where the key is absent"}},
	{name: "key-endpoint", policy: policy(allow(anyone, reading, when("StringEquals", "aws:SourceVpce", "vpce-0123456789abcdef0"))), expected: expected{want: "private", why: "one named endpoint"}},
	{name: "key-any-vpc", policy: policy(allow(anyone, reading, when("StringLike", "aws:SourceVpc", "vpc-*"))), expected: expected{want: "tenant", why: "AWS's own example of a public policy: any VPC of any customer"}},
	{name: "key-referer", policy: policy(allow(anyone, getting, when("StringLike", "aws:Referer", "https://www.example.com/*"))), expected: expected{want: "public", why: "callers write the Referer header themselves"}},
	{name: "key-tls", policy: policy(allow(anyone, getting, when("Bool", "aws:SecureTransport", "true"))), expected: expected{want: "public", why: "anyone can use TLS"}},
	{name: "key-resource-account", policy: policy(allow(anyone, getting, when("StringEquals", "aws:ResourceAccount", ownAccount))), expected: expected{want: "public", why: "the key says whose the bucket is, not who calls"}},
	{name: "key-user-folder", policy: policy(allow(anyone, `"Action":"s3:GetObject","Resource":"BUCKET/${aws:username}/*"`)), expected: expected{want: "tenant", why: "the variable is empty for anonymous callers, and every account names its users as it likes"}},

	{name: "who-partner", policy: policy(allow(account(stranger), reading)), expected: expected{want: "shared", why: "one foreign account"}},
	{name: "who-partner-id", policy: policy(allow(`{"AWS":"`+stranger+`"}`, reading)), region: ireland, expected: expected{want: "shared", why: "a bare account id is that account"}},
	{name: "who-partner-role", policy: policy(allow(`{"AWS":"arn:aws:iam::`+stranger+`:role/etl"}`, reading)), expected: expected{want: "shared", why: "one role of a foreign account"}},
	{name: "who-self", policy: policy(allow(account(ownAccount), reading)), expected: expected{want: "private", why: "the own account"}},
	{name: "who-canonical", policy: policy(allow(`{"CanonicalUser":"`+otherUser+`"}`, reading)), expected: expected{want: "shared", why: "one foreign account, by its canonical id"}},
	{name: "who-facebook", policy: policy(allow(`{"Federated":"graph.facebook.com"}`, reading)), expected: expected{want: "tenant", why: "AWS's own example of a public policy: any user of the identity provider"}},
	{
		name: "who-service-own", policy: policy(allow(service("cloudtrail.amazonaws.com"), `"Action":"s3:PutObject","Resource":"BUCKET/*"`, when("StringEquals", "aws:SourceAccount", ownAccount))),
		expected: expected{want: "private", why: "the service acts for the own account only"},
	},
	{
		name: "who-service-distribution", policy: policy(allow(service("cloudfront.amazonaws.com"), getting, when("StringEquals", "aws:SourceArn", "arn:aws:cloudfront::"+ownAccount+":distribution/EXAMPLE1234567"))),
		expected: expected{want: "private", why: "the service acts for one distribution of the own account"},
	},
	{name: "who-service-any", policy: policy(allow(service("cloudfront.amazonaws.com"), getting)), expected: expected{want: "tenant", why: "the confused deputy: the service acts for anyone's distribution"}},

	{name: "other-payer", policy: worldPolicy, payer: true, expected: expected{want: "tenant", why: "Requester Pays refuses unsigned requests, and anyone can sign"}},
	{name: "other-kms", policy: policy(allow(anyone, getting)), kms: true, expected: expected{want: "private..public", why: "objects under a KMS key need a signature, but the default binds only objects written since"}},
	{name: "other-kms-listed", policy: worldPolicy, kms: true, expected: expected{want: "public", why: "listing needs no key"}},
	{name: "other-website", policy: policy(allow(anyone, getting)), website: true, expected: expected{want: "public", why: "a website needs public reading, and has it"}},
	{name: "other-broken", policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",`, expected: expected{want: "private..public", why: "a policy that cannot be read may say anything"}},
	{name: "other-duplicate", policy: `{"Version":"2012-10-17","Statement":[],"Statement":[` + allow(anyone, reading) + `]}`, expected: expected{want: "private..public", why: "which of two members of one name counts is anybody's guess"}},
}

// bucketsBehind are what the access points lead to.
var bucketsBehind = []bucket{
	{name: "behind-delegating", policy: delegated(ownAccount), expected: expected{want: "private", why: "AWS's own example of a non-public policy: access points of the own account decide, and are judged by themselves"}},
	{name: "behind-silent", expected: expected{want: "private", why: "no policy, no public ACL"}},
}

// accessPoints say what an access point's own policy, block and network add.
// Source: Amazon S3 User Guide, "Configuring IAM policies for using access
// points" and "Managing public access to access points".
var accessPoints = []accessPoint{
	{name: "point-open", bucket: "behind-delegating", block: &flags{}, policy: policy(allow(anyone, through)), expected: expected{want: "tenant", why: "access points refuse unsigned requests, and anyone can sign"}},
	{name: "point-on-open-bucket", bucket: "policy-star", block: &flags{}, policy: policy(allow(anyone, through)), expected: expected{want: "tenant", why: "both policies let in any account"}},
	{name: "point-vpc", bucket: "behind-delegating", block: &flags{}, vpc: "vpc-0123456789abcdef0", policy: policy(allow(anyone, through)), expected: expected{want: "private", why: "a VPC origin admits requests from that VPC alone"}},
	{name: "point-undelegated", bucket: "behind-silent", block: &flags{}, policy: policy(allow(anyone, through)), expected: expected{want: "private", why: "callers from outside must pass the bucket's policy, too, and there is none"}},
	{name: "point-blocked", bucket: "behind-delegating", policy: policy(allow(anyone, through)), expected: expected{want: "private", why: "an access point blocks public access unless it was created otherwise"}},
	{name: "point-silent", bucket: "behind-delegating", block: &flags{}, expected: expected{want: "private", why: "without a policy of its own it lets nobody in from outside"}},
	{name: "point-partner", bucket: "behind-delegating", policy: policy(allow(account(stranger), through)), expected: expected{want: "shared", why: "one foreign account, whom no block stops"}},
	{name: "multi-open", bucket: "behind-delegating", multi: true, block: &flags{}, policy: policy(allow(anyone, through)), expected: expected{want: "tenant", why: "multi-region access points refuse unsigned requests, and anyone can sign"}},
	{name: "multi-blocked", bucket: "behind-delegating", multi: true, policy: policy(allow(anyone, through)), expected: expected{want: "private", why: "a multi-region access point blocks public access unless it was created otherwise"}},
}
