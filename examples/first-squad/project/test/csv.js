import assert from "node:assert/strict"
import { test } from "node:test"
import { parseCsv } from "../src/csv.js"

test("the first line names the fields", () => {
  assert.deepEqual(parseCsv("item,price\nTea,3.20\n"), [{ item: "Tea", price: "3.20" }])
})

test("a quoted field may hold commas and quotes", () => {
  assert.deepEqual(parseCsv('item,price\n"Tea, ""black""",3.20'), [{ item: 'Tea, "black"', price: "3.20" }])
})

test("a line with too few fields is refused by its number", () => {
  assert.throws(() => parseCsv("item,price\nTea,3.20\nCups"), /line 3 has 1 fields/)
})

test("a quote without an end is refused", () => {
  assert.throws(() => parseCsv('item,price\n"Tea,3.20'), SyntaxError)
})
