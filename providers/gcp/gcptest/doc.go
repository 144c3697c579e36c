// Package gcptest is a loopback Google Cloud: it serves a declared world over
// HTTP in the formats of the real services, so that the real clients decode real
// bytes.
//
// Use it where a test, a benchmark or a demonstration needs a project that
// anybody can have: to record fixtures, to count API calls, to break any one of
// them, and to show every verb of andon without credentials.
//
//	world, err := gcptest.Parse(text)
//	server := gcptest.NewServer(world)
//	url, stop, err := server.Start() // a general endpoint: url/pubsub/, url/storage/, ...
//	defer stop()
//	client := http.Client{Transport: server.Transport()} // or Google's own hosts
//
// It promises:
//
//   - The bytes of every call in the routes of package api, errors included, each
//     in the form of its service; and of a few reads more that gcloud makes.
//     [Operations] lists the calls.
//   - Determinism: the same question gets the same bytes, etags and page tokens
//     included, whatever was asked before. Keys stand in order. Nothing reads a
//     clock.
//   - What Google returns rather than what was stored: ACLs of a bucket with
//     uniform access are not shown, those of any other show through its policy
//     as legacy roles, conditions are kept from those who ask for an old version
//     of a policy, deny policies are listed without their rules, and a project
//     that is not in the world is one that the caller may not see.
//   - No writes. Whatever is no known read is refused and counted, see
//     [Server.Writes].
//   - No listening outside loopback.
//
// It does not model:
//
//   - Data. There are no objects, rows or messages behind the names, and thus no
//     access decision: this is no oracle of exposure, only of configuration.
//   - Permissions. The caller may read everything that is in the world; refusals
//     are declared as faults. Tokens are not looked at.
//   - Inheritance of organisation policies: a world says what is effective.
//   - Filters and orders of listings, but for the prefix of objects and folders.
//
// # Requests
//
// A request is read by its host, pubsub.googleapis.com or
// secretmanager.europe-west1.rep.googleapis.com, or else by the first segment of
// its path, which names the service: /pubsub/v1/projects/p/topics. Projects may
// be named by id or by number.
//
// # Worlds
//
// A world is YAML. Unknown keys, misspelt words, stock that no call reads and
// dangling references are errors that name their line. Stock is written in the
// members of Google's own REST resources, of which only the naming one is
// needed; a member that is null is left out of the answer, also where Google has
// a default for it. A policy is never part of a listing. All there is to say
// fits into one example:
//
//	organizations:
//	- id: "900000000001"
//	  domain: example.com                   # its displayName
//	  customer: C0example                   # its directoryCustomerId
//	  deny: []                              # as of a project
//	  roles: [{name: organizations/900000000001/roles/reader, includedPermissions: [storage.objects.get]}]
//	  access_policies:                      # of Access Context Manager, with their perimeters
//	  - name: accessPolicies/77
//	    perimeters:
//	    - name: accessPolicies/77/servicePerimeters/lake
//	      status: {resources: [projects/111111111111], restrictedServices: [bigquery.googleapis.com]}
//
//	folders:
//	- {id: "500000000001", name: connected, parent: organizations/900000000001}
//
//	projects:
//	- id: tconnect
//	  number: "111111111111"                # absent, it is made of the id
//	  name: Connected cars                  # absent, it is the id
//	  parent: folders/500000000001          # or organizations/...; absent is none
//	  state: ACTIVE                         # or DELETE_REQUESTED
//	  disabled: [alloydb]                   # services that are not enabled
//	  locations: [europe-west1, us-east1]   # of every listing of locations, next to those in use; this is the default
//	  org_policies:                         # what is effective, by constraint; absent is not enforced
//	    storage.publicAccessPrevention: {rules: [{enforce: false}]}
//	  deny:
//	  - name: no-strangers
//	    rules: [{denyRule: {deniedPrincipals: ["principalSet://goog/public:all"], deniedPermissions: [storage.googleapis.com/objects.get]}}]
//	  roles: [{name: projects/tconnect/roles/lister, includedPermissions: [storage.objects.list]}]
//	  hmac_keys: [{accessId: GOOG1, serviceAccountEmail: x@tconnect.iam.gserviceaccount.com, timeCreated: 2019-01-01T00:00:00Z}]
//
//	  stock:                                # by service, in the members of the REST resources
//	    storage:
//	    - name: telemetry-2013              # of the world: policy, objects, managedFolders
//	      location: EU
//	      iamConfiguration: {uniformBucketLevelAccess: {enabled: false}, publicAccessPrevention: inherited}
//	      acl: [{entity: allUsers, role: READER}, {entity: project-owners-111111111111, role: OWNER}]
//	      defaultObjectAcl: [{entity: allAuthenticatedUsers, role: READER}]
//	      policy: {bindings: [{role: roles/storage.objectViewer, members: ["group:dealers@example.com"]}]}
//	      objects:
//	      - {name: 2013/11/positions.csv, acl: [{entity: allUsers, role: READER}]}
//	      - {name: 2013/12/positions.csv}   # an ACL that is absent is the project's own
//	      managedFolders:
//	      - {name: reports/, policy: {bindings: [{role: roles/storage.objectViewer, members: [allUsers]}]}}
//	    - name: private
//	      iamConfiguration: {uniformBucketLevelAccess: {enabled: true}, publicAccessPrevention: enforced}
//	      ipFilter: {mode: Enabled, publicNetworkSource: {allowedIpCidrRanges: [192.0.2.0/24]}}
//	      policy: {version: 3, bindings: [{role: roles/storage.admin, members: ["user:a@example.com"], condition: {title: soon, expression: "true"}}]}
//
//	    pubsub:                             # the shape of the name says what it is
//	    - {name: projects/tconnect/topics/orders, policy: {bindings: [{role: roles/pubsub.subscriber, members: [allUsers]}]}}
//	    - {name: projects/tconnect/subscriptions/billing, topic: projects/tconnect/topics/orders}
//	    - {name: projects/tconnect/snapshots/before, topic: projects/tconnect/topics/orders}
//	    secretmanager:
//	    - {name: projects/111111111111/secrets/token, policy: {bindings: []}}   # Google answers with the number here
//	    - {name: projects/tconnect/locations/europe-west3/secrets/regional}     # only at the endpoint of its location
//	    cloudkms:
//	    - {name: projects/tconnect/locations/global/keyRings/ring}
//	    - {name: projects/tconnect/locations/global/keyRings/ring/cryptoKeys/key, purpose: ENCRYPT_DECRYPT}
//	    spanner:
//	    - {name: projects/tconnect/instances/cars, displayName: Cars}
//	    - {name: projects/tconnect/instances/cars/databases/owners}
//	    - {name: projects/tconnect/instances/cars/backups/nightly}
//	    bigtableadmin:
//	    - {name: projects/tconnect/instances/wide}
//	    - {name: projects/tconnect/instances/wide/tables/positions}
//	    artifactregistry:
//	    - {name: projects/tconnect/locations/us-east1/repositories/apps, format: DOCKER}
//
//	    compute:
//	    - {of: image, name: golden, policy: {bindings: [{role: roles/compute.imageUser, members: [allAuthenticatedUsers]}]}}
//	    - {of: machineImage, name: worker}
//	    - {of: snapshot, name: yesterday}
//	    - {of: disk, zone: us-east1-b, name: data}
//	    - {of: disk, region: europe-west1, name: mirrored}
//	    sqladmin:
//	    - name: crm
//	      databaseVersion: POSTGRES_15
//	      ipAddresses: [{type: PRIMARY, ipAddress: 203.0.113.7}]
//	      settings: {ipConfiguration: {ipv4Enabled: true, authorizedNetworks: [{value: 0.0.0.0/0}]}}
//	    bigquery:
//	    - datasetId: sales                  # of the world: tables, routines and their policies
//	      access: [{role: READER, iamMember: allUsers}, {role: OWNER, specialGroup: projectOwners}]
//	      tables:
//	      - {tableId: orders, policy: {bindings: [{role: roles/bigquery.dataViewer, members: [allAuthenticatedUsers]}]}}
//	      - {tableId: public_orders, type: VIEW}
//	      routines: [{routineId: mask, policy: {bindings: []}}]
//
//	- id: sandbox                           # in no organisation
//	  stock:
//	    storage: [{name: scratch}]          # what was never configured is as Google makes it
//
//	faults:
//	- {call: "storage:buckets.getIamPolicy", subject: "private", fault: access-denied}
//	- {call: "pubsub:*", fault: throttle, times: 1}
//	- {call: "storage:buckets.list", project: sandbox, fault: unreachable, names: [projects/_/buckets/far-away]}
//	- {call: "storage:buckets.testIamPermissions", subject: "telemetry-*", fault: lacks-permission, names: [storage.buckets.getIpFilter]}
//	- {call: "*", project: sandbox, fault: latency, latency: 2ms}
//
// Beside these, the top level takes page_size and latency.
//
// A world may generate its projects, in addition to those that it declares. A
// generator stands for up to a hundred thousand projects with as many buckets
// each and holds none of them:
//
//	projects:
//	  declared: [{id: tconnect}]
//	  generate: {count: 500, buckets: 40, prefix: bench, parent: organizations/900000000001, seed: 7}
//
// # Faults
//
// A [Fault] matches calls by operation, and if it wishes by subject and project,
// with * for any text. The kinds are access-denied, perimeter, throttle,
// internal-error, timeout (also hang), truncated, wrong-type, not-json,
// not-found, unreachable, lacks-permission and latency. With times it meets only
// the first answers to each distinct question, so that the outcome is the same
// in whatever order concurrent calls arrive.
package gcptest
