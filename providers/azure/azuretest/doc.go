// Package azuretest is a loopback Azure: it serves a declared world over TLS in
// the formats of Azure Resource Manager and Microsoft Entra, so that the real
// clients decode real bytes.
//
// Use it where a test, a benchmark or a demonstration needs a tenant that anybody
// can have: to record fixtures, to count API calls, to break any one of them, and
// to show every verb of andon without credentials.
//
//	world, err := azuretest.Parse(text)
//	server := azuretest.NewServer(world)
//	url, stop, err := server.Start() // an endpoint of Resource Manager, and an authority
//	defer stop()
//	client := http.Client{Transport: server.Transport()} // or Microsoft's own hosts
//
// A program that is built already reaches it with nothing but its environment:
// SSL_CERT_FILE names a file with [Server.Certificate] in it.
//
// It promises:
//
//   - The bytes of listings by type, of children and of single resources, errors
//     included. [Operations] lists the calls that package arm makes; other reads
//     of what the world holds are answered as well.
//   - Azure Resource Graph, over the same world: the tables Resources and
//     ResourceContainers, asked in the fraction of KQL that a listing needs (where,
//     project, order by, limit). It refuses any other query, meters as Azure does,
//     and leaves out without a word what a lasting access-denied fault keeps the
//     caller from reading. What is in a resource is not in it.
//   - Tokens: the discovery and token endpoints of Microsoft Entra, of any tenant
//     and any client. Resource Manager refuses whoever shows no token.
//   - Determinism: the same question gets the same bytes, links included,
//     whatever was asked before. Keys stand in order. Nothing reads a clock, but for
//     those that [WithStorageLimits] and [WithGraphQuota] are given.
//   - What Azure returns rather than what was stored: whom a gallery is shared
//     with only where that is asked for, types that are compared without case, a
//     conflict where a subscription never used a service.
//   - No writes. Whatever is no read is refused and counted, see [Server.Writes].
//   - No listening outside loopback.
//
// It does not model:
//
//   - Data. There are no blobs or rows behind the names, and thus no access
//     decision: this is no oracle of exposure, only of configuration.
//   - Permissions. The caller may read everything that is in the world; refusals
//     are declared as faults.
//   - Versions of interfaces: every version gets the same answer. Filters and
//     projections, but for what is said above.
//
// # Worlds
//
// A world is YAML. Unknown keys, types and children that no call reads and
// dangling references are errors that name their line. Resources are written in
// the members of Resource Manager, of which only type and name are needed; a
// member that is null is null in the answer. All there is to say fits into one
// example:
//
//	tenant: {id: 11111111-1111-1111-1111-111111111111}   # of every subscription that does not say
//	management_groups:
//	- {id: corp, name: The company}
//	- {id: cars, parent: corp}
//
//	subscriptions:
//	- id: aaaaaaaa-0000-0000-0000-000000000001
//	  name: Connected cars                  # absent, it is the id
//	  tenant: 22222222-2222-2222-2222-222222222222
//	  state: Enabled                        # or Warned, PastDue, Disabled, Deleted
//	  management_group: cars
//	  unregistered: [Microsoft.Cache]       # services that were never used
//	  resources:
//	  - type: Microsoft.Storage/storageAccounts
//	    name: telemetry                     # or id in place of both
//	    group: data                         # absent, it is rg
//	    location: westeurope                # this is the default
//	    indexed: false                      # Resource Graph has not heard of it yet
//	    kind: StorageV2
//	    sku: {name: Standard_LRS}
//	    properties: {publicNetworkAccess: Enabled, allowBlobPublicAccess: null}
//	    children:                           # by what follows the id
//	      blobServices/default: {properties: {staticWebsite: {enabled: true}}}
//	      blobServices/default/containers:  # a list, whose entries may be anything
//	      - {name: public, properties: {publicAccess: Container}}
//	      - null
//	  odd:                                  # what stands in the listing of a type before its resources
//	    Microsoft.Storage/storageAccounts: [null, 7, {name: 3}]
//
//	faults:
//	- {call: "storage:storageAccounts.list", fault: access-denied}
//	- {call: "storage:*", subject: "*/telemetry/*", fault: throttle, times: 1, retry_after: 17}
//	- {call: "sql:*", subscription: aaaaaaaa-0000-0000-0000-000000000001, fault: unregistered}
//	- {call: "entra:token", fault: latency, latency: 2ms}
//
// Beside these, the top level takes page_size and latency. A list of children
// that is not declared is empty; any other child is not found.
//
// A world may generate its subscriptions, in addition to those that it declares. A
// generator stands for up to a hundred thousand subscriptions with as many storage
// accounts each and holds none of them:
//
//	subscriptions:
//	  declared: [{id: aaaaaaaa-0000-0000-0000-000000000001}]
//	  generate: {count: 300, accounts: 50, prefix: bench, management_group: corp, locations: [westeurope, eastus], seed: 7}
//
// # Faults
//
// A [Fault] matches calls by operation, and if it wishes by subject and
// subscription, with * for any text. With times it meets only the first answers
// to each distinct question, so that the outcome is the same in whatever order
// concurrent calls arrive.
package azuretest
