package member

import (
	"regexp"
	"strings"
)

// The authorities of principal:// and principalSet:// identifiers.
const (
	accountsAuthority  = "goog"
	iamAuthority       = "iam.googleapis.com"
	hierarchyAuthority = "cloudresourcemanager.googleapis.com"
	serviceSuffix      = ".googleapis.com"
)

// parsePrincipal reads what follows "principal://": one identity.
func parsePrincipal(text string) Member {
	authority, path, _ := strings.Cut(text, "/")
	switch authority {
	case accountsAuthority:
		if address, ok := strings.CutPrefix(path, "subject/"); ok {
			return person(Account, address)
		}
		return Member{}
	case iamAuthority:
		if address, ok := strings.CutPrefix(path, "projects/-/serviceAccounts/"); ok {
			return serviceAccount(address)
		}
	}
	return federated(authority, path)
}

// parsePrincipals reads what follows "principalSet://": any number of
// identities.
func parsePrincipals(text string) Member {
	authority, path, _ := strings.Cut(text, "/")
	switch authority {
	case accountsAuthority:
		if address, ok := strings.CutPrefix(path, "group/"); ok {
			return group(address)
		}
		if id, ok := strings.CutPrefix(path, "cloudIdentityCustomerId/"); ok && customerID.MatchString(id) {
			return Member{Kind: Domain, Name: "customer " + id, Customer: id}
		}
		return Member{}
	case hierarchyAuthority:
		return hierarchy(path)
	}
	return federated(authority, path)
}

var (
	customerID = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)

	hierarchySet = regexp.MustCompile(`^(projects|folders|organizations)/([0-9]{1,30})(?:/type/[A-Za-z]{1,40})?$`)

	workforcePool = regexp.MustCompile(`^locations/global/workforcePools/([a-z0-9-]{1,63})/.`)
	workloadPool  = regexp.MustCompile(`^projects/([0-9]{1,30})/locations/global/workloadIdentityPools/([a-z0-9.:-]{1,253})/.`)
	poolItself    = regexp.MustCompile(`^projects/([0-9]{1,30})/name/locations/global/workloadIdentityPools/([a-z0-9.:-]{1,253})$`)
	ofProject     = regexp.MustCompile(`^projects/([0-9]{1,30})/.`)

	// trustDomain is whose agents act: those of an organisation, or of a project
	// outside every organisation. Google spells the latter in two ways.
	// Source: https://docs.cloud.google.com/iam/docs/agent-identity-overview
	trustDomain = regexp.MustCompile(`^agents\.global\.(org|proj|project)-([0-9]{1,30})\.system\.id\.goog$`)
)

// hierarchy reads RESOURCE_TYPE/NUMBER/type/TYPE, and the same without a type.
func hierarchy(path string) Member {
	match := hierarchySet.FindStringSubmatch(path)
	if match == nil {
		return Member{}
	}
	m := Member{Kind: Hierarchy, Name: match[1] + "/" + match[2], Node: match[1] + "/" + match[2]}
	if match[1] == "projects" {
		m.Project = match[2]
	}
	return m
}

// federated reads the identities of a pool, of a trust domain or of the
// resources of a service. Which of them are meant is not looked at: whose they
// are decides.
//
// Sources: https://docs.cloud.google.com/iam/docs/principal-identifiers,
// https://docs.cloud.google.com/iam/docs/resources-with-built-in-identities
func federated(authority, path string) Member {
	if match := trustDomain.FindStringSubmatch(authority); match != nil && path != "" {
		m := Member{Kind: Federated, Name: authority}
		if match[1] == "org" {
			m.Node = "organizations/" + match[2]
		} else {
			m.Project = match[2]
		}
		return m
	}
	if authority == iamAuthority {
		return pool(path)
	}
	service, ok := strings.CutSuffix(authority, serviceSuffix)
	match := ofProject.FindStringSubmatch(path)
	if !ok || !isID(service) || service == "cloudresourcemanager" || match == nil {
		return Member{}
	}
	return Member{Kind: Federated, Name: authority, Project: match[1]}
}

// pool reads the identities of a workforce or a workload identity pool.
func pool(path string) Member {
	if match := workforcePool.FindStringSubmatch(path); match != nil {
		return Member{Kind: Federated, Name: "workforce pool " + match[1]}
	}
	for _, form := range []*regexp.Regexp{workloadPool, poolItself} {
		if match := form.FindStringSubmatch(path); match != nil {
			return Member{Kind: Federated, Name: "workload pool " + match[2], Project: match[1]}
		}
	}
	return Member{}
}
