package member

import (
	"slices"
	"strings"
)

// An Owner is whom a store belongs to. What is empty is not known.
type Owner struct {
	// Project and Number are the id and the number of the store's project.
	Project, Number string
	// Ancestors are what the project is in, nearest first, with or without the
	// project itself: "projects/123", "folders/5", "organizations/1".
	Ancestors []string
	// OwnProject reports whether a project is of the same organisation, as far
	// as is known; nil knows of none.
	OwnProject func(idOrNumber string) bool
	// Domain and Customer are the primary domain and the customer id of the
	// organisation.
	Domain, Customer string
}

// Standing is who a member is to the owner of a store.
type Standing uint8

// The standings. The zero one is for what is not understood.
const (
	PerhapsAll  Standing = iota // it may be anybody, and it may be nobody
	Nobody                      // nobody holds it now
	Own                         // it belongs to the owner
	Outsider                    // it belongs to somebody else
	Undecided                   // it belongs to the owner or to somebody else: nobody tells
	EveryTenant                 // everybody who has an account with the cloud
	All                         // everybody
)

// Why a project has the standing it has, for the members that belong to one.
const (
	ownProject       = "it belongs to the store's own project"
	siblingProject   = "it belongs to a project of the same organisation"
	foreignProject   = "it belongs to another project"
	unreadProject    = "whether it belongs to the store's own project was not read"
	untoldProject    = "its name does not say to which project it belongs"
	doubtfulProject  = "it is named like a service agent of the store's own project, but is none that Google documents"
	ownNode          = "it belongs to the organisation or folder that the store is in"
	foreignNode      = "it belongs to another organisation"
	undecidedNode    = "whether it belongs to the store's organisation cannot be told"
	unlookedPool     = "it comes through a workload identity pool of the store's own side, and whom that takes was not looked at"
	wholePool        = "it stands for a set of those whom a workload identity pool takes, which was not looked at: perhaps everybody"
	workforce        = "a workforce pool does not say to which organisation it belongs"
	ownDomain        = "its domain is the organisation's own"
	consumerDomain   = "it is an account that anybody can have, outside the organisation"
	everyConsumer    = "what the domain of accounts that anybody can have stands for is not documented"
	otherDomain      = "its domain is not the organisation's primary one, and may be another domain of the same customer"
	unreadDomain     = "the organisation's own domain is not known"
	ownMembers       = "its domain is the organisation's own; who is in the group was not looked at"
	otherCustomer    = "it is another customer of Google's"
	unreadCustomer   = "the organisation's own customer id is not known"
	deletedPrincipal = "it was deleted: nobody holds it unless it is restored"
	unknownPrincipal = "what this principal stands for is not documented"
	everybody        = "it stands for everybody on the internet"
	everyAccount     = "it stands for everybody with a Google account"
	ownSinks         = "Cloud Logging's shared account writes for sinks of the same project alone"
	servesUnknown    = "it is an account of Google's own, and for whom it acts is not documented"
)

// Standing tells who the member is to the owner, and in one short plain
// sentence, which quotes nothing foreign, why. Membership of groups, the
// providers of pools and who may act as a service account are not looked at.
func (o Owner) Standing(m Member) (s Standing, why string) {
	switch m.Kind {
	case Everyone:
		return All, everybody
	case EveryAccount:
		return EveryTenant, everyAccount
	case Deleted:
		return Nobody, deletedPrincipal
	case Account, Group:
		return o.person(m)
	case Domain:
		return o.domain(m)
	case Project, ServiceAccount:
		return o.machine(m)
	case Federated:
		return o.federated(m)
	case Hierarchy:
		return o.machine(m)
	case GoogleService:
		return service(m)
	default:
		return PerhapsAll, unknownPrincipal
	}
}

// consumerDomains are those of the accounts and groups that Google gives to
// anybody and that no organisation manages: Gmail, under both its names, and
// Google Groups.
var consumerDomains = []string{"gmail.com", "googlemail.com", "googlegroups.com"}

// person tells by the domain of the address. A customer may have other domains
// than the primary one, and only the Directory API lists them, which no
// permission of Google Cloud opens: another domain proves nothing.
//
// Source: https://developers.google.com/admin-sdk/directory/reference/rest/v1/domains/list
func (o Owner) person(m Member) (Standing, string) {
	switch {
	case o.Domain == "":
		return Undecided, unreadDomain
	case m.Domain == lower(o.Domain) && m.Kind == Group:
		return Own, ownMembers
	case m.Domain == lower(o.Domain):
		return Own, ownDomain
	case slices.Contains(consumerDomains, m.Domain):
		return Outsider, consumerDomain
	}
	return Undecided, otherDomain
}

func (o Owner) domain(m Member) (Standing, string) {
	switch {
	case m.Customer != "" && o.Customer == "":
		return Undecided, unreadCustomer
	case m.Customer != "" && m.Customer == o.Customer:
		return Own, ownDomain
	case m.Customer != "":
		return Outsider, otherCustomer
	case slices.Contains(consumerDomains, m.Domain):
		return PerhapsAll, everyConsumer
	}
	return o.person(m)
}

// machine tells by the project, or by the folder or the organisation, that the
// member belongs to.
func (o Owner) machine(m Member) (Standing, string) {
	var s Standing
	var why string
	switch {
	case m.Project != "":
		s, why = o.project(m.Project)
	case m.Node != "":
		s, why = o.node(m.Node)
	default:
		return Undecided, untoldProject
	}
	if m.doubtful && s == Own {
		return Undecided, doubtfulProject
	}
	return s, why
}

func (o Owner) project(project string) (Standing, string) {
	own := o.Project
	if isNumber(project) {
		own = o.number()
	}
	switch {
	case project == own:
		return Own, ownProject
	case o.OwnProject != nil && o.OwnProject(project):
		return Own, siblingProject
	case own == "":
		return Undecided, unreadProject
	}
	return Outsider, foreignProject
}

// number returns the number of the store's project, or nothing.
func (o Owner) number() string {
	if o.Number != "" {
		return o.Number
	}
	for _, a := range o.Ancestors {
		if number, ok := strings.CutPrefix(a, "projects/"); ok && isNumber(number) {
			return number
		}
	}
	return ""
}

// node tells of a folder or an organisation. A folder that the store is not in
// may be one of the same organisation.
func (o Owner) node(node string) (Standing, string) {
	if slices.Contains(o.Ancestors, node) {
		return Own, ownNode
	}
	const organisations = "organizations/"
	known := slices.ContainsFunc(o.Ancestors, func(a string) bool { return strings.HasPrefix(a, organisations) })
	if known && strings.HasPrefix(node, organisations) {
		return Outsider, foreignNode
	}
	return Undecided, undecidedNode
}

func (o Owner) federated(m Member) (Standing, string) {
	if m.Project == "" && m.Node == "" {
		return Undecided, workforce
	}
	s, why := o.machine(m)
	pool, workload := strings.CutPrefix(m.Name, "workload pool ")
	switch {
	case !workload || strings.HasSuffix(pool, ".svc.id.goog"): // of GKE, which takes its own workloads alone
		return s, why
	case strings.HasPrefix(m.Text, "principalSet:") && !strings.Contains(m.Text, "/group/"):
		return PerhapsAll, wholePool
	case s == Own:
		return Undecided, unlookedPool
	default:
		return s, why
	}
}

// cloudLogs is by whom Cloud Logging writes for sinks that asked for no identity
// of their own.
const cloudLogs = "cloud-logs@system.gserviceaccount.com"

// service tells of Google's own accounts. They serve many customers, and most
// are documented by what to grant them alone: whether a stranger can make one
// act on a store that is not theirs is not said. Cloud Logging's is the
// exception: a sink that writes by it must be in the project that it writes to.
//
// Source: https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/projects.sinks/create
// (uniqueWriterIdentity)
func service(m Member) (Standing, string) {
	if lower(m.Name) == cloudLogs {
		return Own, ownSinks
	}
	return Undecided, servesUnknown
}
