// Package iam decides exactly whom an AWS resource policy lets in.
//
// Use it for any policy that is attached to a store: [Parse] the document, name
// the [Target], and ask [Decide] about a [Class] of strangers. The answer is
// Admitted with a witness request, NotAdmitted with the statements and
// conditions that close the policy, or Undecided with the reason. The first two
// are proofs.
//
// The engine takes the policy as a set of boxes. Once it is fixed who asks, a
// statement is a product of one set per dimension: actions, resources, and one
// dimension for each condition key, which is a language of strings, a set of
// addresses, or intervals. A class is let in when some Allow box has a point
// outside every Deny box. Each set is exact (see packages glob, interval and
// netset), so no list of "restrictive" keys is needed, and the point found is
// the witness. [Evaluate] confirms every witness; it was written apart from the
// engine and shares only the parser with it.
//
// Which condition keys the requests for an action carry is told by the Service
// Authorization Reference, which leaves some out: who is admitted is so with and
// without the keys that are not listed. Where AWS does not document a rule, both
// readings are decided, and a difference between them is Undecided. So is a
// question that would take more than its budget of automaton states or ways
// around denials. What a document that Parse refuses means is unknown, and never
// private.
//
// The package is pure: no I/O, no clock, no cloud SDK.
package iam
