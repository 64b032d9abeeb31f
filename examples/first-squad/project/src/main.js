#!/usr/bin/env node
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { parseCsv } from "./csv.js"
import { render } from "./invoice.js"

const usage = "usage: invoice [--tax <percent>] <file.csv>"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    tax: { type: "string", default: "19" }
  }
})

const [file] = positionals
if (file === undefined) {
  console.error(usage)
  process.exitCode = 2
} else {
  console.log(render(parseCsv(readFileSync(file, "utf8")), Number(values.tax)))
}
