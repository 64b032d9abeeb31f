import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber } from "effect"
import { randomBytes } from "node:crypto"
import { idle, read, readAll, secret, type Status } from "./support/Client.ts"
import { type AgentProcess, agentProcesses, copySquad, type Proc, ready, start } from "./support/Daemon.ts"
import { databaseOf, isWhole, unfinished } from "./support/Database.ts"
import { killAt, type Moment, plan } from "./support/Kills.ts"
import { type Issue, makeTraffic, repository } from "./support/Traffic.ts"

const kills = 30
const hooks = 200
const issueCount = 50
/** The kills and the pauses of the traffic follow from it; what the machine does in between does not. */
const seed = process.env["SQUADRON_KILL_SEED"] ?? randomBytes(4).toString("hex")
const options = { env: { SQUADRON_GITHUB_WEBHOOK_SECRET: secret } }

type Event = {
  readonly seq: number
  readonly key: string
  readonly detail: { readonly _tag: string; readonly issue?: { readonly title: string } }
}
type Line = { readonly id: number; readonly kind: string; readonly event: number | null }
type Agent = { readonly id: string; readonly role: string; readonly status: string }
type Run = { readonly id: string; readonly closedAt: number | null; readonly outcome: { readonly _tag: string } | null }
type Comment = { readonly body: string; readonly author: string }

const twice = (list: ReadonlyArray<string>) => list.filter((text, index) => list.indexOf(text) !== index)

/** All that the daemon tells of what happened. */
const history = Effect.fnUntraced(function* (url: string) {
  const agents = yield* read<ReadonlyArray<Agent>>(url, "/agents?limit=1000")
  const issues = yield* read<ReadonlyArray<Issue>>(url, "/issues?limit=1000")
  const runs = yield* Effect.forEach(
    agents,
    ({ id }) => read<ReadonlyArray<Run>>(url, `/agents/${encodeURIComponent(id)}/runs`),
    { concurrency: 4 }
  )
  const threads = yield* Effect.forEach(
    issues,
    ({ number }) => read<{ readonly comments: ReadonlyArray<Comment> }>(url, `/issues/${repository}/${number}`),
    { concurrency: 4 }
  )
  return {
    agents,
    issues,
    runs: runs.flat(),
    comments: threads.flatMap(({ comments }) => comments),
    events: yield* readAll<Event>(url, "/events", (event) => event.seq),
    journal: yield* readAll<Line>(url, "/journal", (line) => line.id)
  }
})

type Traffic = ReturnType<typeof makeTraffic>
type History = Effect.Success<ReturnType<typeof history>>

const nothingLost = ({ acknowledged, opened }: Traffic, { events, issues, journal }: History) => {
  assert.strictEqual(acknowledged.size, hooks)
  for (const [id, seq] of acknowledged) {
    const stored = events.filter((event) => event.key === `github:${id}`).map((event) => event.seq)
    assert.deepStrictEqual(stored, [seq], `delivery ${id} is stored once, as it was acknowledged`)
  }
  assert.strictEqual(opened.size, issueCount)
  assert.deepStrictEqual(new Map(issues.map(({ number, title }) => [title, number])), opened)
  assert.strictEqual(issues.length, issueCount, "no issue is opened twice")
  const told = events.flatMap(({ detail }) =>
    detail._tag === "issue.opened" && detail.issue !== undefined && opened.has(detail.issue.title)
      ? [detail.issue.title]
      : []
  )
  assert.deepStrictEqual(told.toSorted(), [...opened.keys()].toSorted(), "each issue has its event once")
  assert.deepStrictEqual(
    journal.filter((line) => line.kind === "event.routed").map((line) => line.event),
    events.map((event) => event.seq),
    "each event is routed once, in order"
  )
}

const nothingTwice = ({ comments, journal, runs }: History) => {
  const completed = runs.filter((run) => run.outcome?._tag === "Completed").map((run) => run.id)
  const greeted = comments.flatMap(({ body }) => /^hello from (.*)$/.exec(body)?.[1] ?? [])
  assert.deepStrictEqual(greeted.toSorted(), completed.filter((id) => id.startsWith("greet-")).toSorted())
  assert.strictEqual(greeted.length, issueCount, "each issue is greeted once")
  const heard = comments.flatMap(({ body }) => body.match(/token-\d+/g) ?? [])
  assert.deepStrictEqual(twice(heard), [], "no command is answered twice")
  assert.strictEqual(heard.length, hooks / 2, "each command is answered")
  assert.strictEqual(journal.filter((line) => line.kind === "action.done").length, comments.length)
}

const nothingOpen = ({ agents, runs }: History, status: Status) => {
  assert.deepStrictEqual(
    runs.filter((run) => run.closedAt === null),
    []
  )
  assert.deepStrictEqual(
    agents.filter((agent) => agent.status !== "done"),
    []
  )
  const { actionsFailed, setAside, unread } = status
  assert.deepStrictEqual({ actionsFailed, setAside, unread }, { actionsFailed: 0, setAside: 0, unread: 0 })
}

describe("a daemon that is killed again and again", () => {
  it.live(
    "loses nothing that it acknowledged, does nothing twice, leaves no process and goes on by itself",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const traffic = makeTraffic({ hooks, issues: issueCount, lives: kills, seed })
        const sending = yield* Effect.forkScoped(traffic.run)
        /** How many kills met what. */
        const met = { work: 0, start: 0, request: 0, run: 0, noting: 0, routing: 0 }
        let seenProcesses = 0
        let left: ReadonlyArray<AgentProcess> = []
        let startTime = 0

        const begin = Effect.fnUntraced(function* (proc: Proc) {
          const from = yield* Clock.currentTimeMillis
          const url = yield* ready(folder, proc)
          startTime = (yield* Clock.currentTimeMillis) - from
          const living = agentProcesses(folder)
          assert.deepStrictEqual(
            left.filter(({ pid, since }) => living.some((other) => other.pid === pid && other.since === since)),
            [],
            "whoever the killed daemon left is gone before this one is at work"
          )
          left = []
          traffic.direct(url)
          return url
        })

        const live = Effect.fnUntraced(function* (moment: Moment, n: number) {
          const proc = yield* start(folder, options)
          traffic.begin(n)
          let started = false
          const beginning = Effect.tap(begin(proc), () => Effect.sync(() => (started = true)))
          if (moment._tag === "start") {
            const cut = Effect.andThen(Effect.sleep(moment.part * startTime), Effect.sync(proc.kill))
            yield* Effect.raceFirst(Effect.andThen(beginning, Effect.never), cut)
          } else {
            yield* beginning
            yield* killAt(moment, folder, proc, traffic.onAnswer)
          }
          const unanswered = traffic.unanswered()
          traffic.direct(undefined)
          const { signal } = yield* proc.ended
          assert.strictEqual(signal, "SIGKILL", `the daemon ended by itself:\n${proc.out()}${proc.err()}`)
          const rest = unfinished(folder)
          left = [...left, ...agentProcesses(folder)]
          seenProcesses += agentProcesses(folder).length
          if (!started) met.start++
          if (unanswered > 0) met.request++
          if (rest.running > 0) met.run++
          if (rest.unnoted > 0) met.noting++
          if (rest.unrouted > 0) met.routing++
          if (unanswered + rest.running + rest.unnoted + rest.unrouted + rest.queued > 0) met.work++
        })

        const moments = yield* plan(kills, seed)
        for (const [index, moment] of moments.entries()) yield* Effect.scoped(live(moment, index + 1))

        const last = yield* start(folder, options)
        const url = yield* begin(last)
        yield* Fiber.join(sending)
        const status = yield* idle(url)
        const all = yield* history(url)
        nothingLost(traffic, all)
        nothingTwice(all)
        nothingOpen(all, status)
        assert.deepStrictEqual(agentProcesses(folder), [])
        yield* last.signal("SIGTERM")
        assert.strictEqual((yield* last.ended).code, 130, last.out() + last.err())
        assert.isTrue(isWhole(databaseOf(folder)))

        const cutOff = all.runs.filter((run) => run.outcome?._tag === "Interrupted").length
        yield* Effect.logInfo(
          `${kills} kills by seed ${seed}, ${met.work} in the middle of work: ${met.run} cut ${cutOff} runs off and left ` +
            `${seenProcesses} processes, ${met.start} fell into a start, ${met.request} on requests without an answer, ` +
            `${met.routing} between storing and routing, ${met.noting} between doing and noting; ` +
            `${all.events.length} events, ${all.runs.length} runs`
        )
        // kills that meet nothing prove nothing
        assert.isAbove(met.work, kills / 2, "kills in the middle of work")
        assert.isAbove(cutOff, 0, "runs that were cut off")
        assert.isAbove(seenProcesses, 0, "processes that were left")
      }).pipe(
        Effect.onExit((exit) =>
          Exit.isSuccess(exit)
            ? Effect.void
            : Effect.logError(`Run these kills again with SQUADRON_KILL_SEED=${seed} npm run test:live -- -t killed`)
        )
      ),
    220_000
  )
})
