package document

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/andon-audit/andon/pkg/report"
)

// encoder appends JSON. It puts the commas, so that every line of the format's
// spelling is one member. The names it is given are ours and need no escaping.
type encoder struct {
	b    []byte
	keys []string // sorted keys of the map being written; kept for its memory
}

func (e *encoder) comma() {
	if n := len(e.b); n > 0 && e.b[n-1] != '{' && e.b[n-1] != '[' {
		e.b = append(e.b, ',')
	}
}

func (e *encoder) name(name string) {
	e.comma()
	e.b = append(e.b, '"')
	e.b = append(e.b, name...)
	e.b = append(e.b, '"', ':')
}

// open begins an object or array that is a member; element one that stands in
// an array. close ends either.
func (e *encoder) open(name string, bracket byte) {
	e.name(name)
	e.b = append(e.b, bracket)
}

func (e *encoder) element(bracket byte) {
	e.comma()
	e.b = append(e.b, bracket)
}

func (e *encoder) close(bracket byte) { e.b = append(e.b, bracket) }

func (e *encoder) text(name, value string) {
	e.name(name)
	e.b = appendString(e.b, value)
}

// some writes a text that may be absent.
func (e *encoder) some(name, value string) {
	if value != "" {
		e.text(name, value)
	}
}

func (e *encoder) integer(name string, value int) {
	e.name(name)
	e.b = strconv.AppendInt(e.b, int64(value), 10)
}

func (e *encoder) boolean(name string, value bool) {
	e.name(name)
	e.b = strconv.AppendBool(e.b, value)
}

func (e *encoder) time(name string, value time.Time) {
	e.name(name)
	e.b = append(e.b, '"')
	e.b = value.UTC().AppendFormat(e.b, time.RFC3339Nano)
	e.b = append(e.b, '"')
}

func texts[S ~string](e *encoder, name string, values []S) {
	e.open(name, '[')
	for _, v := range values {
		e.comma()
		e.b = appendString(e.b, string(v))
	}
	e.close(']')
}

// someTexts writes a list that means "all" or "none" when it is absent.
func someTexts[S ~string](e *encoder, name string, values []S) {
	if len(values) > 0 {
		texts(e, name, values)
	}
}

// someMap writes a map in the order of its keys, so that the same run gives the
// same bytes.
func someMap[V any](e *encoder, name string, m map[string]V, member func(string, V)) {
	if len(m) == 0 {
		return
	}
	e.open(name, '{')
	e.keys = e.keys[:0]
	for k := range m {
		e.keys = append(e.keys, k)
	}
	slices.Sort(e.keys)
	for _, k := range e.keys {
		member(k, m[k])
	}
	e.close('}')
}

// foreign writes a member whose name came from the cloud.
func (e *encoder) foreign(name string) {
	e.comma()
	e.b = appendString(e.b, name)
	e.b = append(e.b, ':')
}

// value writes a setting's value. What has no JSON form is written as its text:
// a report is not lost for one odd value.
func (e *encoder) value(v any) {
	switch v := v.(type) {
	case bool:
		e.b = strconv.AppendBool(e.b, v)
	case string:
		e.b = appendString(e.b, v)
	case int:
		e.b = strconv.AppendInt(e.b, int64(v), 10)
	case float64:
		e.float(v)
	case []string:
		list(e, v, func(s string) { e.b = appendString(e.b, s) })
	case []any:
		list(e, v, e.value)
	default:
		e.b = appendString(e.b, fmt.Sprint(v))
	}
}

func (e *encoder) float(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		e.b = appendString(e.b, fmt.Sprint(v))
		return
	}
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	e.b = strconv.AppendFloat(e.b, v, format, -1, 64)
}

func list[V any](e *encoder, values []V, element func(V)) {
	e.b = append(e.b, '[')
	for _, v := range values {
		e.comma()
		element(v)
	}
	e.b = append(e.b, ']')
}

const hex = "0123456789abcdef"

// appendString quotes a string. Besides what JSON asks for it escapes whatever
// would act on a terminal or vanish (report.Hidden): the decoded value is the
// same and the line is safe to look at. Bytes that are not UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	clean := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			b = appendEscape(append(b, s[clean:i]...), rune(c))
			i++
			clean = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || report.Hidden(r) {
			b = appendEscape(append(b, s[clean:i]...), r)
			clean = i + size
		}
		i += size
	}
	return append(append(b, s[clean:]...), '"')
}

func appendEscape(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	if r > 0xffff {
		r -= 0x10000
		b = appendUnit(b, 0xd800+(r>>10))
		r = 0xdc00 + (r & 0x3ff)
	}
	return appendUnit(b, r)
}

func appendUnit(b []byte, u rune) []byte {
	return append(b, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
}
