// Package examples holds the estates that andon ships to be tried.
package examples

import _ "embed"

// ToyotaWorld is the AWS estate of the toyota example, for a loopback AWS.
//
//go:embed toyota/world.yaml
var ToyotaWorld []byte
