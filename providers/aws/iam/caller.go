package iam

import (
	"slices"
	"strings"

	"github.com/andon-audit/andon/providers/aws/iam/glob"
)

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

const notColon = glob.Any &^ glob.Colon

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
// federated users, in an account that the policy does not name. Many worlds are
// about one account, so the plan remembers it.
func (w *world) principals() domain {
	sample := w.samplePrincipal()
	for _, known := range w.plan.principals {
		if known.samples[0] == sample {
			return known
		}
	}
	d := w.callerARNs(sample)
	w.plan.principals = append(w.plan.principals, d)
	return d
}

func (w *world) callerARNs(sample string) domain {
	d := domain{present: true, clauses: []glob.Clause{{Any: w.arns("root", "user/*", "role/*", "federated-user/*")}}}
	if named := w.plan.strangers; w.account == "" && len(named) > 0 {
		d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	}
	head, _ := strings.CutSuffix(sample, "user/stranger")
	d.samples = []string{sample, head + "role/stranger", head + "root"}
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
