package authorisednetwork

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
)

// Owner is the project that a store belongs to.
type Owner struct {
	Project string
	// Number is the project's number, or "" where it is not known.
	Number string
}

// Consumers are the projects from whose networks a store can be reached by
// Private Service Connect, as its owner listed them.
type Consumers struct {
	owner    Owner
	outside  []string
	maybeOwn []string
	unread   []string
}

// NewConsumers returns an empty list of a project's store.
func NewConsumers(owner Owner) *Consumers { return &Consumers{owner: owner} }

// projectName is an id or a number of a project, with the domain that ids of some
// organisations begin with.
//
// Source: https://cloud.google.com/resource-manager/docs/creating-managing-projects
var projectName = regexp.MustCompile(`^(?:[a-z0-9.-]+:)?[a-z0-9][a-z0-9-]*$`)

// Allow counts in a project that may connect, by id or by number.
//
// Source: https://cloud.google.com/sql/docs/mysql/about-private-service-connect
// (any network of an allowed project can connect)
func (c *Consumers) Allow(project string) {
	project = strings.TrimPrefix(project, "projects/")
	switch {
	case !projectName.MatchString(project):
		c.add(&c.unread, project)
	case project == c.owner.Project || c.owner.Number != "" && project == c.owner.Number:
	case c.owner.Number == "" && strings.Trim(project, "0123456789") == "":
		c.add(&c.maybeOwn, project)
	default:
		c.add(&c.outside, project)
	}
}

// AllowNetwork counts in an endpoint that Google made in a consumer's network:
// whoever is in that network, and in the service project that shares it, can
// use the endpoint. Network is projects/P/global/networks/N.
//
// Source: https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances
// (PscAutoConnectionConfig)
func (c *Consumers) AllowNetwork(network, project string) {
	if project != "" {
		c.Allow(project)
	}
	if network == "" {
		if project == "" {
			c.add(&c.unread, network)
		}
		return
	}
	_, path, found := strings.Cut("/"+network, "/projects/")
	host, _, below := strings.Cut(path, "/")
	if !found || !below {
		c.add(&c.unread, network)
		return
	}
	c.Allow(host)
}

func (c *Consumers) add(list *[]string, text string) {
	if text = Quote(text); !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}

// Grants returns the grant to the projects that are not the store's own, or none.
func (c *Consumers) Grants(because ...resource.Evidence) []resource.Grant {
	if len(c.outside) == 0 {
		return nil
	}
	return []resource.Grant{{
		To:  resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialOwn, Named: bounded(c.outside)},
		Can: []resource.Action{resource.Connect}, Via: Consumer, Because: because,
	}}
}

// Hides is what the entries may hide that do not tell whose they are, and why.
func (c *Consumers) Hides() (why string, hidden []resource.Hidden) {
	if len(c.unread) > 0 {
		return fmt.Sprintf("the consumers %q of Private Service Connect are no projects", bounded(c.unread)), []resource.Hidden{AnyConsumer()}
	}
	if len(c.maybeOwn) > 0 {
		own := AnyConsumer()
		own.To = resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialOwn, Named: bounded(c.maybeOwn)}
		return "the number of the project is not known, so that the consumer " + strings.Join(bounded(c.maybeOwn), ", ") +
			" may be the project itself", []resource.Hidden{own}
	}
	return "", nil
}

// bounded sorts names and leaves out those beyond what a reader takes in.
func bounded(names []string) []string {
	names = slices.Sorted(slices.Values(names))
	if more := len(names) - maxNames; more > 0 {
		names = append(names[:maxNames:maxNames], fmt.Sprintf("and %d more", more))
	}
	return names
}
