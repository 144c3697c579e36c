package awstest

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// The documents below are the answers of sts, iam and ec2, which share a way to
// ask and differ in how they answer.

type callerIdentityXML struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	ARN       string   `xml:"GetCallerIdentityResult>Arn"`
	UserID    string   `xml:"GetCallerIdentityResult>UserId"`
	Account   string   `xml:"GetCallerIdentityResult>Account"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

type assumeRoleXML struct {
	XMLName    xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
	ARN        string   `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	RoleID     string   `xml:"AssumeRoleResult>AssumedRoleUser>AssumedRoleId"`
	AccessKey  string   `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	Secret     string   `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	Token      string   `xml:"AssumeRoleResult>Credentials>SessionToken"`
	Expiration string   `xml:"AssumeRoleResult>Credentials>Expiration"`
	RequestID  string   `xml:"ResponseMetadata>RequestId"`
}

type accountAliasesXML struct {
	XMLName     xml.Name `xml:"https://iam.amazonaws.com/doc/2010-05-08/ ListAccountAliasesResponse"`
	IsTruncated bool     `xml:"ListAccountAliasesResult>IsTruncated"`
	Aliases     []string `xml:"ListAccountAliasesResult>AccountAliases>member"`
	RequestID   string   `xml:"ResponseMetadata>RequestId"`
}

type describeRegionsXML struct {
	XMLName   xml.Name    `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeRegionsResponse"`
	RequestID string      `xml:"requestId"`
	Regions   []regionXML `xml:"regionInfo>item"`
}

type regionXML struct {
	Name     string `xml:"regionName"`
	Endpoint string `xml:"regionEndpoint"`
	OptIn    string `xml:"optInStatus"`
}

// session is what AssumeRole hands out: a key that speaks for a role.
type session struct {
	account *account
	arn     string
}

func (s *Server) session(accessKey string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, ok := s.sessions[accessKey]
	return out, ok
}

func callerIdentity(q *request) answer {
	return xmlAnswer(callerIdentityXML{
		ARN: q.principal, UserID: "AIDA" + strings.ToUpper(loopback.Digest(q.principal)[:16]), Account: q.caller.ID, RequestID: q.id(),
	})
}

// assumeRole hands out a session of a declared role, to anybody who knows its
// external id. Trust policies are not modelled.
func assumeRole(q *request) answer {
	a, r := q.world.role(q.subject)
	if r == nil || r.ExternalID != "" && r.ExternalID != q.params.Get("ExternalId") {
		return q.fail(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s",
			q.principal, q.subject)
	}
	name := q.params.Get("RoleSessionName")
	arn := "arn:aws:sts::" + a.ID + ":assumed-role/" + r.Name + "/" + name
	key := "ASIA" + strings.ToUpper(loopback.Digest(arn)[:16])
	q.server.open(key, session{a, arn})
	return xmlAnswer(assumeRoleXML{
		ARN: arn, RoleID: "AROA" + strings.ToUpper(loopback.Digest(q.subject)[:16]) + ":" + name, AccessKey: key,
		Secret: loopback.Digest("secret " + arn)[:40], Token: loopback.Digest("token " + arn),
		Expiration: "2099-12-31T23:59:59Z", RequestID: q.id(),
	})
}

func (s *Server) open(accessKey string, opened session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[accessKey] = opened
}

func (w *World) role(arn string) (*account, *role) {
	for _, a := range w.accounts {
		for i := range a.Roles {
			if arn == "arn:aws:iam::"+a.ID+":role/"+a.Roles[i].Name {
				return a, &a.Roles[i]
			}
		}
	}
	return nil, nil
}

func accountAliases(q *request) answer {
	out := accountAliasesXML{RequestID: q.id()}
	if q.caller.Alias != "" {
		out.Aliases = []string{q.caller.Alias}
	}
	return xmlAnswer(out)
}

// optIn lists regions that an account has to ask for; the others are there from
// the start.
var optIn = []region{"af-south-1", "ap-east-1", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "me-south-1"}

// describeRegions lists the enabled regions and, when asked for all, those that
// were not opted into.
func describeRegions(q *request) answer {
	out := describeRegionsXML{RequestID: q.id()}
	for _, r := range q.caller.Regions {
		status := "opt-in-not-required"
		if slices.Contains(optIn, r) {
			status = "opted-in"
		}
		out.add(q, r, status)
	}
	for _, r := range optIn {
		if q.params.Get("AllRegions") == "true" && !slices.Contains(q.caller.Regions, r) {
			out.add(q, r, "not-opted-in")
		}
	}
	return xmlAnswer(out)
}

func (d *describeRegionsXML) add(q *request, r region, status string) {
	if q.asksFor("RegionName", string(r)) && q.filters("region-name", string(r)) && q.filters("opt-in-status", status) {
		d.Regions = append(d.Regions, regionXML{string(r), "ec2." + string(r) + ".amazonaws.com", status})
	}
}

// asksFor reads a numbered list of a form: absent, it asks for everything.
func (q *request) asksFor(list, value string) bool {
	none := true
	for key, values := range q.params {
		if strings.HasPrefix(key, list+".") {
			none = false
			if values[0] == value {
				return true
			}
		}
	}
	return none
}

// filters reads ec2's Filter.1.Name, Filter.1.Value.1 and so on.
func (q *request) filters(name, value string) bool {
	for key, values := range q.params {
		filter, isName := strings.CutSuffix(key, ".Name")
		if isName && strings.HasPrefix(filter, "Filter.") && values[0] == name && !q.asksFor(filter+".Value", value) {
			return false
		}
	}
	return true
}
