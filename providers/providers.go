// Package providers names every kind of every cloud that andon knows. It is
// where documentation, permissions and the vocabulary of policies come from.
package providers

import (
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/aws"
)

// Kinds returns every kind, sorted by name.
func Kinds() []*collect.Kind {
	kinds := aws.Kinds()
	slices.SortFunc(kinds, func(a, b *collect.Kind) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return kinds
}
