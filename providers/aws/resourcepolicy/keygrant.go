package resourcepolicy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
)

// KeyClient returns the account's KMS client of a region.
func KeyClient(a *account.Account, region string) *kms.Client {
	return account.Shared(a, "kms client "+region, func() *kms.Client { return kms.NewFromConfig(a.Config(region)) })
}

// KeyPolicy returns the text of a key's policy. Every key has one.
func KeyPolicy(ctx context.Context, client *kms.Client, key string) (string, error) {
	answer, err := client.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: aws.String(key), PolicyName: aws.String("default")})
	if err != nil {
		return "", err
	}
	if answer.Policy == nil {
		return "", collect.Malformed(keyPolicyCall, "no policy in it")
	}
	return aws.ToString(answer.Policy), nil
}

// KeyGrant is a grant of a KMS key: leave for one named principal to use it,
// whatever the key's policy says.
//
// Source: AWS Key Management Service Developer Guide, "Grants in AWS KMS".
type KeyGrant struct {
	types.GrantListEntry
	From resource.Evidence
}

// KeyGrants returns the grants of a key.
func KeyGrants(ctx context.Context, client *kms.Client, key string) ([]KeyGrant, error) {
	var all []KeyGrant
	pages := kms.NewListGrantsPaginator(client, &kms.ListGrantsInput{KeyId: aws.String(key)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		if page.Grants == nil {
			return nil, collect.Malformed(keyGrantsCall, "no list of grants in it")
		}
		for i, g := range page.Grants {
			all = append(all, KeyGrant{g, resource.Evidence{Call: keyGrantsCall, Of: key, Pointer: fmt.Sprintf("/Grants/%d", i)}})
		}
	}
	return all, nil
}

// Grantee returns the account that a grant is to, "" for an AWS service. The
// second result is false where that is not known.
//
// A service uses a key for the owner of what is encrypted under it, within the
// constraints that it had put into the grant.
func (g *KeyGrant) Grantee() (string, bool) {
	to := aws.ToString(g.GranteePrincipal)
	// A role, too, may be called something.amazonaws.com.
	service := strings.HasSuffix(to, ".amazonaws.com") && !arn.IsARN(to)
	if service || to == "" && aws.ToString(g.GranteeServicePrincipal) != "" {
		return "", true
	}
	parsed, err := arn.Parse(to)
	return parsed.AccountID, err == nil && parsed.AccountID != ""
}

// countsFor adds a foreign grantee to those whom the key lets have its use, and
// reports whether the grant is understood.
func (g *KeyGrant) countsFor(u *use, owner string) bool {
	for _, operation := range g.Operations {
		if !slices.Contains(operation.Values(), operation) {
			return false
		}
	}
	if !slices.Contains(g.Operations, types.GrantOperation(u.operation)) {
		return len(g.Operations) > 0
	}
	id, known := g.Grantee()
	if known && id != "" && id != owner {
		u.names = append(u.names, id)
	}
	return known
}

// Outside returns what the grant lets somebody do from outside the account, and
// the gap of a grant that is not understood. Both are nil for the owner's own.
func (g *KeyGrant) Outside(owner string, via resource.Channel) (*resource.Grant, *resource.Gap) {
	id, known := g.Grantee()
	var actions []string
	for _, operation := range g.Operations {
		actions = append(actions, "kms:"+string(operation))
	}
	can := Able(operationAbility, actions)
	switch {
	case !known:
		return nil, &resource.Gap{
			Call: keyGrantsCall, Permission: keyGrantsCall, Reason: resource.Undecided,
			Detail: g.From.Pointer + " is to a principal that is no ARN: whose it is is not known",
			Hides:  []resource.Hidden{{Via: via, To: resource.Outsiders(), Can: can}},
		}
	case id == "" || id == owner:
		return nil, nil
	case len(can) == 0:
		return nil, &resource.Gap{
			Call: keyGrantsCall, Permission: keyGrantsCall, Reason: resource.Malformed, Detail: g.From.Pointer + " names no operation",
			Hides: []resource.Hidden{{Via: via, To: resource.Outsiders(id)}},
		}
	}
	from := g.From
	from.Quote = fmt.Sprintf("%s to %s", summary(actions), aws.ToString(g.GranteePrincipal))
	to := &resource.Grant{To: resource.Outsiders(id), Can: can, Via: via, Because: []resource.Evidence{from}}
	if g.Constraints != nil {
		to.Note = "within the constraints of the grant"
	}
	return to, nil
}

// operationAbility is the ability of a grant's operation. One that is not known
// may be anything.
func operationAbility(name string) resource.Action {
	if a, ok := services["kms"].able[name]; ok {
		return a
	}
	return resource.AnyAction
}
