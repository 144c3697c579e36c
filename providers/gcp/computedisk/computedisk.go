// Package computedisk collects Compute Engine disks, zonal and regional: a
// disk's policy can let others copy it, and read all that it holds. kind.yaml
// declares every call; none uses a disk.
package computedisk

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.compute.disk.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's disks, zonal and regional.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		Kind: Kind, Store: "compute.disk", Type: "compute.googleapis.com/Disk",
		Chains: []iampolicy.Chain{
			{Lists: []string{"compute:disks.aggregatedList"}, Policy: []string{"compute:disks.getIamPolicy", "compute:regionDisks.getIamPolicy"}, Size: 500, Take: take},
		},
	}, c, scope)
}

// take reads the disks out of a listing that is divided by zones and regions. A
// part that carries a warning, other than that it is empty, was not read whole.
//
// Source: https://cloud.google.com/compute/docs/reference/rest/v1/disks/aggregatedList
func take(answer json.RawMessage) (found []iampolicy.Entry, lost []string, err error) {
	var list struct {
		Items map[string]struct {
			Disks   json.RawMessage `json:"disks"`
			Warning struct {
				Code string `json:"code"`
			} `json:"warning"`
		} `json:"items"`
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		return nil, nil, err
	}
	for _, place := range slices.Sorted(maps.Keys(list.Items)) {
		part := list.Items[place]
		if iampolicy.Incomplete(part.Warning.Code) {
			lost = append(lost, place)
		}
		disks, err := iampolicy.Entries(part.Disks, "/items")
		if err != nil {
			return nil, nil, err
		}
		found = append(found, disks...)
	}
	return found, lost, nil
}
