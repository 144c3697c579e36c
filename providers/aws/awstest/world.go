package awstest

import (
	"fmt"
	"regexp"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// World is one AWS account, or several, as their owners configured them. It is
// made by [Parse] and never changes afterwards: servers may share it.
type World struct {
	accounts   []*account
	faults     []Fault
	storedACLs bool
	pageSize   int
	latency    time.Duration

	buckets map[string]*bucket  // every declared bucket: names are global in S3
	keys    map[string]*account // by access key
}

// Parse reads a world from YAML. It refuses unknown keys, values that AWS would
// never return and references that lead nowhere, and names the line of each.
func Parse(yamlText []byte) (*World, error) { return worldfile.Parse(yamlText, (*worldFile).world) }

// The types below are the YAML schema. They are unexported so that every world
// a server meets has passed the checks of Parse.
type worldFile struct {
	Accounts   []*account    `yaml:"accounts"`
	Faults     []Fault       `yaml:"faults"`
	StoredACLs bool          `yaml:"stored_acls"`
	PageSize   int           `yaml:"page_size"`
	Latency    time.Duration `yaml:"latency"`
}

type account struct {
	ID           string               `yaml:"id"`
	Alias        string               `yaml:"alias"`
	CanonicalID  string               `yaml:"canonical_id"`
	AccessKeys   []string             `yaml:"access_keys"`
	Roles        []role               `yaml:"roles"`
	Regions      []region             `yaml:"regions"`
	Org          *org                 `yaml:"org"`
	Block        *block               `yaml:"block"`
	Buckets      []*bucket            `yaml:"buckets"`
	Directories  []*directoryBucket   `yaml:"directory_buckets"`
	AccessPoints []*accessPoint       `yaml:"access_points"`
	MultiRegion  []*multiRegionPoint  `yaml:"multi_region_access_points"`
	ObjectLambda []*objectLambdaPoint `yaml:"object_lambda_access_points"`
	Generate     *generator           `yaml:"generate"`
	Stock        stock                `yaml:"stock"`

	directories []*bucket // Directories as the S3 operations see them
	line        int
}

type role struct {
	Name       string `yaml:"name"`
	ExternalID string `yaml:"external_id"`
}

// org is what one account's membership in an organisation means to it.
type org struct {
	ID         string   `yaml:"id"`
	Management string   `yaml:"management_account"`
	Delegated  bool     `yaml:"delegated_administrator"`
	S3Policy   s3Policy `yaml:"s3_policy"`
	Parents    []string `yaml:"parents"` // nearest first, the root last
	RCPs       []rcp    `yaml:"resource_control_policies"`
}

type rcp struct {
	ID     string  `yaml:"id"`
	Name   string  `yaml:"name"`
	Target string  `yaml:"target"` // an account, a unit or the root; the account when empty
	Policy *policy `yaml:"policy"`
}

type bucket struct {
	Name           string            `yaml:"name"`
	Region         region            `yaml:"region"`
	Created        time.Time         `yaml:"created"`
	Block          *block            `yaml:"block"`
	Ownership      ownership         `yaml:"ownership"`
	ACL            []grant           `yaml:"acl"`
	Policy         *policy           `yaml:"policy"`
	PolicyIsPublic *bool             `yaml:"policy_is_public"`
	RequesterPays  bool              `yaml:"requester_pays"`
	Encryption     *encryption       `yaml:"encryption"`
	Website        *website          `yaml:"website"`
	Logging        *logging          `yaml:"logging"`
	Versioning     versioning        `yaml:"versioning"`
	Tags           map[string]string `yaml:"tags"`
	Gone           bool              `yaml:"gone"`

	directory bool
	owner     *account
	line      int
}

type grant struct {
	Grantee    string     `yaml:"grantee"`
	Permission permission `yaml:"permission"`
}

type encryption struct {
	Algorithm algorithm `yaml:"algorithm"`
	Key       string    `yaml:"key"`
	BucketKey bool      `yaml:"bucket_key"`
}

type website struct {
	Index    string `yaml:"index"`
	Error    string `yaml:"error"`
	Redirect string `yaml:"redirect"` // a host name: everything is redirected there
}

type logging struct {
	Bucket string `yaml:"bucket"`
	Prefix string `yaml:"prefix"`
}

type directoryBucket struct {
	Name    string    `yaml:"name"`
	Region  region    `yaml:"region"`
	Created time.Time `yaml:"created"`
	Policy  *policy   `yaml:"policy"`
	Gone    bool      `yaml:"gone"`

	line int
}

type accessPoint struct {
	Name           string    `yaml:"name"`
	Bucket         string    `yaml:"bucket"`
	BucketAccount  string    `yaml:"bucket_account"`
	Region         region    `yaml:"region"`
	Created        time.Time `yaml:"created"`
	NetworkOrigin  origin    `yaml:"network_origin"`
	VPC            string    `yaml:"vpc"`
	Block          *block    `yaml:"block"`
	Policy         *policy   `yaml:"policy"`
	PolicyIsPublic *bool     `yaml:"policy_is_public"`
	Alias          string    `yaml:"alias"`
	Gone           bool      `yaml:"gone"`

	line int
}

type multiRegionPoint struct {
	Name           string        `yaml:"name"`
	Alias          string        `yaml:"alias"`
	Created        time.Time     `yaml:"created"`
	Status         pointStatus   `yaml:"status"`
	Regions        []pointRegion `yaml:"regions"`
	Block          *block        `yaml:"block"`
	Policy         *policy       `yaml:"policy"`          // established
	Proposed       *policy       `yaml:"proposed_policy"` // not yet in force everywhere
	PolicyIsPublic *bool         `yaml:"policy_is_public"`
	Gone           bool          `yaml:"gone"`

	line int
}

type pointRegion struct {
	Bucket        string `yaml:"bucket"`
	BucketAccount string `yaml:"bucket_account"`
	Region        region `yaml:"region"`
}

type objectLambdaPoint struct {
	Name           string    `yaml:"name"`
	Region         region    `yaml:"region"`
	Created        time.Time `yaml:"created"`
	Supporting     string    `yaml:"supporting_access_point"`
	Alias          string    `yaml:"alias"`
	Block          *block    `yaml:"block"`
	Policy         *policy   `yaml:"policy"`
	PolicyIsPublic *bool     `yaml:"policy_is_public"`
	Gone           bool      `yaml:"gone"`

	line int
}

// block is one Block Public Access configuration: of an account, a bucket or an
// access point. In YAML it is a mapping of the flags that are on, or the words
// "all" and "none".
type block struct {
	BlockPublicACLs       bool `yaml:"block_public_acls"`
	IgnorePublicACLs      bool `yaml:"ignore_public_acls"`
	BlockPublicPolicy     bool `yaml:"block_public_policy"`
	RestrictPublicBuckets bool `yaml:"restrict_public_buckets"`
}

func blockAll() *block { return &block{true, true, true, true} }

func (b *block) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		type plain block
		return worldfile.Strict(n, (*plain)(b))
	}
	var word string
	err := worldfile.Word(&word, n, "all", "none")
	if word == "all" {
		*b = *blockAll()
	}
	return err
}

func (e *encryption) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return worldfile.Strict(n, &e.Algorithm)
	}
	type plain encryption
	return worldfile.Strict(n, (*plain)(e))
}

func (a *account) UnmarshalYAML(n *yaml.Node) error {
	type plain account
	a.line = n.Line
	return worldfile.Strict(n, (*plain)(a))
}

func (b *bucket) UnmarshalYAML(n *yaml.Node) error {
	type plain bucket
	b.line = n.Line
	return worldfile.Strict(n, (*plain)(b))
}

func (d *directoryBucket) UnmarshalYAML(n *yaml.Node) error {
	type plain directoryBucket
	d.line = n.Line
	return worldfile.Strict(n, (*plain)(d))
}

func (p *accessPoint) UnmarshalYAML(n *yaml.Node) error {
	type plain accessPoint
	p.line = n.Line
	return worldfile.Strict(n, (*plain)(p))
}

func (p *multiRegionPoint) UnmarshalYAML(n *yaml.Node) error {
	type plain multiRegionPoint
	p.line = n.Line
	return worldfile.Strict(n, (*plain)(p))
}

func (p *objectLambdaPoint) UnmarshalYAML(n *yaml.Node) error {
	type plain objectLambdaPoint
	p.line = n.Line
	return worldfile.Strict(n, (*plain)(p))
}

// Words that AWS spells in one way only. Each refuses any other spelling, so
// that a typo in a world cannot pass for a setting nobody has seen yet.
type (
	region      string
	ownership   string
	permission  string
	algorithm   string
	versioning  string
	origin      string
	pointStatus string
	s3Policy    string
)

func (v *region) UnmarshalYAML(n *yaml.Node) error {
	if !regionName.MatchString(n.Value) {
		return fmt.Errorf("%q is not a region", n.Value)
	}
	*v = region(n.Value)
	return nil
}

var regionName = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]$`)

func (v *ownership) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(v, n, "BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")
}

func (v *permission) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(v, n, "FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP")
}

func (v *algorithm) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(v, n, "AES256", "aws:kms", "aws:kms:dsse", "none")
}

func (v *versioning) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(v, n, "Enabled", "Suspended")
}

func (v *origin) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(v, n, "Internet", "VPC")
}

func (v *pointStatus) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(v, n, "READY", "INCONSISTENT_ACROSS_REGIONS", "CREATING",
		"PARTIALLY_CREATED", "PARTIALLY_DELETED", "DELETING")
}

func (v *s3Policy) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(v, n, "all", "none")
}

// principal is who a world's account speaks as when no role was assumed.
func (a *account) principal() string { return "arn:aws:iam::" + a.ID + ":user/andon" }

// effectiveBlock is what s3control answers for the account: the organisation's
// S3 policy where one applies, which replaces all four flags in either
// direction, and the account's own configuration otherwise. Nil means none.
func (a *account) effectiveBlock() *block {
	if a.Org == nil || a.Org.S3Policy == "" {
		return a.Block
	}
	if a.Org.S3Policy == "all" {
		return blockAll()
	}
	return &block{}
}

// ignoresPublicACLs says whether the bucket's public grants are in force. AWS
// hides grants that are not, in GetBucketAcl too.
func (b *bucket) ignoresPublicACLs() bool {
	account := b.owner.effectiveBlock()
	return b.Block != nil && b.Block.IgnorePublicACLs || account != nil && account.IgnorePublicACLs
}
