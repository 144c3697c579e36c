package awstest

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// generator stands for many buckets without holding any: each is computed from
// the seed and its number whenever it is asked for. The number is in its name,
// so that a name leads straight back to it.
type generator struct {
	Buckets int            `yaml:"buckets"`
	Seed    uint64         `yaml:"seed"`
	Prefix  string         `yaml:"prefix"`
	Mix     map[string]int `yaml:"mix"`

	owner *account
	kinds []string // of Mix, sorted
	total int      // sum of Mix
	line  int
}

func (g *generator) UnmarshalYAML(n *yaml.Node) error {
	type plain generator
	g.line = n.Line
	return worldfile.Strict(n, (*plain)(g))
}

// defaultMix is what large estates look like: mostly blocked, some old, a few
// shared, hardly any public.
var defaultMix = map[string]int{
	"blocked": 560, "tls_only": 130, "legacy": 120, "cloudfront": 70, "log_delivery": 40, "shared": 40, "org": 20,
	"public_blocked": 10, "public_acl": 5, "public_policy": 5,
}

const openPolicy = `{"Version":"2012-10-17","Statement":[{"Sid":"PublicRead","Effect":"Allow","Principal":"*",` +
	`"Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}`

// shapes turns a bare bucket into one of each kind. %s is the bucket's name.
var shapes = map[string]func(*bucket){
	"blocked": func(b *bucket) { b.modern() },
	"legacy":  func(*bucket) {},
	"tls_only": func(b *bucket) {
		b.modern()
		b.says(`{"Version":"2012-10-17","Statement":[{"Sid":"TLSOnly","Effect":"Deny","Principal":"*","Action":"s3:*",` +
			`"Resource":["arn:aws:s3:::%s","arn:aws:s3:::%s/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)
	},
	"cloudfront": func(b *bucket) {
		b.modern()
		b.says(`{"Version":"2008-10-17","Statement":[{"Sid":"AllowCloudFront","Effect":"Allow",` +
			`"Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*",` +
			`"Condition":{"StringEquals":{"AWS:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E1EXAMPLE"}}}]}`)
	},
	"shared": func(b *bucket) {
		b.says(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},` +
			`"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::%s","arn:aws:s3:::%s/*"]}]}`)
	},
	"org": func(b *bucket) {
		b.says(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",` +
			`"Resource":"arn:aws:s3:::%s/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorgid"}}}]}`)
	},
	"log_delivery": func(b *bucket) {
		b.Ownership = "BucketOwnerPreferred"
		b.ACL = []grant{{"LogDelivery", "WRITE"}, {"LogDelivery", "READ_ACP"}}
	},
	"public_acl":    func(b *bucket) { b.ACL = []grant{{"AllUsers", "READ"}} },
	"public_policy": func(b *bucket) { b.says(openPolicy) },
	"public_blocked": func(b *bucket) {
		b.Block = blockAll()
		b.ACL = []grant{{"AllUsers", "READ"}}
		b.says(openPolicy)
	},
}

// modern is what S3 gives new buckets since April 2023.
func (b *bucket) modern() { b.Block, b.Ownership = blockAll(), "BucketOwnerEnforced" }

func (b *bucket) says(text string) { b.Policy = &policy{strings.ReplaceAll(text, "%s", b.Name)} }

func (g *generator) check(a *account) error {
	g.owner = a
	g.Prefix = cmp.Or(g.Prefix, "estate")
	if len(g.Mix) == 0 {
		g.Mix = defaultMix
	}
	g.kinds = slices.Sorted(maps.Keys(g.Mix))
	for _, kind := range g.kinds {
		if shapes[kind] == nil || g.Mix[kind] < 0 {
			return worldfile.At(g.line, "mix: %s: %d is not a share of one of %s", kind, g.Mix[kind],
				strings.Join(slices.Sorted(maps.Keys(shapes)), ", "))
		}
		g.total += g.Mix[kind]
	}
	if g.total == 0 || g.Buckets < 1 || g.Buckets > maxGenerated {
		return worldfile.At(g.line, "generate needs 1 to %d buckets and a mix that adds up to more than 0", maxGenerated)
	}
	if name := g.name(0); !bucketName.MatchString(name) {
		return worldfile.At(g.line, "prefix %q makes no bucket names", g.Prefix)
	}
	return nil
}

// maxGenerated keeps the number in a name seven digits long, so that names sort
// like numbers.
const maxGenerated = 10_000_000

func (g *generator) name(i int) string {
	return fmt.Sprintf("%s-%07d-%s", g.Prefix, i, worldfile.Purposes[g.random(i, 0)%uint64(len(worldfile.Purposes))])
}

// bucket computes the i-th bucket.
func (g *generator) bucket(i int) *bucket {
	regions := g.owner.Regions
	b := &bucket{
		Name: g.name(i), owner: g.owner, Region: regions[g.random(i, 1)%uint64(len(regions))],
		Created: longAgo.Add(time.Duration(g.random(i, 2)%50_000) * time.Hour),
	}
	shapes[g.kind(i)](b)
	return b
}

func (g *generator) kind(i int) string {
	share := int(g.random(i, 3) % uint64(g.total))
	for _, kind := range g.kinds {
		if share -= g.Mix[kind]; share < 0 {
			return kind
		}
	}
	return "" // not reached: the shares add up to total
}

// random is drawn for a bucket, by its number, and what it decides.
func (g *generator) random(i int, purpose uint64) uint64 {
	return worldfile.Draw(g.Seed, uint64(i)*4+purpose)
}

// named finds a bucket by its name; nil when the name is not one of ours.
func (g *generator) named(name string) *bucket {
	rest, found := strings.CutPrefix(name, g.Prefix+"-")
	digits, _, _ := strings.Cut(rest, "-")
	i, err := strconv.Atoi(digits)
	if !found || err != nil || i < 0 || i >= g.Buckets || g.name(i) != name {
		return nil
	}
	return g.bucket(i)
}

// after yields the buckets whose names follow one.
func (g *generator) after(name string) iter.Seq[*bucket] {
	return func(yield func(*bucket) bool) {
		if g == nil {
			return
		}
		first := sort.Search(g.Buckets, func(i int) bool { return g.name(i) > name })
		for i := first; i < g.Buckets; i++ {
			if !yield(g.bucket(i)) {
				return
			}
		}
	}
}

// bucketsAfter yields the account's general purpose buckets in the order of
// their names, declared and generated ones together.
func (a *account) bucketsAfter(name string) iter.Seq[*bucket] {
	return func(yield func(*bucket) bool) {
		declared := a.Buckets[sort.Search(len(a.Buckets), func(i int) bool { return a.Buckets[i].Name > name }):]
		for g := range a.Generate.after(name) {
			for len(declared) > 0 && declared[0].Name < g.Name {
				if !yield(declared[0]) {
					return
				}
				declared = declared[1:]
			}
			if !yield(g) {
				return
			}
		}
		for _, b := range declared {
			if !yield(b) {
				return
			}
		}
	}
}
