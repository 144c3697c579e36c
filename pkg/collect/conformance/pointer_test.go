package conformance

import (
	"strings"
	"testing"
)

const xmlAnswer = `<?xml version="1.0"?>
<Result><Points>
<Point><Name>a/b</Name><Block><On>true</On></Block></Point>
<Point><Name>c</Name><Policy>{"Statement":[{"Effect":"Allow","a/b":{"~":1}}]}</Policy></Point>
</Points></Result>`

func TestFind(t *testing.T) {
	for _, c := range []struct{ body, pointer, want string }{
		{xmlAnswer, "/Result/Points/Point[1]/Block/On", "true"},
		{xmlAnswer, `/Result/Points/Point[Name="a/b"]/Block/On`, "true"},
		{xmlAnswer, "/Result/Points/Point[2]/Policy#/Statement/0/Effect", "Allow"},
		{xmlAnswer, "/Result/Points/Point[2]/Policy#/Statement/0/a~1b/~0", "1"},
		{xmlAnswer, "/Result/Points", ""},
		{`{"Statement":[{"Effect":"Deny"}]}`, "/Statement/0/Effect", "Deny"},
		{`{"rule":"{\"access\":\"owner\"}"}`, "/rule#/access", "owner"},
		{`{"Statement":[]}`, "", ""},
	} {
		got, err := find([]byte(c.body), c.pointer)
		if err != nil || strings.TrimSpace(got.text) != c.want {
			t.Errorf("%s leads to %q, %v; want %q", c.pointer, got.text, err, c.want)
		}
	}
}

func TestFindComplains(t *testing.T) {
	for _, c := range []struct{ body, pointer, want string }{
		{xmlAnswer, "/Result/Points/Point/Name", "which"},
		{xmlAnswer, "/Result/Points/Point[3]", "number 3"},
		{xmlAnswer, "/Result/Points/Point[0]", "number 0"},
		{xmlAnswer, `/Result/Points/Point[Name="d"]`, "0 elements"},
		{xmlAnswer, "/Result/Point", "no <Point>"},
		{xmlAnswer, "/Result/Points/Point[2]/Policy#/Statement/1", `no "1"`},
		{xmlAnswer, "/Result/Points/Point[2]/Name#/Statement", "not JSON"},
		{"<Result>", "/Result", "not XML"},
		{`{"a":1}`, "/b", `no "b"`},
	} {
		if _, err := find([]byte(c.body), c.pointer); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got the error %v, want one with %q", c.pointer, err, c.want)
		}
	}
}

func TestQuotesAreLiteralAtValues(t *testing.T) {
	leaf := place{name: "On", text: "true", leaf: true}
	for quote, want := range map[string]bool{
		"true": true, "On=true": true, "tr…": true, "": true, "false": false, "On=false": false, "Off=true": false, "rue…": false,
	} {
		if got := leaf.says(quote) == nil; got != want {
			t.Errorf("%q at <On>true</On>: accepted %t, want %t", quote, got, want)
		}
	}
	if err := (place{name: "Block"}).says("all four are on"); err != nil {
		t.Errorf("words about an element that holds others: %v", err)
	}
}
