import assert from "node:assert/strict"
import { test } from "node:test"
import { parseCsv } from "../src/csv.js"
import { render, totalOf } from "../src/invoice.js"

const lines = parseCsv("item,quantity,price\nTea,3,3.20\nTeapot,1,24.95\n")

test("net, tax and gross add up", () => {
  assert.deepEqual(totalOf(lines, 19), { net: 3455, tax: 656, gross: 4111 })
})

test("an invoice ends with its total", () => {
  assert.match(render(lines, 19), /^Total +41\.11$/m)
})
