import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import {
  type Answer,
  commented,
  deliver,
  idle,
  issueOpened,
  post,
  read,
  readAll,
  secret,
  type Status
} from "./support/Client.ts"
import { cli, copySquad, eventually, ready, start } from "./support/Daemon.ts"

const env = { SQUADRON_GITHUB_WEBHOOK_SECRET: secret }
const within = 60_000

const config = (folder: string, text: string) => writeFileSync(join(folder, ".squadron/config.yaml"), text)
const deliveryId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`
const tagOf = (answer: Answer) => (answer.body as { readonly _tag?: string })._tag

/** One number out of a database file, opened apart from any daemon. */
const query = (file: string, sql: string): number => {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    return Number(Object.values(db.prepare(sql).get() ?? {})[0])
  } finally {
    db.close()
  }
}

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

/** A program that holds a port. */
const someServer = Effect.acquireRelease(
  Effect.callback<Server>((resume) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
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
        const address = (yield* someServer).address()
        const port = typeof address === "object" && address !== null ? address.port : 0
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
        const file = join(folder, ".squadron-state/squadron.db")
        assert.strictEqual((yield* cli(["start", folder, "--port", "0", "--once"])).code, 0)
        const db = new DatabaseSync(file)
        db.exec("INSERT INTO squadron_migrations (migration_id, name) VALUES (99, 'from_tomorrow')")
        db.close()
        const before = query(file, "SELECT count(*) FROM journal")
        const { code, err } = yield* cli(["start", folder, "--port", "0"])
        assert.strictEqual(code, 1)
        assert.include(err, `${file}: a newer version of Squadron made this database`)
        assert.notInclude(err, "    at ")
        assert.strictEqual(query(file, "SELECT count(*) FROM journal"), before)
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
        const statuses: Array<number> = []
        for (let n = 0; n < 200 && statuses.at(-1) !== 503; n++) {
          const answer = yield* send(n, 50_000)
          statuses.push(answer.status)
          if (answer.status === 503) assert.strictEqual(tagOf(answer), "StoreUnavailable", JSON.stringify(answer.body))
        }
        assert.strictEqual(statuses.at(-1), 503)
        assert.isAbove(statuses.length, 5)
        assert.deepStrictEqual([...new Set(statuses)], [202, 503])
        const refused = statuses.length - 1
        assert.strictEqual(
          (yield* send(refused, 50_000)).status,
          503,
          "the same delivery is refused as long as there is no room"
        )
        assert.isTrue(daemon.isAlive())
        assert.strictEqual(
          (yield* read<Status>(url, "/status")).events,
          refused,
          "what was refused is not there, what was taken is"
        )

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
        const journal = yield* readAll<{ readonly id: number; readonly kind: string; readonly event: number }>(
          url,
          "/journal",
          (line) => line.id
        )
        assert.deepStrictEqual(
          journal.filter((line) => line.kind === "event.routed").map((line) => line.event),
          Array.from({ length: refused + 2 }, (_, index) => index + 1)
        )
        assert.isTrue(daemon.isAlive())
      }),
    within * 2
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
        yield* eventually(
          "the corrected configuration",
          Effect.map(read<{ readonly permits: { readonly limit: number } }>(url, "/status"), (status) =>
            status.permits.limit === 7 ? true : undefined
          )
        )
      }),
    within
  )

  it.live(
    "ends by itself with --once when all is done",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const file = join(folder, ".squadron-state/squadron.db")
        yield* Effect.scoped(
          Effect.gen(function* () {
            const daemon = yield* start(folder)
            const url = yield* ready(folder, daemon)
            for (const title of ["one", "two", "three"]) yield* post(url, "/issues", { title })
            yield* daemon.signal("SIGKILL")
            yield* daemon.ended
          })
        )
        const { code, err, out } = yield* cli(["start", folder, "--port", "0", "--once"])
        assert.strictEqual(code, 0, out + err)
        assert.include(out, "Nothing is left to do.")
        assert.strictEqual(query(file, "SELECT count(*) FROM agents WHERE status = 'done'"), 6)
        assert.strictEqual(query(file, "SELECT count(*) FROM agents WHERE status <> 'done'"), 0)
        assert.strictEqual(query(file, "SELECT coalesce(sum(unread), 0) FROM agents"), 0)
      }),
    within
  )

  it.live(
    "makes a backup that opens, and that a squadron starts from",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const copy = join(folder, "copy.db")
        const url = yield* ready(folder, yield* start(folder))
        for (const title of ["one", "two"]) yield* post(url, "/issues", { title })
        yield* idle(url)
        const { code, err, out } = yield* cli(["backup", "copy.db"], { cwd: folder })
        assert.strictEqual(code, 0, err)
        assert.include(out, copy)
        assert.strictEqual(query(copy, "SELECT count(*) FROM forge_issues"), 2)
        assert.strictEqual(query(copy, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1)

        const other = yield* copySquad()
        mkdirSync(join(other, ".squadron-state"))
        copyFileSync(copy, join(other, ".squadron-state/squadron.db"))
        const restored = yield* ready(other, yield* start(other))
        assert.strictEqual((yield* read<ReadonlyArray<unknown>>(restored, "/issues")).length, 2)
        assert.strictEqual((yield* idle(restored)).agents["done"], 4)
      }),
    within
  )
})

describe("the command line without a daemon", () => {
  for (const args of [["status"], ["issue", "list"], ["backup", "copy.db"], ["watch"]]) {
    it.live(
      `says so and ends with 3: squadron ${args.join(" ")}`,
      () =>
        Effect.gen(function* () {
          const folder = yield* copySquad()
          // a port that was free a moment ago
          const url = yield* Effect.scoped(
            Effect.map(someServer, (server) => {
              const address = server.address()
              return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
            })
          )
          const { code, err, out } = yield* cli(args, { cwd: folder, env: { SQUADRON_URL: url } })
          assert.strictEqual(code, 3, err)
          assert.strictEqual(err.trim(), `No squadron runs at ${url}. Start one with: squadron start`)
          assert.strictEqual(out, "")
        }),
      within
    )
  }

  it.live(
    "says so and ends with 3 where a killed daemon left its address",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const daemon = yield* start(folder)
        const url = yield* ready(folder, daemon)
        yield* daemon.signal("SIGKILL")
        yield* daemon.ended
        const { code, err } = yield* cli(["status"], { cwd: folder })
        assert.strictEqual(code, 3)
        assert.include(err, `No squadron runs at ${url}.`)
      }),
    within
  )
})
