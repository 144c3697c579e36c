package storagebucket

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
	"github.com/andon-audit/andon/providers/gcp/member"
)

// entry is what is looked at of a listed bucket.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/buckets#resource
type entry struct {
	ProjectNumber    string            `json:"projectNumber"`
	Location         string            `json:"location"`
	TimeCreated      string            `json:"timeCreated"`
	Labels           map[string]string `json:"labels"`
	ACL              []accessControl   `json:"acl"`
	DefaultObjectACL []accessControl   `json:"defaultObjectAcl"`
	IPFilter         json.RawMessage   `json:"ipFilter"`
	IAMConfiguration configuration     `json:"iamConfiguration"`
	Billing          billing           `json:"billing"`
	Website          website           `json:"website"`
}

type configuration struct {
	PublicAccessPrevention   string         `json:"publicAccessPrevention"`
	UniformBucketLevelAccess *uniformAccess `json:"uniformBucketLevelAccess"`
	// BucketPolicyOnly is what UniformBucketLevelAccess was called before.
	BucketPolicyOnly *uniformAccess `json:"bucketPolicyOnly"`
}

type uniformAccess struct {
	Enabled    bool   `json:"enabled"`
	LockedTime string `json:"lockedTime"`
}

type billing struct {
	RequesterPays bool `json:"requesterPays"`
}

type website struct {
	MainPageSuffix string `json:"mainPageSuffix"`
	NotFoundPage   string `json:"notFoundPage"`
}

// uniform returns the setting. Where the two spellings contradict each other,
// access control lists are taken to be in force.
func (c configuration) uniform() uniformAccess {
	switch now, before := c.UniformBucketLevelAccess, c.BucketPolicyOnly; {
	case now == nil && before == nil:
		return uniformAccess{}
	case now == nil:
		return *before
	case before != nil && !before.Enabled:
		return *before
	default:
		return *now
	}
}

// bucket is one bucket while it is asked about: what one answer means can depend
// on another.
type bucket struct {
	*collector
	name   string
	number string // of the project, as the bucket has it

	prevented bool    // public access prevention is enforced for the bucket itself
	uniform   verdict // uniform bucket-level access is on
	filter    filter

	// whole judges what is about the bucket, parts the policies of its managed
	// folders, whose permissions are others.
	whole, parts *iampolicy.Store
	organisation *collect.Question   // for both
	both         []*collect.Question // theirs, whose Hides they maintain
	spelt        map[string]string   // how access control lists spell members and roles
}

// subject is what policies are judged about. Conditions are evaluated without a
// type and a name: a policy of a bucket is about the bucket and about every
// object in it.
//
// That allUsers are answered without credentials is documented:
//
// Source: https://cloud.google.com/storage/docs/access-public-data
func (c *collector) subject(store string) iampolicy.Subject {
	return iampolicy.Subject{
		Client: c.client, Project: c.project, Store: store, Service: service, Anonymity: iampolicy.AnonymousAnswered,
	}
}

func (c *collector) newBucket(name string) *bucket {
	b := &bucket{
		collector: c, name: name, spelt: make(map[string]string),
		whole: iampolicy.NewStore(c.subject("storage.bucket")), parts: iampolicy.NewStore(c.subject("storage.managedFolder")),
	}
	b.both = []*collect.Question{b.whole.Organisation(Kind), b.parts.Organisation(Kind)}
	for _, q := range b.both {
		q.Hides = nil // until a policy names somebody
	}
	b.organisation = Kind.Question(b.both[0].Call, b.askOrganisation)
	return b
}

// path is what conditions and witnesses call the bucket.
func (b *bucket) path() string { return "projects/_/buckets/" + b.name }

// cite cites the listing. The place of a bucket in it changes with paging, and
// is not told.
func (b *bucket) cite(quote string) resource.Evidence {
	return resource.Evidence{Call: listCall, Of: b.name, Pointer: "/items", Quote: quote}
}

// describe adds what the listing says of a bucket.
func (b *bucket) describe(ctx context.Context, r *resource.Resource, e *entry, withheld *resource.Gap) {
	b.number = e.ProjectNumber
	r.Tags = e.Labels
	if created, err := time.Parse(time.RFC3339, e.TimeCreated); err == nil {
		r.Created = created.UTC()
	}
	if e.Location != "" {
		r.Set("location", e.Location, b.cite("location="+e.Location))
	}
	b.describePrevention(r, e.IAMConfiguration.PublicAccessPrevention)
	b.describeUniform(r, e.IAMConfiguration.uniform())
	b.describePayer(r, e.Billing.RequesterPays)
	b.describeWebsite(r, e.Website)
	b.describeFilter(r, e.IPFilter)
	b.describeLists(ctx, r, e, withheld)
}

// Words of public access prevention. A bucket without one inherits, and so does
// one of 2021, when that was called unspecified.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/buckets#resource
const (
	enforced    = "enforced"
	inherited   = "inherited"
	unspecified = "unspecified"
)

// describePrevention adds the bucket's own public access prevention: it refuses
// everybody and every account on whatever way, and nobody who is named.
//
// Source: https://cloud.google.com/storage/docs/public-access-prevention
func (b *bucket) describePrevention(r *resource.Resource, word string) {
	from := b.cite("publicAccessPrevention=" + word)
	switch word {
	case enforced:
		b.prevented = true
		r.Set("public_access_prevention", enforced, from)
		r.Set("public_access_prevention_effective", true, from)
		r.Guards = append(r.Guards, resource.Guard{
			Name: "public access prevention of the bucket", On: openChannels, Cap: resource.Nobody, Because: []resource.Evidence{from},
		})
	case inherited, unspecified, "":
		r.Set("public_access_prevention", inherited, from)
	default:
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: listCall, Reason: resource.Undecided, Detail: fmt.Sprintf("public access prevention %q is not known", word),
			Shields:  []resource.Shield{{On: openChannels, Cap: resource.Nobody}},
			Settings: []string{"public_access_prevention"},
		})
	}
}

// preventionConstraint is retroactive: it closes what is open already.
//
// Source: https://cloud.google.com/storage/docs/org-policy-constraints
const preventionConstraint = "storage.publicAccessPrevention"

// askEffective reads whether an organisation policy enforces the prevention: a
// bucket that inherits does not say what.
func (b *bucket) askEffective(ctx context.Context, r *resource.Resource) error {
	policy, err := hierarchy.Of(b.client, b.project).EffectivePolicy(ctx, preventionConstraint)
	if err != nil {
		return err
	}
	switch policy.Enforcement {
	case hierarchy.Enforced:
		r.Set("public_access_prevention_effective", true, policy.Because)
		r.Guards = append(r.Guards, resource.Guard{
			Name: "public access prevention of the organisation policy", On: openChannels, Cap: resource.Nobody,
			Because: []resource.Evidence{policy.Because},
		})
	case hierarchy.NotEnforced:
		if _, known := r.Settings["public_access_prevention"]; known {
			r.Set("public_access_prevention_effective", false, policy.Because)
		}
	default:
		r.Gaps = append(r.Gaps, Kind.Question(effectiveCall, nil).Gap(resource.Undecided, policy.Why))
	}
	return nil
}

// describeUniform adds whether access control lists are in force. While uniform
// access is on, Google shows none of them, and for 90 days it can be switched off
// again.
//
// Source: https://cloud.google.com/storage/docs/uniform-bucket-level-access
func (b *bucket) describeUniform(r *resource.Resource, u uniformAccess) {
	from := b.cite(fmt.Sprintf("uniformBucketLevelAccess.enabled=%t", u.Enabled))
	r.Set("acls_enabled", !u.Enabled, from)
	b.uniform = no
	if !u.Enabled {
		r.Set("uniform_access_locked", false, from)
		return
	}
	b.uniform = yes
	r.Guards = append(r.Guards, resource.Guard{
		Name: "uniform bucket-level access", On: listChannels, Cap: resource.Nobody, Because: []resource.Evidence{from},
	})
	until, err := time.Parse(time.RFC3339, u.LockedTime)
	if err != nil {
		return // whether it is locked was not said
	}
	locked := !b.client.Now().Before(until)
	r.Set("uniform_access_locked", locked, b.cite("lockedTime="+u.LockedTime))
	if !locked {
		r.Notes = append(r.Notes, "uniform bucket-level access can be switched off until "+until.UTC().Format(time.RFC3339)+
			": what the access control lists under it grant would count again, and is not shown meanwhile")
	}
}

// describePayer adds Requester Pays: only requests that name a project to bill
// are answered, which takes a Google account.
//
// Source: https://cloud.google.com/storage/docs/requester-pays#requirements
func (b *bucket) describePayer(r *resource.Resource, requester bool) {
	from := b.cite(fmt.Sprintf("billing.requesterPays=%t", requester))
	r.Set("requester_pays", requester, from)
	if requester {
		r.Guards = append(r.Guards, resource.Guard{
			Name: "Requester Pays", On: openChannels, Cap: resource.AnyTenant, Because: []resource.Evidence{from},
		})
	}
}

func (b *bucket) describeWebsite(r *resource.Resource, w website) {
	on := w != website{}
	r.Set("website", on, b.cite("website.mainPageSuffix="+w.MainPageSuffix))
	if on {
		r.Notes = append(r.Notes, "pages for a static website are set: somebody meant the contents to be public")
	}
}

// askPolicy reads the bucket's policy. Where access control lists are in force it
// mirrors the bucket's own as legacy roles.
//
// Source: https://cloud.google.com/storage/docs/access-control/iam#acls
func (b *bucket) askPolicy(ctx context.Context, r *resource.Resource) error {
	clients, err := b.open(ctx)
	if err != nil {
		return err
	}
	answer, err := clients.raw.Buckets.GetIamPolicy(b.name).OptionsRequestedPolicyVersion(version3).Context(ctx).Do()
	if err != nil {
		return b.failed(policyCall, err)
	}
	policy, err := policyOf(policyCall, answer)
	if err != nil {
		return err
	}
	b.add(ctx, r, b.whole, policy, b.path(), iampolicy.Source{
		Call: policyCall, Of: b.name, Open: policyChannel, Named: namedPolicyChannel,
	})
	return nil
}

// add judges a policy, and completes what comes of it.
func (b *bucket) add(ctx context.Context, r *resource.Resource, store *iampolicy.Store, p *iampolicy.Policy, about string, from iampolicy.Source) {
	known := len(r.Grants)
	store.Add(ctx, r, p, from)
	for i := known; i < len(r.Grants); i++ {
		if w := r.Grants[i].Witness; w != nil {
			w.Resource = about
		}
		if about == "" {
			r.Grants[i].Witness = nil // no request is known that would succeed
		}
	}
	b.doubtStrange(r, p, from)
	b.complete(r)
}

// doubtStrange keeps open that a member of no kind that is known is somebody in
// particular. The judge takes it for everybody, whom public access prevention
// stops; who is named is not stopped.
func (b *bucket) doubtStrange(r *resource.Resource, p *iampolicy.Policy, from iampolicy.Source) {
	for _, binding := range p.Bindings {
		for _, text := range binding.Members {
			if standing, _ := (member.Owner{}).Standing(member.Parse(text)); standing != member.PerhapsAll {
				continue
			}
			r.Gaps = append(r.Gaps, resource.Gap{
				Call: from.Call, Reason: resource.Undecided,
				Detail: fmt.Sprintf("whom the member %.80q stands for is not known", text),
				Hides:  []resource.Hidden{{Via: from.Named, To: resource.Outsiders()}},
			})
			return
		}
	}
}

// complete says of new grants what only this kind knows, and keeps the question
// of the organisation from being asked where nobody waits for its answer.
func (b *bucket) complete(r *resource.Resource) {
	open := false
	for i := range r.Grants {
		g := &r.Grants[i]
		if slices.Contains(openChannels, g.Via) {
			open = true
			g.To.Named = b.filter.names
		}
		if slices.Contains(listChannels, g.Via) {
			b.spell(g)
		}
	}
	if note := hierarchy.Of(b.client, b.project).Beyond(); open && note != "" && !slices.Contains(r.Notes, note) {
		r.Notes = append(r.Notes, note)
	}
	b.organisation.Hides = nil
	for _, q := range b.both {
		if len(q.Hides) > 0 {
			b.organisation.Hides = q.Hides
		}
	}
}

func (b *bucket) askOrganisation(ctx context.Context, r *resource.Resource) error {
	for _, q := range b.both {
		if err := q.Ask(ctx, r); err != nil {
			return err
		}
	}
	b.complete(r)
	return nil
}
