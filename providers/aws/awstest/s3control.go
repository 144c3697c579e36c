package awstest

import (
	"encoding/xml"
	"net/http"
	"slices"
)

// The documents below are s3control's answers.

type listAccessPointsXML struct {
	XMLName   xml.Name         `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ ListAccessPointsResult"`
	Points    []accessPointXML `xml:"AccessPointList>AccessPoint"`
	NextToken string           `xml:",omitempty"`
}

// accessPointXML is an entry of the listing, and the start of the detail.
type accessPointXML struct {
	Name             string
	NetworkOrigin    origin
	VpcConfiguration *vpcXML `xml:",omitempty"`
	Bucket           string
	AccessPointArn   string
	Alias            string
	BucketAccountID  string `xml:"BucketAccountId"`
}

type vpcXML struct {
	VpcID string `xml:"VpcId"`
}

type accessPointDetailXML struct {
	XMLName xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetAccessPointResult"`
	accessPointXML
	Block        blockXML
	CreationDate string
	Endpoints    []endpointXML `xml:"Endpoints>entry"`
}

type endpointXML struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type listObjectLambdaXML struct {
	XMLName   xml.Name          `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ ListAccessPointsForObjectLambdaResult"`
	Points    []objectLambdaXML `xml:"ObjectLambdaAccessPointList>ObjectLambdaAccessPoint"`
	NextToken string            `xml:",omitempty"`
}

type objectLambdaXML struct {
	Name  string
	ARN   string `xml:"ObjectLambdaAccessPointArn"`
	Alias aliasXML
}

type aliasXML struct {
	Value  string
	Status string
}

type objectLambdaDetailXML struct {
	XMLName      xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetAccessPointForObjectLambdaResult"`
	Name         string
	Block        blockXML
	CreationDate string
	Alias        aliasXML
}

type objectLambdaConfigurationXML struct {
	XMLName    xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetAccessPointConfigurationForObjectLambdaResult"`
	Supporting string   `xml:"Configuration>SupportingAccessPoint"`
	Metrics    bool     `xml:"Configuration>CloudWatchMetricsEnabled"`
}

type listMultiRegionXML struct {
	XMLName   xml.Name         `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ ListMultiRegionAccessPointsResult"`
	Points    []multiRegionXML `xml:"AccessPoints>AccessPoint"`
	NextToken string           `xml:",omitempty"`
}

type multiRegionDetailXML struct {
	XMLName xml.Name       `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetMultiRegionAccessPointResult"`
	Point   multiRegionXML `xml:"AccessPoint"`
}

type multiRegionXML struct {
	Name      string
	Alias     string
	CreatedAt string
	Block     flagsXML `xml:"PublicAccessBlock"`
	Status    pointStatus
	Regions   []pointRegionXML `xml:"Regions>Region"`
}

type pointRegionXML struct {
	Bucket          string
	Region          region
	BucketAccountID string `xml:"BucketAccountId"`
}

type multiRegionPolicyXML struct {
	XMLName     xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetMultiRegionAccessPointPolicyResult"`
	Established *textXML `xml:"Policy>Established"`
	Proposed    *textXML `xml:"Policy>Proposed"`
}

type textXML struct {
	Policy string
}

type multiRegionStatusXML struct {
	XMLName  xml.Name `xml:"http://awss3control.amazonaws.com/doc/2018-08-20/ GetMultiRegionAccessPointPolicyStatusResult"`
	IsPublic bool     `xml:"Established>IsPublic"`
}

// pointPolicyXML and pointStatusXML take the name of the call, since two calls
// share each.
type pointPolicyXML struct {
	XMLName xml.Name
	Policy  string
}

type pointStatusXML struct {
	XMLName  xml.Name
	IsPublic bool `xml:"PolicyStatus>IsPublic"`
}

const controlNamespace = "http://awss3control.amazonaws.com/doc/2018-08-20/"

func (q *request) resultName() xml.Name {
	return xml.Name{Space: controlNamespace, Local: q.operation + "Result"}
}

// onAccount refuses a call about an account that is not the caller's.
func onAccount(next handler) handler {
	return func(q *request) answer {
		if q.asked != q.caller.ID {
			return q.denied()
		}
		return next(q)
	}
}

func accountBlock(q *request) answer {
	b := q.caller.effectiveBlock()
	if b == nil {
		return q.noBlock()
	}
	return xmlAnswer(b.document(controlNamespace))
}

// maxPoints is the longest page of the access point listings.
const maxPoints = 1000

func listAccessPoints(q *request) answer {
	only := q.params.Get("bucket")
	local := slices.DeleteFunc(slices.Clone(q.caller.AccessPoints), func(p *accessPoint) bool {
		return string(p.Region) != q.region || only != "" && only != p.Bucket
	})
	names := func(p *accessPoint) string { return p.Name }
	page, next, ok := paginate(q, local, names, "maxResults", "nextToken", maxPoints)
	if !ok {
		return q.badToken()
	}
	out := listAccessPointsXML{NextToken: next}
	for _, p := range page {
		out.Points = append(out.Points, p.listed(q.caller))
	}
	return xmlAnswer(out)
}

func (p *accessPoint) listed(owner *account) accessPointXML {
	out := accessPointXML{
		Name: p.Name, NetworkOrigin: p.NetworkOrigin, Bucket: p.Bucket, Alias: p.Alias, BucketAccountID: p.BucketAccount,
		AccessPointArn: "arn:aws:s3:" + string(p.Region) + ":" + owner.ID + ":accesspoint/" + p.Name,
	}
	if p.VPC != "" {
		out.VpcConfiguration = &vpcXML{p.VPC}
	}
	return out
}

func onAccessPoint(next func(*request, *accessPoint) answer) handler {
	return onAccount(func(q *request) answer {
		for _, p := range q.caller.AccessPoints {
			if p.Name == q.subject && string(p.Region) == q.region && !p.Gone {
				return next(q, p)
			}
		}
		return q.noPoint()
	})
}

func (q *request) noPoint() answer {
	return q.fail(http.StatusNotFound, "NoSuchAccessPoint", "The specified accesspoint does not exist")
}

func (q *request) noPointPolicy() answer {
	return q.fail(http.StatusNotFound, "NoSuchAccessPointPolicy", "The specified accesspoint policy does not exist")
}

func accessPointDetail(q *request, p *accessPoint) answer {
	host := func(kind string) string { return kind + "." + string(p.Region) + ".amazonaws.com" }
	return xmlAnswer(accessPointDetailXML{
		accessPointXML: p.listed(q.caller), Block: p.Block.document(""), CreationDate: timestamp(p.Created),
		Endpoints: []endpointXML{
			{"ipv4", host("s3-accesspoint")}, {"dualstack", host("s3-accesspoint.dualstack")},
		},
	})
}

func accessPointPolicy(q *request, p *accessPoint) answer { return q.pointPolicy(p.Policy) }

func (q *request) pointPolicy(p *policy) answer {
	if p == nil {
		return q.noPointPolicy()
	}
	return xmlAnswer(pointPolicyXML{XMLName: q.resultName(), Policy: p.text})
}

// accessPointPolicyStatus: an access point that only a VPC can reach is never
// public to AWS, whatever its policy says.
func accessPointPolicyStatus(q *request, p *accessPoint) answer {
	if p.Policy == nil {
		return q.noPointPolicy()
	}
	public := p.Policy.isPublic(p.PolicyIsPublic, false) && p.NetworkOrigin != "VPC"
	return xmlAnswer(pointStatusXML{XMLName: q.resultName(), IsPublic: public})
}

func listObjectLambda(q *request) answer {
	local := slices.DeleteFunc(slices.Clone(q.caller.ObjectLambda), func(p *objectLambdaPoint) bool {
		return string(p.Region) != q.region
	})
	names := func(p *objectLambdaPoint) string { return p.Name }
	page, next, ok := paginate(q, local, names, "maxResults", "nextToken", maxPoints)
	if !ok {
		return q.badToken()
	}
	out := listObjectLambdaXML{NextToken: next}
	for _, p := range page {
		arn := "arn:aws:s3-object-lambda:" + string(p.Region) + ":" + q.caller.ID + ":accesspoint/" + p.Name
		out.Points = append(out.Points, objectLambdaXML{Name: p.Name, ARN: arn, Alias: aliasXML{p.Alias, "READY"}})
	}
	return xmlAnswer(out)
}

func onObjectLambda(next func(*request, *objectLambdaPoint) answer) handler {
	return onAccount(func(q *request) answer {
		for _, p := range q.caller.ObjectLambda {
			if p.Name == q.subject && string(p.Region) == q.region && !p.Gone {
				return next(q, p)
			}
		}
		return q.noPoint()
	})
}

func objectLambdaDetail(_ *request, p *objectLambdaPoint) answer {
	return xmlAnswer(objectLambdaDetailXML{
		Name: p.Name, Block: p.Block.document(""), CreationDate: timestamp(p.Created), Alias: aliasXML{p.Alias, "READY"},
	})
}

func objectLambdaConfiguration(q *request, p *objectLambdaPoint) answer {
	arn := "arn:aws:s3:" + string(p.Region) + ":" + q.caller.ID + ":accesspoint/" + p.Supporting
	return xmlAnswer(objectLambdaConfigurationXML{Supporting: arn})
}

func objectLambdaPolicy(q *request, p *objectLambdaPoint) answer { return q.pointPolicy(p.Policy) }

func objectLambdaPolicyStatus(q *request, p *objectLambdaPoint) answer {
	if p.Policy == nil {
		return q.noPointPolicy()
	}
	return xmlAnswer(pointStatusXML{XMLName: q.resultName(), IsPublic: p.Policy.isPublic(p.PolicyIsPublic, false)})
}

// multiRegionHome is the one region that answers for multi-region access
// points.
const multiRegionHome = "us-west-2"

func atHome(next handler) handler {
	return onAccount(func(q *request) answer {
		if q.region != multiRegionHome {
			return q.fail(http.StatusMovedPermanently, "PermanentRedirect", "Multi-Region Access Points are managed in %s", multiRegionHome)
		}
		return next(q)
	})
}

func listMultiRegion(q *request) answer { return atHome(multiRegionPage)(q) }

func multiRegionPage(q *request) answer {
	names := func(p *multiRegionPoint) string { return p.Name }
	page, next, ok := paginate(q, q.caller.MultiRegion, names, "maxResults", "nextToken", maxPoints)
	if !ok {
		return q.badToken()
	}
	out := listMultiRegionXML{NextToken: next}
	for _, p := range page {
		out.Points = append(out.Points, p.document())
	}
	return xmlAnswer(out)
}

func onMultiRegion(next func(*request, *multiRegionPoint) answer) handler {
	return atHome(func(q *request) answer {
		for _, p := range q.caller.MultiRegion {
			if p.Name == q.subject && !p.Gone {
				return next(q, p)
			}
		}
		return q.fail(http.StatusNotFound, "NoSuchMultiRegionAccessPoint", "The specified Multi-Region Access Point does not exist")
	})
}

func (p *multiRegionPoint) document() multiRegionXML {
	out := multiRegionXML{
		Name: p.Name, Alias: p.Alias, CreatedAt: timestamp(p.Created), Block: p.Block.flags(), Status: p.Status,
	}
	for _, r := range p.Regions {
		out.Regions = append(out.Regions, pointRegionXML{Bucket: r.Bucket, Region: r.Region, BucketAccountID: r.BucketAccount})
	}
	return out
}

func multiRegionDetail(_ *request, p *multiRegionPoint) answer {
	return xmlAnswer(multiRegionDetailXML{Point: p.document()})
}

func multiRegionPolicy(q *request, p *multiRegionPoint) answer {
	if p.Policy == nil && p.Proposed == nil {
		return q.noPointPolicy()
	}
	return xmlAnswer(multiRegionPolicyXML{Established: p.Policy.document(), Proposed: p.Proposed.document()})
}

func (p *policy) document() *textXML {
	if p == nil {
		return nil
	}
	return &textXML{p.text}
}

func multiRegionPolicyStatus(q *request, p *multiRegionPoint) answer {
	if p.Policy == nil {
		return q.noPointPolicy()
	}
	return xmlAnswer(multiRegionStatusXML{IsPublic: p.Policy.isPublic(p.PolicyIsPublic, false)})
}
