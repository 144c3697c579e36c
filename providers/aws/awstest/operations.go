package awstest

import "slices"

// operations is every call the server answers.
var operations = withStock(map[string]handler{
	"s3:GetBucketAcl":               onBucket(bucketACL),
	"s3:GetBucketEncryption":        onBucket(bucketEncryption),
	"s3:GetBucketLocation":          bucketLocation,
	"s3:GetBucketLogging":           onBucket(bucketLogging),
	"s3:GetBucketOwnershipControls": onBucket(bucketOwnership),
	"s3:GetBucketPolicy":            onBucket(bucketPolicy),
	"s3:GetBucketPolicyStatus":      onBucket(bucketPolicyStatus),
	"s3:GetBucketRequestPayment":    onBucket(bucketRequestPayment),
	"s3:GetBucketTagging":           onBucket(bucketTagging),
	"s3:GetBucketVersioning":        onBucket(bucketVersioning),
	"s3:GetBucketWebsite":           onBucket(bucketWebsite),
	"s3:GetPublicAccessBlock":       onBucket(bucketBlock),
	"s3:ListBuckets":                listBuckets,
	"s3:ListDirectoryBuckets":       listDirectoryBuckets,

	"s3control:GetAccessPoint":                             onAccessPoint(accessPointDetail),
	"s3control:GetAccessPointConfigurationForObjectLambda": onObjectLambda(objectLambdaConfiguration),
	"s3control:GetAccessPointForObjectLambda":              onObjectLambda(objectLambdaDetail),
	"s3control:GetAccessPointPolicy":                       onAccessPoint(accessPointPolicy),
	"s3control:GetAccessPointPolicyForObjectLambda":        onObjectLambda(objectLambdaPolicy),
	"s3control:GetAccessPointPolicyStatus":                 onAccessPoint(accessPointPolicyStatus),
	"s3control:GetAccessPointPolicyStatusForObjectLambda":  onObjectLambda(objectLambdaPolicyStatus),
	"s3control:GetMultiRegionAccessPoint":                  onMultiRegion(multiRegionDetail),
	"s3control:GetMultiRegionAccessPointPolicy":            onMultiRegion(multiRegionPolicy),
	"s3control:GetMultiRegionAccessPointPolicyStatus":      onMultiRegion(multiRegionPolicyStatus),
	"s3control:GetPublicAccessBlock":                       onAccount(accountBlock),
	"s3control:ListAccessPoints":                           onAccount(listAccessPoints),
	"s3control:ListAccessPointsForObjectLambda":            onAccount(listObjectLambda),
	"s3control:ListMultiRegionAccessPoints":                onAccount(listMultiRegion),

	"sts:AssumeRole":         assumeRole,
	"sts:GetCallerIdentity":  callerIdentity,
	"iam:ListAccountAliases": accountAliases,
	"ec2:DescribeRegions":    describeRegions,

	"organizations:DescribeEffectivePolicy": inOrg(effectivePolicy),
	"organizations:DescribeOrganization":    inOrg(describeOrganization),
	"organizations:DescribePolicy":          asAdministrator(describePolicy),
	"organizations:ListParents":             asAdministrator(listParents),
	"organizations:ListPoliciesForTarget":   asAdministrator(listPoliciesForTarget),
})

func withStock(modelled map[string]handler) map[string]handler {
	for name, c := range stockCallsByName {
		modelled[name] = c.serve
	}
	return modelled
}

// Operations lists the calls the server answers, in the form of [Server.Calls].
func Operations() []string {
	names := make([]string, 0, len(operations))
	for name := range operations {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
