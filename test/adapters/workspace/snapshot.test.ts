import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { type Workspace, Workspaces } from "../../../src/services/Workspaces.ts"
import { agent, commitAll, git, Place, request, test, text, write } from "./Rig.ts"

const inWorkspace = <A, E, R>(
  body: (workspace: Workspace, workspaces: Workspaces["Service"]) => Effect.Effect<A, E, R>
) =>
  Effect.scoped(
    Effect.flatMap(Workspaces, (workspaces) =>
      Effect.flatMap(workspaces.open(request), (workspace) => body(workspace, workspaces))
    )
  )

describe("saving", () => {
  test(
    "counts up, on top of HEAD and of what was saved before; and does nothing where nothing has changed",
    inWorkspace((workspace, workspaces) =>
      Effect.gen(function* () {
        const { mirror, path } = workspace
        const parents = (commit: string) => git(mirror, "log", "-1", "--format=%P", commit).split(" ")
        assert.isNull(yield* workspaces.save(agent))
        write(path, { "src/a.txt": "changed\n" })
        const first = yield* workspaces.save(agent)
        assert.strictEqual(first?.ref, `refs/squadron/saved/${agent}/1`)
        assert.strictEqual(git(mirror, "rev-parse", first?.ref ?? ""), first?.commit)
        assert.deepStrictEqual(parents(first?.commit ?? ""), [workspace.baseCommit])
        assert.isNull(yield* workspaces.save(agent))
        const head = commitAll(path, "work")
        const second = yield* workspaces.save(agent)
        assert.strictEqual(second?.ref, `refs/squadron/saved/${agent}/2`)
        assert.deepStrictEqual(parents(second?.commit ?? ""), [head, first?.commit])
        write(path, { "ignored/x": "1" })
        mkdirSync(join(path, "empty"))
        assert.isNull(yield* workspaces.save(agent))
        rmSync(join(path, "src/a.txt"))
        for (let n = 3; n <= 12; n++) {
          write(path, { "n.txt": String(n) })
          assert.strictEqual((yield* workspaces.save(agent))?.ref, `refs/squadron/saved/${agent}/${n}`)
        }
        const message = git(mirror, "log", "-1", "--format=%an <%ae>%n%B", `refs/squadron/saved/${agent}/12`)
        assert.include(message, `Squadron ${agent} <agent@squadron.invalid>`)
        assert.include(message, `Squadron-Head: ${head}`)
        assert.include(message, `Squadron-Branch: ${request.branch}`)
        assert.strictEqual(git(path, "status", "--porcelain"), " D src/a.txt\n?? n.txt", "the agent sees nothing of it")
        assert.strictEqual(git(path, "for-each-ref", "refs/squadron"), "")
      })
    )
  )

  test(
    "happens when the workspace is closed, also by a failure or an interruption of who used it",
    Effect.gen(function* () {
      const endings = [Effect.void, Effect.fail("no"), Effect.die("no"), Effect.interrupt]
      for (const [i, ending] of endings.entries()) {
        const saved = yield* Effect.exit(
          inWorkspace((workspace) => {
            write(workspace.path, { "note.txt": `${i}\n` })
            return Effect.as(ending, null)
          })
        )
        assert.strictEqual(saved._tag, i === 0 ? "Success" : "Failure")
        const { stateDir } = yield* Place
        const mirror = join(stateDir, "mirrors/acme/shop.git")
        assert.strictEqual(git(mirror, "show", `refs/squadron/saved/${agent}/${i + 1}:note.txt`), String(i))
      }
    })
  )

  test(
    "of an agent without a workspace is nothing",
    Effect.gen(function* () {
      const workspaces = yield* Workspaces
      assert.isNull(yield* workspaces.save("nobody-1-e1"))
      assert.isFalse(yield* workspaces.remove("nobody-1-e1"))
      assert.deepStrictEqual(yield* workspaces.kept, [])
    })
  )

  test(
    "takes modes and links as they are, and gives them back",
    Effect.gen(function* () {
      yield* inWorkspace(({ path }) =>
        Effect.sync(() => {
          write(path, { "run.sh": "#!/bin/sh\n" })
          chmodSync(join(path, "run.sh"), 0o755)
          chmodSync(join(path, "src/a.txt"), 0o755)
        })
      )
      assert.isTrue(yield* Workspaces.use((workspaces) => workspaces.remove(agent)))
      yield* inWorkspace(({ path }) =>
        Effect.sync(() => {
          assert.strictEqual(git(path, "diff", "--summary"), " mode change 100644 => 100755 src/a.txt")
          git(path, "add", "-A")
          assert.strictEqual(git(path, "ls-files", "-s", "run.sh").slice(0, 6), "100755")
        })
      )
    })
  )

  test(
    "takes files byte for byte; what only differs for a line end that is asked for is not changed",
    Effect.gen(function* () {
      const { origin } = yield* Place
      write(origin, {
        ".gitattributes":
          "*.bat text eol=crlf\n*.txt text=auto\n*.id ident\n*.u16 working-tree-encoding=UTF-16LE\n*.l filter=lfs\n",
        "run.bat": "one\r\ntwo\r\n",
        "x.id": "$Id$\n",
        "x.l": "pointer\n"
      })
      writeFileSync(join(origin, "x.u16"), Buffer.from("text\n", "utf16le"))
      commitAll(origin, "with attributes")
      const wild = Buffer.from("one\r\ntwo\nthree\r\n\0\xff", "latin1")
      yield* inWorkspace((workspace, workspaces) =>
        Effect.gen(function* () {
          const { mirror, path } = workspace
          assert.strictEqual(text(path, "run.bat"), "one\r\ntwo\r\n")
          assert.isFalse((yield* workspaces.inspect(workspace)).dirty)
          // Written again as they are: git sees nothing new, and neither do we.
          for (const name of ["run.bat", "x.id", "x.u16", "x.l"]) {
            writeFileSync(join(path, name), Buffer.from(text(path, name).replaceAll("\ufffd", "?"), "utf8"))
          }
          writeFileSync(join(path, "x.u16"), Buffer.from("text\n", "utf16le"))
          assert.strictEqual(git(path, "status", "--porcelain"), "")
          assert.isFalse((yield* workspaces.inspect(workspace)).dirty)
          writeFileSync(join(path, "run.bat"), wild)
          writeFileSync(join(path, "bad.u16"), "odd")
          write(path, { "new.txt": "a\r\nb\n" })
          assert.isTrue((yield* workspaces.inspect(workspace)).dirty)
          const saved = yield* workspaces.save(agent)
          const blob = (name: string) => git(mirror, "cat-file", "blob", `${saved?.ref}:${name}`)
          assert.strictEqual(blob("run.bat"), wild.toString("latin1"))
          assert.strictEqual(blob("bad.u16"), "odd")
          assert.strictEqual(blob("new.txt"), "a\r\nb")
        })
      )
      assert.isTrue(yield* Workspaces.use((workspaces) => workspaces.remove(agent)))
      yield* inWorkspace(({ path }) =>
        Effect.sync(() => {
          assert.deepStrictEqual(readFileSync(join(path, "run.bat")), wild)
          assert.strictEqual(text(path, "new.txt"), "a\r\nb\n")
          assert.strictEqual(text(path, "bad.u16"), "odd")
          assert.isFalse(git(path, "status", "--porcelain").includes("x.id"))
        })
      )
    })
  )

  test(
    "leaves pipes and sockets alone",
    inWorkspace((workspace, workspaces) =>
      Effect.gen(function* () {
        const { mirror, path } = workspace
        rmSync(join(path, "readme.md"))
        git(path, "-c", "alias.pipes=!mkfifo readme.md loose.pipe", "pipes")
        write(path, { "note.txt": "note\n" })
        const saved = yield* workspaces.save(agent)
        assert.strictEqual(git(mirror, "show", `${saved?.ref}:note.txt`), "note")
        assert.notInclude(git(mirror, "ls-tree", "--name-only", saved?.ref ?? ""), "loose.pipe")
      })
    )
  )
})
