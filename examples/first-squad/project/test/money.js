import assert from "node:assert/strict"
import { test } from "node:test"
import { formatCents, percentOf, toCents } from "../src/money.js"

test("amounts are read to the cent", () => {
  assert.deepEqual(["12", "12.5", "12.50", "-0.05"].map(toCents), [1200, 1250, 1250, -5])
})

test("what is no amount is refused", () => {
  for (const text of ["", "12.505", "1,50", "NaN"]) assert.throws(() => toCents(text), RangeError)
})

test("amounts are written with thousands apart", () => {
  assert.equal(formatCents(123450), "1,234.50")
  assert.equal(formatCents(-5), "-0.05")
})

test("half a cent is rounded up", () => {
  assert.equal(percentOf(250, 19), 48)
})

test("half a cent of a credit note is rounded away from zero, like that of the invoice", () => {
  assert.equal(percentOf(-250, 19), -48)
})
