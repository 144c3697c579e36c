package storagebucket

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"

	"github.com/andon-audit/andon/pkg/resource"
)

// maxObjects is how many objects of a bucket are looked at where not all of them
// are: one page.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/objects/list
const maxObjects = 1000

// maxEntries bounds how many different entries of objects' lists are kept, since
// uploaders write them.
const maxEntries = 1000

// askObjects looks at the access control lists of objects, where these are in
// force: whoever uploads an object can publish it with a list of its own, and no
// policy, no inventory of Google's and no audit log shows it.
//
// Source: https://cloud.google.com/storage/docs/access-control/lists and
// https://cloud.google.com/storage/docs/audit-logging (access control lists that
// are set when an object is created are not logged)
func (b *bucket) askObjects(ctx context.Context, r *resource.Resource) error {
	clients, err := b.open(ctx)
	if err != nil {
		return err
	}
	query := &storage.Query{Projection: storage.ProjectionFull}
	if err := query.SetAttrSelection([]string{"Name", "ACL"}); err != nil {
		return fmt.Errorf("choose attributes: %w", err)
	}
	objects := clients.library.Bucket(b.name).Objects(ctx, query)
	objects.PageInfo().MaxSize = maxObjects
	var s sample
	for s.goesOn(objects.PageInfo(), b.client.Deep) {
		object, err := objects.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			return b.failed(objectsCall, err)
		}
		s.take(b, object)
	}
	b.addSample(ctx, r, &s)
	return nil
}

// sample is what was seen of the objects of a bucket.
type sample struct {
	objects  int
	more     bool // there are more objects, or more entries, than were looked at
	unlisted int  // objects that came without their list
	entries  []*seen
	at       map[accessControl]*seen
}

// seen is an entry of lists, and the objects that have it.
type seen struct {
	accessControl
	objects int
	names   []string // the first of them
}

// goesOn reports whether another object is to be looked at.
func (s *sample) goesOn(page *iterator.PageInfo, deep bool) bool {
	if s.objects < maxObjects || deep {
		return true
	}
	s.more = page.Remaining() > 0 || page.Token != ""
	return false
}

// maxExamples is how many objects are told by name.
const maxExamples = 3

func (s *sample) take(b *bucket, object *storage.ObjectAttrs) {
	s.objects++
	if len(object.ACL) == 0 {
		s.unlisted++
	}
	for _, rule := range object.ACL {
		a := accessControl{Entity: string(rule.Entity), Role: string(rule.Role), Email: rule.Email}
		if b.own(a.Entity) {
			continue
		}
		x := s.at[a]
		if x == nil {
			if len(s.entries) == maxEntries {
				s.more = true
				continue
			}
			if s.at == nil {
				s.at = make(map[accessControl]*seen)
			}
			x = &seen{accessControl: a}
			s.at[a], s.entries = x, append(s.entries, x)
		}
		x.objects++
		if len(x.names) < maxExamples {
			x.names = append(x.names, object.Name)
		}
	}
}

// addSample adds what the lists grant, one grant for all objects of an entry, and
// what was not seen.
func (b *bucket) addSample(ctx context.Context, r *resource.Resource, s *sample) {
	for _, x := range s.entries {
		b.addEntry(ctx, r, x.accessControl, list{
			call: objectsCall, pointer: "/items", roles: objectRoles, open: objectACLChannel,
			about: b.path() + "/objects/" + x.names[0], note: x.note(),
		})
	}
	question := Kind.Question(objectsCall, nil)
	if s.unlisted > 0 {
		r.Gaps = append(r.Gaps, question.Gap(resource.Denied,
			fmt.Sprintf("%s came without their access control lists", count(s.unlisted, "object"))))
	}
	if s.more {
		r.Gaps = append(r.Gaps, question.Gap(resource.Undecided,
			fmt.Sprintf("%s were looked at, there are more: --deep looks at all", count(s.objects, "object"))))
	}
}

func (x *seen) note() string {
	var examples []string
	for _, name := range x.names {
		examples = append(examples, short(name))
	}
	text := count(x.objects, "object") + ": " + strings.Join(examples, ", ")
	if x.objects > len(x.names) {
		text += ", …"
	}
	return text
}

// count spells a number of things: "1,000 objects".
func count(n int, noun string) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n != 1 {
		noun += "s"
	}
	return digits + " " + noun
}
