import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { NodeServices } from "@effect/platform-node"
import { statOf } from "../../../src/adapters/workspace/entries.ts"
import { fileTree, isChecked } from "../../../src/adapters/workspace/fileTree.ts"
import { makeGit } from "../../../src/adapters/workspace/git.ts"
import { makeOutside } from "../../../src/adapters/workspace/outsideGit.ts"
import { makeRandom, type Random } from "./random.ts"
import { commitAll, git, makeOrigin, write } from "./Rig.ts"

const isLink = (path: string) => statOf(path)?.isSymbolicLink() === true

/** One of the things that happen to files, on names that meet each other. */
const mutate = (clone: string, random: Random, step: number): string => {
  const name = random.pick(["a", "b.log", "d/x", "d/y.log", "d/e/z", "gen/out.o", "gen/keep.o", "n/p", "n/q/r"])
  const path = join(clone, name)
  const content = () => `content ${step}\n`.repeat(1 + random.below(3))
  const acts: ReadonlyArray<readonly [string, () => void]> = [
    [
      "write",
      () => {
        for (let folder = dirname(path); folder !== clone; folder = dirname(folder)) {
          const stat = statOf(folder)
          if (stat !== undefined && !stat.isDirectory()) rmSync(folder)
        }
        rmSync(path, { recursive: true, force: true })
        write(clone, { [name]: content() })
      }
    ],
    ["remove", () => rmSync(path, { recursive: true, force: true })],
    [
      "remove its folder",
      () => rmSync(dirname(path) === clone ? path : dirname(path), { recursive: true, force: true })
    ],
    [
      "link",
      () => {
        const target = random.pick([path, dirname(path) === clone ? path : dirname(path)])
        if (!statOf(dirname(target))?.isDirectory()) return
        rmSync(target, { recursive: true, force: true })
        symlinkSync(random.pick(["/etc", "nowhere", "../clone/src"]), target)
      }
    ],
    [
      "make executable",
      () => {
        if (statOf(path)?.isFile()) chmodSync(path, random.pick([0o755, 0o644]))
      }
    ],
    [
      "touch",
      () => {
        if (statOf(path)?.isFile()) utimesSync(path, step, step)
      }
    ],
    [
      "make a folder of it",
      () => {
        if (isLink(dirname(path)) || !statOf(dirname(path))?.isDirectory()) return
        rmSync(path, { recursive: true, force: true })
        write(path, { inner: content() })
      }
    ],
    [
      "ignore",
      () => {
        const folder = random.pick([".", "d", "gen", "n"])
        if (isLink(join(clone, folder)) || statOf(join(clone, folder))?.isFile()) return
        write(join(clone, folder), { ".gitignore": random.pick(["*.log\n", "gen/\n", "*\n", "x\nq\n", ""]) })
      }
    ],
    ["commit", () => void commitAll(clone, `step ${step}`)],
    [
      "track what is ignored",
      () => {
        if (statOf(path)?.isFile() && !isLink(dirname(path))) git(clone, "add", "-f", "--", name)
        git(clone, "commit", "-q", "--allow-empty", "-m", "forced")
      }
    ],
    [
      "go back",
      () => {
        git(clone, "checkout", "-q", "-f", random.pick(["main", "HEAD", "HEAD@{1}"]))
      }
    ]
  ]
  const [what, act] = random.pick(acts)
  act()
  return `${what} ${name}`
}

describe("the tree of the files", () => {
  for (let seed = 1; seed <= 8; seed++) {
    it.live(
      `is what git would commit, and the same whether it was looked at before or not; seed ${seed}`,
      () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          const root = yield* Effect.flatMap(fs.makeTempDirectoryScoped(), fs.realPath)
          const clone = makeOrigin(join(root, "clone"))
          write(clone, {
            a: "a\n",
            "d/x": "x\n",
            "d/e/z": "z\n",
            "gen/keep.o": "keep\n",
            ".gitignore": "gen/\n*.log\n"
          })
          git(clone, "add", "-f", "gen/keep.o")
          commitAll(clone, "more")
          const mirror = join(clone, ".git")
          const outside = join(root, "outside.git")
          makeOutside(outside)
          const run = makeGit({ PATH: process.env["PATH"] }, "test")
          const looking = { git: run, outside, mirror, clone, sparse: [] }
          const memory = { links: new Map(), begun: new Map() }
          const random = makeRandom(seed)
          const history: Array<string> = []
          for (let step = 0; step < 14; step++) {
            for (let n = 1 + random.below(3); n > 0; n--) history.push(mutate(clone, random, step * 10 + n))
            const head = git(clone, "rev-parse", "HEAD")
            const again = yield* fileTree({ ...looking, memory, index: join(root, "index") }, head)
            const anew = { links: new Map(), begun: new Map() }
            const fresh = yield* fileTree({ ...looking, memory: anew, index: join(root, `index-${step}`) }, head)
            const show = () => `after ${history.join(", ")}`
            assert.strictEqual(again.tree, fresh.tree, show())
            assert.deepStrictEqual(again.unreadable, [], show())
            git(clone, "read-tree", "HEAD")
            git(clone, "add", "-A")
            assert.strictEqual(again.tree, git(clone, "write-tree"), show())
            git(clone, "read-tree", "HEAD")
          }
        }).pipe(Effect.provide(NodeServices.layer)),
      30_000
    )
  }

  it.live(
    "is the same at each look where there are repositories inside",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const root = yield* Effect.flatMap(fs.makeTempDirectoryScoped(), fs.realPath)
        const clone = makeOrigin(join(root, "clone"))
        makeOrigin(join(clone, "module"))
        write(clone, { ".gitignore": "build/\n" })
        const head = commitAll(clone, "with a module")
        const outside = join(root, "outside.git")
        makeOutside(outside)
        const run = makeGit({ PATH: process.env["PATH"] }, "test")
        const looking = {
          git: run,
          outside,
          mirror: join(clone, ".git"),
          clone,
          sparse: [],
          index: join(root, "index")
        }
        const memory = { links: new Map(), begun: new Map() }
        const names = Effect.gen(function* () {
          const one = yield* fileTree({ ...looking, memory }, head)
          const two = yield* fileTree({ ...looking, memory }, head)
          const anew = { links: new Map(), begun: new Map() }
          const three = yield* fileTree({ ...looking, memory: anew, index: join(root, "another") }, head)
          rmSync(join(root, "another"))
          assert.deepStrictEqual([two, three], [one, one])
          return git(clone, "ls-tree", "-r", "--name-only", one.tree).split("\n")
        })
        assert.includeMembers([...(yield* names)], ["module/src/a.txt", "module/readme.md"])
        makeOrigin(join(clone, "nested"))
        makeOrigin(join(clone, "nested/deeper"))
        write(clone, {
          "nested/build/x": "ignored outside\n",
          "nested/ignored/y": "ignored inside\n",
          "nested/z": "z\n"
        })
        write(clone, { "nested/:(exclude)z": "odd\n" })
        const withNested = yield* names
        assert.includeMembers([...withNested], ["nested/z", "nested/deeper/src/a.txt", "nested/:(exclude)z"])
        assert.notIncludeMembers([...withNested], ["nested/build/x", "nested/ignored/y"])
        write(clone, { "nested/later": "later\n" })
        assert.include(yield* names, "nested/later")
        rmSync(join(clone, "nested"), { recursive: true })
        rmSync(join(clone, "module"), { recursive: true })
        mkdirSync(join(clone, "module"))
        assert.deepStrictEqual(yield* names, [".gitignore", "module", "readme.md", "src/a.txt", "src/deep/b.txt"])
      }).pipe(Effect.provide(NodeServices.layer)),
    30_000
  )

  it.live("has what is tracked and ignored, also when it had gone in between; and not what became ignored", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* Effect.flatMap(fs.makeTempDirectoryScoped(), fs.realPath)
      const clone = makeOrigin(join(root, "clone"))
      write(clone, { "ignored/tracked.txt": "tracked\n" })
      git(clone, "add", "-f", "ignored/tracked.txt")
      const head = commitAll(clone, "tracked")
      const outside = join(root, "outside.git")
      makeOutside(outside)
      const memory = { links: new Map(), begun: new Map() }
      const looking = {
        git: makeGit({ PATH: process.env["PATH"] }, "test"),
        outside,
        mirror: join(clone, ".git"),
        clone
      }
      const names = Effect.map(
        fileTree({ ...looking, memory, sparse: [], index: join(root, "index") }, head),
        ({ tree }) => git(clone, "diff-tree", "-r", "--name-status", head, tree)
      )
      assert.strictEqual(yield* names, "")
      rmSync(join(clone, "ignored"), { recursive: true })
      write(clone, { "loose/file.txt": "loose\n" })
      assert.strictEqual(yield* names, "D\tignored/tracked.txt\nA\tloose/file.txt")
      write(clone, { "ignored/tracked.txt": "again\n", "loose/.gitignore": "*\n" })
      assert.strictEqual(yield* names, "M\tignored/tracked.txt")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it("is told what a sparse checkout has as git's cone mode does", () => {
    const has = (path: string) => isChecked(path, ["a/b", "c"])
    assert.deepStrictEqual(
      ["top", "a/file", "a/b/file", "a/b/c/d/file", "c/x", "c/y/z"].filter((path) => !has(path)),
      []
    )
    assert.deepStrictEqual(["a/c/file", "a/bb/file", "d/x", "cc/x"].filter(has), [])
    assert.isTrue(isChecked("any/where", []))
  })
})
