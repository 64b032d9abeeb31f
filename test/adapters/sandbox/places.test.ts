import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { arrange, isVisible, isWithin, type Place, placesOf } from "../../../src/adapters/sandbox/places.ts"

type Listed = Parameters<typeof arrange>[0]

const told = (listed: Partial<Listed>): ReadonlyArray<string> =>
  arrange({ emptied: [], writable: [], readable: [], ...listed }).map(({ kind, path }) => `${kind} ${path}`)

const Folder = Schema.Array(Schema.Literals(["a", "b"])).check(Schema.isMinLength(1), Schema.isMaxLength(4))
const Folders = Schema.Array(Folder).check(Schema.isMaxLength(4))

const written = (folders: ReadonlyArray<ReadonlyArray<string>>) => folders.map((parts) => `/${parts.join("/")}`)

/** What a path is, with all of these places laid over each other in their order. */
const kindAt = (places: ReadonlyArray<Place>, path: string): string =>
  places.findLast((place) => isWithin(place.path, path))?.kind ?? "as it is"

/** What a path should be, asked from the root down. */
const meantAt = ({ emptied, readable, writable }: Listed, path: string): string => {
  let kind = "as it is"
  for (const [index] of [...path].entries()) {
    const above = path.slice(0, index + 1)
    if (readable.includes(above)) kind = "readable"
    else if (writable.includes(above)) kind = kind === "readable" ? "readable" : "writable"
    else if (emptied.includes(above)) kind = "empty"
  }
  return kind
}

describe("the places of a sandbox", () => {
  it("come with parents first, and none that changes nothing", () => {
    assert.deepStrictEqual(
      told({
        emptied: ["/home", "/state", "/home/ann/state"],
        writable: ["/state/a/repo", "/state/a/repo/deep", "/state/a/home"],
        readable: ["/state/mirror", "/opt"]
      }),
      [
        "empty /home",
        "readable /opt",
        "empty /state",
        "writable /state/a/home",
        "writable /state/a/repo",
        "readable /state/mirror"
      ]
    )
  })

  it("keep the state folder empty within a listed project, and what is listed of it there", () => {
    const listed = { emptied: ["/p/.state"], readable: ["/p"], writable: ["/p/.state/a", "/p/src"] }
    assert.deepStrictEqual(told(listed), ["readable /p", "empty /p/.state", "writable /p/.state/a"])
  })

  it("show a hidden folder that is listed itself", () => {
    assert.deepStrictEqual(told({ emptied: ["/p"], readable: ["/p"] }), ["readable /p"])
    assert.deepStrictEqual(told({ emptied: ["/p"], writable: ["/p"] }), ["writable /p"])
  })

  it.effect(
    "refuse a readable folder that is a link into a hidden one, and show a hidden one that is named itself",
    () =>
      Effect.gen(function* () {
        const top = realpathSync(mkdtempSync(join(tmpdir(), "squadron-places-")))
        yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(top, { recursive: true })))
        const [state, work] = [join(top, "state"), join(top, "work")]
        for (const folder of [join(state, "tools"), work]) mkdirSync(folder, { recursive: true })
        symlinkSync(state, join(work, "link"))
        const looking = (readable: string) =>
          placesOf(
            {
              run: ["true"],
              cwd: work,
              env: {},
              writable: [work],
              readable: [readable],
              home: join(top, "home"),
              ports: [],
              hosts: []
            },
            [state]
          )
        for (const readable of [join(work, "link"), join(work, "link", "tools")]) {
          const error = yield* Effect.flip(looking(readable))
          assert.match(error.message, /leads through a link out of|is a link into/)
        }
        symlinkSync(state, join(top, "beside"))
        const error = yield* Effect.flip(looking(join(top, "beside", "tools")))
        assert.include(error.message, `${join(top, "beside", "tools")} is a link into ${state}`)
        const { places } = yield* looking(join(state, "tools"))
        assert.isTrue(isVisible(places, join(state, "tools")))
        assert.isFalse(isVisible(places, join(state, "other")))
      }).pipe(Effect.scoped)
  )

  it("take a folder with a longer name for another", () => {
    const listed = { emptied: ["/a"], writable: ["/a-b", "/a.b/c", "/ab"], readable: ["/a/b"] }
    assert.deepStrictEqual(told(listed), [
      "writable /a-b",
      "writable /a.b/c",
      "empty /a",
      "readable /a/b",
      "writable /ab"
    ])
  })

  it.prop(
    "make of every path what the lists mean",
    [Folders, Folders, Folders, Folder],
    ([emptied, writable, readable, parts]) => {
      const listed = { emptied: written(emptied), writable: written(writable), readable: written(readable) }
      const path = `/${parts.join("/")}`
      assert.strictEqual(kindAt(arrange(listed), path), meantAt(listed, path))
    },
    { arbitrary: { size: 20, runs: 2_000 } }
  )
})
