/** Webhooks and issues that come in steadily, whether a daemon is there or not. */
import { Effect, Random } from "effect"
import { commented, deliver, deliveryId, issueOpened, post, read } from "./Client.ts"
import { eventually } from "./Daemon.ts"

export const repository = "local/squad"

export type Issue = { readonly number: number; readonly title: string }

/** Patience with one request over all the lives of a daemon. */
const within = 200_000

/**
 * Sends `hooks` deliveries, every second of them a command to an agent, and opens `issues`, spread over so many lives of
 * a daemon. Whatever is not acknowledged is sent again, as GitHub and people do.
 */
export const makeTraffic = (options: {
  readonly hooks: number
  readonly issues: number
  readonly lives: number
  readonly seed: string
}) => {
  const { hooks, issues, lives, seed } = options
  /** The sequence number that each delivery was acknowledged with. */
  const acknowledged = new Map<string, number>()
  /** The number that each issue was acknowledged with. */
  const opened = new Map<string, number>()
  const listeners = new Set<() => void>()
  let address: string | undefined
  let life = 0
  let unanswered = 0

  const keep = (book: Map<string, number>, name: string, number: number) => {
    book.set(name, number)
    for (const listener of listeners) listener()
    return number
  }

  // Asks the daemon that lives now until it answers; the next life gets what this one did not acknowledge.
  const insist = <A, E>(attempt: (url: string) => Effect.Effect<A | undefined, E>) =>
    eventually(
      "an acknowledgement",
      Effect.suspend(() => {
        if (address === undefined) return Effect.succeed(undefined)
        unanswered++
        return attempt(address).pipe(
          Effect.orElseSucceed(() => undefined),
          Effect.ensuring(Effect.sync(() => unanswered--))
        )
      }),
      { within }
    )

  const open = (n: number) => {
    const title = `issue ${String(n).padStart(3, "0")}`
    return insist((url) =>
      Effect.gen(function* () {
        // An answer that was lost may have been a yes, so it looks before it asks again.
        const there = (yield* read<ReadonlyArray<Issue>>(url, "/issues?limit=1000")).find(
          (issue) => issue.title === title
        )
        if (there !== undefined) return keep(opened, title, there.number)
        const answer = yield* post(url, "/issues", { title })
        return answer.status === 200 ? keep(opened, title, (answer.body as Issue).number) : undefined
      })
    )
  }

  const hook = (n: number) => {
    const id = deliveryId(n)
    const delivery =
      n % 2 === 0
        ? issueOpened(id, "acme/widgets", n + 1)
        : commented(id, repository, 1 + (n % Math.max(1, opened.size)), `@squadron probe: token-${n}`)
    return insist((url) =>
      Effect.map(deliver(url, delivery), (answer) =>
        answer.status === 202 ? keep(acknowledged, id, (answer.body as { seq: number }).seq) : undefined
      )
    )
  }

  const inLife = (n: number) =>
    eventually(
      `life ${n}`,
      Effect.sync(() => (life >= n ? true : undefined)),
      { within }
    )

  const spread = Effect.fnUntraced(function* (total: number, send: (n: number) => Effect.Effect<unknown, unknown>) {
    const pauses = yield* Effect.replicateEffect(Random.nextIntBetween(0, 120), total)
    yield* Effect.forEach(
      pauses,
      (pause, n) =>
        inLife(1 + Math.floor((n * lives) / total)).pipe(Effect.andThen(Effect.sleep(pause)), Effect.andThen(send(n))),
      { concurrency: 3, discard: true }
    )
  })

  return {
    acknowledged,
    opened,
    /** Ends when all is acknowledged. */
    run: Effect.andThen(
      open(0),
      Effect.all([spread(hooks, hook), spread(issues - 1, (n) => open(n + 1))], { concurrency: 2, discard: true })
    ).pipe(Random.withSeed(seed)),
    /** Where the daemon is, if it lives. */
    direct: (url: string | undefined) => {
      address = url
    },
    /** So many lives have begun. */
    begin: (n: number) => {
      life = n
    },
    /** Requests that have no answer yet. */
    unanswered: () => unanswered,
    /** Called in the tick of each acknowledgement; returns what ends that. */
    onAnswer: (listener: () => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
  }
}
