package gcptape

import "slices"

// Words implements conformance.Dialect.
func (Dialect) Words() []string {
	return slices.Concat(policyWords, storageWords, databaseWords, guardWords)
}

// policyWords are members and roles, to both of which Google adds.
var policyWords = []string{
	"allUsers", "allAuthenticatedUsers",
	"roles/pubsub.subscriber", "roles/pubsub.publisher", "roles/viewer", "roles/storage.objectViewer", "roles/storage.legacyBucketReader",
	"roles/storage.objectAdmin", "roles/storage.admin", "roles/secretmanager.secretAccessor", "roles/cloudkms.cryptoKeyDecrypter",
	"roles/cloudkms.cryptoKeyEncrypterDecrypter", "roles/spanner.databaseReader", "roles/bigtable.reader", "roles/artifactregistry.reader",
	"roles/compute.imageUser", "roles/compute.storageAdmin", "roles/bigquery.dataViewer", "READER", "WRITER", "OWNER",
	"GA", "BETA", "ACTIVE",
}

var storageWords = []string{
	"enforced", "inherited", "unspecified", "Enabled", "Disabled", "ACTIVE", "INACTIVE",
}

var databaseWords = []string{
	"PRIMARY", "OUTGOING", "PRIVATE", "MIGRATED_1ST_GEN", "REQUIRED", "NOT_REQUIRED", "ALWAYS", "NEVER", "RUNNABLE", "STOPPED", "SUSPENDED",
	"CLOUD_SQL_INSTANCE", "READ_REPLICA_INSTANCE", "ON_PREMISES_INSTANCE", "READY", "ALLOW_DATA_API",
	"ENCRYPTED_ONLY", "ALLOW_UNENCRYPTED_AND_ENCRYPTED", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED",
	"VIEWS", "ROUTINES", "VIEW", "TABLE", "allAuthenticatedUsers",
}

var guardWords = []string{
	"PERIMETER_TYPE_REGULAR", "PERIMETER_TYPE_BRIDGE", "ANY_IDENTITY", "principalSet://goog/public:all",
}
