import assert from "node:assert/strict"
import { execFileSync, spawnSync } from "node:child_process"
import { test } from "node:test"
import { fileURLToPath } from "node:url"

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const program = path("../src/main.js")
const invoice = (...args) => execFileSync(process.execPath, [program, ...args, path("tea.csv")], { encoding: "utf8" })

test("prints an invoice", () => {
  assert.match(invoice("--tax", "7"), /^Tax 7 % +2\.42$/m)
})

test("says how it is used where the file is missing", () => {
  const { status, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8" })
  assert.equal(status, 2)
  assert.match(stderr, /^usage: invoice /)
})
