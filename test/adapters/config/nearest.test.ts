import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { nearest, suggestion } from "../../../src/adapters/config/nearest.ts"

describe("the nearest valid name", () => {
  const keys = ["concurrency", "maxTurns", "wallClock", "stall", "output"]

  it("is found over slips, swaps, case and other ways to join words", () => {
    assert.strictEqual(nearest("concurency", keys), "concurrency")
    assert.strictEqual(nearest("otuput", keys), "output")
    assert.strictEqual(nearest("max_turns", keys), "maxTurns")
    assert.strictEqual(nearest("WALL-CLOCK", keys), "wallClock")
  })

  it("is the nearer of two", () => {
    assert.strictEqual(nearest("labls", ["label", "labels"]), "labels")
    assert.strictEqual(nearest("labe", ["labels", "label"]), "label")
  })

  it("is none where nothing is near, and the valid names are told all the same", () => {
    assert.strictEqual(nearest("xyz", keys), undefined)
    assert.strictEqual(suggestion("xyz", ["a", "bc"], "keys"), "Valid keys: a, bc.")
  })

  it.prop("of a valid name is the name itself", [Schema.Literals(keys)], ([key]) => {
    assert.strictEqual(nearest(key, keys), key)
  })
})
