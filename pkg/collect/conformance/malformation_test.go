package conformance

import "testing"

func TestReplaceEach(t *testing.T) {
	for _, c := range []struct {
		body string
		want []string
	}{
		{`<A>READ</A><B>READ_ACP</B>`, []string{`<A>NEW</A><B>READ_ACP</B>`}},
		{`<A t="READ">READ</A>`, []string{`<A t="NEW">READ</A>`, `<A t="READ">NEW</A>`}},
		{`{"READ":["READ","UNREAD"]}`, []string{`{"NEW":["READ","UNREAD"]}`, `{"READ":["NEW","UNREAD"]}`}},
		{`{"text":"{\"a\":\"READ\"}"}`, []string{`{"text":"{\"a\":\"NEW\"}"}`}},
		{`<P>{&quot;a&quot;:&quot;READ&quot;}</P>`, []string{`<P>{&quot;a&quot;:&quot;NEW&quot;}</P>`}},
		{`<A>BREAD</A>`, nil},
	} {
		got := replaceEach([]byte(c.body), "READ", "NEW")
		if len(got) != len(c.want) {
			t.Errorf("%s: %d places, want %d", c.body, len(got), len(c.want))
			continue
		}
		for i := range got {
			if string(got[i]) != c.want[i] {
				t.Errorf("%s: got %s, want %s", c.body, got[i], c.want[i])
			}
		}
	}
}

func TestMalformedShapes(t *testing.T) {
	for _, c := range []struct{ body, hollow, retyped string }{
		{`<?xml version="1.0"?><A x="y"><B>true</B></A>`, `<A></A>`, `<?xml version="1.0"?><A x="y"><B><Unexpected>true</Unexpected></B></A>`},
		{`{"a":"x","b":[1,{"c":true}]}`, `{}`, `{"a":7,"b":["unexpected",{"c":"unexpected"}]}`},
		{`no shape at all`, `{}`, `no shape at all`},
	} {
		if got := string(hollow([]byte(c.body))); got != c.hollow {
			t.Errorf("hollow %s: got %s", c.body, got)
		}
		if got := string(retype([]byte(c.body))); got != c.retyped {
			t.Errorf("retype %s: got %s", c.body, got)
		}
	}
}
