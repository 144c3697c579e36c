package awstest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The documentation is the example that the tests run.
func TestExampleIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimRight(world(t, "example"), "\n"), "\n") {
		comment := "//\t" + line + "\n"
		if line == "" {
			comment = "//\n"
		}
		if !strings.Contains(string(doc), comment) {
			t.Errorf("line %d of the example is not in doc.go: %s", i+1, line)
		}
	}
}

func TestWorldsParse(t *testing.T) {
	worlds, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(worlds) == 0 {
		t.Fatal(worlds, err)
	}
	for _, name := range worlds {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// inAccount makes a world with one line, the third, in its account.
func inAccount(line string) string { return "accounts:\n- id: \"111111111111\"\n  " + line + "\n" }

func TestMistakes(t *testing.T) {
	bare := world(t, "bare")
	for _, tc := range []struct{ name, world, want string }{
		{"no accounts", "faults: []\n", "no accounts"},
		{"empty", "", "parse world: "},
		{"no YAML", "accounts: [", "line 2: did not find"},
		{"unknown key at the top", "acounts: []\n", `line 1: unknown key "acounts"`},
		{"unknown key of an account", inAccount("blok: all"), `line 3: unknown key "blok"`},
		{"unknown key of a bucket", inAccount("buckets: [{name: abc, region: us-east-1, ownerhip: x}]"), `line 3: unknown key "ownerhip"`},
		{"unknown flag", inAccount("block: {block_public_acl: true}"), `line 3: unknown key "block_public_acl"`},
		{"unknown key of an access point", inAccount("access_points: [{nam: x}]"), `line 3: unknown key "nam"`},
		{"unknown key twice as deep", inAccount("buckets: [{name: abc, region: us-east-1, website: {indx: x}}]"), `line 3: unknown key "indx"`},
		{"key twice", inAccount("alias: a\n  alias: b"), "line 4"},
		{"empty account", "accounts: [null]\n", "accounts: entry 1 is empty"},
		{"empty bucket", inAccount("buckets: [{name: abc, region: us-east-1}, ]\n  access_points:\n  - "), "line 2: access_points: entry 1 is empty"},
		{"prefix", inAccount("generate: {buckets: 1, prefix: Estate}"), `line 3: prefix "Estate" makes no bucket names`},
		{"account id", "accounts:\n- id: 12\n", `line 2: account id "12" is not twelve digits`},
		{"account twice", "accounts:\n- id: \"111111111111\"\n- id: \"111111111111\"\n", "line 3: account 111111111111 is declared twice"},
		{"word for a block", inAccount("block: some"), `line 3: "some" is none of all, none`},
		{"ownership", inAccount("buckets: [{name: abc, region: us-east-1, ownership: Owner}]"), `line 3: "Owner" is none of BucketOwnerEnforced`},
		{"permission", inAccount("buckets: [{name: abc, region: us-east-1, acl: [{grantee: AllUsers, permission: read}]}]"), `line 3: "read" is none of`},
		{"grant", inAccount("buckets: [{name: abc, region: us-east-1, acl: [{grantee: AllUsers}]}]"), "line 3: bucket abc: a grant needs"},
		{"encryption", inAccount("buckets: [{name: abc, region: us-east-1, encryption: aes}]"), `line 3: "aes" is none of AES256`},
		{"versioning", inAccount("buckets: [{name: abc, region: us-east-1, versioning: on}]"), `line 3: "on" is none of Enabled`},
		{"region", inAccount("regions: [us-east]"), `line 3: "us-east" is not a region`},
		{"bucket without a region", inAccount("buckets: [{name: abc}]"), "line 3: bucket abc has no region"},
		{"bucket name", inAccount("buckets: [{name: Abc, region: us-east-1}]"), `line 3: "Abc" cannot be a bucket name`},
		{"directory bucket's name", inAccount("buckets: [{name: a--usw2-az1--x-s3, region: us-west-2}]"), "line 3: bucket a--usw2-az1--x-s3: names ending"},
		{"directory bucket's other name", inAccount("directory_buckets: [{name: abc, region: us-west-2}]"), "line 3: bucket abc: names ending"},
		{"bucket twice", inAccount("buckets: [{name: abc, region: us-east-1}, {name: abc, region: us-east-1}]"), "line 3: bucket abc is declared twice"},
		{"created", inAccount("buckets: [{name: abc, region: us-east-1, created: long ago}]"), "line 3"},
		{"access point's bucket", inAccount("access_points: [{name: abc, bucket: lost}]"), `line 3: access point abc has no region, and bucket "lost"`},
		{"access point without a bucket", inAccount("access_points: [{name: abc}]"), "line 3: access point abc has no bucket"},
		{"access point name", inAccount("access_points: [{name: A, bucket: b}]"), `line 3: "A" cannot be an access point name`},
		{"network origin", inAccount("access_points: [{name: abc, bucket: b, region: us-east-1, network_origin: VPC}]"), "line 3: access point abc: network_origin VPC and vpc"},
		{"network origin's word", inAccount("access_points: [{name: abc, network_origin: vpc}]"), `line 3: "vpc" is none of Internet, VPC`},
		{"multi-region bucket", inAccount("multi_region_access_points: [{name: abc, regions: [{bucket: lost}]}]"), "line 3: multi-region access point abc"},
		{"multi-region name", inAccount("multi_region_access_points: [{name: A}]"), `line 3: "A" cannot be`},
		{"status", inAccount("multi_region_access_points: [{name: abc, status: ready}]"), `line 3: "ready" is none of READY`},
		{"supporting access point", inAccount("object_lambda_access_points: [{name: abc, supporting_access_point: lost}]"), `no access point "lost" in this account`},
		{"object lambda name", inAccount("object_lambda_access_points: [{name: A}]"), `line 3: "A" cannot be`},
		{"organisation", inAccount("org: {id: abc}"), `line 2: organisation id "abc"`},
		{"S3 policy", inAccount("org: {id: o-exampleorgid, s3_policy: some}"), `line 3: "some" is none of all, none`},
		{"resource control policy", inAccount("org: {id: o-exampleorgid, resource_control_policies: [{name: x}]}"), "line 2: resource control policy 1 needs"},
		{"access key twice", inAccount("access_keys: [AKIA, AKIA]"), "line 2: access key AKIA already belongs"},
		{"mix", inAccount("generate: {buckets: 1, mix: {public: 1}}"), "line 3: mix: public: 1 is not a share of one of blocked"},
		{"empty mix", inAccount("generate: {buckets: 1, mix: {blocked: 0}}"), "line 3: generate needs 1 to 10000000 buckets"},
		{"too many buckets", inAccount("generate: {buckets: 10000001}"), "line 3: generate needs"},
		{"call of a fault", bare + "faults: [{call: \"s3:GetBucketAclS\", fault: throttle}]\n", `line 4: no call matches "s3:GetBucketAclS"`},
		{"kind of a fault", bare + "faults: [{call: \"*\", fault: fire}]\n", `line 4: "fire" is none of access-denied`},
		{"fault without a kind", bare + "faults: [{call: \"*\"}]\n", `line 4: fault on "*" does not say which`},
		{"latency without one", bare + "faults: [{call: \"*\", fault: latency}]\n", `line 4: fault on "*" adds no latency`},
		{"key of a fault", bare + "faults: [{call: \"*\", kind: throttle}]\n", `line 4: unknown key "kind"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse([]byte(tc.world))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
}

// Whatever a world says, it parses or is refused; it never panics.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"example", "acl", "points", "estate"} {
		f.Add(world(f, name))
	}
	f.Add("accounts: [{id: \"111111111111\", buckets: [null]}]")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = Parse([]byte(text)) })
}
