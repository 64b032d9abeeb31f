import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { LocalForge } from "../../../../src/adapters/forge/local/LocalForge.ts"
import type { MergeMethod } from "../../../../src/domain/Action.ts"
import { act, bare, type Files, Folders, git, onGit, repository, stage, work } from "./OnGit.ts"

const methods: ReadonlyArray<MergeMethod> = ["squash", "merge", "rebase"]

const pushed = Effect.fnUntraced(function* (head: string, files: Files) {
  const forge = yield* LocalForge
  const commit = yield* work(files)
  yield* forge.perform(act(`push ${head}`, 0, { _tag: "push", branch: head, commit, expected: null }))
  const pull = { title: head, body: "", head, base: "main", draft: false }
  const { pullRequest = 0 } = yield* forge.perform(act(`open ${head}`, 0, { _tag: "open_pull_request", ...pull }))
  return { number: pullRequest, commit }
})

describe("merges of the local forge", { timeout: 180_000 }, () => {
  it.live("run nothing of a pull request's files, whatever they are called and say", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const { root } = yield* Folders
      const marker = join(root, "ran")
      const evil = join(root, "evil.sh")
      writeFileSync(evil, `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 })
      const config = [
        `[core]\n\thooksPath = ${root}/hooks\n\tfsmonitor = ${evil}\n\tattributesFile = evil`,
        `[merge "evil"]\n\tdriver = ${evil}`,
        `[filter "evil"]\n\tclean = ${evil}\n\tsmudge = ${evil}\n\trequired = true`,
        `[diff "evil"]\n\ttextconv = ${evil}\n\tcommand = ${evil}\n`
      ].join("\n")
      const hook = `#!/bin/sh\ntouch ${marker}\n`
      const hostile = (n: number): Files => ({
        ".gitattributes": "* merge=evil filter=evil diff=evil\n",
        ".gitconfig": config,
        config,
        "hooks/post-receive": hook,
        "hooks/reference-transaction": hook,
        "info/attributes": "* merge=evil\n",
        ".githooks/pre-commit": hook,
        "objects/info/alternates": "/etc\n",
        HEAD: "ref: refs/heads/evil\n",
        "--upload-pack=touch ran": "x\n",
        "$(touch ran)": "x\n",
        shared: `1\n2\n3\n4\n5\n6\n7\n${n}\n`
      })
      yield* stage({ shared: "0\n2\n3\n4\n5\n6\n7\n8\n", ".gitattributes": "* merge=evil\n" })
      for (const [index, method] of methods.entries()) {
        const files = index === 0 ? hostile(0) : { shared: `1\n2\n3\n4\n5\n6\n7\n${index * 10}\n` }
        const { commit, number } = yield* pushed(`squadron/${method}`, files)
        // The base moves too, so that the files have to be merged by their content.
        const main = git(yield* bare, "rev-parse", "main")
        const beside = yield* work({ [`beside-${index}`]: "x\n" })
        yield* forge.perform(
          act(`beside ${index}`, 0, { _tag: "push", branch: "main", commit: beside, expected: main })
        )
        assert.isTrue((yield* forge.pullRequest(repository, number)).mergeable)
        yield* forge.perform(act(`merge ${index}`, number, { _tag: "merge", method, commit, title: "t", body: "" }))
      }
      const folder = yield* bare
      assert.strictEqual(git(folder, "show", "main:shared"), "1\n2\n3\n4\n5\n6\n7\n20")
      assert.strictEqual(git(folder, "show", "main:hooks/post-receive"), hook.trimEnd())
      assert.isFalse(existsSync(marker))
      assert.isFalse(existsSync(join(folder, "hooks")))
    }).pipe(Effect.provide(onGit()))
  )

  it.live("refuse objects that would harm who checks them out", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const { mirror } = yield* Folders
      yield* stage({ a: "a\n" })
      const commit = yield* work({ b: "b\n" })
      const blob = git(mirror, "rev-parse", `${commit}:b`)
      // A tree with a folder .git, as no git makes it.
      const inner = spawnSync("git", ["-C", mirror, "mktree"], { input: `100644 blob ${blob}\tconfig\n` }).stdout
      const entry = Buffer.concat([Buffer.from("40000 .git\0"), Buffer.from(inner.toString().trim(), "hex")])
      const arguments_ = ["-C", mirror, "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
      const tree = spawnSync("git", arguments_, { input: entry }).stdout.toString().trim()
      const bad = git(mirror, "commit-tree", tree, "-p", commit, "-m", "bad")
      const push = { _tag: "push", branch: "squadron/bad", commit: bad, expected: null } as const
      const error = yield* Effect.flip(forge.perform(act("push", 0, push)))
      assert.include(error.message, "hasDotgit")
      assert.isFalse(error.retryable)
    }).pipe(Effect.provide(onGit()))
  )

  it.live("merge into 50,000 files by each method", () =>
    Effect.gen(function* () {
      const forge = yield* LocalForge
      const { clone, mirror, root } = yield* Folders
      const from = join(root, "big")
      mkdirSync(from)
      git(from, "init", "--quiet", "--bare", "--initial-branch=main")
      const lines = ["commit refs/heads/main", "committer mona <mona@example.com> 0 +0000", "data 4", "big"]
      for (let i = 0; i < 50_000; i++) {
        lines.push(`M 100644 inline src/d${i % 500}/f${i}.txt`, `data ${String(i).length + 1}`, String(i), "")
      }
      const filled = spawnSync("git", ["-C", from, "fast-import", "--quiet"], { input: `${lines.join("\n")}\n` })
      assert.strictEqual(filled.status, 0, filled.stderr.toString())
      yield* forge.importRepository({ repository, from, branch: "main" })
      git(root, "clone", "--quiet", "--no-checkout", from, clone)
      mkdirSync(mirror, { recursive: true })
      git(mirror, "init", "--quiet", "--bare")
      /** A commit that changes one file, without a working tree. */
      const change = (name: string, content: string, parent: string): string => {
        const text = [
          `commit refs/heads/${name}`,
          "committer mona <mona@example.com> 0 +0000",
          "data 6",
          "change",
          `from ${parent}`,
          `M 100644 inline ${content}`,
          "data 2",
          "x",
          ""
        ]
        const done = spawnSync("git", ["-C", from, "fast-import", "--quiet"], { input: `${text.join("\n")}\n` })
        assert.strictEqual(done.status, 0, done.stderr.toString())
        git(mirror, "fetch", "--quiet", from, `+refs/heads/${name}:refs/heads/${name}`)
        return git(from, "rev-parse", name)
      }
      const main = git(yield* bare, "rev-parse", "main")
      for (const [index, method] of methods.entries()) {
        const branch = `squadron/${method}`
        const commit = change(branch, `src/d${index}/new.txt`, main)
        yield* forge.perform(act(`push ${method}`, 0, { _tag: "push", branch, commit, expected: null }))
        const pull = { title: method, body: "", head: branch, base: "main", draft: false }
        const { pullRequest = 0 } = yield* forge.perform(
          act(`open ${method}`, 0, { _tag: "open_pull_request", ...pull })
        )
        assert.isTrue((yield* forge.pullRequest(repository, pullRequest)).mergeable)
        yield* forge.perform(
          act(`merge ${method}`, pullRequest, { _tag: "merge", method, commit, title: "t", body: "" })
        )
      }
      const files = git(yield* bare, "ls-tree", "-r", "--name-only", "main").split("\n")
      assert.strictEqual(files.length, 50_003)
    }).pipe(Effect.provide(onGit()))
  )
})
