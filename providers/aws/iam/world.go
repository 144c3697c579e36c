package iam

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/glob"
)

// caller is who signs a request.
type caller uint8

const (
	callerAnonymous caller = iota
	callerAccount
	callerService
	callerFederated
)

// path is how a request arrives.
type path uint8

const (
	pathInternet path = iota
	pathEndpoint      // a VPC endpoint
	pathService       // from inside AWS
)

// Dimensions that several keys share.
const (
	dimResource  = "resource"
	dimPrincipal = "principal" // the ARN of the caller's user, role or account
	dimOrg       = "org"       // the path of the caller's account in its organisation
	dimSource    = "source"
	dimSourceOrg = "source-org"
	dimVPC       = "vpc" // the ARN of the VPC
	dimVPCEOrg   = "vpce-org"
	dimAddress   = "address"
	dimTime      = "time"
)

// Placeholders, see placeholder.
const (
	ownerAccount = "owner-account"
	ownerOrg     = "o-ownerorganisation"
)

// world is one way in which a class of strangers can send requests. It fixes
// which keys are in the request and which values they can have.
type world struct {
	plan     *plan
	caller   caller
	path     path
	account  string // the caller's account, "" for a fresh one
	orgs     []string
	service  string
	provider string
	// alias is what the policy calls an account whose number it does not tell:
	// "canonical/ID", or a name that is no principal of AWS's.
	alias string
	// loose selects the widest reading of everything that is not certain; the
	// narrowest one otherwise.
	loose bool
	// pins fix what policy variables stand for, by dimension.
	pins     map[string]string
	bindings []keyBinding
}

// worlds returns the ways in for a class. The narrow and the wide reading of a
// world are separate decisions.
func (p *plan) worlds(c Class) []world {
	switch c {
	case Anonymous:
		return []world{{caller: callerAnonymous}}
	case AnyAccount:
		return []world{{caller: callerAccount}}
	case StrangerVPCE:
		return []world{{caller: callerAnonymous, path: pathEndpoint}, {caller: callerAccount, path: pathEndpoint}}
	case AnyService:
		return p.serviceWorlds("", nil)
	case Federated:
		return p.federatedWorlds("")
	case Org:
		orgs := []string{p.target.Org}
		if p.target.Org == "" {
			orgs = append(slices.Clone(p.named.orgs), ownerOrg)
		}
		return p.memberWorlds(orgs)
	}
	if id, ok := c.Organisation(); ok {
		return p.memberWorlds([]string{id})
	}
	account, _ := c.Account()
	if !isAccount(account) {
		return []world{{caller: callerAccount, alias: account}}
	}
	direct := []world{
		{caller: callerAccount, account: account},
		{caller: callerAccount, account: account, path: pathEndpoint},
	}
	return slices.Concat(direct, p.federatedWorlds(account), p.serviceWorlds(account, nil))
}

func (p *plan) memberWorlds(orgs []string) []world {
	return append([]world{
		{caller: callerAccount, orgs: orgs},
		{caller: callerAccount, orgs: orgs, path: pathEndpoint},
	}, p.serviceWorlds("", orgs)...)
}

// UnnamedService stands for a service that the policy does not name.
const UnnamedService = "unnamed.amazonaws.com"

func (p *plan) serviceWorlds(account string, orgs []string) []world {
	var worlds []world
	for _, service := range append(slices.Clone(p.named.services), UnnamedService) {
		worlds = append(worlds, world{caller: callerService, path: pathService, service: service, account: account, orgs: orgs})
	}
	return worlds
}

// federatedWorlds returns a world for every provider: the public ones for
// strangers, or those of one account.
func (p *plan) federatedWorlds(account string) []world {
	const builtIn = "accounts.google.com" // needs no setup in the owner's account
	var worlds []world
	for _, provider := range p.named.providers {
		owner := ""
		if strings.HasPrefix(provider, "arn:") {
			owner = accountOf(provider)
		}
		saml := strings.Contains(provider, ":saml-provider/")
		switch {
		case account == "" && !saml && (owner == "" || owner == p.target.Account || p.target.Account == ""),
			account != "" && owner == account:
			worlds = append(worlds, world{caller: callerFederated, provider: provider})
		}
	}
	if account == "" && !slices.Contains(p.named.providers, builtIn) {
		worlds = append(worlds, world{caller: callerFederated, provider: builtIn})
	}
	return worlds
}

// bindCaller decides the keys about the caller's identity.
func (w *world) bindCaller(key string) (binding, bool) {
	switch key {
	case "aws:principalarn", "aws:principalaccount", "kms:calleraccount", "aws:principaltype", "aws:userid", "aws:username",
		"aws:principalorgid", "aws:principalorgpaths", "aws:principalisawsservice",
		"aws:principalservicename", "aws:principalservicenameslist":
	default:
		if w.caller == callerFederated {
			return w.bindProvider(key)
		}
		return binding{}, false
	}
	switch w.caller {
	case callerAccount:
		return w.bindAccount(key), true
	case callerAnonymous:
		return bindAnonymous(key), true
	case callerService:
		return w.bindService(key), true
	}
	// A request with a web identity token carries no AWS identity.
	if key == "aws:principalisawsservice" {
		return constant(key, "false"), true
	}
	return bindAnonymous(""), true
}

// bindAnonymous follows the IAM User Guide: unsigned requests have three
// identity keys, with the value "anonymous".
func bindAnonymous(key string) binding {
	switch key {
	case "aws:principalaccount", "aws:userid":
		return constant(key, "anonymous")
	case "aws:principaltype":
		return constant(key, "Anonymous")
	}
	return binding{dim: "none", dom: never()}
}

func (w *world) bindService(key string) binding {
	switch key {
	case "aws:principalisawsservice":
		return constant(key, "true")
	case "aws:principalservicename":
		return constant(key, w.service)
	case "aws:principalservicenameslist":
		b := constant(key, w.service)
		b.multi = true
		return b
	case "aws:principaltype", "aws:userid":
		loose := w.unnamed(key)
		return binding{dim: key, dom: never(), loose: &loose}
	}
	return binding{dim: key, dom: never()}
}

const notColon = glob.Any &^ glob.Colon

// bindAccount maps the keys that tell of a signed caller's identity onto the
// caller's ARN and onto its place in an organisation, so that a request cannot
// have an account number in one key and another in the next.
func (w *world) bindAccount(key string) binding {
	switch key {
	case "aws:principalarn":
		return binding{dim: dimPrincipal, dom: w.principals()}
	case "aws:principalaccount", "kms:calleraccount":
		return binding{dim: dimPrincipal, dom: w.principals(), lift: w.liftAccount}
	case "aws:principaltype":
		return binding{dim: dimPrincipal, dom: w.principals(), lift: w.liftType}
	case "aws:username":
		return binding{dim: dimPrincipal, dom: w.principals(), lift: w.liftUser, lacking: w.arns("root", "role/*", "federated-user/*")}
	case "aws:userid":
		return binding{dim: key, dom: w.userIDs()}
	case "aws:principalorgid":
		return binding{dim: dimOrg, dom: w.orgPaths("aws:principalorgid"), lift: liftOrg}
	case "aws:principalorgpaths":
		return binding{dim: dimOrg, dom: w.orgPaths("aws:principalorgpaths"), plain: true}
	case "aws:principalisawsservice":
		return constant(key, "false")
	}
	return binding{dim: key, dom: never(), multi: key == "aws:principalservicenameslist"}
}

// accountPattern matches the caller's account, any number when it is fresh.
func (w *world) accountPattern() glob.Pattern {
	if w.account != "" {
		return glob.Literal(w.account)
	}
	return glob.Repeat(glob.Digit, 12)
}

// arns returns the ARNs of the caller's account with these resource parts.
func (w *world) arns(resources ...string) []glob.Pattern {
	var patterns []glob.Pattern
	for _, r := range resources {
		service := "iam"
		if strings.HasPrefix(r, "federated-user/") {
			service = "sts"
		}
		name := glob.Literal(r)
		if prefix, ok := strings.CutSuffix(r, "*"); ok {
			name = glob.Join(glob.Literal(prefix), glob.Repeat(glob.Any, 1), glob.Run(glob.Any))
		}
		patterns = append(patterns, glob.Join(glob.Literal("arn:"+w.plan.partition+":"+service+"::"), w.accountPattern(), glob.Literal(":"), name))
	}
	return patterns
}

// principals is the domain of the caller's ARN: its root user, users, roles and
// federated users, in an account that the policy does not name.
func (w *world) principals() domain {
	d := domain{present: true, clauses: []glob.Clause{{Any: w.arns("root", "user/*", "role/*", "federated-user/*")}}}
	if named := w.plan.strangers; w.account == "" && len(named) > 0 {
		d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	}
	user := w.samplePrincipal()
	head, _ := strings.CutSuffix(user, "user/stranger")
	d.samples = []string{user, head + "role/stranger", head + "root"}
	return d
}

// samplePrincipal is the caller where any will do.
func (w *world) samplePrincipal() string {
	return "arn:" + w.plan.partition + ":iam::" + w.sampleAccount() + ":user/stranger"
}

// sampleAccount is the caller's account where any will do.
func (w *world) sampleAccount() string {
	if w.account != "" {
		return w.account
	}
	return w.plan.fresh
}

// namedAccountARNs matches the principals of every account that a stranger must
// not be in.
func namedAccountARNs(partition string, accounts []string) []glob.Pattern {
	var patterns []glob.Pattern
	for _, account := range accounts {
		for _, service := range []string{"iam", "sts"} {
			patterns = append(patterns, glob.Like("arn:"+partition+":"+service+"::"+account+":*"))
		}
	}
	return patterns
}

func (w *world) liftAccount(p glob.Pattern) []glob.Pattern {
	within, ok := p.Within(notColon)
	if !ok {
		return nil
	}
	head := "arn:" + w.plan.partition + ":"
	return []glob.Pattern{
		glob.Join(glob.Literal(head+"iam::"), within, glob.Literal(":"), glob.Run(glob.Any)),
		glob.Join(glob.Literal(head+"sts::"), within, glob.Literal(":"), glob.Run(glob.Any)),
	}
}

func (w *world) liftType(p glob.Pattern) []glob.Pattern {
	var lifted []glob.Pattern
	for typ, resource := range principalTypes {
		if p.Match(typ) {
			lifted = append(lifted, w.arns(resource)...)
		}
	}
	return lifted
}

// principalTypes are the values of aws:PrincipalType and the ARNs they go with.
var principalTypes = map[string]string{
	"Account": "root", "User": "user/*", "AssumedRole": "role/*", "FederatedUser": "federated-user/*",
}

// liftUser maps a user name onto the ARN's last segment; the user's path comes
// before it.
func (w *world) liftUser(p glob.Pattern) []glob.Pattern {
	name, ok := p.Within(glob.Any &^ (glob.Colon | glob.Slash))
	if !ok {
		return nil
	}
	head := glob.Join(glob.Literal("arn:"+w.plan.partition+":iam::"), w.accountPattern(), glob.Literal(":user/"))
	return []glob.Pattern{
		glob.Join(head, name),
		glob.Join(head, glob.Run(glob.Any), glob.Literal("/"), name),
	}
}

const uniqueID = glob.Upper | glob.Digit

// userIDs is the domain of aws:userid: unique ids are assigned by AWS, so a
// stranger has none that the policy names.
func (w *world) userIDs() domain {
	user := glob.Join(glob.Literal("AIDA"), glob.Repeat(uniqueID, 17))
	role := glob.Join(glob.Literal("AROA"), glob.Repeat(uniqueID, 17), glob.Literal(":"), glob.Run(glob.Any))
	account := w.accountPattern()
	federated := glob.Join(account, glob.Literal(":"), glob.Run(glob.Any))
	d := domain{present: true, clauses: []glob.Clause{{Any: []glob.Pattern{user, role, account, federated}}}}
	d.samples = []string{"AIDASTRANGERSTRANGER2", "AROASTRANGERSTRANGER2:stranger"}
	if w.account != "" {
		return d
	}
	var named []glob.Pattern
	for _, id := range w.plan.named.uniqueIDs {
		named = append(named, glob.Like(id+"*"))
	}
	for _, id := range w.plan.ids {
		named = append(named, glob.Like(id+"*"))
	}
	d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	return d
}

const orgID = glob.Digit | glob.Hex | glob.Lower

// orgPaths is the domain of a path such as "o-1234567890/r-ab12/ou-ab12-1/": of
// the organisations that the world is about, or of one that the policy does not
// name, or none at all, because accounts need no organisation. Whether a named
// foreign account is in an organisation is up to it.
func (w *world) orgPaths(key string) domain {
	rest := glob.Join(glob.Literal("/"), glob.Run(glob.Any))
	if len(w.orgs) > 0 {
		d := domain{present: true}
		var paths []glob.Pattern
		for _, org := range w.orgs {
			paths = append(paths, glob.Join(glob.Literal(org), rest))
			d.samples = append(d.samples, org+"/r-ab12/")
		}
		d.clauses = []glob.Clause{{Any: paths}}
		return d
	}
	d := domain{absent: true, present: true, samples: []string{"o-stranger0/r-ab12/"}}
	if w.account != "" {
		d.clauses = []glob.Clause{{Any: []glob.Pattern{glob.Join(glob.Run(notSlash), rest)}}}
		return d
	}
	d.clauses = []glob.Clause{{Any: []glob.Pattern{
		glob.Join(glob.Literal("o-"), glob.Repeat(orgID, 10), glob.Run(orgID), rest),
	}}}
	var named []glob.Pattern
	for _, id := range w.plan.named.orgs {
		named = append(named, glob.Like(id+"/*"))
	}
	if w.plan.target.Org != "" {
		named = append(named, glob.Like(w.plan.target.Org+"/*"))
	}
	d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	return d
}

const notSlash = glob.Any &^ glob.Slash

func liftOrg(p glob.Pattern) []glob.Pattern {
	within, ok := p.Within(notSlash)
	if !ok {
		return nil
	}
	return []glob.Pattern{glob.Join(within, glob.Literal("/"), glob.Run(glob.Any))}
}

// bindNetwork decides the keys about where a request comes from.
func (w *world) bindNetwork(key string) (binding, bool) {
	switch key {
	case "aws:sourceip":
		b := binding{dim: dimAddress, kind: kindAddress}
		switch w.path {
		case pathInternet:
			b.dom = domain{present: true, addrs: netset.Public()}
		case pathEndpoint:
			b.dom = never()
		default:
			// Some address of AWS or none: the service decides. It is none of
			// the ranges that the policy lists one by one.
			b.unknown = true
			b.dom = domain{absent: true, present: true, addrs: netset.Public().Subtract(w.plan.listedAddresses())}
		}
		return b, true
	case "aws:vpcsourceip":
		b := binding{dim: key, kind: kindAddress, dom: never()}
		if w.path == pathEndpoint {
			b.dom = domain{present: true, addrs: privateAddresses}
		}
		return b, true
	case "aws:ec2instancesourceprivateipv4":
		b := binding{dim: key, kind: kindAddress, dom: never()}
		if w.caller == callerAccount {
			b.dom = domain{absent: true, present: true, addrs: privateAddresses}
		}
		return b, true
	case "aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths":
		if w.path != pathEndpoint {
			return binding{dim: key, dom: never(), plain: key == "aws:vpceorgpaths"}, true
		}
		return w.bindEndpoint(key), true
	}
	return binding{}, false
}

// privateAddresses are those that hosts in a VPC have; a VPC may also use
// public addresses.
var privateAddresses = netset.All()

func (w *world) bindEndpoint(key string) binding {
	switch key {
	case "aws:sourcevpc":
		return w.looseIfForeign(binding{dim: dimVPC, dom: w.vpcs(), lift: w.liftVPC})
	case "aws:sourcevpcarn":
		return w.looseIfForeign(binding{dim: dimVPC, dom: w.vpcs()})
	case "aws:sourcevpce":
		return w.looseIfForeign(binding{dim: key, dom: w.networkID(key, "vpce-")})
	case "aws:vpceaccount":
		d := w.accounts()
		loose := d
		loose.absent = true // services that do not know the key yet
		return binding{dim: key, dom: d, loose: &loose}
	case "aws:vpceorgid":
		return binding{dim: dimVPCEOrg, dom: w.orgPaths(key), lift: liftOrg}
	}
	return binding{dim: dimVPCEOrg, dom: w.orgPaths(key), plain: true}
}

// looseIfForeign allows for the networks that the policy names to be those of
// a named foreign account.
func (w *world) looseIfForeign(b binding) binding {
	if w.account != "" {
		loose := b.dom
		loose.clauses = nil
		b.loose = &loose
	}
	return b
}

// accounts is the domain of an account number.
func (w *world) accounts() domain {
	if w.account != "" {
		return exactly(w.account)
	}
	d := domain{present: true, samples: []string{w.plan.fresh}, clauses: []glob.Clause{{Any: []glob.Pattern{w.accountPattern()}}}}
	var named []glob.Pattern
	for _, id := range w.plan.ids {
		named = append(named, glob.Literal(id))
	}
	d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	return d
}

const hexadecimal = glob.Digit | glob.Hex

// networkID is the domain of an id such as "vpce-0123456789abcdef0" that the
// policy does not name.
func (w *world) networkID(key, prefix string) domain {
	d := w.unnamed(key)
	d.absent = false
	d.samples = []string{prefix + "0a1b2c3d4e5f67890"}
	short := glob.Join(glob.Literal(prefix), glob.Repeat(hexadecimal, 8))
	long := glob.Join(glob.Literal(prefix), glob.Repeat(hexadecimal, 17))
	d.clauses = append(d.clauses, glob.Clause{Any: []glob.Pattern{short, long}})
	return d
}

// vpcs is the domain of the ARN of a stranger's VPC.
func (w *world) vpcs() domain {
	d := domain{present: true}
	head := glob.Join(glob.Literal("arn:"+w.plan.partition+":ec2:"), glob.Run(notColon), glob.Literal(":"), w.accountPattern(), glob.Literal(":vpc/vpc-"))
	d.clauses = []glob.Clause{{Any: []glob.Pattern{
		glob.Join(head, glob.Repeat(hexadecimal, 8)), glob.Join(head, glob.Repeat(hexadecimal, 17)),
	}}}
	var named []glob.Pattern
	for _, id := range w.plan.named.values["aws:sourcevpc"] {
		if !strings.ContainsAny(id, "*?") {
			named = append(named, w.liftVPC(glob.Literal(id))...)
		}
	}
	if w.account == "" {
		for _, id := range w.plan.ids {
			named = append(named, glob.Join(glob.Literal("arn:"+w.plan.partition+":ec2:"), glob.Run(notColon), glob.Literal(":"+id+":"), glob.Run(glob.Any)))
		}
	}
	d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	d.samples = []string{"arn:" + w.plan.partition + ":ec2:us-east-1:" + w.sampleAccount() + ":vpc/vpc-0a1b2c3d4e5f67890"}
	return d
}

func (w *world) liftVPC(p glob.Pattern) []glob.Pattern {
	within, ok := p.Within(glob.Any &^ (glob.Colon | glob.Slash))
	if !ok {
		return nil
	}
	return []glob.Pattern{glob.Join(
		glob.Literal("arn:"+w.plan.partition+":ec2:"), glob.Run(notColon), glob.Literal(":"), glob.Run(notColon), glob.Literal(":vpc/"), within,
	)}
}

// bindSource decides the keys that an AWS service sets to say for whom it
// acts. Not every service sets them, so each may be absent.
func (w *world) bindSource(key string) (binding, bool) {
	switch key {
	case "aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourceorgid", "aws:sourceorgpaths":
	default:
		return binding{}, false
	}
	if w.caller != callerService {
		return binding{dim: key, dom: never(), plain: key == "aws:sourceorgpaths"}, true
	}
	var b binding
	switch key {
	case "aws:sourcearn":
		b = binding{dim: dimSource, dom: w.sources()}
	case "aws:sourceaccount", "aws:sourceowner":
		b = binding{dim: key, dom: w.accounts()}
	case "aws:sourceorgid":
		b = binding{dim: dimSourceOrg, dom: w.orgPaths(key), lift: liftOrg}
	default:
		b = binding{dim: dimSourceOrg, dom: w.orgPaths(key), plain: true}
	}
	b.dom.absent = true
	return b, true
}

// sources is the domain of the ARN of a stranger's resource: of its account,
// or of a form without account, such as an S3 bucket that the policy does not
// name.
func (w *world) sources() domain {
	d := domain{present: true}
	head := glob.Join(glob.Literal("arn:"+w.plan.partition+":"), glob.Run(notColon), glob.Literal(":"), glob.Run(notColon), glob.Literal(":"))
	patterns := []glob.Pattern{glob.Join(head, w.accountPattern(), glob.Literal(":"), glob.Run(glob.Any))}
	d.samples = []string{"arn:" + w.plan.partition + ":sns:us-east-1:" + w.sampleAccount() + ":stranger"}
	if w.account == "" {
		bucket := glob.Join(glob.Literal("arn:"+w.plan.partition+":s3:::"), glob.Repeat(glob.Any&^(glob.Colon|glob.Slash), 3), glob.Run(glob.Any&^(glob.Colon|glob.Slash)))
		patterns = append(patterns, bucket)
		d.samples = append(d.samples, "arn:"+w.plan.partition+":s3:::stranger")
	}
	d.clauses = []glob.Clause{{Any: patterns}}
	if w.account == "" {
		var named []glob.Pattern
		for _, account := range w.plan.ids {
			named = append(named, glob.Join(head, glob.Literal(account+":"), glob.Run(glob.Any)))
		}
		for _, v := range w.plan.named.values["aws:sourcearn"] {
			if !strings.ContainsAny(v, "*?") {
				named = append(named, glob.Literal(v))
			}
		}
		d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	}
	return d
}

// bindResource decides the keys that are facts about the resource.
func (w *world) bindResource(key string) (binding, bool) {
	t := w.plan.target
	fact := ""
	switch key {
	case "aws:resourceaccount", "s3:resourceaccount", "s3express:resourceaccount":
		fact = t.Account
	case "aws:resourceorgid":
		fact = t.Org
	case "aws:requestedregion":
		fact = w.plan.region
	default:
		return binding{}, false
	}
	if fact == "" {
		return binding{dim: key, unknown: true}, true
	}
	return constant(key, fact), true
}

// bindAccessPoint decides the keys of requests through an access point. A
// stranger can attach an access point of its own account to somebody else's
// bucket; the owner's access points have policies that are audited themselves.
func (w *world) bindAccessPoint(key string) (binding, bool) {
	prefix, name, _ := strings.Cut(key, ":")
	switch {
	case prefix != "s3" && prefix != "s3express" && prefix != "s3-outposts":
		return binding{}, false
	case name != "dataaccesspointarn" && name != "dataaccesspointaccount" && name != "accesspointnetworkorigin":
		return binding{}, false
	}
	if arn := w.plan.accessPoint; arn != "" {
		switch name {
		case "dataaccesspointarn":
			return constant(key, arn), true
		case "dataaccesspointaccount":
			return constant(key, accountOf(arn)), true
		}
		return binding{dim: key, unknown: true}, true
	}
	if w.caller != callerAccount {
		return binding{dim: key, dom: never()}, true
	}
	dim := prefix + ":dataaccesspointarn"
	switch name {
	case "dataaccesspointarn":
		return binding{dim: dim, dom: w.accessPoints(prefix)}, true
	case "dataaccesspointaccount":
		return binding{dim: dim, dom: w.accessPoints(prefix), lift: func(p glob.Pattern) []glob.Pattern {
			within, ok := p.Within(notColon)
			if !ok {
				return nil
			}
			return []glob.Pattern{glob.Join(
				glob.Literal("arn:"+w.plan.partition+":"+prefix+":"), glob.Run(notColon), glob.Literal(":"), within, glob.Literal(":"), glob.Run(glob.Any),
			)}
		}}, true
	}
	origin := exactly("Internet")
	if w.path == pathEndpoint {
		origin = exactly("VPC", "Internet")
	}
	origin.absent = true
	return binding{dim: key, dom: origin}, true
}

func (w *world) accessPoints(service string) domain {
	d := domain{absent: true, present: true}
	head := "arn:" + w.plan.partition + ":" + service + ":"
	d.clauses = []glob.Clause{{Any: []glob.Pattern{glob.Join(
		glob.Literal(head), glob.Run(notColon), glob.Literal(":"), w.accountPattern(), glob.Literal(":accesspoint/"), glob.Repeat(glob.Any, 1), glob.Run(glob.Any),
	)}}}
	if w.account == "" {
		var named []glob.Pattern
		for _, account := range w.plan.ids {
			named = append(named, glob.Join(glob.Literal(head), glob.Run(notColon), glob.Literal(":"+account+":"), glob.Run(glob.Any)))
		}
		d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	}
	d.samples = []string{head + "us-east-1:" + w.sampleAccount() + ":accesspoint/stranger"}
	return d
}

// bindProvider decides the keys that an identity provider asserts. The user
// chooses everything but its own identity there.
func (w *world) bindProvider(key string) (binding, bool) {
	name := w.provider
	if _, after, ok := strings.Cut(name, ":oidc-provider/"); ok {
		name = after
	}
	claim, ok := strings.CutPrefix(key, fold(name)+":")
	if !ok {
		if key == "aws:federatedprovider" {
			return constant(key, w.provider), true
		}
		return binding{}, false
	}
	b := binding{dim: key, dom: anything(), multi: claim == "amr"}
	switch claim {
	case "sub", "id", "user_id", "email":
		// The policy may name a whole range of subjects that belongs to the
		// owner: a wildcard proves nothing either way.
		b.dom = w.unnamed(key)
		b.dom.absent = false
		var ranges []glob.Pattern
		for _, v := range w.plan.named.values[key] {
			if strings.ContainsAny(v, "*?") && strings.Trim(v, "*?") != "" {
				ranges = append(ranges, glob.Like(v))
			}
		}
		if len(ranges) > 0 {
			loose := b.dom
			narrow := b.dom
			narrow.clauses = append(slices.Clone(narrow.clauses), glob.Clause{Any: ranges, Not: true})
			b.dom, b.loose = narrow, &loose
		}
	}
	return b, true
}

// sampleAddress is the source address that witnesses use where any will do, of
// the range reserved for documentation.
var sampleAddress = netip.MustParseAddr("198.51.100.7")
