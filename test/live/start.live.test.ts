import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  type Answer,
  commented,
  deliver,
  deliveryId,
  idle,
  issueOpened,
  post,
  read,
  readAll,
  secret,
  type Status
} from "./support/Client.ts"
import { cli, copySquad, eventually, ready, start } from "./support/Daemon.ts"
import { change, databaseOf } from "./support/Database.ts"
import { portOf, someServer } from "./support/Server.ts"

const env = { SQUADRON_GITHUB_WEBHOOK_SECRET: secret }
const within = 60_000

const config = (folder: string, text: string) => writeFileSync(join(folder, ".squadron/config.yaml"), text)
/** True once so many runs may go on at a time. */
const permits = (url: string, limit: number) =>
  Effect.map(read<{ readonly permits: { readonly limit: number } }>(url, "/status"), (status) =>
    status.permits.limit === limit ? true : undefined
  )
const tagOf = (answer: Answer) => (answer.body as { readonly _tag?: string })._tag

/** The system's own programs. */
const programs = { mount: "mount", unmount: "umount" } as const

/** A small disk at the folder, or null where this user may not mount one. */
const smallDisk = (at: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      mkdirSync(at)
      try {
        execFileSync(programs.mount, ["-t", "tmpfs", "-o", "size=3m", "tmpfs", at], { stdio: "pipe" })
        return at
      } catch {
        return null
      }
    }),
    (disk) => Effect.sync(() => disk !== null && execFileSync(programs.unmount, ["--lazy", disk]))
  )

describe("a daemon that cannot start", () => {
  it.live(
    "says which folder another one works on, and leaves that one alone",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const first = yield* start(folder)
        const url = yield* ready(folder, first)
        const { code, err } = yield* cli(["start", folder, "--port", "0"])
        assert.strictEqual(code, 1)
        assert.include(err, `Another squadron works on ${join(folder, ".squadron-state")}.`)
        assert.notInclude(err, "    at ")
        assert.strictEqual(yield* ready(folder, first), url)
        assert.isTrue((yield* read<Status>(url, "/status")).accepting)
      }),
    within
  )

  it.live(
    "says what is wrong in which line of the configuration",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        config(folder, "concurrency: 4\nconcurency: 5\n")
        writeFileSync(
          join(folder, ".squadron/agents/slow.md"),
          "---\nrun: sh agents/slow.sh\non: [issue.openend]\n---\n"
        )
        const { code, err } = yield* cli(["start", folder, "--port", "0"])
        assert.strictEqual(code, 2)
        assert.include(err, `${folder}/.squadron/config.yaml:2: \`concurency\``)
        assert.include(err, `${folder}/.squadron/agents/slow.md:3: `)
        assert.notInclude(err, "    at ")
      }),
    within
  )

  it.live(
    "says how to make a configuration where there is none",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        rmSync(join(folder, ".squadron"), { recursive: true })
        const { code, err } = yield* cli(["start", folder, "--port", "0"])
        assert.strictEqual(code, 2)
        assert.include(err, "squadron init")
        assert.notInclude(err, "    at ")
      }),
    within
  )

  it.live(
    "says that the port is taken, and what to do",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const port = portOf(yield* someServer)
        const { code, err, out } = yield* cli(["start", folder, "--port", String(port)])
        assert.strictEqual(code, 1)
        assert.include(err, `Another program listens on 127.0.0.1:${port}. Stop it, or choose another port with --port`)
        assert.notInclude(err, "    at ")
        assert.strictEqual(out, "")
      }),
    within
  )

  it.live(
    "refuses a database that a newer version made, and changes nothing in it",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const file = databaseOf(folder)
        assert.strictEqual((yield* cli(["start", folder, "--port", "0", "--once"])).code, 0)
        change(file, "INSERT INTO squadron_migrations (migration_id, name) VALUES (99, 'from_tomorrow')")
        const before = readFileSync(file)
        const { code, err } = yield* cli(["start", folder, "--port", "0"])
        assert.strictEqual(code, 1)
        assert.include(err, `${file}: a newer version of Squadron made this database`)
        assert.notInclude(err, "    at ")
        assert.isTrue(readFileSync(file).equals(before))
      }),
    within
  )

  it.live(
    "refuses a file that is no database, and leaves it as it is",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const file = databaseOf(folder)
        mkdirSync(join(folder, ".squadron-state"))
        writeFileSync(file, "Somebody's shopping list.\n".repeat(500))
        const before = readFileSync(file)
        const { code, err } = yield* cli(["start", folder, "--port", "0"])
        assert.strictEqual(code, 1)
        assert.include(err, `${file}: `)
        assert.notInclude(err, "    at ")
        assert.isTrue(readFileSync(file).equals(before))
      }),
    within
  )
})

describe("a daemon at work", () => {
  it.live(
    "answers 503 while the disk is full, lives on, and goes on once there is room",
    (context) =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const disk = yield* smallDisk(join(folder, "state"))
        if (disk === null) {
          yield* Effect.logWarning(
            "SKIPPED: what happens on a full disk is not tested, since this user may not mount a tmpfs"
          )
          return context.skip("no mount")
        }
        config(folder, "repository: local/squad\nstateDir: state\ngithub: { ratePerMinute: 0 }\n")
        writeFileSync(join(disk, "ballast"), Buffer.alloc(1024 * 1024))
        const daemon = yield* start(folder, { env })
        const url = yield* ready(folder, daemon)

        const send = (n: number, size: number) =>
          deliver(url, commented(deliveryId(n), "acme/widgets", 1, "x".repeat(size)))
        const eventCount = Effect.map(read<Status>(url, "/status"), ({ events }) => events)
        let taken = 0
        let refusals = 0
        // Alone, a delivery may fit where it did not together with what the router wrote then: the disk is full when the
        // same one is refused three times in a row.
        for (let n = 0; n < 200 && refusals < 3; n++) {
          const answer = yield* send(taken, 50_000)
          if (answer.status === 503) {
            refusals++
            assert.strictEqual(tagOf(answer), "StoreUnavailable", JSON.stringify(answer.body))
          } else {
            assert.strictEqual(answer.status, 202, JSON.stringify(answer.body))
            assert.deepInclude(answer.body as object, { duplicate: false }, "what was refused was not kept")
            taken++
            refusals = 0
          }
          assert.strictEqual(yield* eventCount, taken, "what was refused is not there, what was taken is")
        }
        assert.strictEqual(refusals, 3)
        assert.isAbove(taken, 5)
        const refused = taken
        assert.isTrue(daemon.isAlive())

        rmSync(join(disk, "ballast"))
        const again = yield* eventually(
          "the refused delivery to be taken",
          Effect.map(send(refused, 50_000), (answer) => (answer.status === 202 ? answer : undefined))
        )
        assert.deepInclude(again.body as object, { duplicate: false })
        assert.strictEqual((yield* deliver(url, issueOpened(deliveryId(900), "acme/widgets", 7))).status, 202)
        const status = yield* idle(url)
        assert.strictEqual(status.events, refused + 2)
        assert.strictEqual(status.agents["done"], 1)
        const events = yield* readAll<{ readonly seq: number }>(url, "/events", (event) => event.seq)
        const journal = yield* readAll<{ readonly id: number; readonly kind: string; readonly event: number }>(
          url,
          "/journal",
          (line) => line.id
        )
        assert.strictEqual(events.length, refused + 2)
        assert.deepStrictEqual(
          journal.filter((line) => line.kind === "event.routed").map((line) => line.event),
          events.map((event) => event.seq)
        )
        assert.isTrue(daemon.isAlive())
      }),
    within * 2
  )

  it.live(
    "takes up what changed in the configuration while it started",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const daemon = yield* start(folder)
        // it has read the configuration by then, and has most of its start before it
        yield* eventually(
          "its lock",
          Effect.sync(() => (existsSync(join(folder, ".squadron-state/daemon.lock")) ? true : undefined))
        )
        config(folder, "repository: local/squad\nconcurrency: 9\n")
        const url = yield* ready(folder, daemon)
        yield* eventually("the changed limit", permits(url, 9))
      }),
    within
  )

  it.live(
    "takes up a changed configuration, and keeps the last good one where the change is invalid",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const daemon = yield* start(folder)
        const url = yield* ready(folder, daemon)
        const roles = Effect.map(read<Status>(url, "/status"), (status) => status.roles.map((role) => role.name))
        const withExtra = Effect.map(roles, (names) => (names.includes("extra") ? names : undefined))
        writeFileSync(
          join(folder, ".squadron/agents/extra.md"),
          "---\nrun: sh agents/greet.sh\non: [issue.opened]\n---\nMore.\n"
        )
        yield* eventually("the new role", withExtra)
        yield* eventually(
          "word of it",
          Effect.sync(() => (daemon.out().includes("the configuration is read anew") ? true : undefined))
        )

        config(folder, "repository: local/squad\nconcurrency: none\n")
        yield* eventually(
          "word of the invalid change",
          Effect.sync(() => {
            const said = daemon.out() + daemon.err()
            return said.includes("the last good one stays") && said.includes("config.yaml:2: `concurrency`")
              ? true
              : undefined
          })
        )
        assert.include(yield* roles, "extra")
        yield* post(url, "/issues", { title: "while the file is wrong" })
        assert.strictEqual((yield* idle(url)).agents["done"], 3, "greet, slow and extra")

        config(folder, "repository: local/squad\nconcurrency: 7\n")
        yield* eventually("the corrected configuration", permits(url, 7))
      }),
    within
  )
})
