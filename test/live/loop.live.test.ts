import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { post, read } from "./support/Client.ts"
import { agentProcesses, eventually, ready, squadron } from "./support/Daemon.ts"

const examples = fileURLToPath(new URL("../../examples", import.meta.url))

/** The example as a new user has it: the squad beside the scripted agent. */
const copyExamples = Effect.acquireRelease(
  Effect.sync(() => {
    // beside the sources, so that the scripted agent finds its library
    const folder = realpathSync(mkdtempSync(join(examples, "..", "node_modules", ".loop-")))
    for (const name of ["first-squad", "scripted-agent"]) {
      cpSync(join(examples, name), join(folder, name), {
        recursive: true,
        filter: (path) => !path.includes(".squadron-state")
      })
    }
    return folder
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

type Issue = { readonly number: number; readonly state: string; readonly title: string }
type Pull = {
  readonly number: number
  readonly merged: boolean
  readonly mergeCommit: string | null
  readonly head: { readonly ref: string }
}
type Full = {
  readonly pullRequest: Pull
  readonly reviews: ReadonlyArray<{ readonly role: string | null; readonly verdict: string }>
}

/** The three things to do that the example brings, as its README has them opened. */
const issuesOf = (folder: string): ReadonlyArray<{ readonly title: string; readonly body: string }> =>
  readdirSync(join(folder, "issues"))
    .filter((name) => name.endsWith(".md"))
    .toSorted()
    .map((name) => {
      const [title = "", ...body] = readFileSync(join(folder, "issues", name), "utf8")
        .trim()
        .split("\n")
      return { title: title.replace(/^# /, ""), body: body.join("\n").trim() }
    })

const run = (cwd: string, command: string, ...args: ReadonlyArray<string>) =>
  spawnSync(command, args, { cwd, encoding: "utf8", env: { PATH: process.env["PATH"] ?? "", HOME: cwd } })

it.live(
  "three issues become three merged changes on a fresh machine without any key, and anybody can clone the result",
  () =>
    Effect.gen(function* () {
      const root = yield* copyExamples
      const folder = join(root, "first-squad")
      const daemon = yield* squadron(["start", folder, "--port", "0"])
      const url = yield* ready(folder, daemon)
      const last = () => `It printed:\n${daemon.out().slice(-6_000)}${daemon.err().slice(-4_000)}`
      const wanted = issuesOf(folder)
      assert.strictEqual(wanted.length, 3)
      for (const issue of wanted) assert.strictEqual((yield* post(url, "/issues", issue)).status, 200)

      const issues = yield* eventually(
        "three closed issues",
        Effect.map(read<ReadonlyArray<Issue>>(url, "/issues"), (all) =>
          all.length === 3 && all.every(({ state }) => state === "closed") ? all : undefined
        ),
        { within: 240_000, last }
      )
      assert.strictEqual(issues.length, 3)
      const pulls = yield* read<ReadonlyArray<Pull>>(url, "/pulls?state=closed")
      assert.deepStrictEqual(
        pulls.map(({ merged }) => merged),
        [true, true, true]
      )
      const full = yield* Effect.forEach(pulls, ({ number }) => read<Full>(url, `/pulls/example/invoice/${number}`))
      const verdicts = full.flatMap(({ reviews }) => reviews.map(({ role, verdict }) => `${role} ${verdict}`))
      assert.include(verdicts, "reviewer request_changes", "a review asked for something")
      for (const { reviews } of full) {
        for (const role of ["reviewer", "security-reviewer"]) {
          assert.strictEqual(reviews.findLast((review) => review.role === role)?.verdict, "approve")
        }
      }

      // the result, as anybody gets it
      const home = realpathSync(mkdtempSync(join(tmpdir(), "squadron-clone-")))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(home, { recursive: true, force: true })))
      const cloned = run(home, "git", "clone", "-q", `${url}/example/invoice.git`, "result")
      assert.strictEqual(cloned.status, 0, cloned.stderr)
      const tests = run(join(home, "result"), process.execPath, "--test")
      assert.strictEqual(tests.status, 0, tests.stdout)
      const log = run(join(home, "result"), "git", "log", "--format=%s", "main").stdout.trim().split("\n")
      assert.strictEqual(log.length, 4, log.join("\n"))

      // workspaces go, the work stays in git, and nobody is left running
      const workspaces = join(folder, ".squadron-state", "workspaces")
      // what begins with a dot is the place's own
      const kept = () => readdirSync(workspaces).filter((name) => !name.startsWith("."))
      yield* eventually(
        "no workspace left",
        Effect.sync(() => (kept().length === 0 ? true : undefined)),
        { last: () => kept().join(", ") }
      )
      const mirror = join(folder, ".squadron-state", "mirrors", "example", "invoice.git")
      const saved = run(mirror, "git", "for-each-ref", "--format=%(refname)", "refs/squadron").stdout
      for (const { head } of pulls) assert.include(saved, head.ref.replace("squadron/", ""))
      const left = yield* read<ReadonlyArray<{ readonly id: string }>>(url, "/agents?live=true")
      assert.deepStrictEqual(left, [])
      yield* daemon.signal("SIGTERM")
      yield* daemon.ended
      assert.deepStrictEqual(agentProcesses(folder), [])
    }),
  { timeout: 300_000 }
)
