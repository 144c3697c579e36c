// Command discovery fills in api/routes.tsv: for each call that the table names
// it looks up the method and the path in Google's own discovery document, which
// the Go module of the generated clients carries. It is run by go generate, and
// its test fails when the table is stale.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module carries a discovery document for each version of each service.
const module = "google.golang.org/api"

func main() {
	if err := write("routes.tsv"); err != nil {
		fmt.Fprintln(os.Stderr, "discovery:", err)
		os.Exit(1)
	}
}

func write(file string) error {
	table, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return fmt.Errorf("read routes: %w", err)
	}
	filled, err := fill(table)
	if err != nil {
		return err
	}
	return os.WriteFile(file, filled, 0o644)
}

// fill returns the table, sorted, with every call's method and path.
func fill(table []byte) ([]byte, error) {
	dir, err := moduleDir()
	if err != nil {
		return nil, err
	}
	documents := make(map[string]*document)
	var head bytes.Buffer
	var rows []string
	for line := range strings.Lines(string(table)) {
		if strings.HasPrefix(line, "#") {
			head.WriteString(line)
			continue
		}
		cells := strings.Split(strings.TrimSpace(line), "\t")
		if len(cells) < 2 {
			return nil, fmt.Errorf("read routes: %q names no service and call", line)
		}
		d := documents[cells[0]]
		if d == nil {
			if d, err = read(dir, cells[0]); err != nil {
				return nil, err
			}
			documents[cells[0]] = d
		}
		row, err := d.row(cells[0], cells[1])
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	slices.Sort(rows)
	return append(head.Bytes(), strings.Join(rows, "")...), nil
}

func moduleDir() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("find module %s: %w", module, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// document is what is needed of a discovery document.
//
// Source: https://developers.google.com/discovery/v1/reference/apis
type document struct {
	Name        string              `json:"name"`
	ServicePath string              `json:"servicePath"`
	Methods     map[string]method   `json:"methods"`
	Resources   map[string]document `json:"resources"`
}

type method struct {
	ID         string `json:"id"`
	HTTPMethod string `json:"httpMethod"`
	Path       string `json:"path"`
	FlatPath   string `json:"flatPath"`
}

func read(dir, service string) (*document, error) {
	name, version, ok := strings.Cut(service, "/")
	if !ok {
		return nil, fmt.Errorf("read discovery document: %q is not service/version", service)
	}
	text, err := os.ReadFile(filepath.Join(dir, name, version, name+"-api.json"))
	if err != nil {
		return nil, fmt.Errorf("read discovery document: %w", err)
	}
	d := new(document)
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("read discovery document of %s: %w", service, err)
	}
	return d, nil
}

// row returns a call's line. Google's ids begin with the service's name, which
// is not always the one that its package has.
func (d *document) row(service, call string) (string, error) {
	m, ok := d.find(call)
	if !ok {
		return "", fmt.Errorf("find %s in %s: there is no such method", call, service)
	}
	path := m.FlatPath
	if path == "" {
		path = m.Path
	}
	return strings.Join([]string{service, call, m.HTTPMethod, d.ServicePath + path}, "\t") + "\n", nil
}

func (d *document) find(call string) (method, bool) {
	resource, rest, nested := strings.Cut(call, ".")
	if !nested {
		m, ok := d.Methods[call]
		return m, ok
	}
	inner, ok := d.Resources[resource]
	if !ok {
		return method{}, false
	}
	return inner.find(rest)
}
