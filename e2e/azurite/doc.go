// Package azurite tests the built binary against Microsoft's own emulator of
// Azure Storage, from outside: what andon reads of a storage account in Resource
// Manager, and what somebody without a credential is then given by the blob
// service, must be the same. It is run by make e2e, behind the build tag e2e, and
// needs node and npm.
//
// What Azurite is right about is what a container's level of anonymous access
// gives: it is Microsoft's, and nobody of this project wrote it. Each account of
// the estate is an account of the emulator, with the same containers at the same
// levels. andon reads the first in package azuretest; the second is then asked,
// anonymously, for everything that the word public could mean: the blob, the list
// of blobs, the container's properties, its access policy, and to write, to delete
// and to open more. Every action that andon grants must be answered, and every
// other refused. The addresses that andon gives as witnesses are the emulator's
// own, and are tried as they stand.
//
// AZURITE KNOWS LEVELS, AND NOTHING AROUND THEM. It has no allowBlobPublicAccess,
// no publicNetworkAccess, no network rules, no perimeter and no static website. An
// account of it answers as one of Azure does whose owner closes nothing else. Thus
// the levels of containers are compared in every account; whether something else
// keeps them shut is not its to say: those rows of the table state the verdict
// that Microsoft's documented rules give, and the rule, and that andon names what
// keeps the containers shut. Nor is the emulator asked what a refusal looks like:
// Azure hides with 404 what Azurite refuses with 403. In one thing it is known to give
// more than Azure does, see lenient.
//
// Nothing here reaches beyond loopback, except that npm installs the emulator once
// into a folder that .gitignore covers. The tests of the environment, which need
// no emulator, run everywhere.
package azurite
