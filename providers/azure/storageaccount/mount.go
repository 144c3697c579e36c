package storageaccount

import (
	"context"
	"fmt"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
)

// mounters are whoever mounts by NFS: it asks nobody who they are, and what keeps
// them out is the network alone.
func mounters() resource.Hidden {
	return resource.Hidden{Via: mountChannel, To: resource.Anyone, Can: []resource.Action{resource.List, resource.Read, resource.Write}}
}

// addMounts reads whether its blobs can be mounted by NFS 3.0, as they cannot where
// nothing is said. Microsoft says that this traffic has to come from a virtual
// network, and not what happens to the rest of it.
//
// Source: https://learn.microsoft.com/azure/storage/blobs/network-file-system-protocol-support
func (a *account) addMounts(r *resource.Resource) {
	off := false
	mounted, known := a.flag(r, "nfs", "isNfsV3Enabled", a.NFS, &off)
	switch {
	case !known:
		r.Gaps[len(r.Gaps)-1].Hides = []resource.Hidden{mounters()}
	case mounted:
		r.Notes = append(r.Notes, "NFS 3.0 is on: whoever is in an admitted network mounts its blobs without a credential")
		if !a.addressed {
			return
		}
		g := listGap(resource.Undecided, "whether addresses that its network rules admit can mount its blobs by NFS, which asks for no credential, is not documented")
		g.Hides = []resource.Hidden{mounters()}
		r.Gaps = append(r.Gaps, g)
	}
}

// shares asks for file shares. Only accounts for files have shares that are mounted
// by NFS, and on the public endpoint those are served "if and only if" that is
// restricted to virtual networks: not where everybody is let through. What address
// rules beside those networks do is not documented.
//
// Source: https://learn.microsoft.com/azure/storage/files/storage-files-networking-overview
// (public endpoint)
func (a *account) shares() *collect.Question {
	q := Kind.Question(sharesCall, a.askShares)
	if a.everywhere || arm.Is(a.kind, "Storage", "StorageV2", "BlobStorage", "BlockBlobStorage") {
		q.Hides = nil
	}
	return q
}

// askShares asks for file shares.
//
// Source: https://learn.microsoft.com/rest/api/storagerp/file-shares/list
func (a *account) askShares(ctx context.Context, r *resource.Resource) error {
	var mounted, policies int
	shares, err := a.count(ctx, r, sharesCall, func(raw arm.Record) error {
		var p struct {
			identifiers
			Protocols *string `json:"enabledProtocols"`
		}
		if err := raw.Into(&p); err != nil {
			return err
		}
		policies += len(p.Signed)
		if p.Protocols != nil && !arm.Is(*p.Protocols, "SMB") {
			mounted++
		}
		return nil
	})
	if mounted > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of its file shares are mounted by NFS, which asks nobody in an admitted network who they are", mounted))
	}
	if mounted > 0 && a.addressed && !a.everywhere {
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: sharesCall, Permission: permission(sharesCall), Reason: resource.Undecided,
			Detail: "whether addresses that its network rules admit can mount its shares by NFS, which asks for no credential, is not documented",
			Hides:  []resource.Hidden{mounters()},
		})
	}
	return a.set(r, sharesCall, err, map[string]int{"shares": shares, "nfs_shares": mounted, "share_access_policies": policies})
}
