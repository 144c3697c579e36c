// Package auroracluster collects Amazon Aurora clusters. kind.yaml declares
// every call.
package auroracluster

import (
	_ "embed"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/rdsapi"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.aurora.cluster.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

// New returns the collector of an account's clusters in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return rdsapi.NewClusters(Kind, a, scope, rdsapi.Aurora, describe)
}

const gateway resource.Channel = "gateway"

// throughGateway is who reaches a cluster behind an internet access gateway:
// everybody, with no security group in between, holding a token of IAM.
//
// Source: Amazon RDS API Reference, RestoreDBClusterFromSnapshot, parameters
// EnableInternetAccessGateway ("allows clients to connect to the cluster over
// the internet without requiring a VPC") and EnableVPCNetworking ("IAM database
// authentication is required").
var throughGateway = resource.Audience{Reach: resource.ReachInternet, Credential: resource.CredentialOwn}

// describe adds what only Aurora has.
func describe(c *rdsapi.Cluster, r *resource.Resource) {
	if c.DataAPI != nil {
		r.Set("data_api", *c.DataAPI, c.From("HttpEndpointEnabled", strconv.FormatBool(*c.DataAPI)))
		if *c.DataAPI {
			r.Notes = append(r.Notes, "the Data API is on: who holds the account's IAM rights can run statements without reaching the network")
		}
	}
	if c.Gateway != nil {
		r.Set("internet_access_gateway", *c.Gateway, c.From("InternetAccessGatewayEnabled", strconv.FormatBool(*c.Gateway)))
	}
	connect := []resource.Action{resource.Connect}
	switch {
	case aws.ToBool(c.Gateway):
		r.Grants = append(r.Grants, resource.Grant{
			To: throughGateway, Can: connect, Via: gateway, Note: "through Aurora's internet access gateway",
			Because: []resource.Evidence{c.From("InternetAccessGatewayEnabled", "true")},
		})
	case c.Assumed, c.Gateway == nil && c.VPC != nil && !*c.VPC:
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: rdsapi.ClustersCall, Permission: Kind.Lists[0].Permission, Reason: resource.Undecided,
			Detail: "it is not known whether the cluster has an internet access gateway",
			Hides:  []resource.Hidden{{Via: gateway, To: throughGateway, Can: connect}},
		})
	}
}
