package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Promises returns the names of all promises.
func Promises() []string {
	var names []string
	for _, p := range slices.Concat(concurrent, alone) {
		names = append(names, p.name)
	}
	return names
}

// Breaches examines a collector as Run does and returns what it breaks, by
// promise.
func Breaches(ctx context.Context, s Suite) (map[string][]string, error) {
	s.patience = 100 * time.Millisecond
	recordings, err := ReadFolder(s.Folder)
	if err != nil {
		return nil, err
	}
	seen := newTally()
	found := make(map[string][]string)
	for _, r := range recordings {
		b := s.bench(ctx, r, seen)
		for _, p := range slices.Concat(concurrent, alone) {
			p.keep(b, func(format string, args ...any) {
				found[p.name] = append(found[p.name], r.Name+": "+fmt.Sprintf(format, args...))
			})
			if p.name == "deterministic" && len(found[p.name]) > 0 {
				return found, nil
			}
		}
	}
	seen.together(s.Kind, func(format string, args ...any) {
		promise, words, _ := strings.Cut(fmt.Sprintf(format, args...), ": ")
		found[promise] = append(found[promise], words)
	})
	return found, nil
}
