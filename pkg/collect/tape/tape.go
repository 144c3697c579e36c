// Package tape records the answers of a cloud and plays them back to the same
// SDK later, byte for byte: recorded estates that run offline, and the fixtures
// from which the conformance suite derives its cases.
//
// A tape is a txtar archive. A section named "service:Operation region input"
// holds one answer: its status, a few headers, an empty line and the body. Other
// sections (a README, the world it was recorded from, what a test wants) are
// carried along and ignored. Requests are never written, and answers that hold
// credentials (a list the provider gives) are left out: no credential can get
// onto a tape.
package tape

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"github.com/andon-audit/andon/pkg/collect"
)

// Exchange is one recorded answer.
type Exchange struct {
	Call   collect.Call
	Status int
	Header http.Header
	Body   []byte
}

// Tape is a sequence of exchanges and the sections that came with them.
type Tape struct {
	Exchanges []Exchange
	// Attached holds the archive's other sections.
	Attached map[string][]byte
}

// kept are the response headers that matter to an SDK's decoder.
var kept = []string{"Content-Type", "X-Amz-Bucket-Region", "X-Amzn-Errortype", "Retry-After"}

// Parse reads a tape. name is used in errors, which give the line of the
// damaged section.
func Parse(name string, text []byte) (*Tape, error) {
	archive := txtar.Parse(text)
	if len(archive.Files) == 0 && len(bytes.TrimSpace(text)) > 0 {
		return nil, fmt.Errorf("read tape %s:1: no section in it: not a recording, or a damaged one", name)
	}
	tape := &Tape{Attached: make(map[string][]byte)}
	line := 1 + bytes.Count(archive.Comment, []byte("\n"))
	for _, section := range archive.Files {
		call, ok := parseCall(section.Name)
		if !ok {
			tape.Attached[section.Name] = section.Data
		} else {
			exchange, err := parseExchange(call, section.Data)
			if err != nil {
				return nil, fmt.Errorf("read tape %s:%d: recording of %s is damaged: %w", name, line, call.Name, err)
			}
			tape.Exchanges = append(tape.Exchanges, exchange)
		}
		line += 1 + bytes.Count(section.Data, []byte("\n"))
	}
	return tape, nil
}

func parseCall(name string) (collect.Call, bool) {
	operation, rest, ok := strings.Cut(name, " ")
	if !ok || !strings.Contains(operation, ":") {
		return collect.Call{}, false
	}
	region, input, _ := strings.Cut(rest, " ")
	if region == "-" {
		region = ""
	}
	return collect.Call{Name: operation, Region: region, Input: input}, true
}

func parseExchange(call collect.Call, data []byte) (Exchange, error) {
	head, body, ok := bytes.Cut(data, []byte("\n\n"))
	if !ok {
		return Exchange{}, fmt.Errorf("no empty line between head and body")
	}
	lines := strings.Split(string(head), "\n")
	status, err := strconv.Atoi(lines[0])
	if err != nil || status < 100 || status > 599 {
		return Exchange{}, fmt.Errorf("%q is not an HTTP status", lines[0])
	}
	header := make(http.Header)
	for _, line := range lines[1:] {
		key, value, ok := strings.Cut(line, ": ")
		if !ok {
			return Exchange{}, fmt.Errorf("%q is not a header", line)
		}
		header.Set(key, value)
	}
	body, err = restoreBody(header, body)
	if err != nil {
		return Exchange{}, err
	}
	return Exchange{Call: call, Status: status, Header: header, Body: body}, nil
}

// restoreBody undoes what a txtar archive does to a body and checks its length.
func restoreBody(header http.Header, body []byte) ([]byte, error) {
	length, err := strconv.Atoi(header.Get("Length"))
	if err != nil || length < 0 {
		return nil, fmt.Errorf("length %q is not a number", header.Get("Length"))
	}
	if header.Get("Body") == "base64" {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(body)))
		if err != nil {
			return nil, fmt.Errorf("decode body: %w", err)
		}
		body = decoded
	} else {
		// Always one line end more than the answer had. An archive that was cut
		// gets one, too, which must not stand in for the last byte.
		body = bytes.TrimSuffix(body, []byte("\n"))
	}
	if len(body) != length {
		return nil, fmt.Errorf("the body has %d bytes, %d were recorded", len(body), length)
	}
	header.Del("Length")
	header.Del("Body")
	return body, nil
}

// Format writes an exchange as one section of a tape.
func (e Exchange) Format() []byte {
	var out bytes.Buffer
	region := e.Call.Region
	if region == "" {
		region = "-"
	}
	fmt.Fprintf(&out, "-- %s --\n%d\n", strings.TrimSpace(e.Call.Name+" "+region+" "+e.Call.Input), e.Status)
	for _, key := range kept {
		if value := e.Header.Get(key); value != "" {
			fmt.Fprintf(&out, "%s: %s\n", key, value)
		}
	}
	fmt.Fprintf(&out, "Length: %d\n", len(e.Body))
	body := e.Body
	if !plain(body) {
		out.WriteString("Body: base64\n")
		body = []byte(base64.StdEncoding.EncodeToString(body))
	}
	out.WriteByte('\n')
	out.Write(body)
	out.WriteByte('\n')
	return out.Bytes()
}

// plain reports whether a body survives as text inside a txtar archive.
func plain(body []byte) bool {
	if !utf8.Valid(body) || bytes.Contains(body, []byte("\r")) {
		return false
	}
	return !slices.ContainsFunc(bytes.Split(body, []byte("\n")), func(line []byte) bool {
		return bytes.HasPrefix(line, []byte("-- ")) && bytes.HasSuffix(bytes.TrimSpace(line), []byte(" --"))
	})
}

// response builds the HTTP response of an exchange.
func (e Exchange) response(req *http.Request) *http.Response {
	header := make(http.Header)
	maps.Copy(header, e.Header)
	header.Set("Content-Length", strconv.Itoa(len(e.Body)))
	return &http.Response{
		Status: strconv.Itoa(e.Status) + " " + http.StatusText(e.Status), StatusCode: e.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(bytes.NewReader(e.Body)), ContentLength: int64(len(e.Body)), Request: req,
	}
}
