import { readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { makeFolders } from "../../../src/adapters/workspace/folders.ts"
import { makeMirrors } from "../../../src/adapters/workspace/Mirror.ts"
import { Forge } from "../../../src/services/Forge.ts"
import { Workspaces } from "../../../src/services/Workspaces.ts"
import { makeRandom } from "./random.ts"
import { agent, commitAll, daemon, git, Place, repository, request, test, text, write } from "./Rig.ts"
import { assertWhole, crowd, day, forgotten, has, left, logged, packsOf, tend } from "./Upkeep.ts"

const looseIn = (mirror: string): number => Number(/\d+/.exec(git(mirror, "count-objects"))?.[0])

describe("the upkeep of a mirror", () => {
  test(
    "makes few packs of sixty, and all that clones borrow and all that is saved is still there",
    Effect.gen(function* () {
      const { origin } = yield* Place
      const workspaces = yield* Workspaces
      const { blob, commit, mirror } = yield* forgotten(origin, "topic")
      const { path } = yield* workspaces.open(request)
      write(path, { "work.txt": "work\n" })
      const work = commitAll(path, "work")
      // What the clone has staged is in the mirror alone, and no ref there leads to it.
      git(path, "update-index", "--add", "--cacheinfo", `100644,${blob},borrowed.txt`)
      yield* left("other-2-e2")
      git(mirror, "config", "fetch.unpackLimit", "1")
      const fetched: Array<string> = []
      for (let i = 0; i < 60; i++) {
        write(origin, { "many.txt": `${i}\n` })
        fetched.push(commitAll(origin, `${i}`))
        yield* workspaces.mirror(repository)
      }
      assert.isAtLeast(packsOf(mirror).length, 60)
      yield* tend({ now: Date.now() + 1000 * day })
      assert.isAtMost(packsOf(mirror).length, 2)
      assert.strictEqual(looseIn(mirror), 0)
      assert.isTrue(has(mirror, blob) && has(mirror, commit))
      assert.strictEqual(git(path, "show", ":borrowed.txt"), "only on topic")
      for (const id of [...fetched, work]) assert.isTrue(has(path, id), id)
      assert.strictEqual(git(mirror, "show", "refs/squadron/saved/other-2-e2/1:uncommitted.txt"), "other-2-e2")
      assertWhole(mirror)
      assertWhole(path)
      yield* workspaces.save(agent)
      assert.strictEqual(git(mirror, "show", `refs/squadron/saved/${agent}/1:work.txt`), "work")
    }),
    {},
    60_000
  )

  test(
    "is at most once a day, and only where there are more than fifty packs or 6,700 objects by themselves",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const { mirror } = yield* left(agent)
      const now = Date.now()
      git(mirror, "repack", "-q", "-d")
      crowd(mirror, 49)
      yield* tend({ now })
      assert.strictEqual(packsOf(mirror).length, 50)
      crowd(mirror, 50)
      yield* tend({ now: now + day - 1 })
      // A daemon that starts again knows.
      yield* Effect.provide(tend({ now: now + day - 1 }), daemon())
      assert.strictEqual(packsOf(mirror).length, 51)
      yield* tend({ now: now + day })
      assert.isAtMost(packsOf(mirror).length, 2)
      const names = Array.from({ length: 6701 }, (_, i) => `${i}`)
      write(join(stateDir, "many"), Object.fromEntries(names.map((name) => [name, name])))
      const made = git(join(stateDir, "many"), `--git-dir=${mirror}`, "hash-object", "-w", ...names.slice(1)).split(
        "\n"
      )
      yield* tend({ now: now + 2 * day })
      assert.strictEqual(looseIn(mirror), 6700)
      git(join(stateDir, "many"), `--git-dir=${mirror}`, "hash-object", "-w", "0")
      yield* tend({ now: now + 3 * day })
      assert.strictEqual(looseIn(mirror), 0)
      assert.isTrue(has(mirror, made[0] ?? "") && has(mirror, made.at(-1) ?? ""))
    })
  )

  test(
    "leaves the folders of objects where they are, so that git which is about to write into one does not fail",
    Effect.gen(function* () {
      const { mirror } = yield* left(agent)
      git(mirror, "repack", "-q", "-d")
      const folders = () => readdirSync(join(mirror, "objects")).filter((name) => /^[0-9a-f]{2}$/.test(name))
      yield* Effect.scoped(
        Effect.gen(function* () {
          write((yield* (yield* Workspaces).open(request)).path, { "late.txt": "late\n" })
        })
      )
      crowd(mirror)
      const before = folders()
      assert.isAbove(looseIn(mirror), 0)
      yield* tend({ now: Date.now() + day })
      assert.strictEqual(looseIn(mirror), 0)
      assert.includeMembers(folders(), before)
      for (const name of folders()) assert.deepStrictEqual(readdirSync(join(mirror, "objects", name)), [])
    })
  )

  test(
    "prunes what no ref led to for two weeks once no workspace of the repository is there, and never before",
    Effect.gen(function* () {
      const { origin, stateDir } = yield* Place
      const workspaces = yield* Workspaces
      const now = Date.now()
      const { blob, mirror } = yield* forgotten(origin, "topic")
      const { commit } = yield* left(agent)
      const later = (days: number) =>
        Effect.andThen(
          Effect.sync(() => crowd(mirror)),
          tend({ now: now + days * day })
        )
      yield* later(100)
      assert.isTrue(has(mirror, blob))
      assert.isTrue(yield* workspaces.remove(agent))
      // Nor where it is not known whose a workspace is, or one was put aside.
      const strange = join(stateDir, "workspaces/strange")
      write(strange, { "file.txt": "not ours" })
      yield* later(200)
      assert.isTrue(has(mirror, blob))
      rmSync(strange, { recursive: true })
      yield* later(201)
      assert.isFalse(has(mirror, blob))
      assertWhole(mirror)
      assert.isTrue(has(mirror, commit))
      const again = yield* workspaces.open(request)
      assert.strictEqual(text(again.path, "uncommitted.txt"), `${agent}\n`)
    })
  )

  test(
    "keeps what no ref leads to for two weeks also where no workspace is there",
    Effect.gen(function* () {
      const { origin } = yield* Place
      const { blob, mirror } = yield* forgotten(origin, "topic")
      const now = Date.now()
      crowd(mirror)
      yield* tend({ now: now + 13 * day })
      assert.isAtMost(packsOf(mirror).length, 2)
      assert.isTrue(has(mirror, blob))
      crowd(mirror)
      yield* tend({ now: now + 15 * day })
      assert.isFalse(has(mirror, blob))
    })
  )

  test(
    "leaves a whole mirror at whatever moment it is interrupted, and what that left is removed later",
    Effect.gen(function* () {
      const { origin } = yield* Place
      for (let i = 0; i < 300; i++) write(origin, { [`many/f${i}.txt`]: `${i}\n`.repeat(200) })
      commitAll(origin, "many")
      const { blob } = yield* forgotten(origin, "topic")
      const { mirror, path } = yield* left(agent)
      let now = Date.now()
      const round = Effect.suspend(() => {
        crowd(mirror)
        return tend({ now: (now += day) })
      })
      const start = performance.now()
      yield* round
      const whole = performance.now() - start
      let interrupted = 0
      for (let n = 0; n < 15; n++) {
        const fiber = yield* Effect.forkScoped(round)
        yield* Effect.sleep((n / 15) * whole)
        yield* Fiber.interrupt(fiber)
        if (packsOf(mirror).length > 2) interrupted++
        assertWhole(mirror)
        assertWhole(path)
        assert.isTrue(has(mirror, blob))
      }
      assert.isAbove(interrupted, 3)
      const packs = join(mirror, "objects/pack")
      const old = ["tmp_pack_aBc", ".tmp-77-pack-00ff.pack", "pack-00ff.keep"]
      for (const name of [...old, "tmp_pack_new", "pack-11ff.keep"]) writeFileSync(join(packs, name), "")
      writeFileSync(join(packs, "pack-00ff.keep"), "fetch-pack 77 on here\n")
      const before = new Date(Date.now() - 2 * day)
      for (const name of [...old, "pack-11ff.keep"]) utimesSync(join(packs, name), before, before)
      yield* round
      const names = readdirSync(packs)
      for (const name of old) assert.notInclude(names, name)
      assert.includeMembers(names, ["tmp_pack_new", "pack-11ff.keep"])
      yield* Effect.provide(Workspaces, daemon())
      assert.deepStrictEqual(
        readdirSync(packs).filter((name) => name.startsWith("tmp_")),
        []
      )
    }),
    {},
    120_000
  )

  for (const seed of [1, 2, 3]) {
    test(
      `beside clones, fetches and saves loses nothing and fails none of them; seed ${seed}`,
      Effect.gen(function* () {
        const { origin } = yield* Place
        const workspaces = yield* Workspaces
        const random = makeRandom(seed)
        const { blob, mirror } = yield* forgotten(origin, "topic")
        let now = Date.now()
        let rounds = 0
        const isBusy = () => rounds < 8
        const work = (name: string) =>
          Effect.gen(function* () {
            const held: Array<string> = []
            for (let n = 0; isBusy(); n++) {
              const asked = { ...request, agent: name, branch: `squadron/${name}` }
              yield* Effect.scoped(
                Effect.gen(function* () {
                  const { path } = yield* workspaces.open(asked)
                  if (n === 0) git(path, "update-index", "--add", "--cacheinfo", `100644,${blob},borrowed.txt`)
                  write(path, { [`f${random.below(5)}.txt`]: `${name} ${n}\n` })
                  if (random.below(2) === 0) held.push(commitAll(path, `${n}`))
                  const saved = yield* workspaces.save(name)
                  if (saved !== null) held.push(saved.commit)
                  assertWhole(path)
                  if (random.below(3) === 0) {
                    write(origin, { "more.txt": `${name} ${n}\n` })
                    commitAll(origin, "more")
                    yield* workspaces.mirror(repository)
                  }
                })
              )
              if (random.below(3) === 0) assert.isTrue(yield* workspaces.remove(name))
              for (const id of held) assert.isTrue(has(mirror, id), id)
            }
            return held
          })
        const upkeep = Effect.gen(function* () {
          for (; rounds < 8; rounds++) {
            crowd(mirror)
            const { lines } = yield* logged(tend({ now: (now += day) }))
            assert.deepStrictEqual(lines, [])
            assert.isAtMost(packsOf(mirror).length, 50)
            // The saves run in this thread as well.
            yield* Effect.sleep(1)
          }
        })
        const [, ...held] = yield* Effect.all(
          [upkeep, ...["a-1-e1", "b-2-e2", "c-3-e3", "d-4-e4"].map(work)] as const,
          { concurrency: "unbounded" }
        )
        assertWhole(mirror)
        for (const id of held.flat()) assert.isTrue(has(mirror, id), id)
      }),
      {},
      120_000
    )
  }

  it.live("lets go of a mirror that it has alone as soon as somebody wants it, and has none that is in use", () =>
    Effect.gen(function* () {
      const mirrors = yield* makeMirrors({
        git: () => Effect.die("no git is needed"),
        folders: makeFolders("/nowhere"),
        forge: yield* Forge,
        depth: null
      })
      const begun = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const prune = Deferred.succeed(begun, undefined).pipe(
        Effect.andThen(Effect.never),
        Effect.onInterrupt(() => Deferred.succeed(ended, undefined))
      )
      const alone = yield* Effect.forkScoped(mirrors.alone(repository, prune))
      yield* Deferred.await(begun)
      assert.strictEqual(yield* mirrors.alone("acme/other", Effect.succeed("it is another")), "it is another")
      const used = yield* mirrors.using(
        repository,
        Effect.gen(function* () {
          yield* Deferred.await(ended)
          assert.isNull(yield* Fiber.join(alone))
          return yield* mirrors.alone(repository, Effect.succeed("alone"))
        })
      )
      assert.isNull(used)
      assert.strictEqual(yield* mirrors.alone(repository, Effect.succeed("alone")), "alone")
    }).pipe(Effect.provide(Layer.merge(NodeServices.layer, Layer.mock(Forge, {}))))
  )
})
