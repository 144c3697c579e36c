package iam

import "testing"

// TestCanonicalUser holds that an S3 canonical user id is an outsider once it is
// known not to be the owner's own.
func TestCanonicalUser(t *testing.T) {
	p, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"CanonicalUser":"b64f"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for owner, want := range map[string]Outcome{"": Undecided, "a1": Admitted, "b64f": NotAdmitted} {
		target := Target{Service: "s3", Resources: []string{"arn:aws:s3:::b", "arn:aws:s3:::b/*"}, Account: "123456789012", CanonicalUser: owner}
		if d := Decide(p, target, Foreign(canonicalPrefix+"b64f")); d.Outcome != want {
			t.Errorf("owner %q: %s (%s), want %s", owner, d.Outcome, d.Reason, want)
		}
	}
}
