package awstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v4"
)

// policy is a resource policy's text, byte for byte as the API returns it.
//
// In YAML it is a mapping, which is rendered as JSON with its keys in order, or
// a string, which is taken as it is: broken JSON is a case worth recording.
type policy struct{ text string }

func (p *policy) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		p.text = n.Value
		return nil
	}
	var out bytes.Buffer
	if err := writeJSON(&out, n); err != nil {
		return err
	}
	p.text = out.String()
	return nil
}

// writeJSON keeps the order of keys, which a detour by way of maps would lose.
func writeJSON(out *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.AliasNode:
		return writeJSON(out, n.Alias)
	case yaml.MappingNode:
		return writeList(out, "{}", n.Content, func(i int) string { return ",:"[i%2 : i%2+1] })
	case yaml.SequenceNode:
		return writeList(out, "[]", n.Content, func(int) string { return "," })
	case yaml.ScalarNode:
		return writeScalar(out, n)
	default:
		return fmt.Errorf("a policy cannot hold YAML of kind %d", n.Kind)
	}
}

func writeList(out *bytes.Buffer, brackets string, items []*yaml.Node, separator func(int) string) error {
	out.WriteByte(brackets[0])
	for i, item := range items {
		if i > 0 {
			out.WriteString(separator(i))
		}
		if err := writeJSON(out, item); err != nil {
			return err
		}
	}
	out.WriteByte(brackets[1])
	return nil
}

// writeScalar leaves dates alone: `Version: 2012-10-17` is a string to IAM and
// a timestamp to YAML.
func writeScalar(out *bytes.Buffer, n *yaml.Node) error {
	switch n.ShortTag() {
	case "!!bool", "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			out.WriteString(n.Value)
			return nil
		}
	case "!!null":
		out.WriteString("null")
		return nil
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(n.Value); err != nil {
		return err
	}
	out.Truncate(out.Len() - 1) // the newline Encode adds
	return nil
}

// isPublic is AWS's own notion of a public policy, the one that decides whether
// RestrictPublicBuckets bites and that the PolicyStatus calls report: any
// allowing statement that is open to more than fixed principals, networks or
// organisations. It is a model of the documented rule, made to be plausible; a
// world overrules it with policy_is_public.
func (p *policy) isPublic(overruled *bool, isBucket bool) bool {
	if overruled != nil {
		return *overruled
	}
	var document struct{ Statement statements }
	if err := json.Unmarshal([]byte(p.text), &document); err != nil {
		return true
	}
	for _, s := range document.Statement {
		if s.Effect == "Allow" && !s.namesItsPrincipals() && !s.isLimited(isBucket) {
			return true
		}
	}
	return false
}

type statement struct {
	Effect    string
	Principal any
	Condition map[string]map[string]any
}

// statements reads the one statement that IAM allows to stand without a list.
type statements []statement

func (s *statements) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		*s = make(statements, 1)
		return json.Unmarshal(text, &(*s)[0])
	}
	type plain statements
	return json.Unmarshal(text, (*plain)(s))
}

func (s statement) namesItsPrincipals() bool {
	kinds, ok := s.Principal.(map[string]any)
	if !ok {
		return false // "*", or a NotPrincipal
	}
	for kind, value := range kinds {
		for _, v := range words(value) {
			if strings.Contains(v, "*") || kind == "Federated" && !strings.HasPrefix(v, "arn:") {
				return false
			}
		}
	}
	return true
}

// limitingKeys are the condition keys that AWS counts as a limit when they are
// compared with fixed values.
var limitingKeys = map[string]bool{
	"aws:sourceip": true, "aws:sourcearn": true, "aws:sourcevpc": true, "aws:sourcevpce": true,
	"aws:sourceowner": true, "aws:sourceaccount": true, "aws:userid": true, "aws:sourcevpcarn": true,
	"aws:principalorgid": true, "aws:principalorgpaths": true, "aws:principalaccount": true,
	"aws:principalarn": true, "aws:principalisawsservice": true, "aws:principalservicename": true,
	"aws:vpceaccount": true, "aws:vpceorgid": true, "aws:vpceorgpaths": true,
	"s3:x-amz-server-side-encryption-aws-kms-key-id": true,
	"s3:dataaccesspointarn":                          true, "s3:dataaccesspointaccount": true,
}

var limitingOperators = map[string]bool{
	"stringequals": true, "stringequalsignorecase": true, "stringlike": true,
	"arnequals": true, "arnlike": true, "ipaddress": true, "bool": true,
}

func (s statement) isLimited(isBucket bool) bool {
	for operator, keys := range s.Condition {
		operator = strings.TrimPrefix(strings.ToLower(operator), "foranyvalue:")
		if !limitingOperators[operator] {
			continue
		}
		for key, value := range keys {
			if limits(strings.ToLower(key), words(value), isBucket) {
				return true
			}
		}
	}
	return false
}

func limits(key string, values []string, isBucket bool) bool {
	if !limitingKeys[key] || key == "s3:dataaccesspointarn" && !isBucket {
		return false
	}
	for _, v := range values {
		switch {
		case key == "aws:sourceip":
			if isBroad(v) {
				return false
			}
		case key == "s3:dataaccesspointarn":
			// The name may be a pattern so long as the account is fixed.
			v, _, _ = strings.Cut(v, ":accesspoint/")
			fallthrough
		default:
			if strings.ContainsAny(v, "*?$") {
				return false
			}
		}
	}
	return true
}

// isBroad: wider than an IPv4 /8 or an IPv6 /32. Private ranges never are.
func isBroad(cidr string) bool {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		_, err = netip.ParseAddr(cidr)
		return err != nil
	}
	if p.Addr().Is4() {
		return p.Bits() < 8
	}
	return p.Bits() < 32
}

// words reads IAM's "a string or a list of strings".
func words(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]string, 0, len(list))
	for _, item := range list {
		out = append(out, fmt.Sprint(item))
	}
	return out
}
