package azuretape

import "slices"

// Words implements conformance.Dialect.
func (Dialect) Words() []string {
	return slices.Concat(networkWords, storageWords, databaseWords, computeWords)
}

// networkWords say who gets as far as the door. Azure writes them in capitals here
// and in small letters there.
var networkWords = []string{
	"Enabled", "enabled", "Disabled", "disabled", "SecuredByPerimeter", "securedByPerimeter",
	"Allow", "Deny", "AzureServices", "Logging", "Metrics", "None",
	"Enforced", "Learning", "Transition", "Inbound", "Outbound", "Approved", "Pending", "Rejected", "Tcp", "*", "Internet", "AzureCloud",
}

var storageWords = []string{
	"Blob", "Container", "StorageV2", "BlobStorage", "BlockBlobStorage", "FileStorage", "Storage", "Log", "Block", "AAD", "PrivateLink",
	"NoRootSquash", "RootSquash", "AllSquash", "NFS", "SMB",
}

var databaseWords = []string{
	"Ready", "Stopped", "GlobalDocumentDB", "MongoDB", "Basic", "Standard", "Premium", "AzureServices",
}

var computeWords = []string{
	"AllowAll", "AllowPrivate", "DenyAll", "ActiveSAS", "ActiveSASFrozen", "ActiveUpload", "ReadyToUpload", "Unattached", "Attached", "Reserved", "Frozen",
	"AzureActiveDirectory", "Private", "Groups", "Community", "Subscriptions", "AADTenants",
}
