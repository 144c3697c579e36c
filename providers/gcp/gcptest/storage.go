package gcptest

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// bucket is one bucket: its members, and what is asked for apart from them.
type bucket struct {
	item

	name    string
	owner   *project
	policy  object
	listed  object // what the listing shows instead of the bucket's own members
	uniform bool   // bucket-level access: no ACL counts, none is shown
	acl     []any
	initial []any // the ACL of new objects
	objects []*item
	folders []*item // managed ones
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)

// stockBuckets reads what a project keeps in Cloud Storage.
func (p *project) stockBuckets(items []*item) error {
	for _, i := range items {
		b, err := p.newBucket(i)
		if err != nil {
			return err
		}
		if p.world.buckets[b.name] != nil {
			return worldfile.At(i.line, "bucket %s is declared twice", b.name)
		}
		p.world.buckets[b.name] = b
		p.buckets = append(p.buckets, b)
	}
	slices.SortFunc(p.buckets, func(x, y *bucket) int { return cmp.Compare(x.name, y.name) })
	return nil
}

func (p *project) newBucket(i *item) (*bucket, error) {
	name, err := i.name("name")
	if err != nil {
		return nil, err
	}
	if !bucketName.MatchString(name) {
		return nil, worldfile.At(i.line, "%q cannot be a bucket name", name)
	}
	b := &bucket{name: name, owner: p}
	if b.policy, err = i.child("policy"); err != nil {
		return nil, err
	}
	if b.objects, err = i.children("objects"); err != nil {
		return nil, err
	}
	if b.folders, err = i.children("managedFolders"); err != nil {
		return nil, err
	}
	if b.listed, err = i.child("listed"); err != nil {
		return nil, err
	}
	if err := b.checkObjects(); err != nil {
		return nil, err
	}
	if b.acl, err = i.acl("acl", p); err != nil {
		return nil, err
	}
	if b.initial, err = i.acl("defaultObjectAcl", p); err != nil {
		return nil, err
	}
	b.item = *i
	b.uniform = isUniform(b.members)
	return b, b.checkFolders()
}

func (b *bucket) checkObjects() error {
	for _, o := range b.objects {
		acl, err := o.acl("acl", b.owner)
		if err != nil {
			return err
		}
		o.members["acl"] = acl
	}
	return nameless(b.objects, "name")
}

func (b *bucket) checkFolders() error {
	if err := nameless(b.folders, "name"); err != nil {
		return err
	}
	for _, f := range b.folders {
		if name, _ := f.members["name"].(string); !strings.HasSuffix(name, "/") {
			return worldfile.At(f.line, "managed folder %s of bucket %s does not end in a slash", name, b.name)
		}
		if policy := f.members["policy"]; policy != nil {
			if _, isMapping := policy.(object); !isMapping {
				return worldfile.At(f.line, "policy is not a mapping")
			}
		}
	}
	return nil
}

// isUniform reports whether a bucket's members say that ACLs do not count.
func isUniform(members object) bool {
	configuration, _ := members["iamConfiguration"].(object)
	for _, name := range []string{"uniformBucketLevelAccess", "bucketPolicyOnly"} {
		if access, _ := configuration[name].(object); access["enabled"] == true {
			return true
		}
	}
	return false
}

// acl takes an access control list out of an item. Without one it is what Google
// gives: the owners and editors of the project own, its viewers read. One that is
// empty, or null, is left out of answers.
//
// Source: https://cloud.google.com/storage/docs/access-control/lists#predefined-acl
// (projectPrivate, the default of buckets and of objects).
func (i *item) acl(key string, p *project) ([]any, error) {
	value, given := i.members[key]
	delete(i.members, key)
	if !given {
		return projectPrivate(p), nil
	}
	list, isList := value.([]any)
	if !isList && value != nil {
		return nil, worldfile.At(i.line, "%s is not a list", key)
	}
	return list, nil
}

func projectPrivate(p *project) []any {
	return []any{
		object{"entity": "project-owners-" + p.Number, "role": "OWNER"},
		object{"entity": "project-editors-" + p.Number, "role": "OWNER"},
		object{"entity": "project-viewers-" + p.Number, "role": "READER"},
	}
}

const storageRoot = "https://www.googleapis.com/storage/v1/b/"

// bucketResource renders a bucket as Google would: what was never configured is
// as it is by default, and acl and defaultObjectAcl are left out where access is
// uniform. An IP filter is shown as the world has it, to those who have the
// permission for it; Google's pages leave open how much of it a listing shows, so
// that a bucket's `listed` may hold what stands in the listing instead.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/buckets#resource,
// https://cloud.google.com/storage/docs/list-ip-filter (whether there is one) and
// https://cloud.google.com/storage/docs/get-ip-filter (what it lets through)
func (q *request) bucketResource(b *bucket) object {
	out := b.with(object{
		"kind": "storage#bucket", "id": b.name, "selfLink": storageRoot + b.name, "projectNumber": b.owner.Number,
		"location": "US", "locationType": "multi-region", "storageClass": "STANDARD", "metageneration": "1",
		"timeCreated": longAgo, "updated": longAgo,
	})
	out["iamConfiguration"] = b.configuration()
	tagged(out)
	if q.lacks(b, "storage.buckets.getIpFilter") {
		delete(out, "ipFilter")
	}
	if q.query.Get("projection") == "full" && !b.uniform {
		out["owner"] = object{"entity": "project-owners-" + b.owner.Number}
		show(out, "acl", b.acl, "storage#bucketAccessControl", object{"bucket": b.name})
		show(out, "defaultObjectAcl", b.initial, "storage#objectAccessControl", nil)
	}
	return out
}

// configuration is the bucket's own over what a bucket has that was never
// configured.
func (b *bucket) configuration() object {
	own, _ := b.members["iamConfiguration"].(object)
	access := object{"enabled": false}
	for _, name := range []string{"bucketPolicyOnly", "uniformBucketLevelAccess"} {
		if given, isObject := own[name].(object); isObject {
			access = given
		}
	}
	return over(object{
		"bucketPolicyOnly": access, "uniformBucketLevelAccess": access, "publicAccessPrevention": "inherited",
	}, own)
}

// show renders the entries of an ACL, if there are any.
func show(out object, key string, acl []any, kind string, more object) {
	var entries []any
	for _, entry := range acl {
		members, isObject := entry.(object)
		if !isObject {
			entries = append(entries, entry)
			continue
		}
		entity, _ := members["entity"].(string)
		entries = append(entries, tagged(over(over(over(object{"kind": kind}, more), ofEntity(entity)), members)))
	}
	if len(entries) > 0 {
		out[key] = entries
	}
}

// ofEntity are the members of an entry that follow from its entity.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/bucketAccessControls#resource
func ofEntity(entity string) object {
	kind, who, _ := strings.Cut(entity, "-")
	switch kind {
	case "user", "group":
		if strings.Contains(who, "@") {
			return object{"email": who}
		}
	case "domain":
		return object{"domain": who}
	case "project":
		team, number, _ := strings.Cut(who, "-")
		return object{"projectTeam": object{"projectNumber": number, "team": team}}
	}
	return nil
}

func listBuckets(q *request) answer {
	if q.named == "" {
		return q.fail(http.StatusBadRequest, "", "required", "Required parameter: project")
	}
	partial := q.query.Get("returnPartialSuccess") == "true"
	if q.fault.Kind == Unreachable && !partial {
		return q.fail(http.StatusServiceUnavailable, "", "backendError", "Some buckets are unreachable: %s.", strings.Join(q.fault.Names, ", "))
	}
	out := q.without(object{"kind": "storage#buckets"})
	if q.query.Get("softDeleted") == "true" {
		return ok(out) // there are none
	}
	at, n := q.project.bucketAt, q.project.bucketCount()
	if q.fault.Kind == Unreachable {
		at, n = q.reachable(at, n)
	}
	return q.list(out, "items", n, 1000, 1000, func(i int) any {
		b := at(i)
		shown := q.bucketResource(b)
		if b.listed != nil {
			shown = over(shown, b.listed)
		}
		return shown
	})
}

// reachable leaves out the buckets that a fault names: "telemetry" or
// "projects/_/buckets/telemetry".
func (q *request) reachable(at func(int) *bucket, n int) (func(int) *bucket, int) {
	var left []*bucket
	for i := range n {
		if b := at(i); q.reaches(b.name, "projects/_/buckets/"+b.name) {
			left = append(left, b)
		}
	}
	return func(i int) *bucket { return left[i] }, len(left)
}

func getBucket(q *request) answer { return ok(q.bucketResource(q.bucket)) }

// legacyRoles are the roles that stand for the entries of a bucket's ACL.
//
// Source: https://cloud.google.com/storage/docs/access-control/iam#acls
var legacyRoles = map[string]string{
	"OWNER":  "roles/storage.legacyBucketOwner",
	"WRITER": "roles/storage.legacyBucketWriter",
	"READER": "roles/storage.legacyBucketReader",
}

// getBucketPolicy answers with the bucket's own policy and, where ACLs count,
// with the bucket's ACL in the shape of roles. The ACL of new objects is in no
// policy.
func getBucketPolicy(q *request) answer {
	b := q.bucket
	policy := over(object{"kind": "storage#policy", "resourceId": "projects/_/buckets/" + b.name, "version": 1}, b.policy)
	if bindings := b.withACL(bindingsOf(b.policy)); !b.uniform && len(bindings) > 0 {
		policy["bindings"] = bindings
	}
	return q.storagePolicy(policy)
}

// storagePolicy refuses a policy with conditions to those who do not ask for a
// version that has them; other services take the conditions out.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/buckets/getIamPolicy
// (optionsRequestedPolicyVersion)
func (q *request) storagePolicy(policy object) answer {
	if version := q.requestedVersion(); version < conditional && slices.ContainsFunc(bindingsOf(policy), hasCondition) {
		return q.fail(http.StatusBadRequest, "", "badRequest",
			"Requested policy version (%d) cannot be less than the existing policy version (%d).", version, conditional)
	}
	return ok(tagged(policy))
}

func (b *bucket) withACL(bindings []any) []any {
	for _, entry := range b.acl {
		members, _ := entry.(object)
		entity, _ := members["entity"].(string)
		granted, _ := members["role"].(string)
		if role := legacyRoles[granted]; role != "" && entity != "" {
			bindings = grant(bindings, role, b.owner.world.memberOf(entity))
		}
	}
	return bindings
}

// teams are the convenience members that stand for the groups of a project in an
// ACL.
var teams = map[string]string{"owners": "projectOwner:", "editors": "projectEditor:", "viewers": "projectViewer:"}

// memberOf spells an entity of an ACL as a member of a policy.
//
// Source: https://cloud.google.com/storage/docs/access-control/iam#convenience-values
func (w *World) memberOf(entity string) string {
	kind, who, _ := strings.Cut(entity, "-")
	switch kind {
	case "user":
		if strings.HasSuffix(who, ".gserviceaccount.com") {
			return "serviceAccount:" + who
		}
		return "user:" + who
	case "group", "domain":
		return kind + ":" + who
	case "project":
		team, number, _ := strings.Cut(who, "-")
		if p := w.project(number); p != nil {
			number = p.ID
		}
		if teams[team] != "" {
			return teams[team] + number
		}
	}
	return entity
}

// testIAMPermissions answers that the caller has all that it asks about, but for
// what a fault takes away.
func testIAMPermissions(q *request) answer {
	out := object{"kind": "storage#testIamPermissionsResponse"}
	var has []any
	for _, permission := range q.query["permissions"] {
		if q.fault.Kind == LacksPermission && (len(q.fault.Names) == 0 || slices.Contains(q.fault.Names, permission)) {
			continue
		}
		has = append(has, permission)
	}
	if len(has) > 0 {
		out["permissions"] = has
	}
	return ok(out)
}

func listManagedFolders(q *request) answer {
	folders := byPrefix(q.bucket.folders, q.query.Get("prefix"))
	return q.list(object{"kind": "storage#managedFolders"}, "items", len(folders), 1000, 1000, func(i int) any {
		name, _ := folders[i].members["name"].(string)
		out := folders[i].with(object{
			"kind": "storage#managedFolder", "id": q.bucket.name + "/" + name, "bucket": q.bucket.name, "metageneration": "1",
			"selfLink":   storageRoot + q.bucket.name + "/managedFolders/" + url.PathEscape(name),
			"createTime": longAgo, "updateTime": longAgo,
		})
		delete(out, "policy")
		return out
	})
}

func byPrefix(items []*item, prefix string) []*item {
	var found []*item
	for _, i := range items {
		if name, _ := i.members["name"].(string); strings.HasPrefix(name, prefix) {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(x, y *item) int { return cmp.Compare(textOf(x.members["name"]), textOf(y.members["name"])) })
	return found
}

func getManagedFolderPolicy(q *request) answer {
	name := q.values["managedFolder"]
	i := slices.IndexFunc(q.bucket.folders, func(f *item) bool { return f.members["name"] == name })
	if i < 0 {
		return q.fail(http.StatusNotFound, "", "notFound", "The specified managed folder does not exist.")
	}
	policy, _ := q.bucket.folders[i].members["policy"].(object)
	policy = over(object{
		"kind": "storage#policy", "resourceId": "projects/_/buckets/" + q.bucket.name + "/managedFolders/" + name, "version": 1,
	}, policy)
	return q.storagePolicy(policy)
}

// listObjects answers without the ACLs of objects in buckets with uniform access,
// where they do not count. Behind a delimiter objects become prefixes.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/objects#resource and
// https://cloud.google.com/storage/docs/json_api/v1/objects/list
func listObjects(q *request) answer {
	found, prefixes := q.bucket.found(q.query.Get("prefix"), q.query.Get("delimiter"))
	out := object{"kind": "storage#objects"}
	if len(prefixes) > 0 && q.query.Get("pageToken") == "" {
		out["prefixes"] = prefixes // all of them on the first page
	}
	full := q.query.Get("projection") == "full" && !q.bucket.uniform
	return q.list(out, "items", len(found), 1000, 1000, func(i int) any { return q.bucket.object(found[i], full) })
}

// found are the objects of a prefix and, if there is a delimiter, the prefixes
// that stand for those behind it.
func (b *bucket) found(prefix, delimiter string) (objects []*item, prefixes []any) {
	for _, o := range byPrefix(b.objects, prefix) {
		name := textOf(o.members["name"])
		head, _, behind := strings.Cut(name[len(prefix):], delimiter)
		if delimiter == "" || !behind {
			objects = append(objects, o)
		} else if p := prefix + head + delimiter; !slices.Contains(prefixes, any(p)) {
			prefixes = append(prefixes, p)
		}
	}
	return objects, prefixes
}

func (b *bucket) object(i *item, full bool) object {
	name, _ := i.members["name"].(string)
	generation := number("generation", b.name, name)
	out := i.with(object{
		"kind": "storage#object", "id": b.name + "/" + name + "/" + generation, "bucket": b.name, "generation": generation,
		"selfLink":       storageRoot + b.name + "/o/" + url.PathEscape(name),
		"metageneration": "1", "contentType": "application/octet-stream", "storageClass": "STANDARD", "size": "0",
		"timeCreated": longAgo, "updated": longAgo,
	})
	acl, _ := out["acl"].([]any)
	delete(out, "acl")
	if full {
		more := object{"bucket": b.name, "object": name, "generation": generation}
		show(out, "acl", acl, "storage#objectAccessControl", more)
	}
	return tagged(out)
}

func listHMACKeys(q *request) answer {
	keys := q.project.HMACKeys
	return q.list(object{"kind": "storage#hmacKeysMetadata"}, "items", len(keys), 250, 250, func(i int) any {
		id, _ := keys[i].members["accessId"].(string)
		return tagged(keys[i].with(object{
			"kind": "storage#hmacKeyMetadata", "id": q.project.ID + "/" + id, "projectId": q.project.ID, "state": "ACTIVE",
			"selfLink":    "https://www.googleapis.com/storage/v1/projects/" + q.project.ID + "/hmacKeys/" + id,
			"timeCreated": longAgo, "updated": longAgo,
		}))
	})
}
