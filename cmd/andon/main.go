// Command andon finds every cloud data store that is public instead of private,
// proves it, and keeps watching.
package main

import (
	"os"

	"github.com/andon-audit/andon/cmd/andon/cli"
)

func main() {
	os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
