import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { ProcessRecords } from "../../../src/adapters/harness/ProcessRecords.ts"
import { processTable } from "../../../src/adapters/harness/ProcessTable.ts"
import { Workspaces } from "../../../src/services/Workspaces.ts"
import { type Gate, serveGit } from "./GitHttp.ts"
import { agent, commitAll, daemon, git, Place, repository, request, secret, test, write } from "./Rig.ts"

const token = "Bearer c2VjcmV0LXRva2Vu"
const header = `Authorization: ${token}`

const needsToken: Gate = (request, response) => {
  if (request.headers.authorization === token) return false
  response.writeHead(401, { "WWW-Authenticate": "Basic" }).end()
  return true
}

const always =
  (status: number): Gate =>
  (_, response) => {
    response.writeHead(status).end("no")
    return true
  }

const cutOff: Gate = (request) => {
  request.socket.destroy()
  return true
}

/** A daemon whose forge is a server with this gate, before the place's repository. */
const served = (gate: Gate, options: { readonly header?: string | null } = {}) =>
  Effect.gen(function* () {
    const { origin } = yield* Place
    const url = yield* serveGit(join(origin, ".."), gate)
    const given = options.header === undefined ? header : options.header
    return daemon({ remote: { url: `${url}/origin/.git`, header: given === null ? null : secret(given) } })
  })

const mirror = Effect.flatMap(Workspaces, (workspaces) => workspaces.mirror(repository))

const filesUnder = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

/** Our gits that run now. */
const gits = Effect.map(ProcessRecords, ({ home }) =>
  processTable
    .list()
    .filter(({ alive, pid }) => alive && processTable.environment(pid)?.get("SQUADRON_HOME_ID") === home)
)

describe("the mirror", () => {
  test(
    "has the forge's branches, tags and pull requests, and follows them; what is Squadron's stays",
    Effect.gen(function* () {
      const { origin } = yield* Place
      const first = git(origin, "rev-parse", "main")
      git(origin, "branch", "gone")
      git(origin, "tag", "v1")
      git(origin, "update-ref", "refs/pull/1/head", first)
      git(origin, "update-ref", "refs/other/thing", first)
      const folder = yield* mirror
      const refs = () => git(folder, "for-each-ref", "--format=%(refname)").split("\n")
      assert.deepStrictEqual(refs(), ["refs/heads/gone", "refs/heads/main", "refs/pull/1/head", "refs/tags/v1"])
      git(folder, "update-ref", "refs/squadron/saved/dev-1-e1/1", first)
      git(origin, "branch", "-D", "gone")
      git(origin, "branch", "gone/deeper")
      git(origin, "checkout", "-q", "--orphan", "anew")
      const forced = commitAll(origin, "anew")
      git(origin, "branch", "-f", "main", forced)
      git(origin, "tag", "-f", "v1", forced)
      yield* mirror
      assert.deepStrictEqual(refs(), [
        "refs/heads/anew",
        "refs/heads/gone/deeper",
        "refs/heads/main",
        "refs/pull/1/head",
        "refs/squadron/saved/dev-1-e1/1",
        "refs/tags/v1"
      ])
      assert.strictEqual(git(folder, "rev-parse", "main"), forced)
      assert.strictEqual(git(folder, "rev-parse", "refs/tags/v1"), forced)
    })
  )

  test(
    "keeps what clones borrow, whatever git is told to clean up there",
    Effect.gen(function* () {
      const { origin } = yield* Place
      const workspaces = yield* Workspaces
      const workspace = yield* workspaces.open(request)
      const before = git(origin, "rev-parse", "main")
      git(origin, "checkout", "-q", "--orphan", "anew")
      git(origin, "branch", "-f", "main", commitAll(origin, "anew"))
      git(origin, "reflog", "expire", "--expire=now", "--all")
      yield* mirror
      git(workspace.mirror, "gc", "-q", "--auto")
      git(workspace.mirror, "gc", "-q")
      assert.strictEqual(git(workspace.path, "rev-parse", "HEAD"), before)
      assert.strictEqual(git(workspace.path, "fsck", "--no-dangling"), "")
    })
  )

  test(
    "is fetched with the forge's header, which is in no file and in no argument",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const reached = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const { promise, resolve } = Promise.withResolvers<void>()
      yield* Effect.forkScoped(Effect.tap(Deferred.await(goOn), () => Effect.sync(resolve)))
      const layer = yield* served(async (request, response) => {
        if (await needsToken(request, response)) return true
        Deferred.doneUnsafe(reached, Effect.void)
        await promise
        return false
      })
      yield* Effect.gen(function* () {
        const workspaces = yield* Workspaces
        const opening = yield* Effect.forkScoped(workspaces.open(request))
        yield* Deferred.await(reached)
        const running = yield* gits
        const argumentsOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
        assert.isAbove(running.length, 1)
        for (const { pid } of running) assert.notInclude(argumentsOf(pid), "c2VjcmV0")
        assert.isTrue(running.some(({ pid }) => [...(processTable.environment(pid)?.values() ?? [])].includes(header)))
        yield* Deferred.succeed(goOn, undefined)
        const workspace = yield* Fiber.join(opening)
        write(workspace.path, { "new.txt": "new\n" })
        commitAll(workspace.path, "work")
        yield* workspaces.inspect(workspace)
        yield* workspaces.save(agent)
      }).pipe(Effect.scoped, Effect.provide(layer))
      const files = filesUnder(stateDir)
      assert.isAbove(files.length, 20)
      for (const file of files) assert.notInclude(readFileSync(file, "latin1"), "c2VjcmV0", file)
    })
  )

  test(
    "does not take the header to another host",
    Effect.gen(function* () {
      const { origin } = yield* Place
      const seen: Array<string | undefined> = []
      const elsewhere = yield* serveGit(join(origin, ".."), (request) => {
        seen.push(request.headers.authorization)
        return false
      })
      const gate: Gate = (request, response) => {
        response.writeHead(302, { Location: `${elsewhere}${request.url}` }).end()
        return true
      }
      const failure = yield* Effect.flip(Effect.provide(mirror, yield* served(gate)))
      assert.deepInclude(failure, { _tag: "WorkspaceFailed", retryable: false })
      assert.include(failure.message, "elsewhere")
      assert.deepStrictEqual(seen, [])
      const folder = yield* Effect.provide(mirror, yield* served(gate, { header: null }))
      assert.strictEqual(git(folder, "rev-parse", "main"), git(origin, "rev-parse", "main"))
    })
  )

  test(
    "says whether a fetch that failed may go well later, and what to do",
    Effect.gen(function* () {
      const { origin } = yield* Place
      const cases: ReadonlyArray<readonly [string, boolean, RegExp, ReturnType<typeof daemon>]> = [
        ["401", false, /token/, yield* served(needsToken, { header: "Authorization: Bearer wrong-c2VjcmV0" })],
        ["no header", false, /token/, yield* served(needsToken, { header: null })],
        ["403", false, /token/, yield* served(always(403))],
        ["404", false, /name/, yield* served(always(404))],
        ["429", true, /network/, yield* served(always(429))],
        ["500", true, /network/, yield* served(always(500))],
        ["503", true, /network/, yield* served(always(503))],
        ["cut off", true, /network/, yield* served(cutOff)],
        ["refused", true, /network/, daemon({ remote: { url: "http://127.0.0.1:1/x", header: null } })],
        ["unknown host", true, /network/, daemon({ remote: { url: "http://nowhere.invalid/x", header: null } })],
        ["no folder", false, /name/, daemon({ remote: { url: `${origin}-none`, header: null } })],
        ["no protocol", false, /address/, daemon({ remote: { url: "foo://bar/x", header: null } })],
        ["ext", false, /address/, daemon({ remote: { url: `ext::sh -c touch% ${origin}/trap`, header: null } })]
      ]
      for (const [what, retryable, remedy, layer] of cases) {
        const failure = yield* Effect.flip(Effect.provide(mirror, layer))
        assert.deepInclude(
          failure,
          { _tag: "WorkspaceFailed", step: "fetch", retryable },
          `${what}: ${failure.message}`
        )
        assert.match(failure.remedy, remedy, `${what}: ${failure.message}`)
        assert.notInclude(failure.message, "c2VjcmV0")
      }
      assert.isFalse(existsSync(join(origin, "trap")))
    })
  )

  test(
    "can be worked with again after a failure, and while the network is away",
    Effect.gen(function* () {
      let up = false
      const layer = yield* served((_, response) => !up && (always(503)(_, response) as boolean))
      yield* Effect.gen(function* () {
        const workspaces = yield* Workspaces
        assert.isTrue((yield* Effect.flip(Effect.scoped(workspaces.open(request)))).retryable)
        up = true
        const workspace = yield* workspaces.open(request)
        up = false
        write(workspace.path, { "new.txt": "new\n" })
        const head = commitAll(workspace.path, "work")
        assert.deepInclude(yield* workspaces.inspect(workspace), { head, baseCommit: workspace.baseCommit })
        assert.deepStrictEqual(yield* workspaces.changed(repository, workspace.baseCommit, head), ["new.txt"])
        assert.isNotNull(yield* workspaces.save(agent))
      }).pipe(Effect.scoped, Effect.provide(layer))
    })
  )

  test(
    "is fetched once for all who wait",
    Effect.gen(function* () {
      let fetches = 0
      const layer = yield* served((request, response) => {
        if (request.url?.includes("info/refs") === true) fetches++
        return needsToken(request, response)
      })
      yield* Effect.gen(function* () {
        yield* mirror
        fetches = 0
        yield* Effect.all(
          Array.from({ length: 20 }, () => mirror),
          { concurrency: "unbounded" }
        )
        assert.isAtMost(fetches, 2)
        assert.isAtLeast(fetches, 1)
      }).pipe(Effect.provide(layer))
    })
  )

  test(
    "that a killed daemon left locked and half fetched is used again",
    Effect.gen(function* () {
      const { origin, stateDir } = yield* Place
      const folder = yield* mirror
      git(origin, "branch", "other")
      for (const name of ["packed-refs", "shallow", "config", "HEAD", "refs/heads/main", "refs/heads/other"]) {
        writeFileSync(join(folder, `${name}.lock`), "")
      }
      writeFileSync(join(folder, "objects/pack/tmp_pack_half"), "half")
      yield* Effect.provide(mirror, daemon())
      assert.strictEqual(git(folder, "rev-parse", "other"), git(origin, "rev-parse", "other"))
      assert.deepStrictEqual(
        filesUnder(join(stateDir, "mirrors")).filter((file) => /\.lock$|tmp_/.test(file)),
        []
      )
    })
  )

  test(
    "that a git left locked when it was ended is used again by the same daemon",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const workspace = yield* workspaces.open(request)
      const lock = join(workspace.mirror, `refs/squadron/head/${agent}.lock`)
      write(workspace.mirror, { [`refs/squadron/head/${agent}.lock`]: "" })
      const head = commitAll(workspace.path, "work")
      assert.deepInclude(yield* workspaces.inspect(workspace), { head })
      assert.isFalse(existsSync(lock))
    })
  )
})
