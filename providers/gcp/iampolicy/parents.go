package iampolicy

import (
	"sync"

	"github.com/andon-audit/andon/pkg/collect"
)

// maxParents is how many policies of parents are remembered for a kind in a
// project: enough for the stores that are examined at the same time, and no more
// with the estate.
const maxParents = 256

// parents remembers the policies of what stores are in, each asked for once while
// it is remembered. The zero value is ready.
type parents struct {
	mu     sync.Mutex
	byName map[string]*collect.Once[*Policy]
	oldest []string
}

func (p *parents) of(name string) *collect.Once[*Policy] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found, ok := p.byName[name]; ok {
		return found
	}
	if p.byName == nil {
		p.byName = make(map[string]*collect.Once[*Policy])
	}
	if len(p.oldest) == maxParents {
		delete(p.byName, p.oldest[0])
		p.oldest = p.oldest[1:]
	}
	p.byName[name] = new(collect.Once[*Policy])
	p.oldest = append(p.oldest, name)
	return p.byName[name]
}
