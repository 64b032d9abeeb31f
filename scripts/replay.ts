// Posts every payload of @octokit/webhooks-examples to a running squadron, signed as GitHub signs, each twice with the
// same delivery id. The id follows from the event's name and the example's place, so a second run of this command
// shows nothing but duplicates. Run by: npm run replay -- [--url URL] [--secret TEXT | --secret-file FILE] [--json]
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Clock, Config, Console, Duration, Effect, FileSystem, Option, Redacted, Runtime, Schedule, Schema } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import { FetchHttpClient, HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { createHash, createHmac } from "node:crypto"
import { createRequire } from "node:module"
import { join, relative } from "node:path"
import { line, table } from "../src/cli/render.ts"

type Delivery = { readonly event: string; readonly id: string; readonly body: string }
type Kind = "accepted" | "ignored" | "duplicate" | "refused" | "lost"
type Post = { readonly event: string; readonly kind: Kind; readonly status: number; readonly seq: number; readonly reason: string }

const Corpus = Schema.Array(Schema.Struct({ name: Schema.String, examples: Schema.Array(Schema.Unknown) }))
const Taken = Schema.Struct({ seq: Schema.Int, duplicate: Schema.Boolean, type: Schema.optionalKey(Schema.String) })
const Refusal = Schema.Struct({ _tag: Schema.String, message: Schema.String })
const Status = Schema.Struct({
  events: Schema.Int,
  routed: Schema.Int,
  actionsQueued: Schema.optionalKey(Schema.Int),
  agents: Schema.Record(Schema.String, Schema.Int)
})
const Agents = Schema.Array(
  Schema.Struct({
    id: Schema.String,
    role: Schema.String,
    status: Schema.String,
    subject: Schema.Struct({ repository: Schema.String, number: Schema.Int }),
    note: Schema.optionalKey(Schema.String)
  })
)

class CannotReplay extends Schema.TaggedError<CannotReplay>()("CannotReplay", { reason: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 2
  override get [CliError.userMessage]() {
    return this.reason
  }
}

const root = join(import.meta.dirname, "..")
const stateFile = join(root, "examples/first-squad/.squadron-state/webhook-secret")
const secretVariable = "SQUADRON_GITHUB_WEBHOOK_SECRET"

const idOf = (name: string): string => {
  const hex = createHash("sha1").update(name).digest("hex")
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-")
}

const deliveries = Effect.map(
  Schema.decodeUnknownEffect(Corpus)(createRequire(import.meta.url)("@octokit/webhooks-examples")),
  (corpus) =>
    corpus.flatMap(({ examples, name }) =>
      examples.map((payload, n): Delivery => ({ event: name, id: idOf(`${name}/${n}`), body: JSON.stringify(payload) }))
    )
)

const variable = (name: string) => Effect.orElseSucceed(Config.option(Config.Redacted(name)), () => Option.none())

/** Flag, then file, then environment, then what the example squad made for itself. */
const findSecret = Effect.fnUntraced(function* (given: Option.Option<Redacted.Redacted<string>>, file: Option.Option<string>) {
  const fs = yield* FileSystem.FileSystem
  const contentOf = (path: string) => Effect.map(fs.readFileString(path), (text) => Redacted.make(text.trim()))
  if (Option.isSome(given)) return given.value
  if (Option.isSome(file)) {
    return yield* Effect.mapError(
      contentOf(file.value),
      () => new CannotReplay({ reason: `The secret file ${file.value} cannot be read.` })
    )
  }
  const environment = yield* variable(secretVariable)
  if (Option.isSome(environment)) return environment.value
  const reason =
    `There is no secret to sign with. Start the example squad with \`npm start\` (its secret is kept in ` +
    `${relative(root, stateFile)}), set ${secretVariable}, or use --secret or --secret-file.`
  return yield* Effect.mapError(contentOf(stateFile), () => new CannotReplay({ reason }))
})

const textOf = (response: HttpClientResponse.HttpClientResponse) => Effect.orElseSucceed(response.text, () => "")

const read = Effect.fnUntraced(function* (event: string, response: HttpClientResponse.HttpClientResponse) {
  const text = yield* textOf(response)
  const taken = Schema.decodeUnknownOption(Schema.fromJsonString(Taken))(text)
  const post = { event, status: response.status, seq: 0, reason: "" }
  if (response.status === 202 && Option.isSome(taken)) {
    const { duplicate, seq, type } = taken.value
    const kind: Kind = duplicate ? "duplicate" : type === "other" ? "ignored" : "accepted"
    return { ...post, seq, kind }
  }
  const refusal = Option.getOrUndefined(Schema.decodeUnknownOption(Schema.fromJsonString(Refusal))(text))
  const reason = refusal === undefined ? line(text).slice(0, 200) : `${refusal._tag}: ${refusal.message}`
  // a payload that is refused for what it says is answered; anything else may come again and is not kept
  const kind: Kind = response.status === 403 || response.status === 422 ? "refused" : "lost"
  return { ...post, kind, reason: `${response.status} ${reason}` }
})

/** Posts it, and comes again when told to. */
const post = Effect.fnUntraced(function* (url: string, secret: Redacted.Redacted<string>, { body, event, id }: Delivery) {
  const request = HttpClientRequest.post(`${url}/webhooks/github`).pipe(
    HttpClientRequest.bodyText(body, "application/json"),
    HttpClientRequest.setHeaders({
      "user-agent": "GitHub-Hookshot/replay",
      "x-github-event": event,
      "x-github-delivery": id,
      "x-hub-signature-256": `sha256=${createHmac("sha256", Redacted.value(secret)).update(body).digest("hex")}`
    })
  )
  for (let left = 60; ; left--) {
    const response = yield* HttpClient.execute(request)
    if (response.status !== 429 || left === 0) return yield* read(event, response)
    yield* Effect.sleep(Duration.seconds(Number(response.headers["retry-after"] ?? 1)))
  }
})

const postTwice = Effect.fnUntraced(function* (url: string, secret: Redacted.Redacted<string>, delivery: Delivery) {
  const once = Effect.catch(post(url, secret, delivery), (error) =>
    Effect.succeed<Post>({ event: delivery.event, kind: "lost", status: 0, seq: 0, reason: `no answer: ${error.message}` })
  )
  const first: Post = yield* once
  const second: Post = yield* once
  if (first.seq === second.seq && (first.seq === 0 || second.kind === "duplicate")) return [first, second]
  const reason = `stored as event ${first.seq}, its repetition as event ${second.seq}`
  return [first, { ...second, kind: "lost" as const, reason }]
})

/** What the API says at this path, or null where it does not answer or says something else. */
const ask = <A>(url: string, path: string, schema: Schema.ConstraintDecoder<A>) =>
  Effect.gen(function* () {
    const token = yield* variable("SQUADRON_TOKEN")
    const base = HttpClientRequest.get(`${url}/api/v1${path}`)
    const response = yield* HttpClient.execute(
      Option.isNone(token) ? base : HttpClientRequest.bearerToken(base, token.value)
    )
    return Option.getOrNull(Schema.decodeUnknownOption(schema)(yield* response.json))
  }).pipe(Effect.orElseSucceed(() => null))

/** Asks for each event by its number; null where the API does not answer at all. */
const findMissing = Effect.fnUntraced(function* (url: string, seqs: ReadonlyArray<number>) {
  if ((yield* ask(url, "/status", Status)) === null) return null
  const Found = Schema.Struct({ seq: Schema.Int })
  const found = yield* Effect.forEach(seqs, (seq) => ask(url, `/events/${seq}`, Found), { concurrency: 8 })
  return seqs.filter((seq, n) => found[n]?.seq !== seq)
})

/** Waits until all is routed and no agent is at work, at most so many seconds. */
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

const rowOf = (event: string, posts: ReadonlyArray<Post>) => {
  const of = (kind: Kind) => posts.filter((post) => post.kind === kind).length
  const counts = { accepted: of("accepted"), ignored: of("ignored"), duplicate: of("duplicate"), refused: of("refused") }
  return { event, posted: posts.length, ...counts, lost: of("lost") }
}

const describeAgents = (agents: typeof Agents.Type): string => {
  const counts = countBy(agents, (agent) => `${agent.role}\n${agent.status}`)
  const rows = counts.map(([key, count]) => [...key.split("\n"), count])
  const newest = agents.slice(0, 10).map(({ id, note = "", role, status, subject }) => {
    const place = subject.number === 0 ? subject.repository : `${subject.repository}#${subject.number}`
    return [id, role, place, status, note]
  })
  return `${table(["role", "status", "agents"], rows)}\n\n${table(["newest", "role", "subject", "status", "note"], newest)}`
}

const replay = Effect.fn("replay")(function* (flags: {
  readonly url: string
  readonly secret: Option.Option<Redacted.Redacted<string>>
  readonly secretFile: Option.Option<string>
  readonly json: boolean
  readonly wait: number
}) {
  const url = flags.url.replace(/\/+$/, "")
  const secret = yield* findSecret(flags.secret, flags.secretFile)
  const all = yield* Effect.orDie(deliveries)
  yield* Effect.mapError(
    HttpClient.get(`${url}/healthz`),
    () => new CannotReplay({ reason: `Nothing answers at ${url}. Start a squadron with \`npm start\`, or name it with --url.` })
  )

  const start = yield* Clock.currentTimeMillis
  let done = 0
  const progress = Console.error(`replay: ${done} of ${all.length} deliveries posted`)
  const reporter = yield* Effect.forkScoped(
    Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.suspend(() => Console.error(`replay: ${done} of ${all.length} deliveries posted`))))
  )
  const posts = yield* Effect.forEach(all, (one) => Effect.tap(postTwice(url, secret, one), () => Effect.sync(() => done++)), { concurrency: 4 })
})
