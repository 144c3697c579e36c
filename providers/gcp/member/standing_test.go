package member

import "testing"

func TestStanding(t *testing.T) {
	owner := Owner{
		Project: "tconnect", Number: "111111111111", Domain: "Example.com", Customer: "C01Abc35",
		Ancestors:  []string{"projects/111111111111", "folders/5", "organizations/1"},
		OwnProject: func(p string) bool { return p == "sibling" || p == "333333333333" },
	}
	alone := Owner{Project: "tconnect"}
	numbered := Owner{Ancestors: owner.Ancestors}
	const (
		agent = "serviceAccount:service-"
		iam   = ".iam.gserviceaccount.com"
		pools = "/locations/global/workloadIdentityPools/"
	)
	tests := []struct {
		name, text string
		owner      Owner
		want       Standing
		why        string
	}{
		{"everybody", "allUsers", owner, All, everybody},
		{"everybody, in the words of a deny policy", "principalSet://goog/public:all", alone, All, everybody},
		{"every account", "allAuthenticatedUsers", owner, EveryTenant, everyAccount},

		{"own domain", "user:alex@EXAMPLE.com", owner, Own, ownDomain},
		{"a group of the own domain", "group:g@example.com", owner, Own, ownMembers},
		{"the domain itself", "domain:example.com", owner, Own, ownDomain},
		{"a homograph of the domain", "user:alex@example.\u212aom", Owner{Domain: "example.kom"}, Undecided, otherDomain},
		{"a part of the domain", "user:alex@dev.example.com", owner, Undecided, otherDomain},
		{"another domain", "user:alex@partner.example", owner, Undecided, otherDomain},
		{"another domain, all of it", "domain:partner.example", owner, Undecided, otherDomain},
		{"a consumer", "user:alex@gmail.com", owner, Outsider, consumerDomain},
		{"a consumer, by the other domain", "principal://goog/subject/alex@GoogleMail.com", owner, Outsider, consumerDomain},
		{"a group of consumers", "group:g@googlegroups.com", owner, Outsider, consumerDomain},
		{"all consumers", "domain:gmail.com", owner, PerhapsAll, everyConsumer},
		{"all consumers, to nobody knows whom", "domain:gmail.com", alone, PerhapsAll, everyConsumer},
		{"a consumer, to nobody knows whom", "user:alex@gmail.com", alone, Undecided, unreadDomain},
		{"a domain, to nobody knows whom", "domain:example.com", alone, Undecided, unreadDomain},
		{"own customer", "principalSet://goog/cloudIdentityCustomerId/C01Abc35", owner, Own, ownDomain},
		{"another customer", "principalSet://goog/cloudIdentityCustomerId/C01abc35", owner, Outsider, otherCustomer},
		{"a customer, to nobody knows whom", "principalSet://goog/cloudIdentityCustomerId/C01Abc35", alone, Undecided, unreadCustomer},

		{"own convenience", "projectOwner:tconnect", owner, Own, ownProject},
		{"own convenience by number", "projectViewer:111111111111", owner, Own, ownProject},
		{"own convenience by number, from the ancestors", "projectViewer:111111111111", numbered, Own, ownProject},
		{"a number, and the own one was not read", "projectViewer:111111111111", alone, Undecided, unreadProject},
		{"an id, and the own one was not read", "projectViewer:tconnect", numbered, Undecided, unreadProject},
		{"a convenience of a sibling", "projectEditor:sibling", owner, Own, siblingProject},
		{"a foreign convenience", "projectEditor:partner", owner, Outsider, foreignProject},
		{"a foreign number", "projectEditor:222222222222", owner, Outsider, foreignProject},

		{"own service account", "serviceAccount:etl@tconnect" + iam, alone, Own, ownProject},
		{"a service account of a sibling", "serviceAccount:etl@sibling" + iam, owner, Own, siblingProject},
		{"a foreign service account", "serviceAccount:etl@partner" + iam, owner, Outsider, foreignProject},
		{"a project of the same name, scoped by a domain", "serviceAccount:etl@tconnect.partner.example" + iam, owner, Outsider, foreignProject},
		{"own service account, scoped by a domain", "serviceAccount:etl@tconnect.example.com" + iam, Owner{Project: "example.com:tconnect"}, Own, ownProject},
		{"an account that names no project", "serviceAccount:etl@partner.example", owner, Undecided, untoldProject},
		{"own Kubernetes account", "serviceAccount:tconnect.svc.id.goog[a/b]", owner, Own, ownProject},
		{"own agent", agent + "111111111111@gcp-sa-pubsub" + iam, owner, Own, ownProject},
		{"a foreign agent", agent + "222222222222@gcp-sa-pubsub" + iam, owner, Outsider, foreignProject},
		{"an agent of a sibling", agent + "333333333333@gcp-sa-pubsub" + iam, owner, Own, siblingProject},
		{"an account called like the own agent", agent + "111111111111@evil-corp" + iam, owner, Outsider, foreignProject},
		{"an own agent that is not documented", agent + "111111111111@gcp-sa-unheard-of" + iam, owner, Undecided, doubtfulProject},
		{"a foreign agent that is not documented", agent + "222222222222@gcp-sa-unheard-of" + iam, owner, Outsider, foreignProject},
		{"the organisation's agent", agent + "org-1@gcp-sa-logging" + iam, owner, Own, ownNode},
		{"an agent of another organisation", agent + "org-2@gcp-sa-logging" + iam, owner, Outsider, foreignNode},
		{"an agent of an organisation, to nobody knows whom", agent + "org-2@gcp-sa-logging" + iam, alone, Undecided, undecidedNode},
		{"an agent of another folder", agent + "folder-6@gcp-sa-logging" + iam, owner, Undecided, undecidedNode},

		{"Cloud Logging", "serviceAccount:Cloud-Logs@system.gserviceaccount.com", owner, Own, ownSinks},
		{"Gmail", "serviceAccount:gmail-api-push@system.gserviceaccount.com", owner, Undecided, servesUnknown},
		{"usage logs", "group:cloud-storage-analytics@google.com", owner, Undecided, servesUnknown},

		{"own pool, whole", "principalSet://iam.googleapis.com/projects/111111111111" + pools + "ci/*", owner, PerhapsAll, wholePool},
		{"a foreign pool, whole", "principalSet://iam.googleapis.com/projects/222222222222" + pools + "ci/*", owner, PerhapsAll, wholePool},
		{"own pool of GKE, whole", "principalSet://iam.googleapis.com/projects/111111111111" + pools + "tconnect.svc.id.goog/*", owner, Own, ownProject},
		{"own pool", "principal://iam.googleapis.com/projects/111111111111" + pools + "ci/subject/x", owner, Undecided, unlookedPool},
		{"a set of a sibling's pool", "principalSet://iam.googleapis.com/projects/333333333333" + pools + "ci/attribute.repository/o/r", owner, PerhapsAll, wholePool},
		{"a foreign pool", "principal://iam.googleapis.com/projects/222222222222" + pools + "ci/subject/x", owner, Outsider, foreignProject},
		{"a pool, and the own number was not read", "principal://iam.googleapis.com/projects/111111111111" + pools + "ci/subject/x", alone, Undecided, unreadProject},
		{"a workforce", "principalSet://iam.googleapis.com/locations/global/workforcePools/staff/*", owner, Undecided, workforce},
		{"own agents", "principalSet://agents.global.org-1.system.id.goog/*", owner, Own, ownNode},
		{"foreign agents", "principalSet://agents.global.org-2.system.id.goog/*", owner, Outsider, foreignNode},
		{"own resources", "principalSet://parametermanager.googleapis.com/projects/111111111111/*", owner, Own, ownProject},

		{"own accounts", "principalSet://cloudresourcemanager.googleapis.com/projects/111111111111/type/ServiceAccount", owner, Own, ownProject},
		{"foreign accounts", "principalSet://cloudresourcemanager.googleapis.com/projects/222222222222/type/ServiceAccount", owner, Outsider, foreignProject},
		{"own folder", "principalSet://cloudresourcemanager.googleapis.com/folders/5", owner, Own, ownNode},
		{"another folder", "principalSet://cloudresourcemanager.googleapis.com/folders/6", owner, Undecided, undecidedNode},
		{"own organisation", "principalSet://cloudresourcemanager.googleapis.com/organizations/1/type/ServiceAgent", owner, Own, ownNode},
		{"another organisation", "principalSet://cloudresourcemanager.googleapis.com/organizations/2", owner, Outsider, foreignNode},
		{"an organisation, to nobody knows whom", "principalSet://cloudresourcemanager.googleapis.com/organizations/1", alone, Undecided, undecidedNode},

		{"deleted", "deleted:user:alex@partner.example?uid=1", owner, Nobody, deletedPrincipal},
		{"not understood", "AllUsers", owner, PerhapsAll, unknownPrincipal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, why := tt.owner.Standing(Parse(tt.text)); got != tt.want || why != tt.why {
				t.Errorf("Standing(%s) = %d, %q; want %d, %q", tt.text, got, why, tt.want, tt.why)
			}
		})
	}
}
