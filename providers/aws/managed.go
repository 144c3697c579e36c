package aws

import (
	_ "embed" // the table of managed.tsv
	"fmt"
	"path"
	"strings"
	"sync"
)

// callerIdentity needs no permission: AWS answers it to every identity, also to
// one that a policy denies it.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
const callerIdentity = "sts:GetCallerIdentity"

// ManagedPolicy is what one version of a policy that AWS maintains allows of the
// actions that reading configuration needs.
type ManagedPolicy struct {
	// Name is "SecurityAudit", Version "v92", and Date the day of that version.
	Name, Version, Date string
	actions             map[string]bool // by action or family, in lower case
}

//go:embed managed.tsv
var managedTable string

var managed = sync.OnceValue(func() []ManagedPolicy { return parseManaged(managedTable) })

// ManagedPolicies returns the managed policies that are known, the narrowest
// first.
func ManagedPolicies() []ManagedPolicy { return managed() }

// Known reports whether the table says anything about an action.
func (m ManagedPolicy) Known(action string) bool {
	_, exact := m.actions[strings.ToLower(action)]
	return exact || m.Grants(action)
}

// Grants reports whether the policy is known to allow an action. Names of
// actions are compared as IAM does, whatever their case.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
func (m ManagedPolicy) Grants(action string) bool {
	action = strings.ToLower(action)
	for family, all := range m.actions {
		if matched, _ := path.Match(family, action); all && matched {
			return true
		}
	}
	return false
}

// parseManaged reads the table that the program was built with: what is wrong
// with it is a defect of the program.
func parseManaged(table string) []ManagedPolicy {
	var policies []ManagedPolicy
	head := false
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		if words, ok := strings.CutPrefix(line, "# policy "); ok {
			m := ManagedPolicy{actions: make(map[string]bool)}
			if n, err := fmt.Sscan(words, &m.Name, &m.Version, &m.Date); n != 3 {
				panic(fmt.Sprintf("managed.tsv: %q: %v", line, err))
			}
			policies = append(policies, m)
			continue
		}
		cells := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(cells) != len(policies)+1 {
			panic(fmt.Sprintf("managed.tsv: %q has %d columns", line, len(cells)))
		}
		for i, cell := range cells[1:] {
			switch {
			case !head && cell != policies[i].Name:
				panic(fmt.Sprintf("managed.tsv: column %s is not %s", cell, policies[i].Name))
			case head && cell != "Y" && cell != "-":
				panic(fmt.Sprintf("managed.tsv: %q is neither Y nor -", cell))
			case head:
				policies[i].actions[strings.ToLower(cells[0])] = cell == "Y"
			}
		}
		head = true
	}
	return policies
}
