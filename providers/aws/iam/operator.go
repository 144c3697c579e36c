package iam

import "strings"

// family groups condition operators that compare alike.
type family uint8

const (
	familyString family = iota
	familyARN
	familyAddress
	familyNumber
	familyDate
	familyBool
	familyNull
	familyBinary
)

// relation is how a number or date is compared.
type relation uint8

const (
	equal relation = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// quantifier is the set operator before the colon.
type quantifier uint8

const (
	single quantifier = iota
	forAll
	forAny
)

// operator is a condition operator taken apart (IAM User Guide, "IAM JSON
// policy elements: Condition operators").
type operator struct {
	name       string // as written
	family     family
	not        bool // the values exclude instead of include
	wild       bool // '*' and '?' are wildcards
	ignoreCase bool
	relation   relation
	quantifier quantifier
	ifExists   bool
}

var operators = map[string]operator{
	"stringequals":              {family: familyString},
	"stringnotequals":           {family: familyString, not: true},
	"stringequalsignorecase":    {family: familyString, ignoreCase: true},
	"stringnotequalsignorecase": {family: familyString, ignoreCase: true, not: true},
	"stringlike":                {family: familyString, wild: true},
	"stringnotlike":             {family: familyString, wild: true, not: true},
	"arnequals":                 {family: familyARN, wild: true},
	"arnlike":                   {family: familyARN, wild: true},
	"arnnotequals":              {family: familyARN, wild: true, not: true},
	"arnnotlike":                {family: familyARN, wild: true, not: true},
	"ipaddress":                 {family: familyAddress},
	"notipaddress":              {family: familyAddress, not: true},
	"numericequals":             {family: familyNumber},
	"numericnotequals":          {family: familyNumber, not: true},
	"numericlessthan":           {family: familyNumber, relation: less},
	"numericlessthanequals":     {family: familyNumber, relation: lessOrEqual},
	"numericgreaterthan":        {family: familyNumber, relation: greater},
	"numericgreaterthanequals":  {family: familyNumber, relation: greaterOrEqual},
	"dateequals":                {family: familyDate},
	"datenotequals":             {family: familyDate, not: true},
	"datelessthan":              {family: familyDate, relation: less},
	"datelessthanequals":        {family: familyDate, relation: lessOrEqual},
	"dategreaterthan":           {family: familyDate, relation: greater},
	"dategreaterthanequals":     {family: familyDate, relation: greaterOrEqual},
	"bool":                      {family: familyBool, ignoreCase: true},
	"null":                      {family: familyNull, ignoreCase: true},
	"binaryequals":              {family: familyBinary},
}

// parseOperator reads "ForAnyValue:StringLikeIfExists". Operator names match in
// any case.
func parseOperator(name string) (operator, bool) {
	folded := fold(name)
	prefix, rest, qualified := strings.Cut(folded, ":")
	q := single
	if qualified {
		switch prefix {
		case "forallvalues":
			q = forAll
		case "foranyvalue":
			q = forAny
		default:
			return operator{}, false
		}
		folded = rest
	}
	bare, ifExists := strings.CutSuffix(folded, "ifexists")
	op, known := operators[bare]
	if !known || ifExists && op.family == familyNull {
		return operator{}, false
	}
	op.name, op.quantifier, op.ifExists = name, q, ifExists
	return op, true
}

// whenAbsent is what the operator answers for a key that the request lacks:
// negated operators match, positive ones do not, IfExists always does, and a
// set operator decides by itself. Whether IfExists rescues ForAnyValue is
// documented nowhere and disputed, so that answer is not certain.
func (o operator) whenAbsent() (matches, certain bool) {
	switch {
	case o.quantifier == forAll:
		return true, true
	case o.quantifier == forAny:
		return false, !o.ifExists
	}
	return o.not || o.ifExists, true
}
