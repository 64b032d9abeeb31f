import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { LocalForge } from "../../../../src/adapters/forge/local/LocalForge.ts"
import { appended, bare, type Files, Folders, git, onGit, repository, writeFiles } from "./OnGit.ts"

const tree = Effect.map(bare, (folder) => git(folder, "ls-tree", "-r", "--name-only", "main").split("\n"))

const folderWith = Effect.fnUntraced(function* (name: string, files: Files) {
  const folder = join((yield* Folders).root, name)
  mkdirSync(folder, { recursive: true })
  writeFiles(folder, files)
  return folder
})

/** A git repository with one commit of these files. */
const repositoryWith = Effect.fnUntraced(function* (name: string, files: Files) {
  const folder = yield* folderWith(name, files)
  git(folder, "init", "--quiet", "--initial-branch=trunk")
  git(folder, "add", "--all")
  git(folder, "commit", "--quiet", "-m", "first")
  return folder
})

const commitIn = (folder: string, files: Files) => {
  writeFiles(folder, files)
  git(folder, "add", "--all")
  git(folder, "commit", "--quiet", "-m", "next")
  return git(folder, "rev-parse", "HEAD")
}

const imported = (from: string, except: ReadonlyArray<string> = []) =>
  LocalForge.use((forge) => forge.importRepository({ repository, from, branch: "main", except }))

describe("importing into the local forge", { timeout: 60_000 }, () => {
  it.live("takes the files of a folder, less what it ignores and what is told, always as the same commit", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const files = { ".gitignore": "ignored\n", a: "a\n", "sub/b": "b\n", ignored: "x\n", "state/db": "x\n" }
      const from = yield* folderWith("plain", files)
      chmodSync(join(from, "a"), 0o755)
      const told = yield* appended(
        Effect.map(imported(from, [join(from, "state"), "/elsewhere"]), (done) =>
          assert.deepInclude(done, { branch: "main", changed: true, left: null })
        )
      )
      assert.deepStrictEqual(told, [])
      assert.deepStrictEqual(yield* tree, [".gitignore", "a", "sub/b"])
      const folder = yield* bare
      assert.include(git(folder, "ls-tree", "main", "a"), "100755")
      assert.strictEqual(
        git(folder, "log", "--format=%an <%ae>|%at|%cn|%ct|%s", "main"),
        "squadron <squadron@squadron.invalid>|946684800|squadron|946684800|The project's files"
      )
      const first = git(folder, "rev-parse", "main")
      const other = yield* folderWith("same", { ".gitignore": "ignored\n", a: "a\n", "sub/b": "b\n" })
      chmodSync(join(other, "a"), 0o755)
      const twin = yield* forge.importRepository({ repository: "acme/twin", from: other, branch: "main" })
      assert.strictEqual(twin.commit, first)
      assert.deepStrictEqual(yield* forge.repositories, [repository, "acme/twin"])
      assert.deepStrictEqual(readdirSync(join(folder, "..", "..", ".incoming")), [])
    }).pipe(Effect.provide(onGit()))
  )

  it.live("leaves a repository that began with a folder alone afterwards", () =>
    Effect.gen(function* () {
      const from = yield* folderWith("plain", { a: "a\n" })
      const { commit } = yield* imported(from)
      writeFiles(from, { a: "changed\n" })
      assert.deepStrictEqual(yield* imported(from), { branch: "main", commit, changed: false, left: null })
    }).pipe(Effect.provide(onGit()))
  )

  it.live("takes only its own files of a folder within another git repository", () =>
    Effect.gen(function* () {
      const outer = yield* repositoryWith("outer", { outside: "o\n", ".gitignore": "a\n", "project/a": "a\n" })
      yield* imported(join(outer, "project"))
      assert.deepStrictEqual(yield* tree, ["a"])
    }).pipe(Effect.provide(onGit()))
  )

  it.live("leaves git repositories within a folder out, and says so", () =>
    Effect.gen(function* () {
      const from = yield* folderWith("plain", { a: "a\n" })
      yield* repositoryWith("plain/inner", { b: "b\n" })
      assert.strictEqual((yield* imported(from)).left, "git repositories within it: inner")
      assert.deepStrictEqual(yield* tree, ["a"])
    }).pipe(Effect.provide(onGit()))
  )

  it.live("takes HEAD of a git repository, whatever its branch is called, and follows it by fast-forward", () =>
    Effect.gen(function* () {
      const from = yield* repositoryWith("project", { a: "a\n" })
      const first = git(from, "rev-parse", "HEAD")
      writeFiles(from, { dirty: "not committed\n" })
      assert.deepStrictEqual(yield* imported(from), { branch: "main", commit: first, changed: true, left: null })
      assert.deepStrictEqual(yield* tree, ["a"])
      assert.isFalse((yield* imported(from)).changed)
      const second = commitIn(from, { b: "b\n" })
      const [event, ...more] = yield* appended(
        Effect.map(imported(from), (done) => assert.deepInclude(done, { commit: second, changed: true, left: null }))
      )
      assert.deepStrictEqual(more, [])
      assert.deepInclude(event, { actor: { login: "squadron", kind: "system", trust: "admin" }, causedBy: null })
      assert(event?.detail._tag === "push")
      assert.deepInclude(event.detail, { ref: "refs/heads/main", before: first, after: second, forced: false })
      git(from, "checkout", "--quiet", "--detach", first)
      assert.deepStrictEqual(yield* imported(from), { branch: "main", commit: second, changed: false, left: null })
    }).pipe(Effect.provide(onGit()))
  )

  it.live("leaves the default branch where the source has gone another way, and says what was left", () =>
    Effect.gen(function* () {
      const from = yield* repositoryWith("project", { a: "a\n" })
      yield* imported(from)
      const ours = commitIn(from, { b: "b\n" })
      yield* imported(from)
      git(from, "reset", "--quiet", "--hard", "HEAD^")
      const theirs = commitIn(from, { c: "c\n" })
      const done = yield* imported(from)
      assert.deepInclude(done, { commit: ours, changed: false })
      assert.include(done.left ?? "", `${from} is at ${theirs}, which does not contain ${ours}, where main is`)
      assert.strictEqual(git(yield* bare, "rev-parse", "main"), ours)
    }).pipe(Effect.provide(onGit()))
  )

  it.live("takes a bare repository, a linked working tree, and a new repository's files", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const { root } = yield* Folders
      const from = yield* repositoryWith("project", { a: "a\n" })
      const head = git(from, "rev-parse", "HEAD")
      git(root, "clone", "--quiet", "--bare", from, join(root, "copy.git"))
      git(from, "worktree", "add", "--quiet", join(root, "linked"))
      for (const [name, folder] of [
        ["bare", "copy.git"],
        ["linked", "linked"]
      ] as const) {
        const done = yield* forge.importRepository({
          repository: `acme/${name}`,
          from: join(root, folder),
          branch: "main"
        })
        assert.strictEqual(done.commit, head)
      }
      const young = yield* folderWith("young", { y: "y\n" })
      git(young, "init", "--quiet")
      yield* imported(young)
      assert.deepStrictEqual(yield* tree, ["y"])
    }).pipe(Effect.provide(onGit()))
  )

  it.live.skipIf(process.getuid?.() !== 0)("takes a git repository of another user", () =>
    Effect.gen(function* () {
      const from = yield* repositoryWith("project", { a: "a\n" })
      const head = git(from, "rev-parse", "HEAD")
      for (const path of readdirSync(from, { recursive: true, encoding: "utf8" }))
        chownSync(join(from, path), 65_534, 65_534)
      chownSync(from, 65_534, 65_534)
      assert.strictEqual((yield* imported(from)).commit, head)
    }).pipe(Effect.provide(onGit()))
  )

  it.live("says what to do where it cannot be taken", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const { root } = yield* Folders
      const from = yield* repositoryWith("project", { a: "a\n" })
      commitIn(from, { b: "b\n" })
      git(root, "clone", "--quiet", "--depth=1", `file://${from}`, join(root, "shallow"))
      const asked = { repository, from, branch: "main" }
      const refused: ReadonlyArray<
        readonly [Effect.Effect<unknown, { readonly message: string }, LocalForge>, string]
      > = [
        [imported(join(root, "shallow")), "is a shallow clone; run `git fetch --unshallow` there"],
        [imported(join(root, "gone")), `there is no folder ${join(root, "gone")}`],
        [imported("relative"), "there is no folder relative"],
        [forge.importRepository({ ...asked, repository: "../x" }), '"../x" is no name of a repository'],
        [forge.importRepository({ ...asked, repository: "acme/.." }), '"acme/.." is no name of a repository'],
        [forge.importRepository({ ...asked, repository: "acme/x.git" }), '"acme/x.git" is no name of a repository']
      ]
      for (const [effect, problem] of refused) assert.include((yield* Effect.flip(effect)).message, problem)
      // What failed leaves nothing in the way of what comes after.
      yield* imported(from)
      assert.deepStrictEqual(yield* tree, ["a", "b"])
    }).pipe(Effect.provide(onGit()))
  )

  it.live("runs nothing that the source names: no hooks, no filters, no programs of its configuration", () =>
    Effect.gen(function* () {
      const { root } = yield* Folders
      const marker = join(root, "ran")
      const evil = join(root, "evil.sh")
      writeFileSync(evil, `#!/bin/sh\ntouch ${marker}\ncat\n`, { mode: 0o755 })
      const attributes = "* filter=evil diff=evil merge=evil\n"
      const arm = (folder: string) => {
        for (const [name, value] of [
          ["core.fsmonitor", evil],
          ["core.sshCommand", evil],
          ["core.alternateRefsCommand", evil],
          ["core.pager", evil],
          ["uploadpack.packObjectsHook", evil],
          ["filter.evil.clean", evil],
          ["filter.evil.smudge", evil],
          ["filter.evil.process", evil],
          ["filter.evil.required", "true"],
          ["diff.evil.textconv", evil],
          ["merge.evil.driver", evil]
        ]) {
          git(folder, "config", name ?? "", value ?? "")
        }
        for (const hook of [
          "post-checkout",
          "pre-commit",
          "reference-transaction",
          "post-index-change",
          "fsmonitor-watchman"
        ]) {
          writeFileSync(join(folder, ".git/hooks", hook), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 })
        }
      }
      const from = yield* repositoryWith("project", { ".gitattributes": attributes, a: "a\n" })
      arm(from)
      yield* imported(from)
      const inside = yield* folderWith("project/below", { ".gitattributes": attributes, b: "b\n" })
      yield* LocalForge.use((forge) =>
        forge.importRepository({ repository: "acme/below", from: inside, branch: "main" })
      )
      const young = yield* folderWith("young", { ".gitattributes": attributes, y: "y\n" })
      git(young, "init", "--quiet")
      arm(young)
      yield* LocalForge.use((forge) =>
        forge.importRepository({ repository: "acme/young", from: young, branch: "main" })
      )
      assert.isFalse(existsSync(marker))
      // The trap works: git itself walks into it.
      yield* Effect.ignore(Effect.try(() => git(from, "status")))
      assert.isTrue(existsSync(marker))
    }).pipe(Effect.provide(onGit()))
  )
})
