package gcptest

import (
	"strconv"
	"strings"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// span is one page of a listing: from an index to before another.
type span struct {
	from, to int
	next     string // the token of the page after it, or ""
}

// page reads how much of a listing of n entries is asked for. Sizes above most
// are taken for most, as AIP-158 has it.
//
// Source: https://google.aip.dev/158
func (q *request) page(n, usual, most int) (span, bool) {
	size := usual
	for _, name := range []string{"pageSize", "maxResults"} {
		text := q.query.Get(name)
		if text == "" {
			continue
		}
		asked, err := strconv.Atoi(text)
		if err != nil || asked < 0 {
			return span{}, false
		}
		if asked > 0 {
			size = min(asked, most)
		}
	}
	if q.server.pageSize > 0 {
		size = min(size, q.server.pageSize)
	}
	s := span{}
	if token := q.query.Get("pageToken"); token != "" {
		from, ok := loopback.FromToken(token, n, q.call, q.subject)
		if !ok {
			return span{}, false
		}
		s.from = from
	}
	s.to = min(n, s.from+size)
	if s.to < n {
		s.next = loopback.Token(s.to, q.call, q.subject)
	}
	return s, true
}

// list answers with one page of n entries below a key. Where nothing is left to
// say the key is not there, as in all of Google's JSON.
func (q *request) list(document object, key string, n, usual, most int, entry func(int) any) answer {
	s, understood := q.page(n, usual, most)
	if !understood {
		return q.invalid("The page size or the page token is not valid.")
	}
	var entries []any
	for i := s.from; i < s.to; i++ {
		entries = append(entries, entry(i))
	}
	if len(entries) > 0 {
		document[key] = entries
	}
	if s.next != "" {
		document["nextPageToken"] = s.next
	}
	return ok(document)
}

// choose keeps the members of a document that a partial response asks for:
// "items(name,acl),nextPageToken", "items/name". What cannot be read chooses
// everything.
//
// Source: https://cloud.google.com/storage/docs/json_api#partial-response
func choose(document any, fields string) any {
	chosen, rest := parseFields(fields)
	if rest != "" {
		return document
	}
	return chosen.of(document)
}

// mask says which members are kept; nil keeps all that is below.
type mask map[string]mask

func (m mask) of(value any) any {
	if m == nil {
		return value
	}
	switch v := value.(type) {
	case object:
		out := object{}
		for key, member := range v {
			below, kept := m[key]
			if all, any := m["*"]; !kept && any {
				below, kept = all, true
			}
			if kept {
				out[key] = below.of(member)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, member := range v {
			out = append(out, m.of(member))
		}
		return out
	}
	return value
}

// parseFields reads a list of members up to its end or a parenthesis that it did
// not open.
func parseFields(text string) (m mask, rest string) {
	m = mask{}
	for {
		name, after := cutName(text)
		below := mask(nil)
		switch {
		case strings.HasPrefix(after, "/"):
			one, left := parsePath(after[1:])
			below, after = one, left
		case strings.HasPrefix(after, "("):
			below, after = parseFields(after[1:])
			after = strings.TrimPrefix(after, ")")
		}
		if name != "" {
			m[name] = merge(m, name, below)
		}
		if !strings.HasPrefix(after, ",") {
			return m, after
		}
		text = after[1:]
	}
}

// parsePath reads the one member behind a slash.
func parsePath(text string) (m mask, rest string) {
	name, after := cutName(text)
	below := mask(nil)
	switch {
	case strings.HasPrefix(after, "/"):
		below, after = parsePath(after[1:])
	case strings.HasPrefix(after, "("):
		below, after = parseFields(after[1:])
		after = strings.TrimPrefix(after, ")")
	}
	return mask{name: below}, after
}

func merge(m mask, name string, below mask) mask {
	before, given := m[name]
	if !given {
		return below
	}
	if before == nil || below == nil {
		return nil
	}
	for key := range below {
		before[key] = merge(before, key, below[key])
	}
	return before
}

func cutName(text string) (name, rest string) {
	if i := strings.IndexAny(text, ",()/"); i >= 0 {
		return strings.TrimSpace(text[:i]), text[i:]
	}
	return strings.TrimSpace(text), ""
}
