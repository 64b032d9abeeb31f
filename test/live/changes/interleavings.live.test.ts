import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { git } from "./Folder.ts"
import { Project } from "./Project.ts"
import type { Note, Step } from "./Puppet.ts"

const seeds = [1, 2, 3]
const agentsAtOnce = 3
const happenings = 7

const blobId = (content: string): string =>
  createHash("sha1")
    .update(`blob ${Buffer.byteLength(content)}\0${content}`)
    .digest("hex")

/** Writes a content that is nowhere else. */
const edit = (content: string, file: string): Step => ({ sh: `printf '%s' '${content}' > ${file}` })
const edited = /^printf '%s' '(.*)' > (\S+)$/

/** Says which file is about to be written over, since a kill may come between that and its note. */
const tellOver = (file: string): Step => ({ sh: `: over ${file}` })
const toldOver = /^: over (\S+)$/

/** A turn's steps: edits, commits, commits made anew, pushes and pauses, in any order. */
const turn = Effect.fnUntraced(function* (name: string) {
  const steps: Array<Step> = []
  for (let n = 0; n < 10; n++) {
    const file = `file-${yield* Random.nextIntBetween(0, 3)}.txt`
    const acts: ReadonlyArray<ReadonlyArray<Step>> = [
      [edit(`${name}, ${n}`, `${name}-${n}.txt`)],
      [tellOver(file), edit(`${name}, ${n}, for now`, file)],
      [{ sh: `git add --all && git commit -q --allow-empty -m '${name} ${n}'` }],
      [{ sh: `git add --all && git commit -q --allow-empty --amend -m '${name} ${n} anew'` }],
      [{ sh: "sleep 0.1" }],
      [{ tool: ["push_work"] }],
      [{ tool: ["save_work"] }]
    ]
    steps.push(...(acts[yield* Random.nextIntBetween(0, acts.length - 1)] ?? []))
  }
  return { do: [...steps, { tool: ["report_no_work", { reason: "So much for this turn." }] } as const] }
})

/** What must be there in the end: what no agent wrote over, and what a tool had saved or pushed before that. */
const mustBeThere = (notes: ReadonlyArray<Note>): ReadonlySet<string> => {
  const files = new Map<string, string>()
  const held = new Set<string>()
  const committed = new Map<string, string>()
  for (const { code, sh, text, tool } of notes) {
    const [, content, file] = edited.exec(sh ?? "") ?? []
    const [, over] = toldOver.exec(sh ?? "") ?? []
    if (over !== undefined) files.delete(over)
    if (content !== undefined && file !== undefined && code === 0) files.set(file, content)
    if (sh?.includes("git commit") === true && code === 0) for (const [name, kept] of files) committed.set(name, kept)
    if (text === undefined) continue
    if (tool === "save_work") for (const kept of files.values()) held.add(kept)
    if (tool === "push_work") for (const kept of committed.values()) held.add(kept)
  }
  return new Set([...held, ...files.values()])
}

const contentsOf = (clone: string): ReadonlyArray<string> =>
  existsSync(clone)
    ? readdirSync(clone).flatMap((name) =>
        name.endsWith(".txt") ? [blobId(readFileSync(join(clone, name), "utf8"))] : []
      )
    : []

/** All that were at work; a comment after a cancel brings another. */
const agentsIn = (notes: string): ReadonlySet<string> =>
  new Set(readdirSync(notes).flatMap((name) => (name.endsWith(".jsonl") ? [name.slice(0, name.indexOf("."))] : [])))

describe("no content that was in a workspace becomes unreachable", () => {
  for (const seed of seeds) {
    it.live(
      `however edits, commits, pushes, kills, cancels and restarts come together; seed ${seed}`,
      () =>
        Effect.gen(function* () {
          const project = yield* Project
          const agents: Array<{ readonly id: string; readonly number: number }> = []
          for (let n = 0; n < agentsAtOnce; n++) {
            const turns = [yield* turn(`a${n}`), yield* turn(`b${n}`), yield* turn(`c${n}`)]
            const number = yield* project.open("fix", { fixer: turns })
            agents.push({ id: yield* project.agentOn("fixer", number), number })
          }
          const history: Array<string> = []
          for (let n = 0; n < happenings; n++) {
            yield* Effect.sleep(yield* Random.nextIntBetween(0, 400))
            const { id, number } = agents[yield* Random.nextIntBetween(0, agents.length - 1)] ?? assert.fail()
            const what = yield* Random.nextIntBetween(0, 5)
            if (what <= 1) {
              history.push(what === 0 ? "SIGKILL" : "SIGTERM")
              yield* project.stop(what === 0 ? "SIGKILL" : "SIGTERM")
              yield* project.start
            } else if (what === 2 && n > 2) {
              history.push(`cancel ${id}`)
              yield* project.run("cancel", id)
            } else {
              history.push(`wake ${id}`)
              yield* project.say(number, "@squadron fixer: go on")
            }
          }
          history.push("SIGTERM")
          yield* project.stop("SIGTERM")
          assert.deepStrictEqual(project.processes(), [])

          const mirrored = (yield* git(project.mirror, "rev-list", "--objects", "--all")).split("\n")
          const reachable = new Set(mirrored.map((line) => line.split(" ", 1)[0]))
          let expected = 0
          for (const id of agentsIn(project.notes)) {
            for (const content of contentsOf(join(project.workspace(id), "clone"))) reachable.add(content)
            const must = mustBeThere(project.notesOf(id))
            expected += must.size
            const lost = [...must].filter((content) => !reachable.has(blobId(content)))
            assert.deepStrictEqual(lost, [], `${id} lost this; seed ${seed}:\n${history.join("\n")}`)
          }
          assert.isAbove(expected, agentsAtOnce)
          const { after, before } = yield* project.looks
          assert.strictEqual(after, before)
        }).pipe(Random.withSeed(`interleaving ${seed}`), Effect.provide(Project.layer())),
      90_000
    )
  }
})
