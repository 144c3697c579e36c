package storageaccount

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

// unsupported reports whether a refusal says that an account of this kind has no
// such service, and so nothing of it.
//
// Source: https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
// (FeatureNotSupportedForAccount)
func unsupported(err error) bool {
	return err != nil && arm.Code(err) == "FeatureNotSupportedForAccount"
}

// lacks is the evidence of that, and notes it.
func (a *account) lacks(r *resource.Resource, call string, err error) resource.Evidence {
	r.Notes = append(r.Notes, "it has no such service: "+call)
	return resource.Evidence{Call: call, Of: string(r.ID), Pointer: "/error/code", Quote: arm.Code(err)}
}

func (a *account) none(r *resource.Resource, call string, err error, keys ...string) {
	because := a.lacks(r, call, err)
	for _, key := range keys {
		r.Set(key, float64(0), because)
	}
}

// replication asks for accounts of other tenants that get copies. A policy of
// which this account is the destination brings blobs in, and lets nobody have any.
//
// Source: https://learn.microsoft.com/rest/api/storagerp/object-replication-policies/list
func (a *account) replication() *collect.Question {
	return Kind.Question(replicationCall, func(ctx context.Context, r *resource.Resource) error {
		targets := []string{}
		var foreign, maybe []string
		for item, err := range a.client.List(ctx, replicationCall, a.id.Values()...) {
			switch {
			case unsupported(err):
				r.Set("replication_targets", []string{}, a.lacks(r, replicationCall, err))
				return nil
			case err != nil:
				return arm.FailedOf(replicationCall, a.id, err)
			}
			var p struct {
				Source      *string `json:"sourceAccount"`
				Destination *string `json:"destinationAccount"`
			}
			if item.Record().Into(&p) != nil || p.Destination == nil {
				maybe = append(maybe, "a policy that cannot be read")
				continue
			}
			if a.is(*p.Destination) && (p.Source == nil || !a.is(*p.Source)) {
				continue
			}
			name := firewall.Quote(*p.Destination)
			targets = append(targets, name)
			switch own, known := a.owns(*p.Destination); {
			case !known:
				maybe = append(maybe, name)
			case !own:
				foreign = append(foreign, name)
			}
		}
		a.addReplication(r, targets, foreign, maybe)
		return nil
	})
}

func (a *account) addReplication(r *resource.Resource, targets, foreign, maybe []string) {
	because := resource.Evidence{
		Call: replicationCall, Of: string(r.ID), Pointer: "/value", Quote: "destinations: " + strings.Join(firewall.Names(targets), ", "),
	}
	can := []resource.Action{resource.Read}
	if !slices.Contains(maybe, "a policy that cannot be read") {
		slices.Sort(targets)
		r.Set("replication_targets", slices.Compact(targets), because)
	}
	if len(foreign) > 0 {
		r.Grants = append(r.Grants, resource.Grant{
			To: resource.Outsiders(firewall.Names(foreign)...), Can: can, Via: replicationChannel, Because: []resource.Evidence{because},
			Note: "new blobs are copied there",
		})
	}
	if len(maybe) > 0 {
		named := firewall.Names(maybe)
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: replicationCall, Permission: permission(replicationCall), Reason: resource.Undecided,
			Detail: "whether accounts that get copies belong to another tenant is not known: " + strings.Join(named, ", "),
			Hides:  []resource.Hidden{{Via: replicationChannel, To: resource.Outsiders(named...), Can: can}},
		})
	}
}

// is reports whether a policy speaks of this account, by name or by id.
func (a *account) is(name string) bool {
	return strings.EqualFold(name, a.id.Name()) || arm.Key(name) == arm.Key(a.id.String())
}

// owns reports whether an account that a policy names is of the same tenant. A
// bare name does not say.
func (a *account) owns(name string) (own, known bool) {
	id, err := arm.ParseID(name, resourceType)
	if err != nil {
		return false, false
	}
	return a.client.Own(a.id.Subscription, id.Subscription)
}

// askUsers asks for users of the account's own, who log in by SFTP with a key or a
// password.
//
// Source: https://learn.microsoft.com/rest/api/storagerp/local-users/list
func (a *account) askUsers(ctx context.Context, r *resource.Resource) error {
	var passwords int
	users, err := a.count(ctx, r, usersCall, func(raw arm.Record) error {
		var p struct {
			Password *bool `json:"hasSshPassword"`
		}
		if err := raw.Into(&p); err != nil {
			return err
		}
		if p.Password != nil && *p.Password {
			passwords++
		}
		return nil
	})
	return a.set(r, usersCall, err, map[string]int{"local_users": users, "password_users": passwords})
}

// identifiers are stored access policies, which signatures refer to.
type identifiers struct {
	Signed []json.RawMessage `json:"signedIdentifiers"`
}

// askTables asks for tables.
//
// Source: https://learn.microsoft.com/rest/api/storagerp/table/list
func (a *account) askTables(ctx context.Context, r *resource.Resource) error {
	var policies int
	tables, err := a.count(ctx, r, tablesCall, func(raw arm.Record) error {
		var p identifiers
		if err := raw.Into(&p); err != nil {
			return err
		}
		policies += len(p.Signed)
		return nil
	})
	return a.set(r, tablesCall, err, map[string]int{"tables": tables, "table_access_policies": policies})
}

// askQueues asks for queues.
//
// Source: https://learn.microsoft.com/rest/api/storagerp/queue/list
func (a *account) askQueues(ctx context.Context, r *resource.Resource) error {
	queues, err := a.count(ctx, r, queuesCall, func(arm.Record) error { return nil })
	return a.set(r, queuesCall, err, map[string]int{"queues": queues})
}

// count reads a listing of what is in the account. What cannot be read in it makes
// the whole unread: a count that leaves something out is none.
func (a *account) count(ctx context.Context, r *resource.Resource, call string, read func(arm.Record) error) (n int, err error) {
	for item, err := range a.client.List(ctx, call, a.id.Values()...) {
		if err != nil {
			return 0, err
		}
		record := item.Record()
		if record.Name == "" {
			return 0, collect.Malformed(call, "an entry without a name")
		}
		if err := read(record); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

func (a *account) set(r *resource.Resource, call string, err error, counts map[string]int) error {
	because := resource.Evidence{Call: call, Of: string(r.ID), Pointer: "/value"}
	switch {
	case unsupported(err):
		because = a.lacks(r, call, err)
	case err != nil:
		return arm.FailedOf(call, a.id, err)
	}
	for key, n := range counts {
		r.Set(key, float64(n), because)
	}
	return nil
}
