package network

import "github.com/andon-audit/andon/pkg/resource"

// Private is the guard of a store that its service gives no public address.
func Private(because ...resource.Evidence) resource.Guard {
	return resource.Guard{Name: "not publicly accessible", On: []resource.Channel{Channel}, Cap: resource.Nobody, Because: because}
}

// Unsaid makes the gap of a listing that does not say whether a store, named by
// what, is publicly accessible: anybody may get to where credential is asked for.
func Unsaid(gap resource.Gap, what string, credential resource.Credential) resource.Gap {
	gap.Reason, gap.Detail = resource.Malformed, "it does not say whether "+what+" is publicly accessible"
	gap.Hides = Hidden(credential)
	gap.Settings = []string{"publicly_accessible"}
	return gap
}

// Hidden is what a gap hides that may be a public address: the grant of Grant.
func Hidden(credential resource.Credential) []resource.Hidden {
	to := Grant(credential)
	return []resource.Hidden{{Via: to.Via, To: to.To, Can: to.Can}}
}

// Doubted makes the gap of a public address of which a listing says something
// that is not understood: it may as well be closed.
func Doubted(gap resource.Gap, detail string) resource.Gap {
	gap.Detail = detail
	gap.Shields = []resource.Shield{{On: []resource.Channel{Channel}, Cap: resource.Nobody}}
	return gap
}
