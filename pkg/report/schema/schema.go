// Package schema publishes the JSON Schema (2020-12) of the formats json and
// ndjson, for those who read them in other languages. It is written by hand,
// because its descriptions are the formats' documentation; the tests hold it to
// what package document writes, in both directions.
package schema

import _ "embed" // for the schema itself

// Report is the schema of "andon.report.v1": it accepts a whole document of
// --format json, and each single line of --format ndjson.
//
//go:embed andon-report-v1.schema.json
var Report []byte
