// Package differential compares the IAM engine of package iam with an
// implementation that nobody of this project wrote: the npm package
// @cloud-copilot/iam-simulate. It is run by make e2e, behind the build tag e2e,
// and needs node and npm. The package is installed into a scratch folder and is
// no dependency of andon.
//
// Policies and requests are drawn from a grammar with a fixed seed. Both sides
// judge each pair by the policy alone, and every difference needs an
// explanation: a mask, which names what the simulator does otherwise and the
// page of AWS's documentation that decides. A mask is not a filter. It is a
// repair, which says the same policy in words that the simulator reads as AWS
// does, and a difference counts as explained only when the simulator then
// agrees. A mask that explains nothing any more fails the test.
//
// Not drawn is what AWS's documentation contradicts itself or is silent about,
// so that neither side can be right: policy variables with Bool, Null with a set
// operator, numbers with exponents, multivalued keys as variables, wildcards in
// the names of services, of identity providers and of the type in an ARN. The
// principal {"*": "*"} is not drawn because the simulator refuses it.
package differential
