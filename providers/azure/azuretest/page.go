package azuretest

import (
	"net/http"
	"strings"

	"github.com/andon-audit/andon/providers/internal/loopback"
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
		if from, ok = loopback.FromToken(token, n, q.call, q.listing()); !ok {
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
		document["nextLink"] = q.link("https://"+q.host, loopback.Token(to, q.call, q.listing()))
	}
	if q.fault.Kind == ForeignLink {
		document["nextLink"] = q.link(foreignHost, loopback.Token(to, q.call, q.listing()))
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

func (q *request) listing() string { return strings.ToLower(q.path) }
