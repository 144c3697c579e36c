package awstape

// sharedByPolicyWords are those of the services whose stores are shared by a
// policy: error codes, states, kinds of encryption, operations of grants.
var sharedByPolicyWords = []string{
	"RepositoryPolicyNotFoundException", "PolicyNotFoundException", "ResourceNotFoundException",
	"AWS:SourceOwner", "aws:SourceOwner", "kms:CallerAccount", "kms:ViaService",
	"NONE", "ENABLED", "DISABLED",
	"Enabled", "Disabled", "PendingDeletion", "InProgress", "Locked",
	"Decrypt", "CreateGrant", "GenerateDataKey",
}
