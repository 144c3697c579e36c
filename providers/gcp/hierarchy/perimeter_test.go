package hierarchy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
)

func regular(id string, status object) object {
	return object{"name": "accessPolicies/77/servicePerimeters/" + id, "title": strings.ToUpper(id), "perimeterType": "PERIMETER_TYPE_REGULAR", "status": status}
}

func with(base object, members ...object) object {
	out := object{}
	for _, m := range append([]object{base}, members...) {
		for key, value := range m {
			out[key] = value
		}
	}
	return out
}

// TestPerimeters holds what the perimeters of an organisation come to for a
// bucket of a project in folders/5.
func TestPerimeters(t *testing.T) {
	const (
		guard = "VPC Service Controls perimeter CORE: private on [policy named-policy], can []"
		doubt = "accesscontextmanager:accessPolicies.servicePerimeters.list undecided: VPC Service Controls perimeter CORE may keep outsiders out: "
		whole = ": private on [policy named-policy], can []"
	)
	own := object{"resources": []string{"projects/222", "projects/111"}, "restrictedServices": []string{"bigquery.googleapis.com", "storage.googleapis.com"}}
	folder := with(own, object{"resources": []string{"folders/5"}})
	ingress := func(rules ...any) object { return with(own, object{"ingressPolicies": rules}) }
	to := object{"resources": []string{"*"}, "operations": []any{object{"serviceName": "storage.googleapis.com", "methodSelectors": []any{object{"method": "*"}}}}}
	anywhere := []any{object{"accessLevel": "*"}}
	for name, test := range map[string]struct {
		perimeters []any
		want       []string
	}{
		"none":                     {nil, nil},
		"around the project":       {[]any{regular("core", own)}, []string{guard}},
		"of no type, which is one": {[]any{with(regular("core", own), object{"perimeterType": nil})}, []string{guard}},
		"without a title":          {[]any{with(regular("core", own), object{"title": ""})}, []string{strings.Replace(guard, "CORE", "core", 1)}},
		"only tried out": {
			[]any{object{"name": "accessPolicies/77/servicePerimeters/core", "title": "CORE", "spec": own, "useExplicitDryRunSpec": true}}, nil,
		},
		"tried out, and enforced for another": {
			[]any{with(regular("core", with(own, object{"resources": []string{"projects/222"}})), object{"spec": own, "useExplicitDryRunSpec": true})}, nil,
		},
		"a bridge":                   {[]any{with(regular("core", own), object{"perimeterType": "PERIMETER_TYPE_BRIDGE"})}, nil},
		"a bridge beside":            {[]any{with(regular("bridge", object{"resources": []string{"projects/111"}}), object{"perimeterType": "PERIMETER_TYPE_BRIDGE"}), regular("core", own)}, []string{guard}},
		"another project":            {[]any{regular("core", with(own, object{"resources": []string{"projects/1111"}}))}, nil},
		"another service":            {[]any{regular("core", with(own, object{"restrictedServices": []string{"bigquery.googleapis.com"}}))}, nil},
		"a network":                  {[]any{regular("core", with(own, object{"resources": []string{"//compute.googleapis.com/projects/tconnect/global/networks/n"}}))}, nil},
		"the service inside only":    {[]any{regular("core", with(own, object{"restrictedServices": nil, "vpcAccessibleServices": object{"enableRestriction": true, "allowedServices": []string{"storage.googleapis.com"}}}))}, nil},
		"egress does not let in":     {[]any{regular("core", with(own, object{"egressPolicies": []any{object{"egressFrom": object{"identityType": "ANY_IDENTITY"}}}}))}, []string{guard}},
		"a type that is not known":   {[]any{with(regular("core", own), object{"perimeterType": "PERIMETER_TYPE_NEW"})}, []string{doubt + "it is of a type that is not known" + whole}},
		"a member that is not known": {[]any{regular("core", with(own, object{"exemptServices": []string{"x"}}))}, []string{doubt + "it has a form that is not known" + whole}},
		"services of an unknown form": {
			[]any{regular("core", with(own, object{"restrictedServices": []string{"*"}}))},
			[]string{doubt + "it restricts services of a form that is not known" + whole},
		},
		"resources of an unknown form": {
			[]any{regular("core", with(own, object{"resources": []string{"projects/tconnect"}}))},
			[]string{doubt + "it holds something of a form that is not known" + whole},
		},
		"an access level": {
			[]any{regular("core", with(own, object{"accessLevels": []string{"accessPolicies/77/accessLevels/office"}}))},
			[]string{doubt + "it admits who meets an access level, and what that asks for was not read" + whole},
		},

		"around the folder": {[]any{regular("core", folder)}, []string{guard}},
		"nearer, and of another service": {
			[]any{regular("core", folder), regular("near", with(own, object{"restrictedServices": []string{"bigquery.googleapis.com"}}))}, nil,
		},
		"nearer, and tried out": {
			[]any{regular("core", folder), object{"name": "accessPolicies/77/servicePerimeters/near", "spec": object{"resources": []string{"projects/111"}}}},
			[]string{guard},
		},
		"around the folder, with another that may be nearer": {
			[]any{regular("core", folder), regular("near", object{"resources": []string{"zones/1"}})},
			[]string{doubt + "a perimeter that was not read or not understood may be nearer, and take its place" + whole},
		},
		"around the project, with another that may not be nearer": {
			[]any{regular("core", own), regular("near", object{"resources": []string{"zones/1"}})}, []string{guard},
		},
		"two at once": {
			[]any{regular("core", own), regular("other", with(own, object{"restrictedServices": nil}))},
			[]string{doubt + "another one says, too, that projects/111 is in it, and a project is in one at most" + whole},
		},

		"ingress of anybody from anywhere": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identityType": "ANY_IDENTITY", "sources": anywhere}, "ingressTo": to}))},
			[]string{doubt + "its ingress rule 1 may admit anybody" + whole},
		},
		"ingress of any account": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identityType": "ANY_USER_ACCOUNT", "sources": anywhere}, "ingressTo": to}))},
			[]string{doubt + "its ingress rule 1 may admit anybody" + whole},
		},
		"ingress by an access level": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identityType": "ANY_IDENTITY", "sources": []any{object{"accessLevel": "accessPolicies/77/accessLevels/x"}}}, "ingressTo": to}))},
			[]string{doubt + "its ingress rule 1 may admit anybody" + whole},
		},
		"ingress of a type that is not known": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identityType": "ANY_NEW", "identities": []string{"user:a@b.c"}}, "ingressTo": to}))},
			[]string{doubt + "its ingress rule 1 may admit anybody" + whole},
		},
		"ingress of a pool": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identities": []string{"principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"}, "sources": anywhere}, "ingressTo": to}))},
			[]string{doubt + "its ingress rule 1 may admit anybody" + whole},
		},
		"ingress with a member that is not known": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identities": []string{"user:a@b.c"}, "networks": 1}, "ingressTo": to}))},
			[]string{doubt + "its ingress rule 1 may admit anybody" + whole},
		},
		"ingress of nobody that is said": {
			[]any{regular("core", ingress(object{"ingressFrom": object{}, "ingressTo": to}))},
			[]string{doubt + "its ingress rule 1 may admit anybody" + whole},
		},
		"ingress for roles": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identityType": "ANY_IDENTITY", "sources": anywhere}, "ingressTo": object{"resources": []string{"*"}, "roles": []string{"roles/storage.objectViewer"}}}))},
			[]string{doubt + "its ingress rule 1 may admit anybody" + whole},
		},
		"ingress to another service": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identityType": "ANY_IDENTITY", "sources": anywhere}, "ingressTo": object{"resources": []string{"*"}, "operations": []any{object{"serviceName": "bigquery.googleapis.com"}}}}))},
			[]string{guard},
		},
		"ingress to every service": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identityType": "ANY_IDENTITY", "sources": anywhere}, "ingressTo": object{"resources": []string{"*"}, "operations": []any{object{"serviceName": "*"}}}}))},
			[]string{doubt + "its ingress rule 1 may admit anybody" + whole},
		},
		"ingress to another project": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identityType": "ANY_IDENTITY", "sources": anywhere}, "ingressTo": with(to, object{"resources": []string{"projects/222", "folders/6"}})}))},
			[]string{guard},
		},
		"ingress to the folder": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identityType": "ANY_IDENTITY", "sources": anywhere}, "ingressTo": with(to, object{"resources": []string{"folders/5"}})}))},
			[]string{doubt + "its ingress rule 1 may admit anybody" + whole},
		},
		"ingress of somebody, or from somewhere": {
			[]any{regular("core", ingress(
				object{"title": "partner", "ingressFrom": object{"identities": []string{"user:a@b.c", "serviceAccount:s@p.iam.gserviceaccount.com"}, "sources": anywhere}, "ingressTo": to},
				object{"ingressFrom": object{"identityType": "ANY_IDENTITY", "sources": []any{object{"resource": "projects/333"}}}, "ingressTo": to},
			))},
			[]string{
				"VPC Service Controls perimeter CORE: listed on [policy], can []",
				"accesscontextmanager:accessPolicies.servicePerimeters.list undecided: VPC Service Controls perimeter CORE has ingress rules for principals or networks that they name; whether these are the owner's own, and whether those that are let in by name are among them, was not decided: private on [policy named-policy], can []",
			},
		},
		"ingress from an endpoint that is named": {
			[]any{regular("core", ingress(object{"ingressFrom": object{"identityType": "ANY_IDENTITY", "sources": []any{object{"pscEndpoint": object{"forwardingRule": "//compute.googleapis.com/projects/p/global/forwardingRules/f"}}}}, "ingressTo": to}, object{"ingressFrom": object{"identityType": "ANY_IDENTITY", "sources": []any{object{}}}, "ingressTo": with(to, object{"operations": nil})}))},
			[]string{doubt + "its ingress rule 2 may admit anybody" + whole},
		},
		"ingress of somebody, and of anybody": {
			[]any{regular("core", ingress(
				object{"ingressFrom": object{"identities": []string{"user:a@b.c"}, "sources": anywhere}, "ingressTo": to},
				object{"ingressFrom": object{"identityType": "ANY_IDENTITY", "sources": []any{object{"resource": "projects/333"}, object{"accessLevel": "*"}}}, "ingressTo": to},
			))},
			[]string{doubt + "its ingress rule 2 may admit anybody" + whole},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate()
			e.answers[ancestryKey] = inFolder
			e.perimeters(test.perimeters...)
			if got := told(e.examine(t, true, guarded)); !slices.Equal(got, test.want) {
				t.Errorf("told (-want +got):\n%s", cmp.Diff(test.want, got))
			}
			if got := told(e.examine(t, false, guarded)); len(got) > 0 {
				t.Errorf("a run that does not look above its projects tells %q", got)
			}
		})
	}
}

// TestPerimeterAndLists: a perimeter stands on access control lists, too.
func TestPerimeterAndLists(t *testing.T) {
	e, g := newEstate(), guarded
	g.Disputed = []resource.Channel{"acl"}
	e.answers[ancestryKey] = inFolder
	e.perimeters(regular("core", object{"resources": []string{"projects/111"}, "restrictedServices": []string{"storage.googleapis.com"}}))
	want := []resource.Guard{{
		Name: "VPC Service Controls perimeter CORE", On: []resource.Channel{"policy", "acl", "named-policy"}, Cap: resource.Nobody,
		Because: []resource.Evidence{{
			Call: "accesscontextmanager:accessPolicies.servicePerimeters.list", Of: "accessPolicies/77", Pointer: "/servicePerimeters",
			Quote: "accessPolicies/77/servicePerimeters/core: projects/111, storage.googleapis.com",
		}},
	}}
	if diff := cmp.Diff(want, e.examine(t, true, g).Guards); diff != "" {
		t.Errorf("guards (-want +got):\n%s", diff)
	}
}

// TestPerimeterAndSubscriptions: subscriptions that are older than a perimeter
// are not blocked by it.
func TestPerimeterAndSubscriptions(t *testing.T) {
	e, g := newEstate(), guarded
	g.Service, g.Store = "pubsub.googleapis.com", "pubsub.subscription"
	e.answers[ancestryKey] = inFolder
	e.perimeters(regular("core", object{"resources": []string{"projects/111"}, "restrictedServices": []string{"pubsub.googleapis.com"}}))
	r := e.examine(t, true, g)
	if len(r.Guards) != 1 || slices.Contains(r.Guards[0].Can, resource.Read) || !slices.Contains(r.Guards[0].Can, resource.TakeOver) {
		t.Errorf("guards %+v", r.Guards)
	}
	if len(r.Gaps) != 1 || !slices.Contains(r.Gaps[0].Shields[0].Can, resource.Read) || slices.Contains(r.Gaps[0].Shields[0].Can, resource.TakeOver) {
		t.Errorf("gaps %+v", r.Gaps)
	}
}

// TestPerimeterOfAProjectWithoutNumber: perimeters name projects by their number.
func TestPerimeterOfAProjectWithoutNumber(t *testing.T) {
	e := newEstate()
	e.answers[ancestryKey] = inFolder
	e.perimeters(regular("core", object{"resources": []string{"projects/222"}, "restrictedServices": []string{"storage.googleapis.com"}}))
	c := e.client(t, true)
	c.Know("tconnect", "")
	r := new(resource.Resource)
	for _, q := range hierarchy.Of(c, "tconnect").Questions(bucket, guarded) {
		if err := q.Ask(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if got := told(r); len(got) != 1 || !strings.Contains(got[0], "it names projects by their number, and the number of tconnect is not known") {
		t.Errorf("told %q", got)
	}
}

// TestUnreadableAccessPolicy holds partial knowledge, and that a perimeter around
// a folder is none where a nearer one may have been lost.
func TestUnreadableAccessPolicy(t *testing.T) {
	const other = "accesscontextmanager:accessPolicies.servicePerimeters.list v1/accessPolicies/78/servicePerimeters"
	restricted := object{"restrictedServices": []string{"storage.googleapis.com"}}
	for name, test := range map[string]struct {
		resource    string
		key, answer string
		guards      int
		want        string
	}{
		"around the project": {"projects/111", other, "403", 1, "accesscontextmanager:accessPolicies.servicePerimeters.list denied: PERMISSION_DENIED: refused"},
		"around the folder":  {"folders/5", other, "403", 0, "accesscontextmanager:accessPolicies.servicePerimeters.list denied: PERMISSION_DENIED: refused"},
		"a half answer":      {"projects/111", other, `{"serv`, 1, "accesscontextmanager:accessPolicies.servicePerimeters.list malformed: unexpected end"},
		"a nameless one":     {"projects/111", other, `{"servicePerimeters":[{}]}`, 1, "accesscontextmanager:accessPolicies.servicePerimeters.list malformed: a perimeter of accessPolicies/78: it has no name"},
		"no policy at all":   {"projects/111", policiesKey, "403", 0, "accesscontextmanager:accessPolicies.list denied: PERMISSION_DENIED: refused"},
		"a strange policy":   {"projects/111", policiesKey, `{"accessPolicies":[{"name":"accessPolicies/77"},{"name":"../x"}]}`, 1, `accesscontextmanager:accessPolicies.list malformed: "../x" is not the name of an access policy`},
		"no ancestors":       {"projects/111", ancestryKey, "403", 0, "cloudresourcemanager:projects.getAncestry denied: PERMISSION_DENIED: refused"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate()
			e.answers[ancestryKey] = inFolder
			e.perimeters(regular("core", with(restricted, object{"resources": []string{test.resource}})))
			e.answers[policiesKey] = `{"accessPolicies":[{"name":"accessPolicies/77"},{"name":"accessPolicies/78"}]}`
			e.answers[test.key] = test.answer
			r := e.examine(t, true, guarded)
			if len(r.Guards) != test.guards {
				t.Errorf("%d guards, want %d", len(r.Guards), test.guards)
			}
			got := told(r)
			if !slices.ContainsFunc(got, func(line string) bool {
				return strings.HasPrefix(line, test.want) && strings.Contains(line, "private on [policy")
			}) {
				t.Errorf("told %q, want %q", got, test.want)
			}
			if len(slices.Compact(got)) != len(told(r)) {
				t.Errorf("%q is told twice", got)
			}
		})
	}
}
