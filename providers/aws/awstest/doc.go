// Package awstest is a loopback AWS: it serves a declared world over HTTP in the
// formats of the real services, so that the real SDK decodes real bytes.
//
// Use it where a test, a benchmark or a demonstration needs an AWS account that
// anybody can have: to record fixtures, to count API calls, to break any one of
// them, and to show every verb of andon without credentials.
//
//	world, err := awstest.Parse(text)
//	server := awstest.NewServer(world)
//	url, stop, err := server.Start() // AWS_ENDPOINT_URL
//	defer stop()
//	client := http.Client{Transport: server.Transport()}
//
// It promises:
//
//   - The bytes of S3, S3 Control, STS, EC2, Organizations and of the services
//     whose things are in stock, errors included, each in its own protocol.
//     [Operations] lists the calls.
//   - Determinism: the same question gets the same bytes, request ids included,
//     whatever was asked before. Nothing reads a clock.
//   - What AWS returns rather than what was stored: public grants vanish from an
//     ACL while they are ignored, an organisation's S3 policy shows through the
//     account's block, requests for another region are redirected.
//   - No writes. Whatever would change something is refused and counted, see
//     [Server.Writes].
//   - No listening outside loopback.
//
// It does not model:
//
//   - Objects. There is no data plane, and thus no access decision: this is no
//     oracle of exposure, only of configuration. Whether AWS itself calls a
//     policy public is a plausible reading of the documented rule, which a world
//     can overrule (policy_is_public).
//   - Permissions. The caller may read everything in its own account and nothing
//     elsewhere; refusals are declared as faults. Signatures are not verified.
//   - Regions an account has not enabled, beyond leaving them out of
//     ec2:DescribeRegions.
//
// # Worlds
//
// A world is YAML. Unknown keys, misspelt words and dangling references are
// errors that name their line. Everything but names and regions may be left out
// and then is what AWS says when it was never configured. Policies are mappings,
// rendered as JSON with their keys in order, or strings, taken as they are. All
// there is to say fits into one example:
//
//	accounts:
//	- id: "111111111111"
//	  alias: acme-prod
//	  access_keys: [AKIAPROD]               # any unclaimed key speaks for the first account
//	  regions: [eu-west-1, us-east-1, us-west-2]
//	  roles: [{name: andon, external_id: cord}]
//	  org:
//	    id: o-exampleorgid
//	    s3_policy: all                      # all, none or absent; replaces the account's own block
//	    parents: [ou-root-prod, r-root]     # nearest first
//	    resource_control_policies:
//	    - id: p-onlyours
//	      name: only-ours
//	      target: r-root                    # the account itself when absent
//	      policy: {Version: 2012-10-17, Statement: [{Effect: Deny, Principal: "*", Action: "s3:*", Resource: "*"}]}
//	  block: {block_public_acls: true, ignore_public_acls: true}
//
//	  buckets:
//	  - name: telemetry-2013
//	    region: eu-west-1
//	    created: 2013-11-06T09:00:00Z
//	    block: none                         # configured, all four off; absent is not configured
//	    ownership: ObjectWriter             # or BucketOwnerPreferred, BucketOwnerEnforced; absent is not configured
//	    acl:                                # the owner's own grant goes without saying
//	    - {grantee: AllUsers, permission: READ}
//	    - {grantee: LogDelivery, permission: WRITE}
//	    - {grantee: "222222222222", permission: FULL_CONTROL}
//	    policy:
//	      Version: 2012-10-17
//	      Statement:
//	      - {Sid: Dealers, Effect: Allow, Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::telemetry-2013/*"}
//	    requester_pays: true
//	    encryption: {algorithm: "aws:kms", key: "arn:aws:kms:eu-west-1:111111111111:key/k1", bucket_key: true}
//	    website: {index: index.html, error: oops.html}
//	    logging: {bucket: access-logs, prefix: telemetry/}
//	    versioning: Enabled
//	    tags: {team: connected, stage: prod}
//	  - {name: access-logs, region: eu-west-1, block: all, ownership: BucketOwnerEnforced}
//	  - {name: broken-policy, region: us-east-1, policy: '{"Statement":[', policy_is_public: false}
//	  - {name: deleted-meanwhile, region: us-east-1, gone: true}
//
//	  directory_buckets:
//	  - name: fast--usw2-az1--x-s3
//	    region: us-west-2
//	    policy: {Version: 2012-10-17, Statement: []}
//
//	  access_points:
//	  - name: dealers                       # region and bucket_account come from the bucket
//	    bucket: telemetry-2013
//	    block: {block_public_acls: true}    # absent is all four on, the default at creation
//	    policy: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: "*", Action: "s3:*", Resource: "*"}]}
//	  - {name: inside, bucket: telemetry-2013, network_origin: VPC, vpc: vpc-1a2b3c4d}
//	  - {name: elsewhere, bucket: lake, bucket_account: "333333333333", region: us-east-1, alias: elsewhere-alias-s3alias}
//
//	  multi_region_access_points:
//	  - name: everywhere
//	    alias: mfzwi23gnjvgw.mrap
//	    status: READY
//	    regions: [{bucket: telemetry-2013}, {bucket: access-logs}]
//	    block: none
//	    policy: {Version: 2012-10-17, Statement: []}
//	    proposed_policy: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: "*", Action: "s3:*", Resource: "*"}]}
//
//	  object_lambda_access_points:
//	  - name: redacted
//	    supporting_access_point: dealers
//	    policy: {Version: 2012-10-17, Statement: []}
//
//	  stock:                                # everything else, in the members of the service's own answers
//	    rds.instance:
//	    - region: eu-west-1                 # of the world: region, gone, public
//	      DBInstanceIdentifier: customers
//	      Endpoint: {Port: 5432}
//	    sqs.queue:
//	    - region: eu-west-1
//	      QueueUrl: "https://sqs.eu-west-1.amazonaws.com/111111111111/orders"
//	      Attributes: {Policy: !json {Version: 2012-10-17, Statement: []}}   # a text that holds JSON
//
//	- id: "222222222222"
//	  access_keys: [AKIADEALER]
//	  org: {id: o-exampleorgid, management_account: "111111111111"}
//	  generate: {buckets: 1000, seed: 7, prefix: dealer, mix: {blocked: 9, public_acl: 1}}
//
//	faults:
//	- {call: "s3:GetBucketPolicy", subject: "access-*", fault: access-denied}
//	- {call: "s3control:*", region: us-east-1, fault: throttle, times: 1}
//	- {call: "*", account: "222222222222", fault: latency, latency: 2ms}
//
// Beside accounts and faults, the top level takes stored_acls (GetBucketAcl
// returns grants that are not in force, as emulators do), page_size and latency.
// Every resource but a website, a tag or a grant takes created; every one that
// can be listed takes gone.
//
// A generator stands for up to ten million buckets and holds none of them. Its
// mix gives shares to blocked, legacy, tls_only, cloudfront, log_delivery,
// shared, org, public_blocked, public_acl and public_policy; without one it is
// what large estates look like.
//
// # Faults
//
// A [Fault] matches calls by operation, and if it wishes by subject, region and
// account, with * for any text. The kinds are access-denied, throttle (also
// slow-down), internal-error, timeout (also hang), truncated, wrong-type,
// not-xml and latency. With times it meets only the first answers to each
// distinct question, so that the outcome is the same in whatever order
// concurrent calls arrive.
package awstest
