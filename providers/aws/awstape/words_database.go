package awstape

// databaseWords are the words that answers about databases, and about the
// network in front of them, choose from a list. Engines are not among them: an
// engine that is not known makes a store of another kind, so it would be missing
// from a run of one kind alone; recordings show where it goes. Neither are the
// statuses of databases, which decide nothing.
var databaseWords = []string{
	"IPV4", "DUAL", "ipv4", "dualstack", "PolicyNotFound",
	"off", "block-ingress", "block-bidirectional", "allow", "deny", "tcp", "6", "-1",
	"active", "blackhole", "associated", "local", "create-complete", "IPv4", "IPv6",
}
