import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe } from "@effect/vitest"
import { sqliteStoreLayer } from "../../../src/app/layers.ts"
import { suite } from "../../contract/StoreContract.ts"

const directory = mkdtempSync(join(tmpdir(), "squadron-store-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

let count = 0
const fresh = () => join(directory, `${++count}.db`)

describe("SqlStore", () => {
  suite("file", () => sqliteStoreLayer({ filename: fresh() }))
  suite("memory", () => sqliteStoreLayer({ filename: ":memory:" }))
})
