package member

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	const digits = "123456789012345678901"
	tests := []struct {
		text  string
		want  Member // without its text
		party string
	}{
		// Everybody, in the words of allow and of deny policies.
		{"allUsers", Member{Kind: Everyone}, "everybody"},
		{"principalSet://goog/public:all", Member{Kind: Everyone}, "everybody"},
		{"allAuthenticatedUsers", Member{Kind: EveryAccount}, "every Google account"},

		// People.
		{"user:Alex@Partner.Example", Member{Kind: Account, Name: "Alex@Partner.Example", Domain: "partner.example"}, "partner.example"},
		{"principal://goog/subject/alex@example.com", Member{Kind: Account, Name: "alex@example.com", Domain: "example.com"}, "example.com"},
		{"user:allUsers@example.com", Member{Kind: Account, Name: "allUsers@example.com", Domain: "example.com"}, "example.com"},
		{"group:admins@example.com", Member{Kind: Group, Name: "admins@example.com", Domain: "example.com"}, "example.com"},
		{"principalSet://goog/group/admins@example.com", Member{Kind: Group, Name: "admins@example.com", Domain: "example.com"}, "example.com"},
		{"domain:Example.COM", Member{Kind: Domain, Name: "Example.COM", Domain: "example.com"}, "example.com"},
		{"user:x@bücher.example", Member{Kind: Account, Name: "x@bücher.example", Domain: "bücher.example"}, "bücher.example"},
		{"principalSet://goog/cloudIdentityCustomerId/C01Abc35", Member{Kind: Domain, Name: "customer C01Abc35", Customer: "C01Abc35"}, "customer C01Abc35"},

		// Conveniences of Cloud Storage.
		{"projectOwner:tconnect", Member{Kind: Project, Name: "tconnect", Project: "tconnect"}, "tconnect"},
		{"projectEditor:example.com:tconnect", Member{Kind: Project, Name: "example.com:tconnect", Project: "example.com:tconnect"}, "example.com:tconnect"},
		{"projectViewer:111111111111", Member{Kind: Project, Name: "111111111111", Project: "111111111111"}, "111111111111"},

		// Service accounts of projects.
		{"serviceAccount:ETL@Partner.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "ETL@Partner.iam.gserviceaccount.com", Project: "partner"}, "partner"},
		{"serviceAccount:etl@partner.example.com.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "etl@partner.example.com.iam.gserviceaccount.com", Project: "example.com:partner"}, "example.com:partner"},
		{"principal://iam.googleapis.com/projects/-/serviceAccounts/etl@partner.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "etl@partner.iam.gserviceaccount.com", Project: "partner"}, "partner"},
		{"serviceAccount:partner@appspot.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "partner@appspot.gserviceaccount.com", Project: "partner"}, "partner"},
		{"serviceAccount:222222222222-compute@developer.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "222222222222-compute@developer.gserviceaccount.com", Project: "222222222222"}, "222222222222"},
		{"serviceAccount:222222222222-abc@developer.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "222222222222-abc@developer.gserviceaccount.com"}, "222222222222-abc@developer.gserviceaccount.com"},
		{"serviceAccount:etl@partner.example", Member{Kind: ServiceAccount, Name: "etl@partner.example"}, "etl@partner.example"},
		{"serviceAccount:partner.svc.id.goog[shop/api]", Member{Kind: ServiceAccount, Name: "partner.svc.id.goog[shop/api]", Project: "partner"}, "partner"},

		// Service agents: of a project, a folder, an organisation, of Google.
		{"serviceAccount:222222222222@cloudservices.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "222222222222@cloudservices.gserviceaccount.com", Project: "222222222222"}, "222222222222"},
		{"serviceAccount:222222222222@cloudbuild.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "222222222222@cloudbuild.gserviceaccount.com", Project: "222222222222"}, "222222222222"},
		{"serviceAccount:service-222222222222@gcp-sa-pubsub.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "service-222222222222@gcp-sa-pubsub.iam.gserviceaccount.com", Project: "222222222222"}, "222222222222"},
		{"serviceAccount:service-222222222222@compute-system.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "service-222222222222@compute-system.iam.gserviceaccount.com", Project: "222222222222"}, "222222222222"},
		{"serviceAccount:service-222222222222@cloud-ml.google.com.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "service-222222222222@cloud-ml.google.com.iam.gserviceaccount.com", Project: "222222222222"}, "222222222222"},
		{"serviceAccount:service-p222222222222@gcp-sa-accessapproval.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "service-p222222222222@gcp-sa-accessapproval.iam.gserviceaccount.com", Project: "222222222222"}, "222222222222"},
		{"serviceAccount:project-222222222222@storage-transfer-service.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "project-222222222222@storage-transfer-service.iam.gserviceaccount.com", Project: "222222222222"}, "222222222222"},
		{"serviceAccount:bq-222222222222@bigquery-encryption.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "bq-222222222222@bigquery-encryption.iam.gserviceaccount.com", Project: "222222222222"}, "222222222222"},
		{"serviceAccount:p222222222222-ab1c@gcp-sa-cloud-sql.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "p222222222222-ab1c@gcp-sa-cloud-sql.iam.gserviceaccount.com", Project: "222222222222"}, "222222222222"},
		{"serviceAccount:c-222222222222-ab1c@gcp-sa-alloydb.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "c-222222222222-ab1c@gcp-sa-alloydb.iam.gserviceaccount.com", Project: "222222222222"}, "222222222222"},
		{"serviceAccount:service-folder-5@gcp-sa-logging.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "service-folder-5@gcp-sa-logging.iam.gserviceaccount.com", Node: "folders/5"}, "folders/5"},
		{"serviceAccount:service-org-1@security-center-api.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "service-org-1@security-center-api.iam.gserviceaccount.com", Node: "organizations/1"}, "organizations/1"},
		{"serviceAccount:organizations-1@gcp-sa-riskmanager.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "organizations-1@gcp-sa-riskmanager.iam.gserviceaccount.com", Node: "organizations/1"}, "organizations/1"},
		{"serviceAccount:cloud-logs@system.gserviceaccount.com", Member{Kind: GoogleService, Name: "cloud-logs@system.gserviceaccount.com"}, "cloud-logs@system.gserviceaccount.com"},
		{"serviceAccount:robot@gcp-sa-pubsub.iam.gserviceaccount.com", Member{Kind: GoogleService, Name: "robot@gcp-sa-pubsub.iam.gserviceaccount.com"}, "robot@gcp-sa-pubsub.iam.gserviceaccount.com"},
		{"serviceAccount:service-111111111111@new.google.com.iam.gserviceaccount.com", Member{Kind: GoogleService, Name: "service-111111111111@new.google.com.iam.gserviceaccount.com"}, "service-111111111111@new.google.com.iam.gserviceaccount.com"},
		{"group:Cloud-Storage-Analytics@google.com", Member{Kind: GoogleService, Name: "Cloud-Storage-Analytics@google.com"}, "Cloud-Storage-Analytics@google.com"},
		// The name of an agent, in a project that anybody may have.
		{"serviceAccount:service-111111111111@evil-corp.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "service-111111111111@evil-corp.iam.gserviceaccount.com", Project: "evil-corp"}, "evil-corp"},
		// The name of an agent that is not in the table.
		{"serviceAccount:service-111111111111@gcp-sa-unheard-of.iam.gserviceaccount.com", Member{Kind: ServiceAccount, Name: "service-111111111111@gcp-sa-unheard-of.iam.gserviceaccount.com", Project: "111111111111", doubtful: true}, "111111111111"},

		// Pools, trust domains, resources with identities.
		{"principal://iam.googleapis.com/locations/global/workforcePools/staff/subject/raha@altostrat.com", Member{Kind: Federated, Name: "workforce pool staff"}, "workforce pool staff"},
		{"principalSet://iam.googleapis.com/locations/global/workforcePools/staff/attribute.department/it", Member{Kind: Federated, Name: "workforce pool staff"}, "workforce pool staff"},
		{"principalSet://iam.googleapis.com/locations/global/workforcePools/staff/*", Member{Kind: Federated, Name: "workforce pool staff"}, "workforce pool staff"},
		{"principal://iam.googleapis.com/projects/222222222222/locations/global/workloadIdentityPools/ci/subject/repo:o/r:ref:main", Member{Kind: Federated, Name: "workload pool ci", Project: "222222222222"}, "222222222222"},
		{"principalSet://iam.googleapis.com/projects/222222222222/locations/global/workloadIdentityPools/ci/*", Member{Kind: Federated, Name: "workload pool ci", Project: "222222222222"}, "222222222222"},
		{"principalSet://iam.googleapis.com/projects/222222222222/locations/global/workloadIdentityPools/partner.svc.id.goog/namespace/shop", Member{Kind: Federated, Name: "workload pool partner.svc.id.goog", Project: "222222222222"}, "222222222222"},
		{"principal://iam.googleapis.com/projects/222222222222/name/locations/global/workloadIdentityPools/ci", Member{Kind: Federated, Name: "workload pool ci", Project: "222222222222"}, "222222222222"},
		{"principal://agents.global.org-1.system.id.goog/resources/aiplatform/projects/9/locations/us-central1/reasoningEngines/a", Member{Kind: Federated, Name: "agents.global.org-1.system.id.goog", Node: "organizations/1"}, "organizations/1"},
		{"principalSet://agents.global.proj-222222222222.system.id.goog/*", Member{Kind: Federated, Name: "agents.global.proj-222222222222.system.id.goog", Project: "222222222222"}, "222222222222"},
		{"principalSet://agents.global.project-222222222222.system.id.goog/*", Member{Kind: Federated, Name: "agents.global.project-222222222222.system.id.goog", Project: "222222222222"}, "222222222222"},
		{"principal://parametermanager.googleapis.com/projects/222222222222/uid/locations/global/parameters/u", Member{Kind: Federated, Name: "parametermanager.googleapis.com", Project: "222222222222"}, "222222222222"},
		{"principalSet://parametermanager.googleapis.com/projects/222222222222/*", Member{Kind: Federated, Name: "parametermanager.googleapis.com", Project: "222222222222"}, "222222222222"},

		// Sets of a hierarchy.
		{"principalSet://cloudresourcemanager.googleapis.com/projects/222222222222/type/ServiceAccount", Member{Kind: Hierarchy, Name: "projects/222222222222", Project: "222222222222", Node: "projects/222222222222"}, "222222222222"},
		{"principalSet://cloudresourcemanager.googleapis.com/folders/5/type/ServiceAgent", Member{Kind: Hierarchy, Name: "folders/5", Node: "folders/5"}, "folders/5"},
		{"principalSet://cloudresourcemanager.googleapis.com/organizations/1", Member{Kind: Hierarchy, Name: "organizations/1", Node: "organizations/1"}, "organizations/1"},

		// What was deleted.
		{"deleted:user:alex@example.com?uid=" + digits, Member{Kind: Deleted, Name: "alex@example.com", Domain: "example.com"}, "example.com"},
		{"deleted:group:g@example.com?uid=" + digits, Member{Kind: Deleted, Name: "g@example.com", Domain: "example.com"}, "example.com"},
		{"deleted:serviceAccount:etl@partner.iam.gserviceaccount.com?uid=" + digits, Member{Kind: Deleted, Name: "etl@partner.iam.gserviceaccount.com", Project: "partner"}, "partner"},
		{"deleted:principal://goog/subject/alex@example.com?uid=" + digits, Member{Kind: Deleted, Name: "alex@example.com", Domain: "example.com"}, "example.com"},
		{"deleted:principalSet://goog/group/g@example.com?uid=" + digits, Member{Kind: Deleted, Name: "g@example.com", Domain: "example.com"}, "example.com"},
		{"deleted:principal://iam.googleapis.com/projects/-/serviceAccounts/etl@partner.iam.gserviceaccount.com?uid=" + digits, Member{Kind: Deleted, Name: "etl@partner.iam.gserviceaccount.com", Project: "partner"}, "partner"},
		{"deleted:principal://iam.googleapis.com/locations/global/workforcePools/staff/subject/x", Member{Kind: Deleted, Name: "workforce pool staff"}, "workforce pool staff"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			tt.want.Text = tt.text
			got := Parse(tt.text)
			if got != tt.want {
				t.Errorf("Parse = %+v, want %+v", got, tt.want)
			}
			if party := got.Party(); party != tt.party {
				t.Errorf("Party = %q, want %q", party, tt.party)
			}
		})
	}
}

// TestParseUnknown is of identifiers that are nearly documented: each may be
// anybody.
func TestParseUnknown(t *testing.T) {
	for _, text := range []string{
		"", ":", "AllUsers", "allusers", "allUsers ", " allUsers", "allUsers:", "AllAuthenticatedUsers", "allAuthenticatedUsers\n",
		"everyone", "User:alex@example.com", "user:", "user:alex", "user:@example.com", "user:alex@", "user:a@b@example.com",
		"user:alex@exa mple.com", "user:alex\x00@example.com", "user:alex@example..com", "user:\xff@example.com", "user:alex@example.com?uid=1",
		"user:alex@" + strings.Repeat("a", 300), "group:admins", "domain:", "domain:a b", "serviceAccount:", "serviceAccount:x",
		"serviceAccount:partner.svc.id.goog", "serviceAccount:partner.svc.id.goog[shop]", "serviceAccount:partner.svc.id.goog[/x]", "serviceAccount:svc.id.goog[shop/api]x",
		"group:partner.svc.id.goog:/allAuthenticatedUsers/",
		"projectOwner:", "projectOwner:Tconnect", "projectOwner:a b", "projectowner:tconnect", "specialGroup:allUsers",
		"principal:", "principal://", "principalSet://", "principal://goog", "principal://goog/", "principal://goog/group/g@example.com",
		"principalSet://goog/subject/alex@example.com", "principalSet://goog/public:some", "principal://goog/public:all", "principalSet://goog/cloudIdentityCustomerId/",
		"principalSet://goog/cloudIdentityCustomerId/C/../x", "principalset://goog/public:all",
		"principalSet://iam.googleapis.com/*", "principalSet://iam.googleapis.com/locations/global/workforcePools/staff", "principalSet://iam.googleapis.com/locations/global/workforcePools//x",
		"principalSet://iam.googleapis.com/locations/global/workforcePools/*/x", "principalSet://iam.googleapis.com/projects/-/locations/global/workloadIdentityPools/ci/*",
		"principalSet://iam.googleapis.com/projects/tconnect/locations/global/workloadIdentityPools/ci/*", "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/",
		"principalSet://iam.googleapis.com/projects/1/*",
		"principalSet://cloudresourcemanager.googleapis.com/projects/tconnect", "principalSet://cloudresourcemanager.googleapis.com/projects/1/", "principalSet://cloudresourcemanager.googleapis.com/users/1",
		"principal://cloudresourcemanager.googleapis.com/projects/1/type/ServiceAccount", "principalSet://cloudresourcemanager.googleapis.com/projects/1/type/ServiceAccount/x",
		"principal://parametermanager.googleapis.com/projects/x/y", "principal://parametermanager.googleapis.com/projects/1/", "principal://a.b.googleapis.com/projects/1/x", "principal://googleapis.com/projects/1/x",
		"principal://agents.global.org-1.system.id.goog", "principal://agents.global.org-1.system.id.goog.evil.example/x", "principal://agents.global.org-.system.id.goog/x", "principal://evil.agents.global.org-1.system.id.goog/x",
		"deleted:", "deleted:allUsers", "deleted:allUsers?uid=1", "deleted:user:alex@example.com", "deleted:user:alex@example.com?uid=", "deleted:user:alex@example.com?uid=x",
		"deleted:domain:example.com?uid=1", "deleted:deleted:user:alex@example.com?uid=1?uid=1", "deleted:principalSet://goog/public:all?uid=1", "deleted:principalSet://iam.googleapis.com/locations/global/workforcePools/staff/*",
		"deleted:projectOwner:tconnect?uid=1",
	} {
		t.Run(text, func(t *testing.T) {
			if got := Parse(text); got != (Member{Text: text}) {
				t.Errorf("Parse = %+v, want the kind unknown and nothing else", got)
			}
			if s, why := (Owner{Project: "tconnect", Domain: "example.com"}).Standing(Parse(text)); s != PerhapsAll || why != unknownPrincipal {
				t.Errorf("Standing = %d, %q", s, why)
			}
		})
	}
}

func TestAgentHosts(t *testing.T) {
	for host := range agentHostSet() {
		if !isDomain(host) || strings.HasSuffix(host, iamSuffix) {
			t.Errorf("%q is no project", host)
		}
	}
	for _, host := range []string{"gcp-sa-pubsub", "gs-project-accounts", "cloud-ml.google.com", "security-center-api"} {
		if !isAgentHost(host) {
			t.Errorf("%s is missing", host)
		}
	}
}

// anyMember draws identifiers from the forms there are, whole and cut up.
func anyMember(t *rapid.T) string {
	address := rapid.SampledFrom([]string{
		"a@example.com", "a@partner.example", "a@gmail.com", "etl@tconnect.iam.gserviceaccount.com", "etl@partner.iam.gserviceaccount.com",
		"service-111111111111@gcp-sa-pubsub.iam.gserviceaccount.com", "service-111111111111@gcp-sa-x.iam.gserviceaccount.com",
		"service-org-1@gcp-sa-logging.iam.gserviceaccount.com", "111111111111-compute@developer.gserviceaccount.com", "x",
	}).Draw(t, "address")
	node := rapid.SampledFrom([]string{"projects/111111111111", "projects/222222222222", "folders/5", "folders/6", "organizations/1", "organizations/2"}).Draw(t, "node")
	form := rapid.SampledFrom([]string{
		"allUsers", "allAuthenticatedUsers", "principalSet://goog/public:all", "user:A", "group:A", "serviceAccount:A", "domain:example.com", "domain:gmail.com",
		"deleted:user:A?uid=1", "deleted:serviceAccount:A?uid=1", "principal://goog/subject/A", "principalSet://goog/cloudIdentityCustomerId/C1",
		"projectOwner:tconnect", "projectViewer:partner", "principalSet://cloudresourcemanager.googleapis.com/N/type/ServiceAccount",
		"principalSet://iam.googleapis.com/N/locations/global/workloadIdentityPools/ci/*", "principalSet://iam.googleapis.com/locations/global/workforcePools/w/*",
		"serviceAccount:tconnect.svc.id.goog[a/b]", "principal://parametermanager.googleapis.com/N/uid/x", "nonsense",
	}).Draw(t, "form")
	text := strings.NewReplacer("A", address, "N", node).Replace(form)
	if rapid.IntRange(0, 9).Draw(t, "cut") == 0 {
		text = text[:rapid.IntRange(0, len(text)).Draw(t, "at")]
	}
	return text
}

// TestLosingAFactNeverFlips holds that an owner of whom less is known never
// counts as its own who is an outsider to one of whom more is known, nor the
// other way round.
func TestLosingAFactNeverFlips(t *testing.T) {
	full := Owner{
		Project: "tconnect", Number: "111111111111", Domain: "example.com", Customer: "C1",
		Ancestors:  []string{"projects/111111111111", "folders/5", "organizations/1"},
		OwnProject: func(p string) bool { return p == "sibling" || p == "333333333333" },
	}
	rapid.Check(t, func(t *rapid.T) {
		m := Parse(anyMember(t))
		less := full
		for _, field := range []*string{&less.Project, &less.Number, &less.Domain, &less.Customer} {
			if rapid.Bool().Draw(t, "lost") {
				*field = ""
			}
		}
		if rapid.Bool().Draw(t, "no ancestors") {
			less.Ancestors = nil
		}
		before, _ := full.Standing(m)
		after, why := less.Standing(m)
		if after != before && after != Undecided {
			t.Fatalf("%q: %d, and %d (%s) when less is known", m.Text, before, after, why)
		}
	})
}

// FuzzParse holds that no text panics, that only the documented identifiers are
// everybody, and that what is known is printable.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"allUsers", "user:a@b.c", "deleted:user:a@b.c?uid=1", "serviceAccount:p.svc.id.goog[n/s]", "principalSet://goog/group/g@b.c",
		"principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/subject/s", "user:x@\u212a.example", "domain:\u202e.example",
		"principalSet://cloudresourcemanager.googleapis.com/organizations/1/type/ServiceAgent", "serviceAccount:a@b.c.iam.gserviceaccount.com",
	} {
		f.Add(seed)
	}
	owner := Owner{Project: "tconnect", Number: "111111111111", Domain: "example.com", Ancestors: []string{"organizations/1"}}
	f.Fuzz(func(t *testing.T, text string) {
		m := Parse(text)
		if m.Text != text {
			t.Errorf("the text is %q, want %q", m.Text, text)
		}
		if m.Kind == Everyone && text != allUsers && text != allPrincipals || m.Kind == EveryAccount && text != allAccounts {
			t.Errorf("%q is everybody", text)
		}
		if m.Kind != Unknown && m.Kind != Everyone && m.Kind != EveryAccount && m.Name == "" {
			t.Errorf("%q has no name: %+v", text, m)
		}
		for _, name := range []string{m.Name, m.Project, m.Node, m.Domain, m.Party()} {
			if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x2028 || r == 0x202e }) {
				t.Errorf("%q is called %q", text, name)
			}
		}
		s, why := owner.Standing(m)
		if why == "" || s == Own && !strings.Contains(text, "tconnect") && !strings.Contains(text, owner.Number) &&
			!strings.Contains(lower(text), owner.Domain) && !strings.Contains(text, "1") && lower(m.Name) != cloudLogs {
			t.Errorf("%q is the owner's: %s", text, why)
		}
	})
}
