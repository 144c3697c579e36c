package awstest

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/andon-audit/andon/providers/internal/loopback"
	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// longAgo is the creation date of everything whose date a world leaves out. It
// is before April 2023, when S3 began to block and enforce by default, so that
// a bucket without settings is plausible.
var longAgo = time.Date(2020, time.January, 2, 3, 4, 5, 0, time.UTC)

var (
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	pointName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$`)
	orgID      = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
)

// world checks the file, fills in what AWS would have filled in and builds the
// indexes that the server reads.
func (f *worldFile) world() (*World, error) {
	if len(f.Accounts) == 0 {
		return nil, errors.New("no accounts")
	}
	if err := f.holes(); err != nil {
		return nil, err
	}
	w := &World{
		accounts: f.Accounts, faults: f.Faults, storedACLs: f.StoredACLs, pageSize: f.PageSize,
		latency: f.Latency, buckets: map[string]*bucket{}, keys: map[string]*account{},
	}
	// Two passes: an access point may stand before the bucket it fronts.
	problems := []error{w.indexAccounts(), w.indexBuckets()}
	for _, a := range w.accounts {
		problems = append(problems, w.checkPoints(a), a.checkStock())
		a.fillRegions()
	}
	return w, errors.Join(problems...)
}

// holes finds list entries that hold nothing, such as a dash left over.
func (f *worldFile) holes() error {
	problems := []error{worldfile.Holes(f.Accounts, 0, "accounts")}
	for _, a := range f.Accounts {
		if a == nil {
			continue
		}
		problems = append(problems,
			worldfile.Holes(a.Buckets, a.line, "buckets"), worldfile.Holes(a.Directories, a.line, "directory_buckets"),
			worldfile.Holes(a.AccessPoints, a.line, "access_points"), worldfile.Holes(a.MultiRegion, a.line, "multi_region_access_points"),
			worldfile.Holes(a.ObjectLambda, a.line, "object_lambda_access_points"))
	}
	return errors.Join(problems...)
}

func (w *World) indexAccounts() error {
	var problems []error
	seen := map[string]bool{}
	for _, a := range w.accounts {
		if !accountID.MatchString(a.ID) {
			problems = append(problems, worldfile.At(a.line, "account id %q is not twelve digits", a.ID))
		}
		if seen[a.ID] {
			problems = append(problems, worldfile.At(a.line, "account %s is declared twice", a.ID))
		}
		seen[a.ID] = true
		a.CanonicalID = cmp.Or(a.CanonicalID, canonicalID(a.ID))
		problems = append(problems, w.indexKeys(a), w.checkOrg(a))
	}
	return errors.Join(problems...)
}

func (w *World) indexKeys(a *account) error {
	for _, key := range a.AccessKeys {
		if other := w.keys[key]; other != nil {
			return worldfile.At(a.line, "access key %s already belongs to account %s", key, other.ID)
		}
		w.keys[key] = a
	}
	return nil
}

func (w *World) checkOrg(a *account) error {
	if a.Org == nil {
		return nil
	}
	if !orgID.MatchString(a.Org.ID) {
		return worldfile.At(a.line, "organisation id %q does not look like o-exampleorgid", a.Org.ID)
	}
	if a.Org.Management == "" {
		a.Org.Management = w.firstIn(a.Org.ID).ID
	}
	if len(a.Org.Parents) == 0 {
		a.Org.Parents = []string{"r-root"}
	}
	for i := range a.Org.RCPs {
		p := &a.Org.RCPs[i]
		p.Target = cmp.Or(p.Target, a.ID)
		if p.ID == "" || p.Policy == nil {
			return worldfile.At(a.line, "resource control policy %d needs an id and a policy", i+1)
		}
	}
	return nil
}

func (w *World) firstIn(org string) *account {
	i := slices.IndexFunc(w.accounts, func(a *account) bool { return a.Org != nil && a.Org.ID == org })
	return w.accounts[i]
}

func (w *World) indexBuckets() error {
	var problems []error
	for _, a := range w.accounts {
		for _, d := range a.Directories {
			b := d.bucket()
			a.directories = append(a.directories, b)
			problems = append(problems, w.addBucket(a, b))
		}
		for _, b := range a.Buckets {
			problems = append(problems, w.addBucket(a, b))
		}
		slices.SortFunc(a.Buckets, byName)
		slices.SortFunc(a.directories, byName)
		if a.Generate != nil {
			problems = append(problems, a.Generate.check(a))
		}
	}
	return errors.Join(problems...)
}

func byName(x, y *bucket) int { return cmp.Compare(x.Name, y.Name) }

func (w *World) addBucket(a *account, b *bucket) error {
	b.owner = a
	if b.Created.IsZero() {
		b.Created = longAgo
	}
	switch {
	case !bucketName.MatchString(b.Name):
		return worldfile.At(b.line, "%q cannot be a bucket name", b.Name)
	case b.Region == "":
		return worldfile.At(b.line, "bucket %s has no region", b.Name)
	case b.directory != isDirectory(b.Name):
		return worldfile.At(b.line, "bucket %s: names ending in --x-s3 are for directory buckets, and only for them", b.Name)
	case w.buckets[b.Name] != nil:
		return worldfile.At(b.line, "bucket %s is declared twice", b.Name)
	}
	w.buckets[b.Name] = b
	return b.checkGrants()
}

func (b *bucket) checkGrants() error {
	for _, g := range b.ACL {
		if g.Grantee == "" || g.Permission == "" {
			return worldfile.At(b.line, "bucket %s: a grant needs a grantee and a permission", b.Name)
		}
	}
	return nil
}

func isDirectory(name string) bool { return strings.HasSuffix(name, "--x-s3") }

// bucket is the directory bucket as S3's operations see it: all four blocks on
// and ACLs off, neither of which can be changed.
func (d *directoryBucket) bucket() *bucket {
	return &bucket{
		Name: d.Name, Region: d.Region, Created: d.Created, Policy: d.Policy, Gone: d.Gone,
		Block: blockAll(), Ownership: "BucketOwnerEnforced", directory: true, line: d.line,
	}
}

func (w *World) checkPoints(a *account) error {
	var problems []error
	for _, p := range a.AccessPoints {
		problems = append(problems, w.checkAccessPoint(a, p))
	}
	for _, p := range a.MultiRegion {
		problems = append(problems, w.checkMultiRegion(a, p))
	}
	for _, p := range a.ObjectLambda {
		problems = append(problems, a.checkObjectLambda(p))
	}
	slices.SortFunc(a.AccessPoints, func(x, y *accessPoint) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(a.MultiRegion, func(x, y *multiRegionPoint) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(a.ObjectLambda, func(x, y *objectLambdaPoint) int { return cmp.Compare(x.Name, y.Name) })
	return errors.Join(problems...)
}

func (w *World) checkAccessPoint(a *account, p *accessPoint) error {
	p.Region = cmp.Or(p.Region, w.regionOf(p.Bucket))
	p.NetworkOrigin = cmp.Or(p.NetworkOrigin, "Internet")
	p.Block = cmp.Or(p.Block, blockAll())
	p.Alias = cmp.Or(p.Alias, p.Name+"-"+loopback.Digest(a.ID + p.Name)[:24]+"-s3alias")
	p.BucketAccount = cmp.Or(p.BucketAccount, w.ownerOf(p.Bucket, a))
	if p.Created.IsZero() {
		p.Created = longAgo
	}
	switch {
	case !pointName.MatchString(p.Name):
		return worldfile.At(p.line, "%q cannot be an access point name", p.Name)
	case p.Bucket == "":
		return worldfile.At(p.line, "access point %s has no bucket", p.Name)
	case p.Region == "":
		return worldfile.At(p.line, "access point %s has no region, and bucket %q is not in this world", p.Name, p.Bucket)
	case (p.NetworkOrigin == "VPC") != (p.VPC != ""):
		return worldfile.At(p.line, "access point %s: network_origin VPC and vpc go together", p.Name)
	}
	return nil
}

func (w *World) checkMultiRegion(a *account, p *multiRegionPoint) error {
	p.Status = cmp.Or(p.Status, "READY")
	p.Block = cmp.Or(p.Block, blockAll())
	p.Alias = cmp.Or(p.Alias, loopback.Digest(a.ID + p.Name)[:13]+".mrap")
	if p.Created.IsZero() {
		p.Created = longAgo
	}
	if !pointName.MatchString(p.Name) {
		return worldfile.At(p.line, "%q cannot be a multi-region access point name", p.Name)
	}
	for i := range p.Regions {
		r := &p.Regions[i]
		r.Region = cmp.Or(r.Region, w.regionOf(r.Bucket))
		r.BucketAccount = cmp.Or(r.BucketAccount, w.ownerOf(r.Bucket, a))
		if r.Bucket == "" || r.Region == "" {
			return worldfile.At(p.line, "multi-region access point %s: bucket %q has no known region", p.Name, r.Bucket)
		}
	}
	return nil
}

func (a *account) checkObjectLambda(p *objectLambdaPoint) error {
	p.Block = cmp.Or(p.Block, blockAll())
	p.Alias = cmp.Or(p.Alias, p.Name+"-"+loopback.Digest(a.ID + p.Name)[:20]+"--ol-s3")
	if p.Created.IsZero() {
		p.Created = longAgo
	}
	i := slices.IndexFunc(a.AccessPoints, func(s *accessPoint) bool { return s.Name == p.Supporting })
	switch {
	case !pointName.MatchString(p.Name):
		return worldfile.At(p.line, "%q cannot be an object lambda access point name", p.Name)
	case i < 0:
		return worldfile.At(p.line, "object lambda access point %s: no access point %q in this account", p.Name, p.Supporting)
	}
	p.Region = cmp.Or(p.Region, a.AccessPoints[i].Region)
	return nil
}

func (w *World) regionOf(bucket string) region {
	if b := w.buckets[bucket]; b != nil {
		return b.Region
	}
	return ""
}

func (w *World) ownerOf(bucket string, otherwise *account) string {
	if b := w.buckets[bucket]; b != nil {
		return b.owner.ID
	}
	return otherwise.ID
}

// fillRegions enables, where the world does not say, the regions in use.
func (a *account) fillRegions() {
	if len(a.Regions) > 0 {
		return
	}
	a.Regions = []region{"us-east-1"}
	for _, b := range slices.Concat(a.Buckets, a.directories) {
		a.Regions = append(a.Regions, b.Region)
	}
	for _, p := range a.AccessPoints {
		a.Regions = append(a.Regions, p.Region)
	}
	for _, items := range a.Stock {
		for _, i := range items {
			a.Regions = append(a.Regions, cmp.Or(i.Region, a.Regions[0]))
		}
	}
	slices.Sort(a.Regions)
	a.Regions = slices.Compact(a.Regions)
}

func canonicalID(account string) string { return loopback.Digest("canonical user of " + account) }
