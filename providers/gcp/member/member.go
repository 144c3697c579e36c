// Package member tells who a principal of a Google Cloud IAM policy is, and who
// that is to the owner of a store.
package member

import (
	"strings"
)

// Kind is what sort of principal a member is.
type Kind uint8

// The kinds of members. The zero one is what is not understood: it may be
// anybody.
const (
	Unknown        Kind = iota
	Everyone            // everybody on the internet, with or without an account
	EveryAccount        // everybody with a Google account, and every service account
	Project             // the owners, editors or viewers of a project
	Account             // one Google account
	Group               // a Google group
	Domain              // the accounts of a domain or of a customer of Google's
	ServiceAccount      // a service account or a service agent
	GoogleService       // an account of Google's own that names nobody whom it serves
	Federated           // identities of a pool, of a trust domain or of resources
	Hierarchy           // the identities of a project, folder or organisation
	Deleted             // an account, group or service account that was deleted
)

// A Member is one principal identifier.
type Member struct {
	// Text is the identifier as it was written: foreign text.
	Text string
	Kind Kind
	// Name is what a reader calls it: an address, a domain, a project, a pool.
	// It is foreign text, too, without line breaks and control characters.
	Name string
	// Project is the id or the number of the project it belongs to, or empty.
	// What is all digits is a number.
	Project string
	// Node is what it belongs to above projects ("organizations/1",
	// "folders/2"), or for a set of a hierarchy what the set is of.
	Node string
	// Domain is the domain of a person's or a group's address, in lower case.
	Domain string
	// Customer is the id of a Cloud Identity customer ("C01Abc35").
	Customer string

	// doubtful is set where what it says of its project is not to be believed:
	// it is not certain that Google alone may give out the name.
	doubtful bool
}

// Party is what reports call the member: people by their domain, machines by
// their project.
func (m Member) Party() string {
	for _, name := range []string{m.Project, m.Domain, m.Node, m.Name} {
		if name != "" {
			return name
		}
	}
	switch m.Kind {
	case Everyone:
		return "everybody"
	case EveryAccount:
		return "every Google account"
	default:
		return "an unknown principal"
	}
}

// The identifiers that stand for everybody. Whether their case matters is not
// documented: in another case they are unknown.
const (
	allUsers         = "allUsers"
	allAccounts      = "allAuthenticatedUsers"
	allPrincipals    = "principalSet://goog/public:all"
	deletedPrefix    = "deleted:"
	principalScheme  = "principal://"
	principalsScheme = "principalSet://"
)

// Parse reads a principal identifier of an allow policy or of a deny policy.
// What is not one of the documented forms is of the kind Unknown.
//
// Source: https://docs.cloud.google.com/iam/docs/principal-identifiers
func Parse(text string) Member {
	m := parse(text)
	m.Text = text
	return m
}

func parse(text string) Member {
	switch text {
	case allUsers, allPrincipals:
		return Member{Kind: Everyone}
	case allAccounts:
		return Member{Kind: EveryAccount}
	}
	if rest, ok := strings.CutPrefix(text, deletedPrefix); ok {
		return parseDeleted(rest)
	}
	if rest, ok := strings.CutPrefix(text, principalScheme); ok {
		return parsePrincipal(rest)
	}
	if rest, ok := strings.CutPrefix(text, principalsScheme); ok {
		return parsePrincipals(rest)
	}
	word, rest, _ := strings.Cut(text, ":")
	switch word {
	case "user":
		return person(Account, rest)
	case "group":
		return group(rest)
	case "domain":
		return domainOf(rest)
	case "serviceAccount":
		return serviceAccount(rest)
	case "projectOwner", "projectEditor", "projectViewer":
		return convenience(rest)
	}
	return Member{}
}

// parseDeleted reads what follows "deleted:". The identifier becomes the plain
// one again when the account is restored, so it says whose it was.
func parseDeleted(text string) Member {
	plain, uid, hasUID := cutLast(text, "?uid=")
	if hasUID && isNumber(uid) {
		m := parse(plain)
		switch m.Kind {
		case Account, Group, ServiceAccount, GoogleService:
			m.Kind = Deleted
			return m
		default:
			return Member{}
		}
	}
	if strings.HasPrefix(text, principalScheme+"iam.googleapis.com/locations/global/workforcePools/") {
		if m := parse(text); m.Kind == Federated {
			m.Kind = Deleted
			return m
		}
	}
	return Member{}
}

// person reads the address of an account or a group.
func person(kind Kind, address string) Member {
	_, domain, ok := splitAddress(address)
	if !ok {
		return Member{}
	}
	return Member{Kind: kind, Name: address, Domain: domain}
}

// usageLogs is the group by which Cloud Storage writes usage logs.
//
// Source: https://docs.cloud.google.com/storage/docs/access-logs
const usageLogs = "cloud-storage-analytics@google.com"

func group(address string) Member {
	if lower(address) == usageLogs {
		return Member{Kind: GoogleService, Name: address}
	}
	return person(Group, address)
}

func domainOf(name string) Member {
	if !isDomain(name) {
		return Member{}
	}
	return Member{Kind: Domain, Name: name, Domain: lower(name)}
}

// convenience reads the project of a convenience value of Cloud Storage.
//
// Source: https://docs.cloud.google.com/storage/docs/access-control/iam#convenience-values
func convenience(project string) Member {
	if !isProject(project) {
		return Member{}
	}
	return Member{Kind: Project, Name: project, Project: project}
}

// splitAddress splits an address at its only @. The domain is in lower case:
// the case of an address does not matter.
func splitAddress(address string) (local, domain string, ok bool) {
	local, domain, ok = strings.Cut(address, "@")
	if !ok || local == "" || !isDomain(domain) || strings.ContainsFunc(local, isForbidden) {
		return "", "", false
	}
	return local, lower(domain), true
}
