package reference

import (
	"slices"
	"strings"
	"testing"
)

func service(t testing.TB, prefix string) *Service {
	t.Helper()
	s, ok := Lookup(prefix)
	if !ok {
		t.Fatalf("no service %s", prefix)
	}
	return s
}

func TestActionsCarryKeys(t *testing.T) {
	for _, test := range []struct {
		action, key string
		want        bool
	}{
		{"s3:getobject", "s3:prefix", false},
		{"s3:listbucket", "s3:prefix", true},
		{"s3:putobject", "s3:x-amz-acl", true},
		{"s3:getobject", "s3:existingobjecttag/colour", true},
		{"s3:putobject", "s3:requestobjecttag/a/b:c", true},
		{"s3:getobject", "s3:dataaccesspointarn", true}, // by a type of resource
		{"s3:getobject", "aws:tagkeys", false},
		{"s3:tagresource", "aws:requesttag/team", true},
		{"kms:decrypt", "kms:encryptioncontext:aws:s3:arn", true},
		{"kms:listkeys", "kms:viaservice", false},
		{"dynamodb:getitem", "dynamodb:leadingkeys", true},
	} {
		prefix, _, _ := strings.Cut(test.action, ":")
		s := service(t, prefix)
		at := slices.IndexFunc(s.Actions, func(a Action) bool { return a.Folded == test.action })
		key, ok := s.Key(test.key)
		if at < 0 || !ok {
			t.Errorf("the reference lacks %s or %s", test.action, test.key)
			continue
		}
		if got := s.Actions[at].Carries(key); got != test.want {
			t.Errorf("%s carries %s: %t, want %t", test.action, test.key, got, test.want)
		}
	}
	if _, ok := service(t, "s3").Key("s3:nosuchkey"); ok {
		t.Error("s3 has a key that it does not have")
	}
}

// A name in a set that is no key would be taken for another one.
func TestSetsNameKeys(t *testing.T) {
	var s *Service
	var prefix string
	for line := range strings.Lines(text) {
		switch fields := strings.Fields(line); fields[0] {
		case "service":
			prefix, s = fields[1], service(t, fields[1])
		case "keys":
			for _, name := range fields[2:] {
				if strings.HasPrefix(name, ":") {
					name = prefix + name
				}
				if k, ok := s.Key(start(name)); !ok || !strings.EqualFold(k.Name, name) {
					t.Errorf("%s: %s is no key", prefix, name)
				}
			}
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	b.ReportAllocs()
	const head = "\nservice "
	_, sections, _ := strings.Cut(text, head)
	lines, _, _ := strings.Cut(sections, head)
	for b.Loop() {
		parse("s3", lines)
	}
}

// An action whose types were not found would apply to no resource, and a policy
// that allows it would seem to let nobody in.
func TestActionsNameTypes(t *testing.T) {
	prefix, named := "", 0
	for line := range strings.Lines(text) {
		switch fields := strings.Fields(line); fields[0] {
		case "service":
			prefix = fields[1]
		case "action":
			s := service(t, prefix)
			for _, name := range fields[3:] {
				named++
				if s.named([]string{name}) == 0 {
					t.Errorf("%s:%s applies to %s, which is no type of the service", prefix, fields[1], name)
				}
			}
		}
	}
	if named == 0 {
		t.Error("no action names a type")
	}
}
