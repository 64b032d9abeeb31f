/** What a person's tools and GitHub send to a daemon. */
import { Effect, Schema } from "effect"
import { createHmac } from "node:crypto"
import { eventually } from "./Daemon.ts"

export const secret = "live-test-secret"

/** No answer came, or one that is no JSON: what was asked may have happened or not. */
export class NoAnswer extends Schema.TaggedError<NoAnswer>()("NoAnswer", { reason: Schema.String }) {
  override get message() {
    return `no answer: ${this.reason}`
  }
}

export type Answer = { readonly status: number; readonly body: unknown }

const ask = (url: string, init: RequestInit): Effect.Effect<Answer, NoAnswer> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, { ...init, signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) })
      return { status: response.status, body: (await response.json()) as unknown }
    },
    catch: (cause) =>
      new NoAnswer({ reason: cause instanceof Error ? `${cause.message}: ${String(cause.cause)}` : String(cause) })
  })

const get = (url: string, path: string) => ask(`${url}/api/v1${path}`, {})

export const post = (url: string, path: string, body: unknown) =>
  ask(`${url}/api/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })

/** The answer's body; any status but 200 fails. */
export const read = <A>(url: string, path: string): Effect.Effect<A, NoAnswer> =>
  Effect.flatMap(get(url, path), ({ body, status }) =>
    status === 200
      ? Effect.succeed(body as A)
      : Effect.fail(new NoAnswer({ reason: `${path} answers ${status}: ${JSON.stringify(body)}` }))
  )

/** All lines of a list that comes newest first, oldest first. */
export const readAll = Effect.fnUntraced(function* <A>(url: string, path: string, idOf: (line: A) => number) {
  const lines: Array<A> = []
  while (true) {
    const before = lines.at(-1)
    const page = yield* read<ReadonlyArray<A>>(
      url,
      `${path}?limit=1000${before === undefined ? "" : `&before=${idOf(before)}`}`
    )
    lines.push(...page)
    if (page.length < 1000) return lines.toReversed()
  }
})

export type Delivery = { readonly id: string; readonly event: string; readonly payload: unknown }

/** A delivery's id. */
export const deliveryId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`

/** What GitHub sends along with the body. */
export const deliveryHeaders = (
  { event, id }: Pick<Delivery, "event" | "id">,
  body: string | Uint8Array,
  key = secret
) => ({
  "content-type": "application/json",
  "x-github-event": event,
  "x-github-delivery": id,
  "x-hub-signature-256": `sha256=${createHmac("sha256", key).update(body).digest("hex")}`
})

/** A signed delivery, as GitHub sends it. */
export const deliver = (url: string, delivery: Delivery) => {
  const body = JSON.stringify(delivery.payload)
  return ask(`${url}/webhooks/github`, { method: "POST", headers: deliveryHeaders(delivery, body), body })
}

const github = (repository: string, number: number) => ({
  repository: { full_name: repository },
  sender: { login: "octocat", type: "User" },
  issue: {
    number,
    title: `Issue ${number}`,
    body: "",
    state: "open",
    labels: [],
    assignees: [],
    user: { login: "octocat" }
  }
})

export const issueOpened = (id: string, repository: string, number: number) => ({
  id,
  event: "issues",
  payload: { action: "opened", ...github(repository, number) }
})

export const commented = (id: string, repository: string, number: number, body: string) => ({
  id,
  event: "issue_comment",
  payload: {
    action: "created",
    ...github(repository, number),
    comment: { id: number, body, author_association: "OWNER", user: { login: "octocat" } }
  }
})

export type Status = {
  readonly accepting: boolean
  readonly events: number
  readonly routed: number
  readonly unread: number
  readonly setAside: number
  readonly actionsQueued: number
  readonly actionsFailed: number
  readonly agents: Readonly<Record<string, number>>
  readonly permits: { readonly held: number }
  readonly roles: ReadonlyArray<{ readonly name: string }>
}

const isIdle = (status: Status) =>
  status.routed === status.events &&
  status.permits.held === 0 &&
  status.actionsQueued === 0 &&
  ["ready", "running", "waiting"].every((name) => (status.agents[name] ?? 0) === 0)

/** Waits until nothing is left to do. */
export const idle = Effect.fnUntraced(function* (url: string, within = 60_000) {
  let last = ""
  return yield* eventually(
    "an idle squadron",
    Effect.map(read<Status>(url, "/status"), (status) => {
      last = JSON.stringify(status)
      return isIdle(status) ? status : undefined
    }),
    { within, last: () => last }
  )
})
