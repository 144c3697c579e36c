package azuretest

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// usualPage is how many entries an answer has where nobody says.
const usualPage = 1000

// list answers with one page of n entries. The link to the next is at the host
// that was asked, and good for one listing alone.
//
// Source: https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#collections
func (q *request) list(n int, entry func(int) any) answer {
	size := usualPage
	if q.server.pageSize > 0 {
		size = q.server.pageSize
	}
	from := 0
	if token := q.query.Get(skipToken); token != "" {
		var ok bool
		if from, ok = q.fromToken(token); !ok || from > n {
			return q.refuse(http.StatusBadRequest, "InvalidSkipToken", "The specified skip token is invalid.")
		}
	}
	to := min(n, from+size)
	entries := make([]any, 0, to-from+1)
	if q.fault.Kind == NullRecords {
		entries = append(entries, nil)
	}
	for i := from; i < to; i++ {
		entries = append(entries, entry(i))
	}
	document := object{"value": entries}
	if to < n {
		document["nextLink"] = q.link("https://"+q.host, q.token(to))
	}
	if q.fault.Kind == ForeignLink {
		document["nextLink"] = q.link(foreignHost, q.token(to))
	}
	return ok(document)
}

const (
	skipToken = "$skiptoken"
	// foreignHost is where a foreign link leads.
	foreignHost = "https://elsewhere.example"
)

func (q *request) link(root, token string) string {
	query := q.copyOfQuery()
	query.Set(skipToken, token)
	return root + q.path + "?" + query.Encode()
}

func (q *request) token(index int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(index) + ":" + q.listing()))
}

func (q *request) listing() string { return digest(q.call, strings.ToLower(q.path))[:8] }

func (q *request) fromToken(token string) (int, bool) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, false
	}
	digits, listing, _ := strings.Cut(string(text), ":")
	index, err := strconv.Atoi(digits)
	return index, err == nil && index >= 0 && listing == q.listing()
}
