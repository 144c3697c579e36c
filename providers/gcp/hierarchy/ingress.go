package hierarchy

import (
	"encoding/json"
	"slices"
	"strings"
)

// admission is who from outside a perimeter an ingress rule admits to the stores
// of a project.
type admission uint8

const (
	none      admission = iota // nobody: it is about something else
	some                       // principals or networks that it names
	strangers                  // anybody, for all that can be told
)

// ingress is an ingress rule, with all its members.
//
// Source: https://docs.cloud.google.com/vpc-service-controls/docs/ingress-egress-rules
// and https://cloud.google.com/access-context-manager/docs/reference/rest/v1/accessPolicies.servicePerimeters#ingresspolicy
type ingress struct {
	Title string       `json:"title"`
	From  *ingressFrom `json:"ingressFrom"`
	To    *ingressTo   `json:"ingressTo"`
}

type ingressFrom struct {
	Sources      []ingressSource `json:"sources"`
	IdentityType string          `json:"identityType"`
	Identities   []string        `json:"identities"`
}

type ingressSource struct {
	AccessLevel string          `json:"accessLevel"`
	Resource    string          `json:"resource"`
	Endpoint    json.RawMessage `json:"pscEndpoint"`
}

type ingressTo struct {
	Operations []struct {
		Service   string          `json:"serviceName"`
		Selectors json.RawMessage `json:"methodSelectors"` // only narrow it
	} `json:"operations"`
	Resources []string `json:"resources"`
	Roles     []string `json:"roles"`
}

// admits reads a rule. Whatever is not understood about it may admit anybody.
func admits(text json.RawMessage, service string, ancestors []string) admission {
	var rule ingress
	switch err := strict(text, &rule); {
	case err != nil || rule.From == nil || rule.To == nil:
		return strangers
	case !rule.To.concerns(service, ancestors):
		return none
	case rule.From.names():
		return some
	default:
		return strangers
	}
}

// concerns reports whether a rule may be about a service of a project. A rule
// with roles is about whatever they permit.
func (to *ingressTo) concerns(service string, ancestors []string) bool {
	elsewhere := func(name string) bool {
		if numbered(name, "projects") && !numbered(ancestors[0], "projects") {
			return false // the project's own number is not known
		}
		known := numbered(name, "projects") || numbered(name, "folders") || numbered(name, "organizations")
		return known && !slices.Contains(ancestors, name)
	}
	if len(to.Resources) > 0 && !slices.ContainsFunc(to.Resources, func(name string) bool { return !elsewhere(name) }) {
		return false
	}
	if len(to.Operations) == 0 || len(to.Roles) > 0 {
		return true
	}
	for _, o := range to.Operations {
		if o.Service == service || !isService(o.Service) {
			return true
		}
	}
	return false
}

// names reports whether only principals that a rule names, or networks that it
// names, are admitted: both must hold. ANY_USER_ACCOUNT and ANY_SERVICE_ACCOUNT
// are those of any organisation, so that everybody can have one; an access level
// may be met by anybody, and "*" is.
func (from *ingressFrom) names() bool {
	whoever := from.IdentityType != "" && from.IdentityType != "IDENTITY_TYPE_UNSPECIFIED"
	if !whoever && len(from.Identities) > 0 && !slices.ContainsFunc(from.Identities, func(who string) bool { return !isPrincipal(who) }) {
		return true
	}
	return len(from.Sources) > 0 && !slices.ContainsFunc(from.Sources, func(s ingressSource) bool { return !s.names() })
}

// isPrincipal reports whether an identity is one, or a group of them. A set of a
// pool may be everybody that some provider knows.
//
// Source: https://docs.cloud.google.com/vpc-service-controls/docs/supported-identities
func isPrincipal(who string) bool {
	return slices.ContainsFunc([]string{"user:", "serviceAccount:", "group:", "principal://"}, func(form string) bool {
		return strings.HasPrefix(who, form) && who != form
	})
}

func (s ingressSource) names() bool {
	if s.AccessLevel != "" {
		return false
	}
	if s.Resource == "" {
		return present(s.Endpoint)
	}
	return within(s.Resource) || numbered(s.Resource, "organizations")
}
