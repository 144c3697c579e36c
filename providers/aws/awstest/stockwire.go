package awstest

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"strings"

	"go.yaml.in/yaml/v4"
)

// jsonTag marks a mapping that the API returns as a JSON text inside a string,
// as it does with policies: `Policy: !json {Version: 2012-10-17}`.
const jsonTag = "!json"

func document(n *yaml.Node) (*yaml.Node, error) {
	if n.Tag != jsonTag {
		return n, nil
	}
	var p policy
	if err := p.UnmarshalYAML(n); err != nil {
		return nil, err
	}
	return text(p.text), nil
}

// renderJSON writes a document as JSON, its texts inside strings.
func renderJSON(out *strings.Builder, n *yaml.Node) error {
	plain, err := inlined(n)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := writeJSON(&body, plain); err != nil {
		return err
	}
	out.Write(body.Bytes())
	return nil
}

// inlined returns n with aliases resolved and documents turned into texts.
func inlined(n *yaml.Node) (*yaml.Node, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	n, err := document(n)
	if err != nil || n.Kind == yaml.ScalarNode {
		return n, err
	}
	out := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Content: make([]*yaml.Node, 0, len(n.Content))}
	for _, child := range n.Content {
		plain, err := inlined(child)
		if err != nil {
			return nil, err
		}
		out.Content = append(out.Content, plain)
	}
	return out, nil
}

// renderXML writes a document as the query protocol or ec2 does: both name list
// entries and map entries in their own way.
func (q *request) renderXML(n *yaml.Node) answer {
	plain, err := inlined(n)
	if err != nil {
		return q.fail(http.StatusInternalServerError, "InternalFailure", "%v", err)
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	space := stockNamespaces[q.service]
	out.WriteString("<" + q.operation + `Response xmlns="` + space + `">`)
	if q.protocol == ec2XML {
		out.WriteString("<requestId>" + q.id() + "</requestId>")
		q.writeMembers(&out, plain)
	} else {
		out.WriteString("<" + q.operation + "Result>")
		q.writeMembers(&out, plain)
		out.WriteString("</" + q.operation + "Result><ResponseMetadata><RequestId>" + q.id() + "</RequestId></ResponseMetadata>")
	}
	out.WriteString("</" + q.operation + "Response>")
	return answer{status: http.StatusOK, contentType: "text/xml", body: out.Bytes()}
}

func (q *request) writeMembers(out *bytes.Buffer, n *yaml.Node) {
	for k := 0; k < len(n.Content); k += 2 {
		q.writeMember(out, n.Content[k].Value, n.Content[k+1])
	}
}

func (q *request) writeMember(out *bytes.Buffer, name string, n *yaml.Node) {
	form := q.form(name)
	out.WriteString("<" + form.name + ">")
	switch {
	case form.entries && n.Kind == yaml.MappingNode:
		q.writeEntries(out, n)
	case n.Kind == yaml.MappingNode:
		q.writeMembers(out, n)
	case n.Kind == yaml.SequenceNode:
		for _, entry := range n.Content {
			out.WriteString("<" + form.item + ">")
			q.writeValue(out, entry)
			out.WriteString("</" + form.item + ">")
		}
	default:
		q.writeValue(out, n)
	}
	out.WriteString("</" + form.name + ">")
}

func (q *request) writeValue(out *bytes.Buffer, n *yaml.Node) {
	switch {
	case n.Kind == yaml.MappingNode:
		q.writeMembers(out, n)
	case n.ShortTag() == "!!null":
	default:
		var escaped bytes.Buffer
		_ = xml.EscapeText(&escaped, []byte(n.Value)) // a buffer takes everything
		// Quotes need no escape outside attributes, and policies are full of them.
		out.Write(bytes.ReplaceAll(escaped.Bytes(), []byte("&#34;"), []byte(`"`)))
	}
}

// writeEntries writes a map: <entry><key/><value/></entry>.
func (q *request) writeEntries(out *bytes.Buffer, n *yaml.Node) {
	for k := 0; k < len(n.Content); k += 2 {
		out.WriteString("<entry><key>" + n.Content[k].Value + "</key><value>")
		q.writeValue(out, n.Content[k+1])
		out.WriteString("</value></entry>")
	}
}

// xmlForm is how a member looks in XML.
type xmlForm struct {
	name, item string
	entries    bool // a map
}

func (q *request) form(member string) xmlForm {
	form, known := stockXML[q.call()+"."+member]
	if !known {
		form, known = stockXML[q.service+"."+member]
	}
	if form.name == "" {
		form.name = member
		if q.protocol == ec2XML {
			form.name = strings.ToLower(member[:1]) + member[1:]
		}
	}
	switch {
	case form.item != "" || known && form.entries:
	case q.protocol == ec2XML:
		form.item = "item"
	default:
		form.item = "member"
	}
	return form
}
