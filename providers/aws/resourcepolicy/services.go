package resourcepolicy

import (
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/iam"
)

// Door is whom a service answers, whatever the policies of its stores say.
type Door struct {
	// To is the widest audience that may be answered: where every request must
	// be signed, "*" in a policy means every AWS account and not everybody.
	To resource.Audience
	// Doubt says why it is not certain that requests without a signature are
	// answered; empty where it is.
	Doubt string
	// Note says what else stands in front of the service that its policies do
	// not tell; mostly empty.
	Note string
}

// service is what is known of a service whose stores have resource policies.
type service struct {
	door Door
	// able says what actions let somebody do who is not the owner. An action
	// that is mapped to nothing has no effect for other accounts.
	able map[string]resource.Action
	// only says that able holds all the actions that have an effect for other
	// accounts; else the rest goes by its verb.
	only bool
	// abilities says it instead of able where one action is more than one thing.
	abilities func(actions []string) []resource.Action
}

var (
	unsigned = Door{To: resource.Anyone}
	signed   = Door{To: resource.AnyTenant}
)

// topicDoor is open in the reading of the best practices ("accessible by
// everyone in the world or by any authenticated AWS user") and signed in that of
// the FAQ ("all API calls made to Amazon SNS are validated for the user's AWS Id
// and the signature").
//
// Source: Amazon SNS Developer Guide, "Amazon SNS security best practices";
// Amazon SNS FAQs, "Security".
var topicDoor = Door{
	To:    resource.Anyone,
	Doubt: "it is not documented whether Amazon SNS answers requests without a signature; if it does not, the policy lets in every AWS account and not everybody",
}

// mountDoor is from afar, where every request is signed. From within the network
// a file system answers clients that sign nothing, as its policy lets them.
//
// Source: Amazon EFS User Guide, "Using IAM to control file system data access"
// and "Blocking public access to EFS file systems".
var mountDoor = Door{
	To:   resource.AnyTenant,
	Note: "whoever reaches a mount target needs no signature where the policy asks for none: that is for the network to stop, and no part of this verdict",
}

// services are known by their IAM prefix. A service that is missing here is
// none whose policies are understood.
//
// Source: the services' own documentation of anonymous access; for KMS, Secrets
// Manager, DynamoDB, Kinesis, ECR, Glacier and Backup requests must be signed.
// What actions do: Service Authorization Reference.
var services = map[string]service{
	"execute-api": {door: unsigned}, "ecr-public": {door: unsigned},
	"s3express": {door: signed}, "s3-outposts": {door: signed}, "s3tables": {door: signed}, "s3vectors": {door: signed},
	"lambda": {door: signed}, "events": {door: signed}, "sts": {door: signed}, "logs": {door: signed}, "codeartifact": {door: signed},
	"aoss": {door: signed},

	// What S3 actions let somebody do beside these is told by package s3access.
	//
	// Source: Amazon S3 API Reference, PutBucketPolicy (other accounts get 405),
	// WriteGetObjectResponse (takes a token that only the function has).
	"s3":               {door: unsigned, able: map[string]resource.Action{"GetBucketPolicy": "", "PutBucketPolicy": "", "DeleteBucketPolicy": ""}},
	"s3-object-lambda": {door: signed, able: map[string]resource.Action{"WriteGetObjectResponse": ""}},
	"es":               {door: unsigned, abilities: requests},
	// Source: Amazon EFS User Guide, "Using IAM to control file system data
	// access", section "EFS actions for clients"; Service Authorization
	// Reference, "Actions, resources, and condition keys for Amazon Elastic File
	// System".
	"elasticfilesystem": {door: mountDoor, able: map[string]resource.Action{
		"ClientMount": resource.Read, "ClientWrite": resource.Write, "ClientRootAccess": resource.Write,
		"Backup": resource.Read, "ReplicationRead": resource.Read, "Restore": resource.Write, "ReplicationWrite": resource.Write,
		"DeleteFileSystem": resource.Delete, "DescribeFileSystemPolicy": resource.ReadACL,
		"PutFileSystemPolicy": resource.TakeOver, "DeleteFileSystemPolicy": resource.TakeOver,
	}},
	// Source: Amazon SQS API Reference, "Cross-account permissions don't apply
	// to this action".
	"sqs": {door: unsigned, able: map[string]resource.Action{
		"ReceiveMessage": resource.Read, "SendMessage": resource.Write, "DeleteMessage": resource.Delete, "PurgeQueue": resource.Delete,
		"AddPermission": "", "CreateQueue": "", "DeleteQueue": "", "ListQueueTags": "", "ListQueues": "", "RemovePermission": "",
		"SetQueueAttributes": "", "TagQueue": "", "UntagQueue": "",
	}},
	"sns": {door: topicDoor, able: map[string]resource.Action{
		"Subscribe": resource.Read, "Receive": resource.Read, "Publish": resource.Write, "DeleteTopic": resource.Delete,
		"AddPermission": resource.TakeOver, "RemovePermission": resource.TakeOver, "SetTopicAttributes": resource.TakeOver,
		"ConfirmSubscription": "", // takes a token that only the endpoint has
	}},
	// Source: AWS Secrets Manager User Guide, "Access AWS Secrets Manager secrets
	// from a different account", the operations for which cross-account
	// permission is effective: every one that acts on a secret.
	"secretsmanager": {door: signed, able: map[string]resource.Action{
		"GetSecretValue": resource.Read, "PutSecretValue": resource.Write, "UpdateSecret": resource.Write, "DeleteSecret": resource.Delete,
		"PutResourcePolicy": resource.TakeOver, "DeleteResourcePolicy": resource.TakeOver, "GetResourcePolicy": resource.ReadACL,
		"GetRandomPassword": "", "BatchGetSecretValue": "", "ValidateResourcePolicy": "",
	}},
	// Source: AWS Key Management Service API Reference, "Cross-account use" of
	// each operation.
	"kms": {door: signed, only: true, able: map[string]resource.Action{
		"Decrypt": resource.Read, "ReEncryptFrom": resource.Read, "DeriveSharedSecret": resource.Read, "Decapsulate": resource.Read,
		"Encrypt": resource.Write, "ReEncryptTo": resource.Write, "Encapsulate": resource.Write,
		"GenerateDataKey": resource.Write, "GenerateDataKeyPair": resource.Write, "GenerateDataKeyWithoutPlaintext": resource.Write,
		"GenerateDataKeyPairWithoutPlaintext": resource.Write, "GenerateMac": resource.Write, "Sign": resource.Write,
		"CreateGrant": resource.TakeOver, "RevokeGrant": resource.Configure, "RetireGrant": resource.Configure, "ListGrants": resource.ReadACL,
		"DescribeKey": resource.ReadMeta, "GetKeyRotationStatus": resource.ReadMeta, "GetPublicKey": resource.ReadMeta,
		"Verify": resource.ReadMeta, "VerifyMac": resource.ReadMeta,
	}},
	"ecr": {door: signed, able: map[string]resource.Action{
		"BatchGetImage": resource.Read, "GetDownloadUrlForLayer": resource.Read, "ListImages": resource.List, "DescribeImages": resource.List,
		"PutImage": resource.Write, "InitiateLayerUpload": resource.Write, "UploadLayerPart": resource.Write, "CompleteLayerUpload": resource.Write,
		"ReplicateImage": resource.Write, "BatchImportUpstreamImage": resource.Write,
		"BatchDeleteImage": resource.Delete, "DeleteRepository": resource.Delete,
		"SetRepositoryPolicy": resource.TakeOver, "DeleteRepositoryPolicy": resource.TakeOver, "GetRepositoryPolicy": resource.ReadACL,
		"BatchCheckLayerAvailability": resource.ReadMeta, "BatchGetRepositoryScanningConfiguration": resource.ReadMeta,
	}},
	"dynamodb": {door: signed, able: map[string]resource.Action{
		"GetItem": resource.Read, "BatchGetItem": resource.Read, "Query": resource.Read, "Scan": resource.Read, "PartiQLSelect": resource.Read,
		"SearchVectors": resource.Read, "ExportTableToPointInTime": resource.Read, "GetRecords": resource.Read,
		"ReadDataForReplication": resource.Read, "ConditionCheckItem": resource.ReadMeta,
		"PutItem": resource.Write, "UpdateItem": resource.Write, "BatchWriteItem": resource.Write, "PartiQLInsert": resource.Write,
		"PartiQLUpdate": resource.Write, "WriteDataForReplication": resource.Write,
		"DeleteItem": resource.Delete, "PartiQLDelete": resource.Delete, "DeleteTable": resource.Delete,
		"PutResourcePolicy": resource.TakeOver, "DeleteResourcePolicy": resource.TakeOver, "GetResourcePolicy": resource.ReadACL,
	}},
	"kinesis": {door: signed, able: map[string]resource.Action{
		"GetRecords": resource.Read, "SubscribeToShard": resource.Read, "PutRecord": resource.Write, "PutRecords": resource.Write,
		"DeleteStream": resource.Delete, "DecreaseStreamRetentionPeriod": resource.Delete,
		"PutResourcePolicy": resource.TakeOver, "DeleteResourcePolicy": resource.TakeOver, "GetResourcePolicy": resource.ReadACL,
	}},
	"glacier": {door: signed, able: map[string]resource.Action{
		"GetJobOutput": resource.Read, "InitiateJob": resource.Read, // a job may write what it retrieves to a bucket of its owner
		"UploadArchive": resource.Write, "InitiateMultipartUpload": resource.Write, "UploadMultipartPart": resource.Write,
		"CompleteMultipartUpload": resource.Write,
		"DeleteArchive":           resource.Delete, "DeleteVault": resource.Delete, "AbortMultipartUpload": resource.Delete,
		"SetVaultAccessPolicy": resource.TakeOver, "DeleteVaultAccessPolicy": resource.TakeOver,
		"InitiateVaultLock": resource.TakeOver, "AbortVaultLock": resource.TakeOver, "CompleteVaultLock": resource.TakeOver,
		"GetVaultAccessPolicy": resource.ReadACL, "GetVaultLock": resource.ReadACL,
	}},
	// Source: AWS Backup Developer Guide, "Vault access policies": "cross-account
	// access for any action other than backup:CopyIntoBackupVault will be
	// rejected".
	"backup": {door: signed, only: true, able: map[string]resource.Action{"CopyIntoBackupVault": resource.Write}},
}

// DoorOf returns whom a resource answers of the service with an IAM prefix; the
// ARN is empty for any of them. It is false for a service whose policies are not
// understood.
func DoorOf(prefix, arn string) (Door, bool) {
	s, ok := services[prefix]
	if f, known := formOf(prefix, arn); known && f.door != nil {
		return *f.door, ok
	}
	return s.door, ok
}

// Prefixes returns the IAM prefixes of the services whose policies are
// understood, sorted.
func Prefixes() []string {
	prefixes := make([]string, 0, len(services))
	for prefix := range services {
		prefixes = append(prefixes, prefix)
	}
	slices.Sort(prefixes)
	return prefixes
}

// Abilities returns what a set of a service's actions lets somebody do who is
// not the owner.
func Abilities(prefix string) func(actions []string) []resource.Action {
	s := services[prefix]
	if s.abilities != nil {
		return s.abilities
	}
	return func(actions []string) []resource.Action { return Able(s.ability, actions) }
}

// ability looks a name up in any case: one that the reference does not have comes
// as the policy spells it, in lower case.
func (s service) ability(name string) resource.Action {
	if a, ok := s.able[name]; ok {
		return a
	}
	for known, a := range s.able {
		if strings.EqualFold(known, name) {
			return a
		}
	}
	if s.only {
		return ""
	}
	return ByVerb(name)
}

// ByVerb says what an action that nobody looked at lets somebody do: reading
// settings where its name says that it reads, else changing them.
func ByVerb(name string) resource.Action {
	if strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List") || strings.HasPrefix(name, "Describe") {
		return resource.ReadMeta
	}
	return resource.Configure
}

// Able says what a set of IAM actions lets somebody do, in a fixed order; one
// says it of the name of one action.
func Able(one func(name string) resource.Action, actions []string) []resource.Action {
	var can []resource.Action
	for _, action := range actions {
		_, name, _ := strings.Cut(action, ":")
		a := resource.AnyAction
		if action != iam.FutureAction {
			a = one(name)
		}
		if a != "" && !slices.Contains(can, a) {
			can = append(can, a)
		}
	}
	slices.SortFunc(can, func(a, b resource.Action) int { return slices.Index(order, a) - slices.Index(order, b) })
	return can
}

var order = []resource.Action{
	resource.List, resource.Read, resource.Write, resource.Delete, resource.ReadACL, resource.TakeOver,
	resource.Configure, resource.ReadMeta, resource.AnyAction,
}

// asked is what requests to an OpenSearch domain let somebody do. Searches are
// sent by GET and by POST, and POST takes bulk changes as well.
//
// Source: Amazon OpenSearch Service Developer Guide, "Identity and Access
// Management in Amazon OpenSearch Service": in a domain's policy, es:* means
// es:ESHttp*, and it says nothing about the configuration API.
var asked = map[string][]resource.Action{
	"es:ESHttpGet":    {resource.List, resource.Read},
	"es:ESHttpPost":   {resource.Read, resource.Write, resource.Delete},
	"es:ESHttpPut":    {resource.Write},
	"es:ESHttpPatch":  {resource.Write},
	"es:ESHttpDelete": {resource.Delete},
	"es:ESHttpHead":   {resource.ReadMeta},
}

// requests says what a set of actions on an OpenSearch domain lets somebody do.
func requests(actions []string) []resource.Action {
	can := make(map[resource.Action]bool)
	for _, action := range actions {
		for _, a := range asked[action] {
			can[a] = true
		}
		request := strings.HasPrefix(strings.ToLower(action), "es:eshttp")
		if action == iam.FutureAction || request && asked[action] == nil {
			can[resource.AnyAction] = true
		}
	}
	return slices.DeleteFunc(resource.Actions(), func(a resource.Action) bool { return !can[a] })
}
