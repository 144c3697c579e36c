package member

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

// The domains of service accounts.
const (
	accountsDomain = "gserviceaccount.com"
	iamSuffix      = ".iam.gserviceaccount.com"
	kubernetesPool = ".svc.id.goog"
)

// serviceAccount reads the address of a service account.
//
// Source: https://docs.cloud.google.com/iam/docs/service-account-types
func serviceAccount(address string) Member {
	if m, ok := kubernetes(address); ok {
		return m
	}
	local, host, ok := splitAddress(address)
	if !ok {
		return Member{}
	}
	m := Member{Kind: ServiceAccount, Name: address}
	local = lower(local)
	if owner, ok := strings.CutSuffix(host, iamSuffix); ok {
		return m.ofProjectHost(local, owner)
	}
	switch host {
	case "appspot." + accountsDomain:
		if isID(local) {
			m.Project = local
		}
	case "developer." + accountsDomain:
		if number, ok := strings.CutSuffix(local, "-compute"); ok && isNumber(number) {
			m.Project = number
		}
	case "cloudservices." + accountsDomain, "cloudbuild." + accountsDomain:
		if isNumber(local) {
			m.Project = local
		}
	case "system." + accountsDomain:
		m.Kind = GoogleService
	}
	return m
}

// kubernetes reads PROJECT.svc.id.goog[NAMESPACE/ACCOUNT].
func kubernetes(address string) (Member, bool) {
	pool, rest, ok := strings.Cut(address, "[")
	id, isPool := strings.CutSuffix(pool, kubernetesPool)
	if !ok || !isPool || !isProject(id) || !strings.HasSuffix(rest, "]") {
		return Member{}, false
	}
	namespace, account, ok := strings.Cut(strings.TrimSuffix(rest, "]"), "/")
	if !ok || !isID(namespace) || account == "" || strings.ContainsFunc(account, isForbidden) {
		return Member{}, false
	}
	return Member{Kind: ServiceAccount, Name: address, Project: id}, true
}

// ofProjectHost reads LOCAL@OWNER.iam.gserviceaccount.com. The owner is the
// project that the account is in; where that is a project of Google's, the local
// part says for whom the account acts. Nobody else's local part says anything:
// anybody may call an account service-111111111111 in a project of theirs.
func (m Member) ofProjectHost(local, owner string) Member {
	if isAgentHost(owner) {
		return m.ofAgent(local)
	}
	id, domain, scoped := strings.Cut(owner, ".")
	if !isID(id) {
		return m
	}
	if domain == "google.com" {
		m.Kind = GoogleService
		return m
	}
	if looksLikeAgentHost(owner) {
		agent := m.ofAgent(local)
		m.Project, m.Node, m.doubtful = agent.Project, agent.Node, true
		return m
	}
	m.Project = id
	if scoped {
		m.Project = domain + ":" + id
	}
	return m
}

// agentHosts are the projects of Google's that service agents are in, one a
// line. Google may add some at any time.
//
// Source: https://docs.cloud.google.com/iam/docs/service-agents
//
//go:embed agents.txt
var agentHosts string

var agentHostSet = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for host := range strings.Lines(agentHosts) {
		set[strings.TrimSpace(host)] = true
	}
	return set
})

func isAgentHost(host string) bool { return agentHostSet()[host] }

// looksLikeAgentHost reports whether a project is called as those are that
// Google has its newer agents in. That nobody else may call theirs so is not
// documented.
func looksLikeAgentHost(host string) bool {
	return strings.HasPrefix(host, "gcp-sa-") || strings.HasPrefix(host, "gcp-ri-")
}

// The local parts of service agents: of a project, a folder, an organisation.
//
// Source: https://docs.cloud.google.com/iam/docs/service-agents
var (
	projectAgent      = regexp.MustCompile(`^(?:(?:service-(?:p|project-)?|project-|bq-)(\d{1,30})|(?:p|c-)(\d{1,30})-.+)$`)
	folderAgent       = regexp.MustCompile(`^(?:service-(?:f|folder-)(\d{1,30})|f(\d{1,30})-.+)$`)
	organisationAgent = regexp.MustCompile(`^(?:(?:service-(?:o|org-)|organizations-)(\d{1,30})|o(\d{1,30})-.+)$`)
)

// ofAgent reads for whom a service agent acts.
func (m Member) ofAgent(local string) Member {
	switch {
	case projectAgent.MatchString(local):
		m.Project = either(projectAgent.FindStringSubmatch(local))
	case folderAgent.MatchString(local):
		m.Node = "folders/" + either(folderAgent.FindStringSubmatch(local))
	case organisationAgent.MatchString(local):
		m.Node = "organizations/" + either(organisationAgent.FindStringSubmatch(local))
	default:
		m.Kind = GoogleService
	}
	return m
}

// either returns the group that matched, of two.
func either(match []string) string { return match[1] + match[2] }
