// Package backupvault collects AWS Backup vaults: a vault's policy can let other
// accounts copy backups into it. kind.yaml declares every call.
package backupvault

import (
	"context"
	_ "embed"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkarn "github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/backup/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.backup.vault.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall   = "backup:ListBackupVaults"
	policyCall = "backup:GetBackupVaultAccessPolicy"
)

type vaults struct {
	resourcepolicy.Service
	client *backup.Client
}

// New returns the collector of an account's backup vaults in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	v := &vaults{client: backup.NewFromConfig(a.Config(scope.Region))}
	v.Service = resourcepolicy.Service{
		Kind: Kind, Account: a, Scope: scope, Prefix: "backup", List: v.list,
		Call: policyCall, Pointer: "/Policy", Read: v.read, Of: func(r *resource.Resource) string { return r.Name },
		// It says the same of a vault that is gone: nobody gets into that either.
		None: []string{"ResourceNotFoundException"},
	}
	return resourcepolicy.New(v.Service)
}

func (v *vaults) list(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return account.List(ctx, backup.NewListBackupVaultsPaginator(v.client, nil), entries, v.describe)
}

func entries(page *backup.ListBackupVaultsOutput) ([]types.BackupVaultListMember, error) {
	if page.BackupVaultList == nil {
		return nil, collect.Malformed(listCall, "no list of vaults in it")
	}
	return page.BackupVaultList, nil
}

// describe passes over vaults that another account shares with this one: they
// are that account's to audit.
func (v *vaults) describe(found *types.BackupVaultListMember) *resource.Resource {
	name, id := aws.ToString(found.BackupVaultName), aws.ToString(found.BackupVaultArn)
	if id == "" {
		id = v.ARN("backup-vault:" + name)
	}
	if parsed, err := sdkarn.Parse(id); err == nil && parsed.AccountID != v.Account.ID {
		return nil
	}
	r := v.Resource(name, id)
	r.Created = aws.ToTime(found.CreationDate)
	r.Set("locked", aws.ToBool(found.Locked), v.Listed("/BackupVaultList", name, ""))
	r.Set("kms_key", aws.ToString(found.EncryptionKeyArn), v.Listed("/BackupVaultList", name, aws.ToString(found.EncryptionKeyArn)))
	return r
}

func (v *vaults) read(ctx context.Context, name string) (*string, error) {
	answer, err := v.client.GetBackupVaultAccessPolicy(ctx, &backup.GetBackupVaultAccessPolicyInput{BackupVaultName: aws.String(name)})
	if err != nil {
		return nil, err
	}
	if answer.Policy == nil {
		return nil, collect.Malformed(policyCall, "no policy in it")
	}
	return answer.Policy, nil
}
