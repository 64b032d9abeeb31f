import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { git } from "./Folder.ts"
import { Project, repository } from "./Project.ts"
import { outputOf, type Step, write } from "./Puppet.ts"
import { gone, lastSaved } from "./Saved.ts"

const loose: Step = { sh: "echo loose > loose.txt" }
const nothing: Step = { tool: ["report_no_work", { reason: "Seen." }] }

/** A folder for what a hook of the project's configuration leaves and waits for. */
const signs = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "squadron-signs-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

it.live(
  "a workspace whose removal a kill cut off, when its agent was ended already, is saved and removed by the next daemon",
  () =>
    Effect.gen(function* () {
      const folder = yield* signs
      const hook = `touch ${folder}/removing; until test -e ${folder}/go; do sleep 0.05; done`
      const config = [
        "drainTimeout: 2s",
        `drainTimeout: 2s\nworkspaces: { hooks: { beforeRemove: [sh, -c, "${hook}"] } }`
      ]
      yield* Effect.gen(function* () {
        const project = yield* Project
        const number = yield* project.open("fix", { fixer: [{ do: [...write("kept.txt", "kept"), loose, nothing] }] })
        const id = yield* project.agentOn("fixer", number)
        yield* project.stands(id, "sleeping")
        const { code, err } = yield* project.run("cancel", id)
        assert.strictEqual(code, 0, err)
        yield* project.wait(
          "its removal",
          Effect.sync(() => (existsSync(join(folder, "removing")) ? true : undefined))
        )
        yield* project.stop("SIGKILL")
        assert.isTrue(existsSync(join(project.workspace(id), "clone", "loose.txt")))
        writeFileSync(join(folder, "go"), "")
        yield* project.start
        assert.strictEqual((yield* project.agent(id)).status, "cancelled")
        yield* gone(id)
        const { ref, text } = yield* lastSaved(id, "loose.txt")
        assert.strictEqual(text, "loose")
        assert.strictEqual(yield* git(project.mirror, "show", `${ref}:kept.txt`), "kept")
      }).pipe(Effect.provide(Project.layer({ config: [config as [string, string]] })))
    }),
  60_000
)

it.live(
  "an agent whose work cannot be saved is blocked all the same, its files stay, and it wakes when its blocker is closed",
  () =>
    Effect.gen(function* () {
      const project = yield* Project
      const first = yield* project.open("quiet", {})
      const blocked: Step = { tool: ["report_blocked", { on: [String(first)], reason: "It comes first." }] }
      const number = yield* project.open("fix", {
        fixer: [
          { when: "New\n\n", do: [loose, { wait: "spoiled" }, blocked] },
          { do: [{ sh: "cat loose.txt" }, nothing] }
        ]
      })
      const id = yield* project.agentOn("fixer", number)
      yield* project.noted(id, "that it waits", ({ waits }) => waits === "spoiled")
      // below a ref of this name no other can be made
      yield* git(project.mirror, "update-ref", `refs/squadron/saved/${id}`, yield* project.at("refs/heads/main"))
      yield* project.signal("spoiled")
      yield* project.stands(id, "blocked")
      yield* project.wait(
        "nobody being at work",
        Effect.sync(() => (project.processes().length === 0 ? true : undefined))
      )
      yield* project.wait(
        "the daemon saying that it could not be saved",
        Effect.sync(() =>
          `${project.daemon().out()}${project.daemon().err()}`.includes(`The work of ${id} could not be saved`)
            ? true
            : undefined
        )
      )
      assert.isTrue(existsSync(join(project.workspace(id), "clone", "loose.txt")))
      yield* project.send(`/issues/${repository}/${first}/close`, { author: "alice" })
      yield* project.stands(id, "sleeping")
      assert.strictEqual(outputOf(project.notesOf(id), "cat loose.txt"), "loose")

      // nor does an end take away what cannot be saved
      yield* project.run("cancel", id)
      yield* project.stands(id, "cancelled")
      yield* project.wait(
        "the daemon saying that the workspace stays",
        Effect.sync(() =>
          /The workspace of \S+ (?:stays|is not removed)/.test(`${project.daemon().out()}${project.daemon().err()}`)
            ? true
            : undefined
        )
      )
      assert.isTrue(existsSync(join(project.workspace(id), "clone", "loose.txt")))
      yield* git(project.mirror, "update-ref", "-d", `refs/squadron/saved/${id}`)
      yield* project.stop("SIGTERM")
      yield* project.start
      yield* gone(id)
      assert.strictEqual((yield* lastSaved(id, "loose.txt")).text, "loose")
    }).pipe(Effect.provide(Project.layer())),
  60_000
)
