package resourcepolicy

import (
	"regexp"
	"strings"
)

// form is how the ARNs of one type of resource look that can have a policy.
type form struct {
	arn *regexp.Regexp // of what follows the partition
	// about is added to such an ARN, once each, to spell what the policy can be
	// about: the resource itself ("") and what is in it.
	about []string
	// door is whom these answer, where that is not as the service does.
	door *Door
}

func ofForm(arn string, about ...string) form {
	if len(about) == 0 {
		about = []string{""}
	}
	return form{arn: regexp.MustCompile("^" + strings.ReplaceAll(arn, "@", "[^:]*:[^:]*") + "$"), about: about}
}

func (f form) answering(d Door) form {
	f.door = &d
	return f
}

// forms are tried in their order; "@" stands for region and account. Services
// that are not here take ARNs too many to tell, or abbreviate them.
//
// Source: Service Authorization Reference, "Resource types defined by" each
// service; for OpenSearch Service its Developer Guide, "Identity and Access
// Management in Amazon OpenSearch Service": "resource-based policies only apply
// to the domain's subresources, not the domain itself".
var forms = map[string][]form{
	"s3": {
		// Source: Amazon S3 User Guide, "Access points restrictions and
		// limitations": no anonymous access.
		ofForm(`s3[^:]*:[^:]*:[^:]+:accesspoint/.+`, "", "/object/*").answering(signed),
		ofForm(`s3:::.+`, "", "/*"),
	},
	"s3express":         {ofForm(`s3express:@:(bucket|accesspoint)/.+`, "", "/*")},
	"s3-object-lambda":  {ofForm(`s3-object-lambda:@:accesspoint/.+`, "", "/object/*")},
	"s3-outposts":       {ofForm(`s3-outposts:@:outpost/[^/]+/bucket/[^/]+`, "", "/object/*")},
	"s3tables":          {ofForm(`s3tables:@:bucket/[^/]+`, "", "/table/*"), ofForm(`s3tables:@:bucket/[^/]+/table/.+`)},
	"s3vectors":         {ofForm(`s3vectors:@:bucket/[^/]+`, "", "/index/*"), ofForm(`s3vectors:@:bucket/[^/]+/index/.+`)},
	"sqs":               {ofForm(`sqs:@:[^:/]+`)},
	"sns":               {ofForm(`sns:@:[^:/]+`)},
	"kms":               {ofForm(`kms:@:key/.+`)},
	"secretsmanager":    {ofForm(`secretsmanager:@:secret:.+`)},
	"ecr":               {ofForm(`ecr:@:repository/.+`)},
	"ecr-public":        {ofForm(`ecr-public:@:repository/.+`)},
	"dynamodb":          {ofForm(`dynamodb:@:table/[^/]+`, "", "/index/*"), ofForm(`dynamodb:@:table/[^/]+/(index|stream)/.+`)},
	"es":                {ofForm(`es:@:domain/[^/]+`, "/*"), ofForm(`es:@:domain/[^/]+/.+`)},
	"kinesis":           {ofForm(`kinesis:@:stream/.+`)},
	"glacier":           {ofForm(`glacier:@:vaults/.+`)},
	"backup":            {ofForm(`backup:@:backup-vault:.+`)},
	"elasticfilesystem": {ofForm(`elasticfilesystem:@:file-system/.+`)},
	"lambda":            {ofForm(`lambda:@:function:[^:]+`), ofForm(`lambda:@:layer:[^:]+:[^:]+`)},
	"sts":               {ofForm(`iam:@:role/.+`)},
	"events":            {ofForm(`events:@:event-bus/.+`)},
	"logs":              {ofForm(`logs:@:destination:.+`), ofForm(`logs:@:log-group:.+`, "", ":*")},
}

func formOf(prefix, arn string) (form, bool) {
	fields := strings.SplitN(arn, ":", 3)
	if len(fields) < 3 || fields[0] != "arn" {
		return form{}, false
	}
	for _, f := range forms[prefix] {
		if f.arn.MatchString(fields[2]) {
			return f, true
		}
	}
	return form{}, false
}

// Resources returns the ARNs that the policy of a service's resource can be
// about. An ARN that is not known to be of a resource with a policy gives none,
// which stands for every resource: to look at it alone could miss whom the
// policy lets in.
func Resources(prefix, arn string) []string {
	f, _ := formOf(prefix, arn)
	var about []string
	for _, within := range f.about {
		about = append(about, arn+within)
	}
	return about
}
