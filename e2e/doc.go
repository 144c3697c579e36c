// Package e2e tests the built binary, from outside, against an implementation
// of the AWS API that nobody of this project wrote: moto's server. It is run by
// make e2e, behind the build tag e2e, and needs python3.
//
// What moto is right about is how the API speaks: the real SDK builds an estate
// in it, and andon reads that estate back. What a configuration means is not
// moto's to say: each store in the tables states the level that AWS's documented
// rules give it, and the rule.
//
// Between andon and moto stands a front, a reverse proxy that notes every
// request, supplies what moto lacks, and breaks answers on demand. Some tests
// leave the front out, to see that andon calls nothing private on the strength
// of calls that moto does not have.
//
// MOTO DOES NOT CARRY EVERY KIND. Amazon DocumentDB, Redshift Serverless, S3
// directory buckets and Object Lambda access points are tried by their recordings
// alone; of Aurora, Neptune, DynamoDB, the Redshift snapshot and the vaults of
// Glacier and AWS Backup, moto has a part. The table carried says what is missing
// of each kind, and TestCarried prints it and fails for a kind that is not there.
package e2e
