package iam

// explain records what keeps the class out of the Allow statements that are
// about the target.
func (t *trial) explain(s *space) {
	for i := range s.allows {
		allow := &s.allows[i]
		for g := range t.plan.groups {
			group := &t.plan.groups[g]
			if !t.plan.about(allow.index, group) {
				continue
			}
			s.enterFamily(t.plan.families[group.family])
			t.blame(s, allow, group)
			break
		}
	}
}

// blame finds the conditions that no request of the class meets, or else the
// denials that cover all of the Allow.
func (t *trial) blame(s *space, allow *box, g *group) {
	steps := 100
	try := func(b *box, denies []*box) bool {
		x := search{space: s, denies: denies, steps: &steps}
		ok, err := x.find(b)
		return ok || err != nil
	}
	if !try(allow, nil) {
		blamed := false
		for i := range allow.atoms {
			if !try(&box{atoms: allow.atoms[i : i+1]}, nil) {
				t.closed = append(t.closed, allow.atoms[i].pointer)
				blamed = true
			}
		}
		if !blamed {
			t.closed = append(t.closed, allow.pointer+"/Condition")
		}
		return
	}
	var together []string
	for i := range s.denies {
		if !t.plan.about(s.denies[i].index, g) {
			continue
		}
		if !try(allow, []*box{&s.denies[i]}) {
			t.closed = append(t.closed, s.denies[i].pointer)
			return
		}
		together = append(together, s.denies[i].pointer)
	}
	t.closed = append(t.closed, together...)
}
