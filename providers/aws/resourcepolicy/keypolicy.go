package resourcepolicy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
)

// Undecrypted is where grants go whose audience may not use the key.
const Undecrypted resource.Channel = "undecrypted"

// Key is the customer managed KMS key under which a store is encrypted: an
// outsider whom the store's policy lets in must be let in by the key as well,
// by its policy or by a grant.
//
// Source: AWS Secrets Manager User Guide, "Access AWS Secrets Manager secrets
// from a different account".
type Key struct {
	Account *account.Account
	Region  string
	// Named is the key as the store names it: an ARN, an id or an alias.
	Named string

	id    string
	uses  []*use
	ready bool // the policy was read, and grants can still decide
}

// use is what an ability takes of the key, and whom the key lets have it.
type use struct {
	ability   resource.Action
	operation string
	all       bool     // every AWS account
	names     []string // outsiders whom the owner named
	because   []resource.Evidence
}

const (
	keyPolicyCall   = "kms:GetKeyPolicy"
	keyGrantsCall   = "kms:ListGrants"
	describeKeyCall = "kms:DescribeKey"
)

// name is what an owner calls the key's part in it.
func (u *use) name() string { return "policy and grants of the KMS key (kms:" + u.operation + ")" }

// AskPolicy asks the key's policy. What it closes may still be open by a grant,
// which is always to a named principal, so it narrows to those.
func (k *Key) AskPolicy(ctx context.Context, r *resource.Resource) error {
	client, err := k.resolve(ctx, r)
	if err != nil || k.id == "" {
		return err
	}
	text, err := KeyPolicy(ctx, client, k.id)
	if err != nil {
		return err
	}
	from := Source{Call: keyPolicyCall, Of: k.id, Pointer: "/Policy"}
	policy, err := Parse(text, from)
	if err != nil {
		return err
	}
	at := Attach(ctx, k.Account, "kms", from, []string{k.arn()})
	k.uses = []*use{{ability: resource.Read, operation: "Decrypt"}, {ability: resource.Write, operation: "GenerateDataKey"}}
	for _, u := range k.uses {
		at.Can = u.only
		judged, err := Judge(policy, at)
		if err != nil {
			return err
		}
		k.close(r, u, judged, from.at("/Statement"))
	}
	return nil
}

// close adds what the key's policy closes of an ability.
func (k *Key) close(r *resource.Resource, u *use, judged Judged, from resource.Evidence) {
	unclear := len(judged.Gaps) > 0
	for _, g := range judged.Grants {
		unclear = !u.count(g) || unclear
	}
	switch {
	case u.all:
	case unclear:
		// Somebody unnamed gets through by some way: it is not known whether
		// that is who gets through the store's policy.
		u.all = true
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: keyPolicyCall, Reason: resource.Undecided,
			Detail:  "it cannot be decided whether those whom the store's policy lets in may use its KMS key " + k.id,
			Shields: []resource.Shield{{On: []resource.Channel{Policy}, Can: []resource.Action{u.ability}, Cap: resource.Nobody}},
		})
	default:
		k.ready = true
		u.because = append(judged.Closed, from)
		r.Guards = append(r.Guards, u.guard(resource.Outsiders(u.names...)))
	}
}

// only leaves of a set of actions what the ability takes.
func (u *use) only(actions []string) []resource.Action {
	if slices.Contains(actions, "kms:"+u.operation) {
		return []resource.Action{u.ability}
	}
	return nil
}

// count notes whom a grant of the key lets in, and reports whether it is one of
// the audiences that can be compared.
func (u *use) count(g resource.Grant) bool {
	switch {
	case g.To.Reach == resource.ReachPrivate:
	case resource.AnyTenant.Within(g.To):
		u.all = true
	case g.To.Credential == resource.CredentialNamed && !slices.ContainsFunc(g.To.Named, isOrganisation):
		u.names = append(u.names, g.To.Named...)
	default:
		return false
	}
	return true
}

func isOrganisation(name string) bool { return strings.HasPrefix(name, "o-") }

func (u *use) guard(to resource.Audience) resource.Guard {
	return resource.Guard{Name: u.name(), On: []resource.Channel{Policy}, Can: []resource.Action{u.ability}, Cap: to, Because: u.because}
}

// AskGrants asks the key's grants, after its policy: beside those whom these
// name, nobody can do with the store what takes the key.
func (k *Key) AskGrants(ctx context.Context, r *resource.Resource) error {
	if !k.ready {
		return nil
	}
	answers, err := KeyGrants(ctx, k.client(), k.id)
	if err != nil {
		return err
	}
	for _, u := range k.uses {
		if u.all {
			continue
		}
		unclear := slices.ContainsFunc(answers, func(g KeyGrant) bool { return !g.countsFor(u, k.Account.ID) })
		if unclear {
			gap := resource.Gap{
				Call: keyGrantsCall, Reason: resource.Undecided, Detail: "a grant of the KMS key names a principal that is no ARN, or an operation that is not known",
				Shields: []resource.Shield{{On: []resource.Channel{Policy}, Can: []resource.Action{u.ability}, Cap: resource.Nobody}},
			}
			r.Gaps = append(r.Gaps, gap)
			continue
		}
		u.because = append(u.because, resource.Evidence{Call: keyGrantsCall, Of: k.id, Pointer: "/Grants"})
		u.settle(r)
	}
	return nil
}

// settle closes the ability for everybody whom the key does not name.
func (u *use) settle(r *resource.Resource) {
	limit := resource.Nobody
	if len(u.names) > 0 {
		limit = resource.Outsiders(u.names...)
	}
	for i := range r.Guards {
		if g := &r.Guards[i]; g.Name == u.name() {
			g.Cap, g.Because = limit, u.because
		}
	}
	if len(u.names) > 0 {
		u.part(r)
	}
}

// part takes the ability out of the grants to outsiders whom the key does not
// name: an audience has no word for "somebody else whom the owner named".
func (u *use) part(r *resource.Resource) {
	var parted []resource.Grant
	for i := range r.Grants {
		g := &r.Grants[i]
		if g.Via != Policy || g.To.Credential != resource.CredentialNamed || !slices.Contains(g.Can, u.ability) {
			continue
		}
		if slices.ContainsFunc(g.To.Named, func(name string) bool { return isOrganisation(name) || slices.Contains(u.names, name) }) {
			continue
		}
		sealed := *g
		sealed.Via, sealed.Can = Undecrypted, []resource.Action{u.ability}
		g.Can = slices.DeleteFunc(slices.Clone(g.Can), func(a resource.Action) bool { return a == u.ability })
		parted = append(parted, sealed)
	}
	if len(parted) == 0 {
		return
	}
	r.Grants = append(slices.DeleteFunc(r.Grants, func(g resource.Grant) bool { return len(g.Can) == 0 }), parted...)
	shut := u.guard(resource.Nobody)
	shut.On = []resource.Channel{Undecrypted}
	r.Guards = append(r.Guards, shut)
}

// Moot reports whether the key's grants can close nothing any more.
func (k *Key) Moot() bool { return len(k.uses) > 0 && !k.ready }

// resolve finds the key's id. An alias takes a call of its own; its refusal is
// a gap, and the id stays empty.
func (k *Key) resolve(ctx context.Context, r *resource.Resource) (*kms.Client, error) {
	named := k.Named
	if strings.HasPrefix(named, "alias/") || strings.Contains(named, ":alias/") {
		answer, err := k.client().DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(named)})
		if err == nil && (answer.KeyMetadata == nil || aws.ToString(answer.KeyMetadata.Arn) == "") {
			err = collect.Malformed(describeKeyCall, "no key in it")
		}
		if err != nil {
			gap, err := Unread(err, describeKeyCall, describeKeyCall)
			gap.Shields = []resource.Shield{{On: []resource.Channel{Policy}, Can: Keyed, Cap: resource.Nobody}}
			r.Gaps = append(r.Gaps, gap)
			return nil, err
		}
		named = aws.ToString(answer.KeyMetadata.Arn)
	}
	k.id = named
	if !arn.IsARN(named) {
		return k.client(), nil
	}
	parsed, err := arn.Parse(named)
	if err != nil {
		return nil, collect.Malformed(describeKeyCall, "key ARN %q: %w", named, err)
	}
	if parsed.AccountID != k.Account.ID {
		k.id = ""
		return nil, fmt.Errorf("read the policy of the KMS key %s: it belongs to account %s", named, parsed.AccountID)
	}
	k.Region, k.id = parsed.Region, strings.TrimPrefix(parsed.Resource, "key/")
	return k.client(), nil
}

func (k *Key) arn() string {
	return "arn:" + k.Account.Partition + ":kms:" + k.Region + ":" + k.Account.ID + ":key/" + k.id
}

func (k *Key) client() *kms.Client { return KeyClient(k.Account, k.Region) }
