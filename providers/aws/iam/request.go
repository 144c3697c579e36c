package iam

import (
	"strings"
	"unicode"
)

// Principal is who sends a request.
type Principal struct {
	// Kind is "anonymous", "aws", "service", "federated" or "canonical".
	Kind string
	// ID is the ARN of a user, role or account root, the name of a service, the
	// name or ARN of an identity provider, or a canonical user id.
	ID string
}

// Request is one concrete request. Context holds the condition keys it
// carries. The keys that follow from the principal itself, such as
// aws:PrincipalArn, need not be given.
type Request struct {
	Principal Principal
	Action    string
	Resource  string
	Context   map[string][]string
}

// values returns what the request has for a key, given in lower case. A key
// without values is as good as absent.
func (e *evaluation) values(key string) []string {
	if v := e.request.Principal.tells(key); v != "" {
		return []string{v}
	}
	for name, values := range e.request.Context {
		if isNamed(name, key) && len(values) > 0 {
			return values
		}
	}
	return nil
}

// isNamed reports whether a key that is written in any case is one in lower case.
func isNamed(name, key string) bool {
	if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		return strings.ToLower(name) == key
	}
	return len(name) == len(key) && strings.EqualFold(name, key)
}

// tells returns the value of a key that follows from the principal, "" for any
// other.
func (p Principal) tells(key string) string {
	switch p.Kind {
	case "anonymous":
		switch key {
		case "aws:principalaccount", "aws:userid":
			return "anonymous"
		case "aws:principaltype":
			return "Anonymous"
		}
	case "service":
		switch key {
		case "aws:principalisawsservice":
			return "true"
		case "aws:principalservicename", "aws:principalservicenameslist":
			return p.ID
		}
	case "federated":
		switch key {
		case "aws:federatedprovider":
			return p.ID
		case "aws:principalisawsservice":
			return "false"
		}
	case "aws":
		return p.tellsOfCaller(key)
	}
	return ""
}

// tellsOfCaller is tells for a user, role or account, whose ARN tells the rest.
func (p Principal) tellsOfCaller(key string) string {
	switch key {
	case "aws:principalisawsservice":
		return "false"
	case "aws:principalarn":
		return p.ID
	case "aws:principalaccount", "kms:calleraccount", "aws:principaltype", "aws:username":
	default:
		return ""
	}
	parts := strings.SplitN(p.ID, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	account, resource := parts[4], parts[5]
	switch key {
	case "aws:principaltype":
		return typeOf(resource)
	case "aws:username":
		name, isUser := strings.CutPrefix(resource, "user/")
		if !isUser {
			return ""
		}
		return name[strings.LastIndex(name, "/")+1:]
	}
	return account
}

func typeOf(resource string) string {
	switch kind, _, _ := strings.Cut(resource, "/"); kind {
	case "root":
		return "Account"
	case "user":
		return "User"
	case "federated-user":
		return "FederatedUser"
	}
	return "AssumedRole"
}

// manyValued reports whether a key holds a set of values, also when that has one
// element: a key of type ArrayOf in the Service Authorization Reference, or
// multivalued in the IAM User Guide, "AWS global condition context keys".
func manyValued(key string) bool {
	switch service, name, _ := strings.Cut(key, ":"); service {
	case "aws":
		switch name {
		case "tagkeys", "calledvia", "principalorgpaths", "vpceorgpaths", "sourceorgpaths", "resourceorgpaths", "principalservicenameslist":
			return true
		}
	case "s3", "s3express":
		return name == "requestobjecttagkeys" || name == "inventoryaccessibleoptionalfields" || name == "permissions"
	case "kms":
		return name == "encryptioncontextkeys" || name == "grantoperations" || name == "resourcealiases"
	case "dynamodb":
		return name == "attributes" || name == "leadingkeys" || name == "fistargetarns" || strings.HasSuffix(name, "partitionkeyvalues")
	case "kinesis":
		return name == "fistargetarns"
	case "lambda":
		return name == "layer" || name == "subnetids" || name == "securitygroupids"
	case "backup":
		return name == "frameworkarns" || name == "copytargets" || name == "copytargetorgpaths"
	case "secretsmanager":
		return name == "addreplicaregions"
	case "sts":
		return name == "transitivetagkeys" || name == "requestcontextproviders" || name == "identitytokenaudience"
	}
	return false
}
