import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { assert, describe } from "@effect/vitest"
import { Cause, Effect, Exit, Scope } from "effect"
import { Workspaces } from "../../../src/services/Workspaces.ts"
import { agent, commitAll, daemon, git, Place, repository, request, test, text, write } from "./Rig.ts"

/** Opens, does something in the clone, and closes. */
const during = <A>(body: (clone: string) => A, asked = request) =>
  Effect.scoped(
    Effect.gen(function* () {
      const workspace = yield* (yield* Workspaces).open(asked)
      return { workspace, result: body(workspace.path) }
    })
  )

const refs = (mirror: string, prefix: string) =>
  git(mirror, "for-each-ref", "--format=%(refname)", prefix)
    .split("\n")
    .filter((name) => name !== "")

describe("a workspace", () => {
  test(
    "is a clone of its own at the base, that borrows the mirror's objects and knows no remote",
    Effect.gen(function* () {
      const { origin, stateDir } = yield* Place
      const workspace = yield* (yield* Workspaces).open(request)
      assert.strictEqual(workspace.path, `${stateDir}/workspaces/${agent}/clone`)
      assert.strictEqual(workspace.mirror, `${stateDir}/mirrors/acme/shop.git`)
      assert.strictEqual(workspace.baseCommit, git(origin, "rev-parse", "main"))
      assert.isTrue(workspace.fresh)
      assert.isTrue(existsSync(workspace.home))
      const inClone = (...args: ReadonlyArray<string>) => git(workspace.path, ...args)
      assert.strictEqual(inClone("rev-parse", "HEAD"), workspace.baseCommit)
      assert.strictEqual(inClone("symbolic-ref", "HEAD"), `refs/heads/${request.branch}`)
      assert.strictEqual(inClone("remote"), "")
      assert.strictEqual(inClone("status", "--porcelain"), "")
      assert.strictEqual(text(workspace.path, "src/deep/b.txt"), "b\n")
      assert.strictEqual(text(workspace.path, ".git/objects/info/alternates"), `${workspace.mirror}/objects\n`)
      assert.isFalse(existsSync(`${workspace.path}/.git/hooks`))
      write(workspace.path, { "new.txt": "new\n" })
      const committed = commitAll(workspace.path, "work")
      assert.strictEqual(inClone("log", "-1", "--format=%an %ae", committed), "Ann ann@example.invalid")
      assert.strictEqual(inClone("config", "user.name"), `Squadron ${agent}`)
      assert.strictEqual(inClone("config", "user.email"), "agent@squadron.invalid")
      const work = yield* (yield* Workspaces).inspect(workspace)
      assert.deepInclude(work, { head: committed, mergeBase: workspace.baseCommit, dirty: false, files: ["new.txt"] })
      assert.deepStrictEqual(work.commits, [{ id: committed, subject: "work" }])
    })
  )

  test(
    "is given as it is when it is opened again, also by another daemon",
    Effect.gen(function* () {
      const { origin } = yield* Place
      const first = yield* during((clone) => {
        write(clone, { "ignored/cache": "warm\n", "note.txt": "not committed\n" })
        git(clone, "config", "some.thing", "kept")
      })
      git(origin, "commit", "-q", "--allow-empty", "-m", "moved on")
      const again = Effect.gen(function* () {
        const { workspace } = yield* during(() => {})
        assert.deepInclude(workspace, { fresh: false, path: first.workspace.path })
        assert.strictEqual(workspace.baseCommit, git(origin, "rev-parse", "main"))
        assert.strictEqual(text(workspace.path, "ignored/cache"), "warm\n")
        assert.strictEqual(text(workspace.path, "note.txt"), "not committed\n")
        assert.strictEqual(git(workspace.path, "config", "some.thing"), "kept")
        assert.strictEqual(git(workspace.path, "rev-parse", "HEAD"), first.workspace.baseCommit)
      })
      yield* again
      yield* Effect.provide(again, daemon())
    })
  )

  test(
    "starts from another branch, a commit, or a pull request's head where it is told",
    Effect.gen(function* () {
      const { origin } = yield* Place
      git(origin, "checkout", "-q", "-b", "other")
      const other = commitAll(origin, "on other")
      const pulled = commitAll(origin, "in a pull request")
      git(origin, "update-ref", "refs/pull/7/head", pulled)
      const hidden = commitAll(origin, "on no branch")
      git(origin, "reset", "-q", "--hard", other)
      git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
      git(origin, "checkout", "-q", "main")
      for (const [from, commit] of [
        ["other", other],
        [other, other],
        ["refs/pull/7/head", pulled],
        [pulled, pulled],
        [hidden, hidden]
      ] as const) {
        const asked = { ...request, agent: `dev-${from.replaceAll("/", "-").slice(0, 20)}-${commit.slice(0, 5)}`, from }
        const { workspace } = yield* during(() => {}, asked)
        assert.strictEqual(git(workspace.path, "rev-parse", "HEAD"), commit, from)
        assert.strictEqual(workspace.baseCommit, git(origin, "rev-parse", "main"))
      }
      const failure = yield* Effect.flip(during(() => {}, { ...request, from: "nowhere" }))
      assert.deepInclude(failure, { _tag: "WorkspaceFailed", retryable: false })
      assert.include(failure.message, "nowhere")
      const none = yield* Effect.flip(during(() => {}, { ...request, base: "nowhere" }))
      assert.deepInclude(none, { _tag: "WorkspaceFailed", retryable: false })
      for (const base of ["-x", "a..b", "a b", "--upload-pack=touch /tmp/x"]) {
        assert.isFalse((yield* Effect.flip(during(() => {}, { ...request, base }))).retryable)
      }
      assert.isFalse((yield* Effect.flip(during(() => {}, { ...request, branch: "--orphan" }))).retryable)
    })
  )

  test(
    "has the forge's tags and its base as a branch, and no other branch",
    Effect.gen(function* () {
      const { origin } = yield* Place
      git(origin, "tag", "-a", "v1", "-m", "one")
      git(origin, "branch", "other")
      const { workspace } = yield* during(() => {})
      const names = git(workspace.path, "for-each-ref", "--format=%(refname)").split("\n")
      assert.deepStrictEqual(names, ["refs/heads/main", `refs/heads/${request.branch}`, "refs/tags/v1"])
      assert.strictEqual(git(workspace.path, "describe"), "v1")
    })
  )

  test(
    "of 8 agents at once are made without getting in each other's way",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const agents = Array.from({ length: 8 }, (_, i) => `dev-${i}-e1`)
      yield* Effect.forEach(
        agents,
        (agent) =>
          Effect.scoped(
            Effect.gen(function* () {
              const workspace = yield* workspaces.open({ ...request, agent, branch: `squadron/${agent}` })
              write(workspace.path, { [`${agent}.txt`]: agent })
              const head = commitAll(workspace.path, agent)
              const work = yield* workspaces.inspect(workspace)
              assert.deepInclude(work, { head, files: [`${agent}.txt`], dirty: false })
            })
          ),
        { concurrency: "unbounded" }
      )
      assert.sameMembers([...(yield* workspaces.kept)], agents)
    })
  )

  test(
    "is open once at a time",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const scope = yield* Scope.make()
      yield* Scope.provide(workspaces.open(request), scope)
      const exit = yield* Effect.exit(Effect.scoped(workspaces.open(request)))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.isFalse(yield* workspaces.remove(agent))
      yield* Scope.close(scope, Exit.void)
      yield* Effect.scoped(workspaces.open(request))
      assert.isTrue(yield* workspaces.remove(agent))
      assert.isFalse(yield* workspaces.remove(agent))
    })
  )

  test(
    "can be opened again in the same scope after it could not be",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      yield* Effect.flip(workspaces.open({ ...request, base: "nowhere" }))
      yield* workspaces.open(request)
    })
  )

  test(
    "that is made again goes on from what was saved, with what was not committed as it was",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const { result } = yield* during((clone) => {
        write(clone, { "done.txt": "committed\n" })
        const head = commitAll(clone, "work")
        git(clone, "branch", "idea", "HEAD~1")
        write(clone, { "src/a.txt": "changed\n", "extra/untracked.txt": "new\n" })
        rmSync(`${clone}/readme.md`)
        return { head, status: git(clone, "status", "--porcelain", "-uall") }
      })
      assert.isTrue(yield* workspaces.remove(agent))
      const again = yield* during((clone) => ({
        status: git(clone, "status", "--porcelain", "-uall"),
        branches: git(clone, "branch", "--format=%(refname:short)").split("\n")
      }))
      assert.isTrue(again.workspace.fresh)
      assert.strictEqual(git(again.workspace.path, "rev-parse", request.branch), result.head)
      assert.strictEqual(again.result.status, result.status)
      assert.deepStrictEqual(again.result.branches, ["idea", "main", request.branch])
      assert.strictEqual(text(again.workspace.path, "src/a.txt"), "changed\n")
      assert.strictEqual(text(again.workspace.path, "extra/untracked.txt"), "new\n")
      assert.isNull(yield* workspaces.save(agent), "nothing has changed since")
    })
  )

  test(
    "that was thrown away by somebody goes on from the HEAD that was seen last",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const { stateDir } = yield* Place
      const head = yield* Effect.scoped(
        Effect.gen(function* () {
          const workspace = yield* workspaces.open(request)
          write(workspace.path, { "note.txt": "old\n" })
          yield* workspaces.save(agent)
          const head = commitAll(workspace.path, "work")
          yield* workspaces.inspect(workspace)
          rmSync(`${stateDir}/workspaces/${agent}`, { recursive: true })
          return head
        })
      )
      const again = yield* during((clone) => git(clone, "status", "--porcelain"))
      assert.strictEqual(git(again.workspace.path, "rev-parse", "HEAD"), head)
      assert.strictEqual(again.result, "", "older files would take back what was committed")
    })
  )

  test(
    "that is no git repository any more is saved, and made anew with its files and the agent's home",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const breakings: ReadonlyArray<readonly [string, (clone: string) => void]> = [
        ["no git dir", (clone) => rmSync(`${clone}/.git`, { recursive: true })],
        ["garbage HEAD", (clone) => writeFileSync(`${clone}/.git/HEAD`, "garbage\n")],
        ["empty HEAD", (clone) => writeFileSync(`${clone}/.git/HEAD`, "")],
        ["a HEAD that is not there", (clone) => writeFileSync(`${clone}/.git/HEAD`, `${"1".repeat(40)}\n`)],
        ["no clone at all", (clone) => rmSync(clone, { recursive: true })]
      ]
      for (const [i, [what, spoil]] of breakings.entries()) {
        const asked = { ...request, agent: `dev-${i}-e1` }
        const first = yield* during((clone) => {
          write(clone, { "done.txt": "committed\n" })
          const head = commitAll(clone, "work")
          write(clone, { "src/a.txt": "changed\n", "new.txt": "new\n" })
          return head
        }, asked)
        write(first.workspace.home, { "session.json": "{}" })
        spoil(first.workspace.path)
        const again = yield* during(() => {}, asked)
        assert.isTrue(again.workspace.fresh, what)
        assert.strictEqual(git(again.workspace.path, "rev-parse", "HEAD"), first.result, what)
        assert.strictEqual(text(again.workspace.path, "src/a.txt"), "changed\n", what)
        assert.strictEqual(text(again.workspace.path, "new.txt"), "new\n", what)
        assert.strictEqual(text(again.workspace.home, "session.json"), "{}", what)
      }
      const aside = readdirSync(`${stateDir}/workspaces`).filter((name) => name.startsWith(".broken-"))
      assert.deepStrictEqual(aside, [".broken-dev-1-e1-1", ".broken-dev-2-e1-1", ".broken-dev-3-e1-1"])
    })
  )

  test(
    "whose note is gone is left alone",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      yield* during((clone) => write(clone, { "work.txt": "work\n" }))
      renameSync(`${stateDir}/workspaces/${agent}/about.json`, `${stateDir}/about.json`)
      const failure = yield* Effect.flip(during(() => {}))
      assert.deepInclude(failure, { _tag: "WorkspaceFailed", retryable: false })
      assert.strictEqual(text(stateDir, "workspaces", agent, "clone/work.txt"), "work\n")
    })
  )

  test(
    "of another repository is not given",
    Effect.gen(function* () {
      yield* during(() => {})
      const failure = yield* Effect.flip(during(() => {}, { ...request, repository: "acme/other" }))
      assert.include(failure.message, "acme/shop")
      assert.isFalse(failure.retryable)
    })
  )

  test(
    "is not made where too little is free, but one that is there is opened",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      const failure = yield* Effect.flip(during(() => {})).pipe(Effect.provide(daemon({ minFree: 1e18 })))
      assert.deepInclude(failure, { _tag: "WorkspaceFailed", retryable: true })
      assert.include(failure.message, stateDir)
      yield* during(() => {})
      const { workspace } = yield* during(() => {}).pipe(Effect.provide(daemon({ minFree: 1e18 })))
      assert.isFalse(workspace.fresh)
    })
  )

  test(
    "can be worked in again after an agent's git was killed",
    Effect.gen(function* () {
      yield* during((clone) => {
        for (const name of ["index", "HEAD", `refs/heads/${request.branch}`])
          writeFileSync(`${clone}/.git/${name}.lock`, "")
        mkdirSync(`${clone}/locks`)
        writeFileSync(`${clone}/locks/index.lock`, "a file of the repository's own")
      })
      yield* during((clone) => {
        write(clone, { "more.txt": "more\n" })
        commitAll(clone, "more")
        assert.isTrue(existsSync(`${clone}/locks/index.lock`))
      })
    })
  )

  test(
    "with no commit yet is saved, and cannot be inspected",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      yield* Effect.scoped(
        Effect.gen(function* () {
          const workspace = yield* workspaces.open(request)
          git(workspace.path, "checkout", "-q", "--orphan", "anew")
          const failure = yield* Effect.flip(workspaces.inspect(workspace))
          assert.deepInclude(failure, { _tag: "WorkspaceFailed", retryable: false })
          assert.include(failure.message, "anew")
          const saved = yield* workspaces.save(agent)
          assert.strictEqual(git(workspace.mirror, "show", `${saved?.ref}:readme.md`), "hello")
          assert.isNull(yield* workspaces.save(agent))
        })
      )
      const { workspace } = yield* during(() => {})
      assert.isFalse(workspace.fresh)
    })
  )
})

describe("sparse and shallow", () => {
  const inPackages = (origin: string) => {
    write(origin, { "top.txt": "top\n" })
    for (const name of ["one", "two", "two-more"]) {
      write(origin, { [`pkg/${name}/lib/x.txt`]: `${name}\n`, [`pkg/${name}/y.txt`]: `${name}\n`, "pkg/z.txt": "z\n" })
    }
    commitAll(origin, "packages")
  }

  test(
    "only the folders that were named are checked out, and what is not there does not count as deleted",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      inPackages((yield* Place).origin)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const workspace = yield* workspaces.open(request)
          const clone = workspace.path
          assert.isTrue(existsSync(`${clone}/pkg/two/lib/x.txt`) && existsSync(`${clone}/pkg/z.txt`))
          assert.isTrue(existsSync(`${clone}/top.txt`))
          assert.isFalse(existsSync(`${clone}/pkg/one`) || existsSync(`${clone}/pkg/two-more`))
          assert.isFalse(existsSync(`${clone}/src`))
          assert.strictEqual(git(clone, "status", "--porcelain"), "")
          assert.isFalse((yield* workspaces.inspect(workspace)).dirty)
          assert.isNull(yield* workspaces.save(agent))
          write(clone, { "pkg/two/y.txt": "changed\n", "pkg/one/new.txt": "outside\n" })
          rmSync(`${clone}/pkg/two/lib/x.txt`)
          const saved = yield* workspaces.save(agent)
          const changed = git(workspace.mirror, "diff", "--name-status", workspace.baseCommit, saved?.commit ?? "")
          assert.deepStrictEqual(changed.split("\n"), [
            "A\tpkg/one/new.txt",
            "D\tpkg/two/lib/x.txt",
            "M\tpkg/two/y.txt"
          ])
        })
      )
      assert.isTrue(yield* workspaces.remove(agent))
      const again = yield* during((clone) => git(clone, "status", "--porcelain", "-uall"))
      assert.strictEqual(again.result, " D pkg/two/lib/x.txt\n M pkg/two/y.txt\n?? pkg/one/new.txt")
      assert.isFalse(existsSync(`${again.workspace.path}/pkg/one/y.txt`))
    }),
    { sparse: ["pkg/two/"] }
  )

  test(
    "the first fetch brings as many commits as it was told, and later ones what came since",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const { origin } = yield* Place
      for (let i = 0; i < 6; i++) commitAll(origin, `commit ${i}`)
      const log = (folder: string) => git(folder, "log", "--format=%s").split("\n")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const workspace = yield* workspaces.open(request)
          assert.deepStrictEqual(log(workspace.path), ["commit 5", "commit 4"])
          write(workspace.path, { "new.txt": "new\n" })
          const head = commitAll(workspace.path, "work")
          for (let i = 6; i < 9; i++) commitAll(origin, `commit ${i}`)
          const work = yield* workspaces.inspect(workspace)
          assert.deepInclude(work, { head, mergeBase: workspace.baseCommit, files: ["new.txt"] })
          assert.strictEqual(work.baseCommit, git(origin, "rev-parse", "main"))
          assert.deepStrictEqual(yield* workspaces.changed(repository, "main", head), ["new.txt"])
          const saved = yield* workspaces.save(agent)
          assert.strictEqual(git(workspace.mirror, "show", `${saved?.ref}:new.txt`), "new")
        })
      )
      assert.isTrue(yield* workspaces.remove(agent))
      const again = yield* during(log)
      assert.deepStrictEqual(again.result, ["work", "commit 5", "commit 4"])
    }),
    { depth: 2 }
  )

  test(
    "all history comes once nobody asks for less",
    Effect.gen(function* () {
      const { origin } = yield* Place
      for (let i = 0; i < 6; i++) commitAll(origin, `commit ${i}`)
      const count = (asked: string) =>
        during((clone) => git(clone, "rev-list", "--count", "HEAD"), { ...request, agent: asked })
      assert.strictEqual((yield* Effect.provide(count("dev-1-e1"), daemon({ depth: 3 }))).result, "3")
      assert.strictEqual((yield* count("dev-2-e1")).result, "7")
      assert.strictEqual((yield* count("dev-1-e1")).result, "3", "a clone stays as it was made")
    })
  )
})

describe("hooks", () => {
  test(
    "are undone where a daemon was killed in the middle of the first one",
    Effect.gen(function* () {
      const { stateDir } = yield* Place
      yield* during(() => {})
      const file = `${stateDir}/workspaces/${agent}/about.json`
      writeFileSync(file, text(file).replace('"ready":true', '"ready":false'))
      write(`${stateDir}/workspaces/${agent}/clone`, { half: "done" })
      write(`${stateDir}/workspaces/.making-other-1-e1`, { half: "done" })
      const { workspace } = yield* during(() => {}).pipe(Effect.provide(daemon()))
      assert.isTrue(workspace.fresh)
      assert.isFalse(existsSync(`${workspace.path}/half`))
      assert.isFalse(existsSync(`${stateDir}/workspaces/.making-other-1-e1`))
    })
  )
})

describe("the work", () => {
  test(
    "is told from the mirror alone: commits, paths, what is not committed, a fingerprint",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const workspace = yield* workspaces.open(request)
      const clone = workspace.path
      const seen: Array<string> = []
      const look = Effect.gen(function* () {
        const work = yield* workspaces.inspect(workspace)
        seen.push(work.fingerprint)
        return work
      })
      const same = Effect.gen(function* () {
        const [a, b] = [yield* workspaces.inspect(workspace), yield* workspaces.inspect(workspace)]
        assert.strictEqual(a.fingerprint, b.fingerprint)
      })
      assert.deepInclude(yield* look, { commits: [], files: [], dirty: false, head: workspace.baseCommit })
      write(clone, { "src/a.txt": "changed\n" })
      assert.deepInclude(yield* look, { commits: [], files: [], dirty: true })
      yield* same
      write(clone, { "ignored/x": "1" })
      yield* same
      const first = commitAll(clone, "one: ümlaut")
      git(clone, "mv", "readme.md", "read me.md")
      const second = commitAll(clone, "two")
      const work = yield* look
      assert.deepStrictEqual(work.commits, [
        { id: second, subject: "two" },
        { id: first, subject: "one: ümlaut" }
      ])
      assert.deepStrictEqual(work.files, ["read me.md", "readme.md", "src/a.txt"])
      assert.deepInclude(work, { head: second, mergeBase: workspace.baseCommit, dirty: false })
      write(clone, { "untracked.txt": "u" })
      assert.isTrue((yield* look).dirty)
      write(clone, { "untracked.txt": "v" })
      yield* look
      rmSync(`${clone}/untracked.txt`)
      assert.strictEqual((yield* workspaces.inspect(workspace)).fingerprint, work.fingerprint)
      assert.strictEqual(new Set(seen).size, seen.length)
      assert.deepStrictEqual(refs(workspace.mirror, "refs/squadron/work"), [
        `refs/squadron/work/${agent}/main`,
        `refs/squadron/work/${agent}/${request.branch}`
      ])
    })
  )

  test(
    "survives a base that was forced to something else, and one that was removed",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const { origin } = yield* Place
      git(origin, "branch", "release")
      const asked = { ...request, base: "release" }
      const workspace = yield* workspaces.open(asked)
      write(workspace.path, { "new.txt": "new\n" })
      const head = commitAll(workspace.path, "work")
      git(origin, "checkout", "-q", "--orphan", "anew")
      const forced = commitAll(origin, "all new")
      git(origin, "branch", "-f", "release", forced)
      assert.deepInclude(yield* workspaces.inspect(workspace), {
        head,
        baseCommit: forced,
        mergeBase: workspace.baseCommit,
        files: ["new.txt"]
      })
      git(origin, "branch", "-D", "release")
      assert.deepInclude(yield* workspaces.inspect(workspace), {
        head,
        baseCommit: workspace.baseCommit,
        mergeBase: workspace.baseCommit
      })
      // The borrowed objects are still there for the agent.
      assert.strictEqual(git(workspace.path, "fsck", "--connectivity-only", "--no-dangling"), "")
      assert.include(
        git(workspace.mirror, "for-each-ref", "--contains", workspace.baseCommit),
        `refs/squadron/base/${agent}`
      )
    })
  )

  test(
    "can be compared, with what must be fetched first",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      const { origin } = yield* Place
      const workspace = yield* workspaces.open(request)
      write(workspace.path, { "src/a.txt": "ä".repeat(100) + "\n", ".gitattributes": "* diff=evil -diff\n" })
      git(workspace.path, "mv", "readme.md", "src/readme.md")
      const head = commitAll(workspace.path, "work")
      yield* workspaces.inspect(workspace)
      write(origin, { "base.txt": "moved on\n" })
      const moved = commitAll(origin, "moved on")
      const paths = [".gitattributes", "readme.md", "src/a.txt", "src/readme.md"]
      assert.deepStrictEqual(yield* workspaces.changed(repository, "main", head), paths)
      assert.deepStrictEqual(yield* workspaces.changed(repository, moved, head), paths)
      const whole = yield* workspaces.diff(repository, workspace.baseCommit, head, 1_000_000)
      assert.include(whole, `+${"ä".repeat(100)}`)
      assert.include(whole, "rename to src/readme.md")
      const cut = yield* workspaces.diff(repository, workspace.baseCommit, head, whole.indexOf("ää") + 2)
      assert.isTrue(whole.startsWith(cut) && cut.length > 10, cut)
      assert.strictEqual(yield* workspaces.diff(repository, workspace.baseCommit, head, 0), "")
      const failure = yield* Effect.flip(workspaces.changed(repository, "main", "1".repeat(40)))
      assert.deepInclude(failure, { _tag: "WorkspaceFailed", retryable: false })
      git(origin, "checkout", "-q", "--orphan", "anew")
      commitAll(origin, "unrelated")
      assert.isFalse((yield* Effect.flip(workspaces.changed(repository, "anew", head))).retryable)
    })
  )
})
