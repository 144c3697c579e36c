package resourcepolicy

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/iam"
)

// unlisted are actions that the Service Authorization Reference does not have:
// one that only old topic policies name, and two of KMS that are newer.
var unlisted = []string{"sns:Receive", "kms:Decapsulate", "kms:Encapsulate"}

// An action that is misspelt in the table would go by its verb, unseen.
func TestActionsAreInTheReference(t *testing.T) {
	for _, prefix := range slices.Sorted(maps.Keys(services)) {
		for _, name := range slices.Sorted(maps.Keys(services[prefix].able)) {
			action := prefix + ":" + name
			policy, err := iam.Parse(fmt.Appendf(nil, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":%q,"Resource":"*"}]}`, action))
			if err != nil {
				t.Fatal(err)
			}
			d := iam.Decide(policy, iam.Target{Service: prefix}, iam.AnyAccount)
			known := len(d.Grants) == 1 && slices.Equal(d.Grants[0].Actions, []string{action})
			if known == slices.Contains(unlisted, action) {
				t.Errorf("%s: the reference makes %+v of it", action, d.Grants)
			}
		}
	}
}

func TestAbilities(t *testing.T) {
	for name, c := range map[string]struct {
		prefix  string
		actions []string
		want    []resource.Action
	}{
		"in a fixed order":                 {"sqs", []string{"sqs:SendMessage", "sqs:PurgeQueue", "sqs:ReceiveMessage"}, []resource.Action{resource.Read, resource.Write, resource.Delete}},
		"each once":                        {"sqs", []string{"sqs:PurgeQueue", "sqs:DeleteMessage"}, []resource.Action{resource.Delete}},
		"no effect for outsiders":          {"sqs", []string{"sqs:SetQueueAttributes"}, nil},
		"by the verb":                      {"sqs", []string{"sqs:GetQueueUrl", "sqs:ChangeMessageVisibility"}, []resource.Action{resource.Configure, resource.ReadMeta}},
		"only what is listed":              {"kms", []string{"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:Decrypt"}, []resource.Action{resource.Read}},
		"what the reference does not have": {"kms", []string{"kms:decapsulate", "kms:canceleverything"}, []resource.Action{resource.Read}},
		"requests to a domain":             {"es", []string{"es:ESHttpPost", "es:ESHttpGet", "es:DeleteDomain"}, []resource.Action{resource.List, resource.Read, resource.Write, resource.Delete}},
		"requests that are yet to come":    {"es", []string{"es:eshttpquery"}, []resource.Action{resource.AnyAction}},
		"an action that is yet to come":    {"kms", []string{iam.FutureAction}, []resource.Action{resource.AnyAction}},
		"a service that is not known":      {"mars", []string{"mars:GetRock", "mars:MoveRock"}, []resource.Action{resource.Configure, resource.ReadMeta}},
		"a grant of itself is take-over":   {"kms", []string{"kms:CreateGrant"}, []resource.Action{resource.TakeOver}},
	} {
		if got := Abilities(c.prefix)(c.actions); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestAWSManaged(t *testing.T) {
	for key, want := range map[string]bool{
		"alias/aws/sqs": true, "arn:aws:kms:eu-west-1:111111111111:alias/aws/kinesis": true, "arn:aws-cn:kms:cn-north-1:111111111111:alias/aws/s3": true,
		"alias/billing": false, "alias/aws-sqs": false, "alias/my/alias/aws/sqs": false, "9d0c": false, "": false,
		"arn:aws:kms:eu-west-1:111111111111:key/9d0c": false, "arn:aws:kms:eu-west-1:111111111111:alias/billing": false,
	} {
		if got := AWSManaged(key); got != want {
			t.Errorf("%q: %t", key, got)
		}
	}
}
