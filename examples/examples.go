// Package examples holds the estates that andon ships to be tried.
package examples

import _ "embed"

// ToyotaWorld is the AWS side of the toyota example, for a loopback AWS.
//
//go:embed toyota/world.yaml
var ToyotaWorld []byte

// ToyotaGoogleWorld is its Google Cloud side, for a loopback Google Cloud.
//
//go:embed toyota/world-gcp.yaml
var ToyotaGoogleWorld []byte

// ToyotaAzureWorld is its Azure side, for a loopback Azure.
//
//go:embed toyota/world-azure.yaml
var ToyotaAzureWorld []byte
