package iam

import "strings"

// arn is a text taken apart as an ARN: "arn:partition:service:region:account:resource".
// The resource keeps its colons.
type arn [6]string

const (
	arnPartition = 1 + iota
	arnService
	arnRegion
	arnAccount
	arnResource
)

// splitARN cuts a text into the components of an ARN and tells how many it has.
func splitARN(text string) (a arn, n int) {
	for n < arnResource {
		part, rest, found := strings.Cut(text, ":")
		if !found {
			break
		}
		a[n], text = part, rest
		n++
	}
	a[n] = text
	return a, n + 1
}

// isARN reports whether text has the six components of an ARN.
func isARN(text string) bool { return strings.Count(text, ":") >= arnResource }

// accountOf returns the account component of an ARN.
func accountOf(text string) string {
	if a, n := splitARN(text); n == len(a) {
		return a[arnAccount]
	}
	return ""
}
