package cli

import (
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/andon-audit/andon/pkg/report"
)

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colored follows the conventions of no-color.org and clicolors: an explicit
// flag, then NO_COLOR, then the forcing variables, then the terminal.
func (s *session) colored(w io.Writer) bool {
	switch {
	case s.color == "always":
		return true
	case s.color == "never", os.Getenv("NO_COLOR") != "":
		return false
	case forced("CLICOLOR_FORCE"), forced("FORCE_COLOR"):
		return true
	}
	return isTerminal(w) && os.Getenv("TERM") != "dumb"
}

func forced(variable string) bool {
	value := os.Getenv(variable)
	return value != "" && value != "0"
}

// page describes what a human report is written on.
func (s *session) page(w io.Writer) report.Page {
	return report.Page{Width: width(w), Color: s.colored(w), Unicode: unicodeLocale(), TTY: isTerminal(w)}
}

func width(w io.Writer) int {
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		return columns
	}
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return report.DefaultWidth
}

func unicodeLocale() bool {
	for _, variable := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := os.Getenv(variable); value != "" {
			value = strings.ToLower(value)
			return strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
		}
	}
	return false
}
