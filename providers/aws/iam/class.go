package iam

import (
	"slices"
	"strings"
)

// Class is a kind of stranger whose access is decided.
//
// A stranger is fresh: whatever binds it to an identity (account, organisation,
// unique id, network, ARN) has a value that the policy does not name, or none.
// Whatever it may choose for itself (headers, request parameters, its own tags
// and names) takes any value.
type Class string

// The fixed classes. A Foreign class is added for each foreign account that a
// policy names.
const (
	// Anonymous sends unsigned requests from the internet.
	Anonymous Class = "anonymous"
	// AnyAccount signs with credentials of an AWS account of its own.
	AnyAccount Class = "any-account"
	// AnyService is an AWS service that acts for a stranger's account, the
	// confused deputy of the IAM User Guide.
	AnyService Class = "via-service"
	// Federated is any user of a web identity provider that the policy names.
	Federated Class = "federated"
	// StrangerVPCE sends requests through a VPC endpoint of its own, signed or
	// not: they have no source address, but the endpoint's keys.
	StrangerVPCE Class = "stranger-vpce"
	// Org is another account of the owner's organisation.
	Org Class = "organisation"
)

const (
	foreignPrefix    = "foreign:"
	foreignOrgPrefix = "foreign-org:"
	canonicalPrefix  = "canonical/"
)

// Foreign is the class of the principals of one account, given by its id, and
// of services acting for it. An S3 canonical user takes the form
// "canonical/ID"; a principal that AWS would not accept goes by its name. Whose
// these are is not known, so such a class is at best Undecided.
func Foreign(account string) Class { return Class(foreignPrefix + account) }

// ForeignOrg is the class of the accounts of an organisation other than the
// owner's.
func ForeignOrg(id string) Class { return Class(foreignOrgPrefix + id) }

// Account returns the account id of a Foreign class.
func (c Class) Account() (string, bool) { return strings.CutPrefix(string(c), foreignPrefix) }

// Organisation returns the id of a ForeignOrg class.
func (c Class) Organisation() (string, bool) { return strings.CutPrefix(string(c), foreignOrgPrefix) }

// Target is the audited resource: what the policy is attached to and who owns
// it.
type Target struct {
	// Service is the IAM prefix: "s3", "sqs".
	Service string
	// Resources is the concrete family of ARNs that the policy can be about,
	// with '*' only for a free part, which is never empty: "arn:aws:s3:::name"
	// and "arn:aws:s3:::name/*". Empty stands for any resource.
	Resources []string
	// Account is the owner's account id and Org its organisation's id; "" when
	// unknown. The account is taken from Resources where these tell it.
	Account string
	Org     string
	// CanonicalUser is the owner's S3 canonical user id, "" when unknown.
	CanonicalUser string
	// AccessPoint is the ARN of the S3 access point by which every request
	// arrives, when it is asked what a bucket's policy lets through there; ""
	// for requests to the resource itself.
	AccessPoint string
}

// Classes returns the fixed classes and one for every foreign account,
// canonical user and organisation that the policy lets decide about access.
func (p *Policy) Classes(t Target) []Class {
	return classes(t.complete(), p.literals())
}

func (p *plan) classes() []Class { return classes(p.target, p.named) }

func classes(t Target, named *literals) []Class {
	classes := []Class{Anonymous, AnyAccount, AnyService, Federated, StrangerVPCE}
	for _, account := range named.outsiders {
		if account != t.Account {
			classes = append(classes, Foreign(account))
		}
	}
	for _, alias := range named.aliases {
		classes = append(classes, Foreign(alias))
	}
	for _, id := range named.orgs {
		if t.Org != "" && id != t.Org {
			classes = append(classes, ForeignOrg(id))
		}
	}
	return append(classes, Org)
}

// complete fills in the account that the ARNs tell.
func (t Target) complete() Target {
	for _, arn := range t.Resources {
		if account := accountOf(arn); t.Account == "" && isAccount(account) {
			t.Account = account
		}
	}
	return t
}

// partition returns the AWS partition of the resource.
func (t Target) partition() string {
	for _, text := range t.Resources {
		if a, n := splitARN(text); n > arnService && strings.HasPrefix(a[arnPartition], "aws") {
			return a[arnPartition]
		}
	}
	return "aws"
}

// region returns the Region in the resource's ARN, "" when it has none.
func (t Target) region() string {
	for _, text := range t.Resources {
		if a, n := splitARN(text); n > arnAccount && a[arnRegion] != "" && a[arnRegion] != "*" {
			return a[arnRegion]
		}
	}
	return ""
}

// literals are the identities that a policy names. A fresh stranger has none
// of them.
type literals struct {
	accounts  []string // every account id anywhere in the document
	outsiders []string // those in elements that let somebody in
	aliases   []string // of accounts whose number the policy does not tell
	orgs      []string
	uniqueIDs []string
	services  []string
	providers []string
	values    map[string][]string // condition values by folded key
	variables []string            // folded keys of policy variables
}

// accountKeys are the condition keys whose values tell an account.
var accountKeys = map[string]bool{
	"aws:principalarn": true, "aws:principalaccount": true, "aws:userid": true, "kms:calleraccount": true,
	"aws:sourcearn": true, "aws:sourceaccount": true, "aws:sourceowner": true,
	"aws:sourcevpcarn": true, "aws:vpceaccount": true,
	"s3:dataaccesspointarn": true, "s3:dataaccesspointaccount": true,
}

var orgKeys = map[string]bool{
	"aws:principalorgid": true, "aws:principalorgpaths": true, "aws:sourceorgid": true,
	"aws:sourceorgpaths": true, "aws:vpceorgid": true, "aws:vpceorgpaths": true,
}

func (p *Policy) literals() *literals {
	l := &literals{values: make(map[string][]string)}
	for i := range p.Statements {
		s := &p.Statements[i]
		for _, e := range s.principal.entries {
			l.addPrincipal(e)
		}
		for _, v := range s.resources.values {
			l.accounts = append(l.accounts, accountsIn(v.text)...)
			l.addVariables(p, v.text)
		}
		for _, c := range s.conditions {
			l.addCondition(p, c)
		}
	}
	for _, list := range []*[]string{
		&l.accounts, &l.outsiders, &l.aliases, &l.orgs,
		&l.uniqueIDs, &l.services, &l.providers, &l.variables,
	} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return l
}

func (l *literals) addPrincipal(e principal) {
	if e.account != "" && isAccount(e.account) {
		l.accounts = append(l.accounts, e.account)
		l.outsiders = append(l.outsiders, e.account)
	}
	switch e.kind {
	case principalCanonical:
		l.aliases = append(l.aliases, canonicalPrefix+e.name)
	case principalInvalid:
		if !strings.ContainsAny(e.name, "*?") {
			l.aliases = append(l.aliases, e.name)
		}
	case principalService:
		if e.name != "*" {
			l.services = append(l.services, e.name)
		}
	case principalFederated:
		if e.name != "*" {
			l.providers = append(l.providers, e.name)
		}
	case principalARN:
		l.accounts = append(l.accounts, accountsIn(e.name)...)
	}
}

func (l *literals) addCondition(p *Policy, c condition) {
	if c.operator.family == familyNull {
		return
	}
	for _, v := range c.values {
		accounts := accountsIn(v.text)
		l.accounts = append(l.accounts, accounts...)
		if accountKeys[c.folded] {
			l.outsiders = append(l.outsiders, accounts...)
		}
		if orgKeys[c.folded] {
			id, _, _ := strings.Cut(v.text, "/")
			if !strings.ContainsAny(id, "*?$") && id != "" {
				l.orgs = append(l.orgs, id)
			}
		}
		if c.folded == "aws:userid" {
			l.uniqueIDs = append(l.uniqueIDs, uniqueIDsIn(v.text)...)
		}
		if c.folded == "aws:principalservicename" || c.folded == "aws:principalservicenameslist" {
			if !strings.ContainsAny(v.text, "*?$") {
				l.services = append(l.services, v.text)
			}
		}
		l.values[c.folded] = append(l.values[c.folded], v.text)
		l.addVariables(p, v.text)
	}
}

func (l *literals) addVariables(p *Policy, text string) {
	if !p.variables() || !hasVariable(text) {
		return
	}
	for _, part := range split(text) {
		if part.variable {
			l.variables = append(l.variables, part.identifier)
		}
	}
}

// accountsIn returns the runs of exactly twelve digits.
func accountsIn(text string) []string {
	var found []string
	for _, run := range strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		if len(run) == 12 {
			found = append(found, run)
		}
	}
	return found
}

// uniqueIDsIn returns the unique ids of users and roles at the start of text.
func uniqueIDsIn(text string) []string {
	id, _, _ := strings.Cut(text, ":")
	id, _, _ = strings.Cut(id, "*")
	if isUniqueID(id) {
		return []string{id}
	}
	return nil
}
