package iampolicy

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/role"
)

// customRole is what IAM says of a role that somebody made.
//
// Source: https://cloud.google.com/iam/docs/reference/rest/v1/organizations.roles
type customRole struct {
	Name                string   `json:"name"`
	IncludedPermissions []string `json:"includedPermissions"`
	Deleted             bool     `json:"deleted"`
	Stage               string   `json:"stage"`
}

// disabledStage is that of a role which gives nobody anything.
//
// Source: https://cloud.google.com/iam/docs/creating-custom-roles#disabling-custom-role
const disabledStage = "DISABLED"

// customPermissions asks what a custom role holds, once for each in a run.
func (s *Store) customPermissions(ctx context.Context, parent, id string) ([]string, *doubtOf) {
	name := parent + "/roles/" + id
	asked := api.Shared(s.subject.Client, "role "+name, func() *collect.Once[customRole] { return new(collect.Once[customRole]) })
	found, err := asked.Get(ctx, func(ctx context.Context) (customRole, error) { return askRole(ctx, s.subject.Client, name) })
	if err != nil {
		refusal := s.subject.Client.Refusal(err)
		return nil, &doubtOf{
			reason: refusal.Reason, call: roleCall(name), permission: "iam.roles.get",
			detail: fmt.Sprintf("what the role %s allows: %s", name, refusal.String()),
		}
	}
	if found.Deleted || found.Stage == disabledStage {
		return nil, nil
	}
	return found.IncludedPermissions, nil
}

func askRole(ctx context.Context, c *api.Client, name string) (customRole, error) {
	var found customRole
	call := roleCall(name)
	path, err := Path(call, name)
	if err != nil {
		return found, err
	}
	if err := c.Ask(ctx, api.Request{Service: "iam", Path: path}, &found); err != nil {
		return found, api.Failed(call, "", err)
	}
	if found.Name == "" {
		return found, collect.Malformed(call, "no role in it")
	}
	return found, nil
}

func roleCall(name string) string {
	if parent, _, _ := role.Custom(name); len(parent) > 0 && parent[0] == 'o' {
		return "iam:organizations.roles.get"
	}
	return "iam:projects.roles.get"
}

// escape makes one segment of a path of a name, in which a colon begins no verb.
func escape(segment string) string { return strings.ReplaceAll(url.PathEscape(segment), ":", "%3A") }
