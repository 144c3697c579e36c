package storagebucket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	raw "google.golang.org/api/storage/v1"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

// maxFolders is how many managed folders' policies of a bucket are asked for
// where not all of them are.
const maxFolders = 50

// errEnough ends a listing that has shown enough.
var errEnough = errors.New("enough")

// askFolders reads the policies of managed folders: each lets in to what is below
// its name, on top of whatever the bucket does. They exist in buckets with
// uniform access alone.
//
// Source: https://cloud.google.com/storage/docs/managed-folders
func (b *bucket) askFolders(ctx context.Context, r *resource.Resource) error {
	clients, err := b.open(ctx)
	if err != nil {
		return err
	}
	read, more := 0, false
	err = clients.raw.ManagedFolders.List(b.name).PageSize(1000).Pages(ctx, func(p *raw.ManagedFolders) error {
		for _, f := range p.Items {
			if more = read == maxFolders && !b.client.Deep; more {
				return errEnough
			}
			read++
			if err := b.askFolder(ctx, r, clients, f); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case more:
		r.Gaps = append(r.Gaps, Kind.Question(foldersCall, nil).Gap(resource.Undecided,
			fmt.Sprintf("the policies of %d managed folders were looked at, there are more: --deep looks at all", maxFolders)))
		return nil
	case err != nil && ctx.Err() == nil:
		return b.failed(foldersCall, err)
	default:
		return err
	}
}

// askFolder reads the policy of one managed folder. One that cannot be read does
// not hide the others; an error is the end of the context.
func (b *bucket) askFolder(ctx context.Context, r *resource.Resource, clients *clients, f *raw.ManagedFolder) error {
	if f == nil || f.Name == "" {
		b.loseFolder(r, "", collect.Malformed(folderCall, "a managed folder of the listing has no name"))
		return nil
	}
	answer, err := clients.raw.ManagedFolders.GetIamPolicy(b.name, f.Name).OptionsRequestedPolicyVersion(version3).Context(ctx).Do()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case api.Status(err) == http.StatusNotFound:
		return nil // it was deleted since it was listed
	}
	var policy *iampolicy.Policy
	if err == nil {
		policy, err = policyOf(folderCall, answer)
	}
	if err != nil {
		b.loseFolder(r, f.Name, err)
		return nil
	}
	b.add(ctx, r, b.parts, policy, b.path()+"/managedFolders/"+f.Name, iampolicy.Source{
		Call: folderCall, Of: b.name + "/managedFolders/" + f.Name, Open: folderChannel, Named: namedFolderChannel,
		Note: "below " + short(f.Name),
	})
	return nil
}

func (b *bucket) loseFolder(r *resource.Resource, name string, err error) {
	refusal := b.client.Refusal(err)
	if malformed, ok := errors.AsType[*collect.MalformedError](err); ok {
		refusal.Reason, refusal.Detail = resource.Malformed, malformed.Err.Error()
	}
	r.Gaps = append(r.Gaps, Kind.Question(folderCall, nil).Gap(refusal.Reason, short(name)+": "+refusal.String()))
}

// maxName bounds, in bytes, what is told of a name: an object's may have 1,024.
const maxName = 80

// short is a name as far as a reader takes it in, on one line.
func short(name string) string {
	cut := name
	if len(cut) > maxName {
		end := maxName
		for end > 0 && !utf8.RuneStart(cut[end]) {
			end--
		}
		cut = cut[:end] + "…"
	}
	if utf8.ValidString(cut) && !strings.ContainsFunc(cut, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return cut
	}
	quoted := strconv.Quote(cut)
	return quoted[1 : len(quoted)-1]
}
