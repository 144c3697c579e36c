package iam

import (
	"fmt"
	"testing"
)

// TestRelationsAtTheirBoundary holds each numeric and date operator on both
// sides of its value and on the value itself.
func TestRelationsAtTheirBoundary(t *testing.T) {
	for operator, want := range map[string][3]bool{ // below, equal, above
		"NumericEquals": {false, true, false}, "NumericNotEquals": {true, false, true},
		"NumericLessThan": {true, false, false}, "NumericLessThanEquals": {true, true, false},
		"NumericGreaterThan": {false, false, true}, "NumericGreaterThanEquals": {false, true, true},
	} {
		p, err := Parse(fmt.Appendf(nil, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"*","Condition":{%q:{"s3:max-keys":"10"}}}]}`, operator))
		if err != nil {
			t.Fatal(err)
		}
		for i, value := range []string{"9", "10", "11"} {
			got := Evaluate(p, Request{
				Principal: Principal{Kind: "anonymous"}, Action: "s3:ListBucket", Resource: "arn:aws:s3:::b",
				Context: map[string][]string{"s3:max-keys": {value}},
			})
			if (got == Allow) != want[i] {
				t.Errorf("%s of %s and 10: %s", operator, value, got)
			}
		}
	}
}
