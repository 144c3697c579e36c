// Package policies holds the policies that andon ships, one YAML file each,
// built into the binary. Load [FS] with package policy; every promise about the
// files (they load, their examples come out as they say, nothing in them is
// superfluous) is a test in this folder.
package policies

import "embed"

// FS holds the policy files at its root.
//
//go:embed *.yaml
var FS embed.FS
