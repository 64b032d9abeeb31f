import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { commented, deliver, deliveryHeaders, deliveryId, idle, issueOpened, secret } from "./support/Client.ts"
import { addressOf, agentProcesses, copySquad, eventually, ready, start } from "./support/Daemon.ts"
import { databaseOf, isWhole, query } from "./support/Database.ts"
import { connect, portOf, sendOpen, serverOn } from "./support/Server.ts"

const within = 60_000
const env = { SQUADRON_GITHUB_WEBHOOK_SECRET: secret }

/** A daemon that listens, but is not at work for a second: it has to end a program that does not listen to SIGTERM. */
const slowStart = Effect.gen(function* () {
  const folder = yield* copySquad()
  // no other program uses the ports of this address
  const host = `127.${1 + (process.pid % 254)}.${1 + ((process.pid >> 8) % 254)}.77`
  const port = yield* Effect.scoped(Effect.map(serverOn(host), portOf))
  const begin = start(folder, { env, at: [host, port] })
  yield* Effect.scoped(
    Effect.gen(function* () {
      const daemon = yield* begin
      const url = yield* ready(folder, daemon)
      yield* deliver(url, commented(deliveryId(1), "local/squad", 1, "@squadron deaf: work"))
      yield* eventually(
        "an agent that ignores SIGTERM",
        Effect.sync(() => (agentProcesses(folder).length >= 2 ? true : undefined))
      )
      yield* daemon.signal("SIGKILL")
      yield* daemon.ended
    })
  )
  const daemon = yield* begin
  yield* eventually(
    "an open port",
    Effect.orElseSucceed(Effect.as(connect(host, port), true), () => undefined),
    { last: () => `It printed:\n${daemon.out()}${daemon.err()}` }
  )
  assert.isUndefined(addressOf(folder, daemon), "it is not at work yet")
  return { folder, daemon, url: `http://${host}:${port}` }
})

describe("a daemon that starts while others talk to it", () => {
  it.live(
    "answers a delivery that comes while it starts, once it is at work",
    () =>
      Effect.gen(function* () {
        const { url } = yield* slowStart
        const answer = yield* deliver(url, issueOpened(deliveryId(2), "acme/widgets", 1))
        assert.strictEqual(answer.status, 202)
      }),
    within
  )

  it.live(
    "ends when it is told to, though somebody waits for an answer, and leaves nobody half ended",
    () =>
      Effect.gen(function* () {
        const { daemon, folder, url } = yield* slowStart
        yield* Effect.forkScoped(Effect.ignore(deliver(url, issueOpened(deliveryId(2), "acme/widgets", 1))))
        yield* eventually(
          "word that it began to end what was left",
          Effect.sync(() => (existsSync(join(folder, "heard")) ? true : undefined))
        )
        const from = yield* Clock.currentTimeMillis
        yield* daemon.signal("SIGTERM")
        assert.strictEqual((yield* daemon.ended).code, 130, daemon.out() + daemon.err())
        assert.isBelow((yield* Clock.currentTimeMillis) - from, 9000)
        assert.deepStrictEqual(agentProcesses(folder), [])
      }),
    within
  )
})

describe("a daemon that stops while others talk to it", () => {
  it.live(
    "has kept all that it acknowledged, and has written down the end of every run",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const file = databaseOf(folder)
        const acknowledged = new Map<string, number>()
        yield* Effect.scoped(
          Effect.gen(function* () {
            const daemon = yield* start(folder, { env })
            const url = yield* ready(folder, daemon)
            const send = Effect.fnUntraced(function* (n: number) {
              const id = deliveryId(n)
              const answer = yield* deliver(url, issueOpened(id, "acme/widgets", n))
              if (answer.status === 202) acknowledged.set(id, (answer.body as { seq: number }).seq)
            })
            const one = Effect.fnUntraced(function* (first: number) {
              for (let n = first; ; n += 4) yield* send(n)
            })
            const sending = yield* Effect.forkScoped(
              Effect.forEach([1, 2, 3, 4], (first) => Effect.ignore(one(first)), { concurrency: 4 })
            )
            yield* eventually(
              "deliveries and agents at work",
              Effect.sync(() => (acknowledged.size > 20 && agentProcesses(folder).length > 0 ? true : undefined))
            )
            const from = yield* Clock.currentTimeMillis
            yield* daemon.signal("SIGTERM")
            assert.strictEqual((yield* daemon.ended).code, 130, daemon.out() + daemon.err())
            // a second for the runs, two for who is connected
            assert.isBelow((yield* Clock.currentTimeMillis) - from, 9000)
            yield* Fiber.join(sending)
          })
        )
        assert.deepStrictEqual(agentProcesses(folder), [])
        assert.isTrue(isWhole(file))
        assert.strictEqual(query(file, "SELECT count(*) FROM agents WHERE status = 'running'"), 0)
        for (const [id, seq] of acknowledged) {
          assert.strictEqual(query(file, `SELECT seq FROM events WHERE key = 'github:${id}'`), seq, id)
        }
        assert.isAbove(query(file, "SELECT count(*) FROM agents WHERE status <> 'done'"), 0, "work is left")
      }),
    within
  )

  it.live(
    "is not held up by who watches, sends half of something or says nothing at all",
    () =>
      Effect.gen(function* () {
        const folder = yield* copySquad()
        const daemon = yield* start(folder, { env })
        const url = yield* ready(folder, daemon)
        const { hostname, port } = new URL(url)
        const delivery = issueOpened(deliveryId(1), "acme/widgets", 1)
        const headers = Object.entries(deliveryHeaders(delivery, "{}")).map(([name, value]) => `${name}: ${value}`)
        const host = `host: ${hostname}`
        yield* sendOpen(hostname, Number(port), "GET /api/v1/watch HTTP/1.1", host, "", "")
        yield* sendOpen(hostname, Number(port), "POST /webhooks/github HTTP/1.1", host, "content-")
        yield* sendOpen(
          hostname,
          Number(port),
          "POST /webhooks/github HTTP/1.1",
          host,
          ...headers,
          "content-length: 1000",
          "",
          "{"
        )
        yield* sendOpen(hostname, Number(port))
        assert.strictEqual((yield* deliver(url, delivery)).status, 202, "the others are served meanwhile")
        yield* idle(url)
        const from = yield* Clock.currentTimeMillis
        yield* daemon.signal("SIGTERM")
        assert.strictEqual((yield* daemon.ended).code, 130, daemon.out() + daemon.err())
        assert.isBelow((yield* Clock.currentTimeMillis) - from, 6000)
      }),
    within
  )
})
