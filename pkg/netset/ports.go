package netset

import "fmt"

// Ports is a closed range of port numbers, as firewall rules have them.
type Ports struct{ Lo, Hi uint16 }

// AllPorts is every port.
var AllPorts = Ports{0, 65535}

// Contains reports whether port is in the range.
func (p Ports) Contains(port uint16) bool { return p.Lo <= port && port <= p.Hi }

// Meet returns the ports in both ranges, and whether there are any.
func (p Ports) Meet(q Ports) (Ports, bool) {
	both := Ports{max(p.Lo, q.Lo), min(p.Hi, q.Hi)}
	return both, both.Lo <= both.Hi
}

// String spells the range as "443" or "8000-8080".
func (p Ports) String() string {
	if p.Lo == p.Hi {
		return fmt.Sprint(p.Lo)
	}
	return fmt.Sprintf("%d-%d", p.Lo, p.Hi)
}
