// Package providers names every kind of every cloud that andon knows. It is
// where documentation, permissions and the vocabulary of policies come from.
package providers

import (
	"cmp"
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/gcp"
)

// Kinds returns every kind, sorted by name.
func Kinds() []*collect.Kind {
	kinds := slices.Concat(aws.Kinds(), azure.Kinds(), gcp.Kinds())
	slices.SortFunc(kinds, func(a, b *collect.Kind) int { return cmp.Compare(a.Name, b.Name) })
	return kinds
}
