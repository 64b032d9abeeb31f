// Posts GitHub's example payloads to a running squadron, each twice with the same delivery id, and shows what became
// of them. The ids are the same in every run: a second run shows nothing but duplicates.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import {
  Clock,
  Config,
  Console,
  Duration,
  Effect,
  FileSystem,
  Option,
  Redacted,
  Runtime,
  Schedule,
  Schema
} from "effect"
import { CliError, Command, Flag } from "effect/cli"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { join, relative } from "node:path"
import { table } from "../src/cli/render.ts"
import { deliveries, type Kind, type Post, postTwice } from "./replay-deliveries.ts"

// Only what is shown, so that an older or newer squadron is understood too.
const Status = Schema.Struct({
  events: Schema.Int,
  routed: Schema.Int,
  agents: Schema.Record(Schema.String, Schema.Int)
})
const Agent = Schema.Struct({
  id: Schema.String,
  role: Schema.String,
  status: Schema.String,
  subject: Schema.Struct({ repository: Schema.String, number: Schema.Int }),
  note: Schema.optionalKey(Schema.String)
})
type Agent = typeof Agent.Type
const Stored = Schema.Struct({ seq: Schema.Int })

/** Exit code 2: nothing was posted. Exit code 1: something went wrong on the way. */
class ReplayFailed extends Schema.TaggedError<ReplayFailed>()("ReplayFailed", {
  reason: Schema.String,
  code: Schema.Int
}) {
  override readonly [Runtime.errorExitCode] = this.code
  override get message() {
    return this.reason
  }
  override get [CliError.userMessage]() {
    return this.reason
  }
}

const root = join(import.meta.dirname, "..")
const stateFile = join(root, "examples/first-squad/.squadron-state/webhook-secret")
const secretVariable = "SQUADRON_GITHUB_WEBHOOK_SECRET"

const variable = (name: string) =>
  Effect.orElseSucceed(Config.option(Config.Redacted(name)), () => Option.none<Redacted.Redacted<string>>())

/** Flag, then file, then environment, then what the example squad made for itself. */
const findSecret = Effect.fnUntraced(function* (
  given: Option.Option<Redacted.Redacted<string>>,
  file: Option.Option<string>
) {
  const fs = yield* FileSystem.FileSystem
  const contentOf = (path: string, reason: string) =>
    fs.readFileString(path).pipe(
      Effect.map((text) => Redacted.make(text.trim())),
      Effect.filterOrFail((secret) => Redacted.value(secret) !== ""),
      Effect.mapError(() => new ReplayFailed({ reason, code: 2 }))
    )
  if (Option.isSome(given)) return given.value
  if (Option.isSome(file)) return yield* contentOf(file.value, `There is no secret to read in ${file.value}.`)
  const environment = yield* variable(secretVariable)
  if (Option.isSome(environment)) return environment.value
  return yield* contentOf(
    stateFile,
    "There is no secret to sign with. Start the example squad with `npm start` (it keeps its secret in " +
      `${relative(root, stateFile)}), set ${secretVariable}, or use --secret or --secret-file.`
  )
})

/** What the API says at this path, or null where it does not answer or says something else. */
const ask = <A>(url: string, path: string, schema: Schema.ConstraintDecoder<A>) =>
  Effect.gen(function* () {
    const token = yield* variable("SQUADRON_TOKEN")
    const request = HttpClientRequest.get(`${url}/api/v1${path}`)
    const response = yield* HttpClient.execute(
      Option.isNone(token) ? request : HttpClientRequest.bearerToken(request, token.value)
    )
    return Option.getOrNull(Schema.decodeUnknownOption(schema)(yield* response.json))
  }).pipe(Effect.orElseSucceed(() => null))

/** Waits until all is routed and no agent is at work, at most so many seconds; null where the API does not answer. */
const settle = (url: string, seconds: number) =>
  ask(url, "/status", Status).pipe(
    Effect.repeat({
      schedule: Schedule.spaced("250 millis").pipe(Schedule.upTo({ duration: Duration.seconds(seconds) })),
      until: (status) =>
        status === null ||
        (status.routed >= status.events && (status.agents["ready"] ?? 0) + (status.agents["running"] ?? 0) === 0)
    }),
    Effect.andThen(ask(url, "/status", Status))
  )

const countBy = <A>(all: ReadonlyArray<A>, key: (item: A) => string): ReadonlyArray<readonly [string, number]> => {
  const counts = new Map<string, number>()
  for (const item of all) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1)
  return [...counts].toSorted(([, a], [, b]) => b - a)
}

const kinds: ReadonlyArray<Kind> = ["accepted", "ignored", "duplicate", "refused", "lost"]

const rowOf = (event: string, posts: ReadonlyArray<Post>) => ({
  event,
  posted: posts.length,
  ...Object.fromEntries(kinds.map((kind) => [kind, posts.filter((post) => post.kind === kind).length]))
})

const agentsText = (agents: ReadonlyArray<Agent>): string => {
  const counts = countBy(agents, (agent) => `${agent.role}\n${agent.status}`)
  const newest = agents.slice(0, 10).map(({ id, note = "", role, status, subject }) => {
    const place = subject.number === 0 ? subject.repository : `${subject.repository}#${subject.number}`
    return [id, role, place, status, note]
  })
  const byStatus = counts.map(([key, count]) => key.split("\n").concat(String(count)))
  return [
    table(["role", "status", "agents"], byStatus),
    table(["newest agents", "role", "subject", "status", "note"], newest)
  ].join("\n\n")
}

const postAll = Effect.fnUntraced(function* (url: string, secret: Redacted.Redacted<string>) {
  const all = yield* deliveries
  let done = 0
  const report = Effect.suspend(() => Console.error(`replay: ${done} of ${all.length} deliveries posted twice`))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), report)))
  const posts = yield* Effect.forEach(
    all,
    (delivery) => Effect.tap(postTwice(url, secret, delivery), () => Effect.sync(() => done++)),
    { concurrency: 16 }
  )
  return posts.flat()
}, Effect.scoped)

const flags = {
  url: Flag.String("url").pipe(
    Flag.withDescription("Address of the squadron"),
    Flag.withDefault("http://127.0.0.1:7700")
  ),
  secret: Flag.Redacted("secret").pipe(
    Flag.withDescription(`The webhook's secret; else --secret-file, else ${secretVariable}, else the example squad's`),
    Flag.optional
  ),
  secretFile: Flag.String("secret-file").pipe(Flag.withDescription("File that holds the secret"), Flag.optional),
  wait: Flag.Int("wait").pipe(
    Flag.withDescription("Seconds to wait at most until the agents are done"),
    Flag.withDefault(30)
  ),
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print one JSON object"), Flag.withDefault(false))
}

const replay = Command.make(
  "replay",
  flags,
  Effect.fn("replay")(function* ({ json, secret: given, secretFile, url: address, wait }) {
    const url = address.replace(/\/+$/, "")
    const secret = yield* findSecret(given, secretFile)
    const silent = `Nothing answers at ${url}. Start a squadron with \`npm start\`, or name its address with --url.`
    yield* Effect.mapError(HttpClient.get(`${url}/healthz`), () => new ReplayFailed({ reason: silent, code: 2 }))

    const started = yield* Clock.currentTimeMillis
    const posts = yield* postAll(url, secret)
    const milliseconds = (yield* Clock.currentTimeMillis) - started

    const status = yield* settle(url, wait)
    const seqs = [...new Set(posts.map((post) => post.seq).filter((seq) => seq > 0))]
    const found = yield* Effect.forEach(seqs, (seq) => ask(url, `/events/${seq}`, Stored), { concurrency: 16 })
    // without the API nobody can say
    const missing = status === null ? null : seqs.filter((_, n) => found[n] === null)
    const agents = yield* ask(url, "/agents?limit=1000", Schema.Array(Agent))

    const byEvent = Map.groupBy(posts, (post) => post.event)
    const events = [...byEvent].toSorted().map(([event, own]) => rowOf(event, own))
    const total = rowOf("all", posts)
    const reasons = countBy(
      posts.filter((post) => post.reason !== ""),
      (post) => post.reason
    ).map(([reason, count]) => ({
      reason,
      count,
      events: [...new Set(posts.filter((post) => post.reason === reason).map((post) => post.event))]
    }))
    const faults = posts.filter((post) => post.status >= 500).length
    const held = posts.reduce((sum, post) => sum + post.held, 0)
    const lost = posts.filter((post) => post.kind === "lost").length + (missing?.length ?? 0)

    if (json) {
      const report = { url, milliseconds, held, total, events, reasons, missing, status, agents }
      yield* Console.log(JSON.stringify(report, null, 2))
    } else {
      const heads = ["event", "posted", ...kinds]
      const rows = [...events, total].map((row) => heads.map((head) => Reflect.get(row, head)))
      yield* Console.log(table(heads, rows))
      yield* Console.log(
        "\naccepted: stored as an event that rules can name. ignored: stored as `other`, which nothing listens to.\n" +
          "duplicate: its delivery id is known, so nothing was stored again; each delivery is posted twice."
      )
      for (const { count, events: names, reason } of reasons) {
        const where = names.length > 3 ? `${names.length} kinds of event` : names.join(", ")
        yield* Console.log(`\n${count} × ${reason}\n  at ${where}`)
      }
      const kept =
        missing === null
          ? "The API does not answer, so nobody can say whether they are kept (set SQUADRON_TOKEN if it asks for one)."
          : `${seqs.length - missing.length} of ${seqs.length} stored events can be read back.`
      const slowed = held === 0 ? "" : ` ${held} times the rate limit asked to come again.`
      yield* Console.log(`\n${posts.length} posts in ${(milliseconds / 1000).toFixed(1)} s.${slowed} ${kept}`)
      if (agents !== null) yield* Console.log(agents.length === 0 ? "\nNo agents." : `\n${agentsText(agents)}`)
    }
    if (faults + lost === 0) return
    const reason = `${faults} answers were server errors, ${lost} deliveries were lost.`
    return yield* new ReplayFailed({ reason, code: 1 })
  })
).pipe(Command.withDescription("Posts GitHub's example payloads to a running squadron, each twice"))

replay.pipe(
  Command.run({ version: "1" }),
  Effect.provide([NodeServices.layer, FetchHttpClient.layer]),
  NodeRuntime.runMain
)
