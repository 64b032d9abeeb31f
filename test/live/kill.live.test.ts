import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Random, Ref } from "effect"
import { join } from "node:path"
import { commented, deliver, idle, issueOpened, post, read, readAll, secret } from "./support/Client.ts"
import { addressOf, agentProcesses, copySquad, eventually, ready, start } from "./support/Daemon.ts"

const kills = 30
const hooks = 200
const issueCount = 50
const repository = "local/squad"
const seed = "kill-9"

type Event = {
  readonly seq: number
  readonly key: string
  readonly detail: { readonly _tag: string; readonly issue?: { readonly title: string } }
}
type Line = { readonly id: number; readonly kind: string; readonly event: number | null }
type Agent = { readonly id: string; readonly role: string; readonly status: string }
type Run = { readonly id: string; readonly closedAt: number | null; readonly outcome: { readonly _tag: string } | null }
type Issue = { readonly number: number; readonly title: string }
type Comment = { readonly body: string; readonly author: string }

const deliveryId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`
const twice = (list: ReadonlyArray<string>) => list.filter((text, index) => list.indexOf(text) !== index)

describe("a daemon that is killed again and again", () => {
  it.live(
    "loses nothing that it acknowledged, does nothing twice, leaves no process and goes on by itself",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const stateDir = join(folder, ".squadron-state")
        const address = yield* Ref.make<string | undefined>(undefined)
        const life = yield* Ref.make(0)
        const acknowledged = new Map<string, number>()
        const opened = new Map<string, number>()

        // Asks the daemon that lives now until it answers; the next life gets what this one did not acknowledge.
        const insist = <A, E>(attempt: (url: string) => Effect.Effect<A | undefined, E>) =>
          eventually(
            "an acknowledgement",
            Effect.gen(function* () {
              const url = yield* Ref.get(address)
              return url === undefined ? undefined : yield* Effect.orElseSucceed(attempt(url), () => undefined)
            }),
            { within: 140_000 }
          )
        const inLife = (n: number) =>
          eventually(
            `life ${n}`,
            Effect.map(Ref.get(life), (now) => (now >= n ? true : undefined)),
            { within: 140_000 }
          )

        const open = Effect.fnUntraced(function* (n: number) {
          const title = `issue ${String(n).padStart(3, "0")}`
          // An answer that was lost may have been a yes, so it looks before it asks again.
          const number = yield* insist((url) =>
            Effect.gen(function* () {
              const there = (yield* read<ReadonlyArray<Issue>>(url, "/issues?limit=1000")).find(
                (issue) => issue.title === title
              )
              if (there !== undefined) return there.number
              const answer = yield* post(url, "/issues", { title })
              return answer.status === 200 ? (answer.body as Issue).number : undefined
            })
          )
          opened.set(title, number)
        })
        const hook = Effect.fnUntraced(function* (n: number) {
          const id = deliveryId(n)
          const target = 1 + (n % Math.max(1, opened.size))
          const delivery =
            n % 2 === 0
              ? issueOpened(id, "acme/widgets", n + 1)
              : commented(id, repository, target, `@squadron probe: token-${n}`)
          const seq = yield* insist((url) =>
            Effect.map(deliver(url, delivery), (answer) =>
              answer.status === 202 ? (answer.body as { seq: number }).seq : undefined
            )
          )
          acknowledged.set(id, seq)
        })
        const spread = (total: number, send: (n: number) => Effect.Effect<void, unknown>) =>
          Effect.forEach(
            Array.from({ length: total }, (_, n) => n),
            (n) => Effect.andThen(inLife(1 + Math.floor((n * kills) / total)), send(n)),
            { concurrency: 4, discard: true }
          )

        const traffic = yield* Effect.forkScoped(
          Effect.andThen(
            open(0),
            Effect.all([spread(hooks, hook), spread(issueCount - 1, (n) => open(n + 1))], {
              concurrency: 2,
              discard: true
            })
          )
        )

        let seenProcesses = 0
        let killedAtStart = 0
        for (let n = 1; n <= kills; n++) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const proc = yield* start(folder, { env: { SQUADRON_GITHUB_WEBHOOK_SECRET: secret } })
              // every third is killed wherever its start may be by then, the others at work
              if (n % 3 !== 0) {
                yield* Ref.set(address, yield* ready(folder, proc))
                yield* Ref.set(life, n)
                yield* Effect.sleep(yield* Random.nextIntBetween(50, 1300))
              } else {
                const until = (yield* Clock.currentTimeMillis) + (yield* Random.nextIntBetween(300, 2500))
                while ((yield* Clock.currentTimeMillis) < until) {
                  yield* Ref.set(address, addressOf(folder, proc))
                  yield* Effect.sleep(20)
                }
                if ((yield* Ref.get(address)) === undefined) killedAtStart++
                yield* Ref.set(life, n)
              }
              yield* proc.signal("SIGKILL")
              yield* Ref.set(address, undefined)
              const ended = yield* proc.ended
              assert.strictEqual(ended.signal, "SIGKILL", `the daemon ended by itself:\n${proc.out()}${proc.err()}`)
              seenProcesses += agentProcesses(stateDir).length
            })
          )
        }

        const last = yield* start(folder, { env: { SQUADRON_GITHUB_WEBHOOK_SECRET: secret } })
        const url = yield* ready(folder, last)
        yield* Ref.set(address, url)
        yield* Ref.set(life, kills)
        yield* Fiber.join(traffic)
        const status = yield* idle(url)

        const events = yield* readAll<Event>(url, "/events", (event) => event.seq)
        const journal = yield* readAll<Line>(url, "/journal", (line) => line.id)
        const agents = yield* read<ReadonlyArray<Agent>>(url, "/agents?limit=1000")
        const runs = (yield* Effect.forEach(
          agents,
          ({ id }) => read<ReadonlyArray<Run>>(url, `/agents/${encodeURIComponent(id)}/runs`),
          { concurrency: 4 }
        )).flat()
        const issues = yield* read<ReadonlyArray<Issue>>(url, "/issues?limit=1000")
        const comments = (yield* Effect.forEach(
          issues,
          ({ number }) => read<{ readonly comments: ReadonlyArray<Comment> }>(url, `/issues/${repository}/${number}`),
          { concurrency: 4 }
        )).flatMap((issue) => issue.comments)

        assert.strictEqual(acknowledged.size, hooks)
        for (const [id, seq] of acknowledged) {
          assert.deepStrictEqual(
            events.filter((event) => event.key === `github:${id}`).map((event) => event.seq),
            [seq],
            id
          )
        }
        assert.deepStrictEqual(issues.map((issue) => issue.title).toSorted(), [...opened.keys()].toSorted())
        assert.strictEqual(issues.length, issueCount)
        for (const [title, number] of opened) {
          assert.strictEqual(issues.find((issue) => issue.title === title)?.number, number)
          assert.strictEqual(
            events.filter((event) => event.detail._tag === "issue.opened" && event.detail.issue?.title === title)
              .length,
            1,
            title
          )
        }

        const routed = journal.filter((line) => line.kind === "event.routed").map((line) => line.event)
        assert.deepStrictEqual(
          routed,
          events.map((event) => event.seq),
          "each event is routed once, in order"
        )

        const completed = runs.filter((run) => run.outcome?._tag === "Completed").map((run) => run.id)
        const greeted = comments.flatMap(({ body }) => /^hello from (.*)$/.exec(body)?.[1] ?? [])
        assert.deepStrictEqual(greeted.toSorted(), completed.filter((id) => id.startsWith("greet-")).toSorted())
        assert.strictEqual(greeted.length, issueCount, "each issue is greeted once")
        const heard = comments.flatMap(({ body }) => body.match(/token-\d+/g) ?? [])
        assert.deepStrictEqual(twice(heard), [], "no command is answered twice")
        assert.strictEqual(heard.length, hooks / 2, "each command is answered")

        assert.deepStrictEqual(
          runs.filter((run) => run.closedAt === null),
          []
        )
        assert.strictEqual(status.unread, 0)
        assert.strictEqual(status.setAside, 0)
        assert.strictEqual(status.actionsFailed, 0)
        assert.deepStrictEqual(
          agents.filter((agent) => agent.status !== "done"),
          []
        )

        const cutOff = runs.filter((run) => run.outcome?._tag === "Interrupted")
        assert.isAbove(cutOff.length, 0, "no kill ever met a run")
        assert.isAbove(seenProcesses, 0, "no kill ever left a process")
        assert.deepStrictEqual(agentProcesses(stateDir), [])
        yield* Effect.logInfo(
          `${kills} kills, ${killedAtStart} of them before the daemon was ready; ${cutOff.length} runs were cut off, ` +
            `${seenProcesses} processes were left behind; ${events.length} events, ${runs.length} runs`
        )
      }).pipe(Random.withSeed(seed)),
    240_000
  )
})
