package awstest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// The documents below are the answers of organizations.

type organizationJSON struct {
	ID                string `json:"Id"`
	ARN               string `json:"Arn"`
	FeatureSet        string
	ManagementARN     string           `json:"MasterAccountArn"`
	ManagementAccount string           `json:"MasterAccountId"`
	ManagementEmail   string           `json:"MasterAccountEmail"`
	PolicyTypes       []policyTypeJSON `json:"AvailablePolicyTypes"`
}

type policyTypeJSON struct {
	Type   string
	Status string
}

type effectivePolicyJSON struct {
	Content string `json:"PolicyContent"`
	Type    string `json:"PolicyType"`
	Target  string `json:"TargetId"`
	Updated int64  `json:"LastUpdatedTimestamp"`
}

type policySummaryJSON struct {
	ID         string `json:"Id"`
	ARN        string `json:"Arn"`
	Name       string
	Type       string
	AwsManaged bool
}

type policyJSON struct {
	Summary policySummaryJSON `json:"PolicySummary"`
	Content string
}

type parentJSON struct {
	ID   string `json:"Id"`
	Type string
}

const (
	rcpType      = "RESOURCE_CONTROL_POLICY"
	s3PolicyType = "S3_POLICY"
)

// fullAccess is the policy that AWS attaches everywhere, and that lets through
// whatever no other policy denies.
var fullAccess = rcp{ID: "p-RCPFullAWSAccess", Name: "RCPFullAWSAccess", Policy: &policy{
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`,
}}

func inOrg(next handler) handler {
	return func(q *request) answer {
		if q.caller.Org == nil {
			return q.fail(http.StatusBadRequest, "AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
		}
		return next(q)
	}
}

// asAdministrator is for the calls that only the management account and those
// it delegates to may make.
func asAdministrator(next handler) handler {
	return inOrg(func(q *request) answer {
		if q.caller.ID != q.caller.Org.Management && !q.caller.Org.Delegated {
			return q.denied()
		}
		return next(q)
	})
}

func describeOrganization(q *request) answer {
	o := q.caller.Org
	arn := "arn:aws:organizations::" + o.Management + ":"
	return jsonAnswer(http.StatusOK, map[string]organizationJSON{"Organization": {
		ID: o.ID, ARN: arn + "organization/" + o.ID, FeatureSet: "ALL",
		ManagementARN: arn + "account/" + o.ID + "/" + o.Management, ManagementAccount: o.Management,
		ManagementEmail: "management@example.com", PolicyTypes: []policyTypeJSON{{rcpType, "ENABLED"}, {s3PolicyType, "ENABLED"}},
	}})
}

// effectivePolicy answers for the caller's own account from anywhere, and for
// another only to the management account.
func effectivePolicy(q *request) answer {
	kind, target := q.params.Get("PolicyType"), cmp.Or(q.params.Get("TargetId"), q.caller.ID)
	member := q.world.member(q.caller.Org.ID, target)
	switch {
	case target != q.caller.ID && q.caller.ID != q.caller.Org.Management && !q.caller.Org.Delegated:
		return q.denied()
	case member == nil:
		return q.fail(http.StatusBadRequest, "TargetNotFoundException", "You specified a target that doesn't exist.")
	case kind != s3PolicyType || member.Org.S3Policy == "":
		return q.fail(http.StatusBadRequest, "EffectivePolicyNotFoundException", "There is no effective policy of this type.")
	}
	content := `{"s3_attributes":{"public_access_block_configuration":"` + string(member.Org.S3Policy) + `"}}`
	return jsonAnswer(http.StatusOK, map[string]effectivePolicyJSON{"EffectivePolicy": {
		Content: content, Type: kind, Target: target, Updated: longAgo.Unix(),
	}})
}

// member finds an account of an organisation.
func (w *World) member(org, id string) *account {
	for _, a := range w.accounts {
		if a.ID == id && a.Org != nil && a.Org.ID == org {
			return a
		}
	}
	return nil
}

// attached lists an organisation's policies, for one target or for all of them.
func (w *World) attached(org, target string) []rcp {
	out := []rcp{fullAccess}
	for _, a := range w.accounts {
		if a.Org == nil || a.Org.ID != org {
			continue
		}
		for _, p := range a.Org.RCPs {
			known := slices.ContainsFunc(out, func(other rcp) bool { return other.ID == p.ID })
			if !known && (target == "" || target == p.Target) {
				out = append(out, p)
			}
		}
	}
	return out
}

func (p rcp) summary(o *org) policySummaryJSON {
	managed := p.ID == fullAccess.ID
	arn := "arn:aws:organizations::" + o.Management + ":policy/" + o.ID + "/resource_control_policy/" + p.ID
	if managed {
		arn = "arn:aws:organizations::aws:policy/resource_control_policy/" + p.ID
	}
	return policySummaryJSON{ID: p.ID, ARN: arn, Name: p.Name, Type: rcpType, AwsManaged: managed}
}

// listPoliciesForTarget lists what is attached to the target itself, not what
// it inherits. Only resource control policies are modelled.
func listPoliciesForTarget(q *request) answer {
	type page struct {
		Policies  []policySummaryJSON
		NextToken string `json:",omitempty"`
	}
	if q.params.Get("Filter") != rcpType {
		return jsonAnswer(http.StatusOK, page{Policies: []policySummaryJSON{}})
	}
	all := q.world.attached(q.caller.Org.ID, q.params.Get("TargetId"))
	slices.SortFunc(all, func(x, y rcp) int { return cmp.Compare(x.ID, y.ID) })
	cut, next, ok := paginate(q, all, func(p rcp) string { return p.ID }, "MaxResults", "NextToken", 20)
	if !ok {
		return q.fail(http.StatusBadRequest, "InvalidInputException", "You specified an invalid value for NextToken.")
	}
	out := page{NextToken: next}
	for _, p := range cut {
		out.Policies = append(out.Policies, p.summary(q.caller.Org))
	}
	return jsonAnswer(http.StatusOK, out)
}

func describePolicy(q *request) answer {
	for _, p := range q.world.attached(q.caller.Org.ID, "") {
		if p.ID == q.subject {
			return jsonAnswer(http.StatusOK, map[string]policyJSON{"Policy": {p.summary(q.caller.Org), p.Policy.text}})
		}
	}
	return q.fail(http.StatusBadRequest, "PolicyNotFoundException", "We can't find a policy with the PolicyId that you specified.")
}

// listParents climbs from an account or a unit; the root has no parent.
func listParents(q *request) answer {
	parent := q.world.parent(q.caller.Org.ID, q.subject)
	if parent == "" {
		return q.fail(http.StatusBadRequest, "ChildNotFoundException", "We can't find an organizational unit or account with that ID.")
	}
	kind := "ORGANIZATIONAL_UNIT"
	if strings.HasPrefix(parent, "r-") {
		kind = "ROOT"
	}
	return jsonAnswer(http.StatusOK, map[string][]parentJSON{"Parents": {{parent, kind}}})
}

func (w *World) parent(org, child string) string {
	for _, a := range w.accounts {
		if a.Org == nil || a.Org.ID != org {
			continue
		}
		chain := append([]string{a.ID}, a.Org.Parents...)
		if i := slices.Index(chain, child); i >= 0 && i+1 < len(chain) {
			return chain[i+1]
		}
	}
	return ""
}
