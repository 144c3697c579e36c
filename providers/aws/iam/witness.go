package iam

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

var errWitness = errors.New("the independent evaluator does not confirm the witness")

// witness turns the points into a request and has the evaluator confirm it.
func (s *search) witness(actions []string) (Request, error) {
	w := s.space.world
	r := Request{Action: actions[0], Resource: s.points[0].text, Principal: w.who(), Context: make(map[string][]string)}
	for i, d := range s.space.dims[1:] {
		p := s.points[i+1]
		if p.absent || strings.HasPrefix(d.name, "?") {
			continue
		}
		if d.name == dimPrincipal {
			r.Principal.ID = p.text
			continue
		}
		for key, values := range d.spell(p) {
			r.Context[key] = values
		}
	}
	s.addVariables(&r)
	if w.caller == callerAccount && r.Principal.ID == "" {
		r.Principal.ID = w.samplePrincipal()
	}
	if _, ok := r.Context["aws:SourceIp"]; !ok && w.path == pathInternet {
		r.Context["aws:SourceIp"] = []string{sampleAddress.String()}
	}
	if !w.loose && Evaluate(w.plan.policy, r) != Allow {
		return r, fmt.Errorf("%w: %v", errWitness, r)
	}
	return r, nil
}

// addVariables adds the keys that the request has only because a policy variable
// stands for them.
func (s *search) addVariables(r *Request) {
	w := s.space.world
	for _, key := range w.plan.named.variables {
		b := w.binding(key)
		fact := b.constant
		if b.unknown {
			fact = placeholder(key)
		}
		if fact != "" {
			r.Context[key] = []string{fact}
			continue
		}
		pin, pinned := w.pins[b.dim]
		if s.space.index(b.dim) >= 0 || !pinned {
			continue
		}
		if b.dim == dimPrincipal {
			r.Principal.ID = pin
			continue
		}
		d := dimension{name: b.dim, key: key}
		maps.Copy(r.Context, d.spell(point{text: pin, addr: parseAddr(pin)}))
	}
}

func parseAddr(text string) netip.Addr {
	addr, _ := netip.ParseAddr(text)
	return addr
}

func (w *world) who() Principal {
	switch w.caller {
	case callerAnonymous:
		return Principal{Kind: "anonymous"}
	case callerService:
		return Principal{Kind: "service", ID: w.service}
	case callerFederated:
		return Principal{Kind: "federated", ID: w.provider}
	}
	if id, ok := strings.CutPrefix(w.alias, canonicalPrefix); ok {
		return Principal{Kind: "canonical", ID: id}
	}
	return Principal{Kind: "aws"}
}

// spell returns the condition keys that a point of the dimension means.
func (d *dimension) spell(p point) map[string][]string {
	switch d.name {
	case dimAddress:
		return map[string][]string{"aws:SourceIp": {p.addr.String()}}
	case dimTime:
		return map[string][]string{
			"aws:CurrentTime": {time.UnixMicro(p.number).UTC().Format("2006-01-02T15:04:05.999999Z")},
			"aws:EpochTime":   {epoch(p.number)},
		}
	case dimOrg:
		return orgContext("aws:PrincipalOrgPaths", "aws:PrincipalOrgID", p.text)
	case dimSourceOrg:
		return orgContext("aws:SourceOrgPaths", "aws:SourceOrgID", p.text)
	case dimVPCEOrg:
		return orgContext("aws:VpceOrgPaths", "aws:VpceOrgID", p.text)
	case dimSource:
		return map[string][]string{"aws:SourceArn": {p.text}}
	case dimVPC:
		return map[string][]string{"aws:SourceVpcArn": {p.text}, "aws:SourceVpc": {p.text[strings.LastIndexByte(p.text, '/')+1:]}}
	}
	if strings.HasSuffix(d.name, ":dataaccesspointarn") {
		prefix, _, _ := strings.Cut(d.name, ":")
		return map[string][]string{prefix + ":DataAccessPointArn": {p.text}, prefix + ":DataAccessPointAccount": {accountOf(p.text)}}
	}
	values := []string{p.text}
	switch {
	case d.multi:
		values = p.list
	case d.kind == kindAddress:
		values = []string{p.addr.String()}
	case d.kind == kindTime:
		values = []string{time.UnixMicro(p.number).UTC().Format("2006-01-02T15:04:05.999999Z")}
	case d.kind == kindNumber && d.scale == tenths:
		values = []string{strconv.FormatFloat(float64(p.number)/tenths, 'f', 1, 64)}
	case d.kind == kindNumber:
		values = []string{strconv.FormatInt(p.number, 10)}
	}
	return map[string][]string{d.key: values}
}

func epoch(us int64) string {
	whole, part := us/microseconds, us%microseconds
	if part == 0 {
		return strconv.FormatInt(whole, 10)
	}
	return strconv.FormatFloat(float64(us)/microseconds, 'f', 6, 64)
}

func orgContext(paths, id, path string) map[string][]string {
	org, _, _ := strings.Cut(path, "/")
	return map[string][]string{paths: {path}, id: {org}}
}
