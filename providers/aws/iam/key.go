package iam

import (
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/glob"
	"github.com/andon-audit/andon/providers/aws/iam/interval"
)

// kind is the type of value that a condition key has in requests.
type kind uint8

const (
	kindText kind = iota
	kindAddress
	kindNumber
	kindTime
)

// Numbers are compared in fixed point. Times count microseconds, so that every
// year a policy can write fits.
const (
	microseconds = 1_000_000
	tenths       = 10
)

// domain is what a key can be in the requests of one world.
type domain struct {
	absent  bool // the request may lack the key
	present bool // the request may have it
	clauses []glob.Clause
	samples []string
	addrs   netset.Set
	numbers interval.Set
}

// binding says how a condition key is decided in one world.
type binding struct {
	key   string
	dim   string // keys that tell of the same thing share a dimension
	kind  kind
	scale int64
	multi bool // the request holds a set of values
	plain bool // a set in principle that has one value in these requests
	dom   domain
	loose *domain // the widest reading where dom is the narrowest
	// lift turns a pattern for the key into patterns for the dimension.
	lift func(glob.Pattern) []glob.Pattern
	// lacking are the values of the dimension for which the key is absent.
	lacking []glob.Pattern
	// constant is the only value, "" when there are more.
	constant string
	// unknown marks a fact about the resource that nobody told.
	unknown bool
}

// origin says who decides about a key's value.
type origin uint8

const (
	fromRequest  origin = iota // whoever sends the request, signed or not
	fromSigner                 // a caller with credentials; unsigned requests lack it
	fromStranger               // bound to the caller: absent, or a value that the policy does not name
	fromResource               // a fact about the audited resource
	fromNobody                 // never in a stranger's request
)

// keySpec describes a key that needs no more than its origin and type. The facts
// are those of the IAM User Guide, "AWS global condition context keys", and of
// the services' pages in the Service Authorization Reference.
type keySpec struct {
	origin origin
	kind   kind
	multi  bool
	bool   bool
	scale  int64
	always bool // in every request of those who decide about it
}

var keys = map[string]keySpec{
	"aws:securetransport":                      {origin: fromRequest, bool: true, always: true},
	"aws:referer":                              {origin: fromRequest},
	"aws:useragent":                            {origin: fromRequest},
	"aws:tagkeys":                              {origin: fromRequest, multi: true},
	"aws:viaawsservice":                        {origin: fromSigner, bool: true},
	"aws:viaawsmcpservice":                     {origin: fromSigner, bool: true},
	"aws:ismcpserviceaction":                   {origin: fromResource},
	"aws:calledvia":                            {origin: fromSigner, multi: true},
	"aws:calledviafirst":                       {origin: fromSigner},
	"aws:calledvialast":                        {origin: fromSigner},
	"aws:calledviaawsmcp":                      {origin: fromSigner},
	"aws:sourceidentity":                       {origin: fromSigner},
	"aws:assumedroot":                          {origin: fromSigner, bool: true},
	"aws:tokenissuetime":                       {origin: fromSigner, kind: kindTime, scale: microseconds},
	"aws:multifactorauthpresent":               {origin: fromSigner, bool: true},
	"aws:multifactorauthage":                   {origin: fromSigner, kind: kindNumber},
	"aws:federatedprovider":                    {origin: fromSigner},
	"aws:ec2instancesourcevpc":                 {origin: fromStranger},
	"aws:chatbotsourcearn":                     {origin: fromStranger},
	"ec2:sourceinstancearn":                    {origin: fromStranger},
	"lambda:sourcefunctionarn":                 {origin: fromStranger},
	"glue:roleassumedby":                       {origin: fromStranger},
	"glue:credentialissuingservice":            {origin: fromStranger},
	"ssm:sourceinstancearn":                    {origin: fromStranger},
	"identitystore:userid":                     {origin: fromStranger},
	"codebuild:projectarn":                     {origin: fromStranger},
	"aws:resourceorgpaths":                     {origin: fromResource, multi: true},
	"aws:requestedregion":                      {origin: fromResource},
	"s3:authtype":                              {origin: fromSigner},
	"s3:signatureversion":                      {origin: fromSigner},
	"s3:signatureage":                          {origin: fromSigner, kind: kindNumber},
	"s3:tlsversion":                            {origin: fromRequest, kind: kindNumber, scale: tenths, always: true},
	"s3:resourcearnbeingauthorized":            {origin: fromResource},
	"kms:viaservice":                           {origin: fromSigner},
	"kms:keyspec":                              {origin: fromResource},
	"kms:keyusage":                             {origin: fromResource},
	"kms:keyorigin":                            {origin: fromResource},
	"kms:customermasterkeyspec":                {origin: fromResource},
	"kms:customermasterkeyusage":               {origin: fromResource},
	"kms:expirationmodel":                      {origin: fromResource},
	"kms:multiregion":                          {origin: fromResource},
	"kms:multiregionkeytype":                   {origin: fromResource},
	"kms:primaryregion":                        {origin: fromResource},
	"kms:resourcealiases":                      {origin: fromResource, multi: true},
	"secretsmanager:secretid":                  {origin: fromResource},
	"secretsmanager:secretprimaryregion":       {origin: fromResource},
	"lambda:functionarn":                       {origin: fromResource},
	"lambda:functionurlauthtype":               {origin: fromResource},
	"lambda:invokedviafunctionurl":             {origin: fromRequest, bool: true},
	"elasticfilesystem:accessedviamounttarget": {origin: fromNobody},
	"elasticfilesystem:accesspointarn":         {origin: fromResource},
	"elasticfilesystem:encrypted":              {origin: fromResource},
}

// keyFamilies are keys that end in a name of the caller's or owner's choice.
var keyFamilies = []struct {
	prefix string
	spec   keySpec
}{
	{"aws:principaltag/", keySpec{origin: fromSigner}},
	{"aws:requesttag/", keySpec{origin: fromRequest}},
	{"aws:resourcetag/", keySpec{origin: fromResource}},
	{"s3:existingobjecttag/", keySpec{origin: fromRequest}}, // some object may carry it
	{"s3:requestobjecttag/", keySpec{origin: fromRequest}},
	{"s3:buckettag/", keySpec{origin: fromResource}},
	{"s3:accesspointtag/", keySpec{origin: fromResource}},
	{"kms:encryptioncontext:", keySpec{origin: fromRequest}},
	{"kms:recipientattestation:", keySpec{origin: fromSigner}},
	{"ecr:resourcetag/", keySpec{origin: fromResource}},
	{"secretsmanager:resourcetag/", keySpec{origin: fromResource}},
	{"secretsmanager:resource/", keySpec{origin: fromResource}},
	{"glacier:resourcetag/", keySpec{origin: fromResource}},
}

// lookup returns the spec of a key without a rule of its own. The second
// result is false for keys that nothing is known about.
func (p *plan) lookup(key string) (keySpec, bool) {
	if spec, ok := keys[key]; ok {
		return spec, true
	}
	for _, f := range keyFamilies {
		if strings.HasPrefix(key, f.prefix) {
			return f.spec, true
		}
	}
	if prefix, _, _ := strings.Cut(key, ":"); p.service != nil && prefix == p.target.Service {
		if k, ok := p.service.Key(key); ok {
			return serviceKey(k.Type), true
		}
	}
	return keySpec{}, false
}

// serviceKey is the spec of a service's own key: the parameters of a request,
// which the caller chooses.
func serviceKey(typ string) keySpec {
	spec := keySpec{origin: fromRequest}
	typ, spec.multi = strings.CutPrefix(typ, "ArrayOf")
	switch typ {
	case "Bool":
		spec.bool = true
	case "Numeric":
		spec.kind = kindNumber
	case "Date":
		spec.kind, spec.scale = kindTime, microseconds
	}
	return spec
}

// naturals are the numbers that a request can have: those that JSON keeps exact.
var naturals = interval.Of(0, 1<<53)

// anything is the domain of a key that the caller may set or leave out.
func anything() domain {
	return domain{absent: true, present: true, samples: []string{"x"}, addrs: netset.All(), numbers: naturals}
}

func never() domain { return domain{absent: true} }

func exactly(values ...string) domain {
	d := domain{present: true, samples: values}
	var patterns []glob.Pattern
	for _, v := range values {
		patterns = append(patterns, glob.Literal(v))
	}
	d.clauses = []glob.Clause{{Any: patterns}}
	return d
}

func constant(dim, v string) binding {
	return binding{dim: dim, dom: exactly(v), constant: v}
}

// bind says how a key, given in lower case, is decided in this world.
func (w *world) bind(key string) binding {
	if b, ok := w.bindCaller(key); ok {
		return b
	}
	if b, ok := w.bindNetwork(key); ok {
		return b
	}
	if b, ok := w.bindSource(key); ok {
		return b
	}
	if b, ok := w.bindResource(key); ok {
		return b
	}
	if b, ok := w.bindAccessPoint(key); ok {
		return b
	}
	return w.bindSpec(key)
}

// bindSpec decides a key that needs no more than its origin and type.
func (w *world) bindSpec(key string) binding {
	switch key {
	case "aws:currenttime", "aws:epochtime":
		return binding{dim: dimTime, kind: kindTime, scale: microseconds, dom: domain{present: true, numbers: interval.All()}}
	}
	spec, known := w.plan.lookup(key)
	if !known {
		return bindUnknown(key)
	}
	b := binding{dim: key, kind: spec.kind, multi: spec.multi, scale: max(spec.scale, 1), dom: spec.domain(key)}
	switch spec.origin {
	case fromSigner:
		if w.caller != callerAccount {
			b.dom = never()
		}
	case fromStranger:
		b.dom = never()
		if w.caller == callerAccount {
			b.dom = w.unnamed(key)
		}
	case fromNobody:
		b.dom = never()
	case fromResource:
		b.unknown = true
	}
	if key == "aws:securetransport" && w.caller == callerService {
		b.dom = exactly("true")
	}
	return b
}

// bindUnknown decides a key that nothing is known about. A global key may be new.
// One of another service, or one that the service's reference does not list, is
// not in requests, unless it is newer than the reference.
func bindUnknown(key string) binding {
	if strings.HasPrefix(key, "aws:") {
		return binding{dim: key, dom: anything(), unknown: true}
	}
	loose := anything()
	return binding{dim: key, dom: never(), loose: &loose}
}

// domain is what the key can be where somebody chooses it.
func (spec keySpec) domain(key string) domain {
	d := anything()
	switch {
	case spec.bool:
		d = exactly("true", "false")
	case key == "s3:tlsversion":
		d.numbers = interval.Of(10, 13)
	case spec.kind == kindTime:
		d.numbers = interval.All()
	}
	d.absent = !spec.always
	return d
}

// unnamed is the domain of an identifier that is absent or that the policy does
// not name.
func (w *world) unnamed(key string) domain {
	d := domain{absent: true, present: true, samples: []string{"stranger"}}
	var named []glob.Pattern
	for _, v := range w.plan.named.values[key] {
		if !strings.ContainsAny(v, "*?") {
			named = append(named, glob.Literal(v))
		}
	}
	d.clauses = []glob.Clause{{Any: named, Not: true}}
	return d
}
