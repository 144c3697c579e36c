package awstape

// snapshotWords are those of snapshots and images: whom an attribute lets in,
// what kinds of attribute there are, states, and how a service says that
// something is gone.
var snapshotWords = []string{
	"all", "restore", "manual", "sse-rds", "available", "completed", "disabled",
	"unblocked", "block-new-sharing", "block-all-sharing", "account", "amazon-redshift-support",
	"DBSnapshotNotFound", "DBClusterSnapshotNotFoundFault", "InvalidSnapshot.NotFound", "InvalidAMIID.NotFound",
}
