import { request } from "node:http"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Exit, FileSystem, Scope } from "effect"
import { type Address, makeHostProxy } from "../../../src/adapters/sandbox/hostProxy.ts"
import { type HostRule, parseRule } from "../../../src/adapters/sandbox/hostRules.ts"
import { serveSocket } from "../../../src/adapters/sandbox/unixServer.ts"
import { live, serve } from "./Enclosures.ts"

const rulesOf = (hosts: ReadonlyArray<string>): ReadonlyArray<HostRule> =>
  hosts.flatMap((host) => parseRule(host) ?? [])

/** A proxy for these hosts on a socket; names are looked up in `names`. */
const proxy = Effect.fnUntraced(function* (
  hosts: ReadonlyArray<string>,
  names: Readonly<Record<string, ReadonlyArray<string>>> = {}
) {
  const fs = yield* FileSystem.FileSystem
  const path = `${yield* fs.makeTempDirectoryScoped()}/proxy`
  const refused: Array<string> = []
  let asked = 0
  const resolve = async (name: string): Promise<ReadonlyArray<Address>> => {
    asked += 1
    const addresses = names[name]
    if (addresses === undefined) throw Object.assign(new Error(name), { code: "ENOTFOUND" })
    return addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }))
  }
  yield* serveSocket(path, (track) =>
    makeHostProxy({ rules: rulesOf(hosts), track, resolve, onRefused: (line) => refused.push(line) })
  )
  return { path, refused, asked: () => asked }
})

/** Sends raw text; gives all that comes until the other side ends. */
const say = (path: string, text: string): Effect.Effect<string> =>
  Effect.callback((resume) => {
    let heard = ""
    const socket = connect(path, () => socket.write(text))
    socket.on("data", (bytes: Buffer) => (heard += bytes.toString()))
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.succeed(heard)))
    return Effect.sync(() => socket.destroy())
  })

const tunnelTo = (target: string) => `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`

const listen = (onConnection: (socket: Socket) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<Server>((resume) => {
        const server = createServer(onConnection)
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
    ),
    (server) => (server.address() as AddressInfo).port
  )

describe("the proxy of hosts", () => {
  live("connects to the address that it looked up, once", () =>
    Effect.gen(function* () {
      const port = yield* listen((socket) => socket.end("hello"))
      const { asked, path } = yield* proxy([`model.example:${port}`], { "model.example": ["127.0.0.1"] })
      assert.strictEqual(
        yield* say(path, tunnelTo(`model.example:${port}`)),
        "HTTP/1.1 200 Connection Established\r\n\r\nhello"
      )
      assert.strictEqual(asked(), 1)
    })
  )

  live("refuses a name of an inner address, unless it was listed with its port", () =>
    Effect.gen(function* () {
      const names = { "model.example": ["10.1.2.3"], "a.model.example": ["1.1.1.1", "::1"] }
      const { path, refused } = yield* proxy(["model.example", "*.model.example:443", "127.0.0.1"], names)
      const key = (target: string, address: string) =>
        `squadron: ${target} is at ${address}, an address of this machine or its network. Add "${target}", with its port, to the role's \`hosts\` if that is meant.`
      const expected = [
        key("model.example:443", "10.1.2.3"),
        key("a.model.example:443", "::1"),
        key("127.0.0.1:443", "127.0.0.1")
      ]
      for (const [index, target] of ["model.example:443", "a.model.example:443", "127.0.0.1:443"].entries()) {
        const answer = yield* say(path, tunnelTo(target))
        assert.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n/)
        assert.strictEqual(answer.split("\r\n\r\n")[1], `${expected[index]}\n`)
      }
      assert.deepStrictEqual(refused, expected)
    })
  )

  live("looks up no name that is not listed", () =>
    Effect.gen(function* () {
      const { asked, path } = yield* proxy(["a.example"], { "secret.evil.example": ["1.1.1.1"] })
      assert.include(yield* say(path, tunnelTo("secret.evil.example:443")), "403")
      assert.strictEqual(asked(), 0)
    })
  )

  live("says what is wrong with a host that cannot be reached or a request that cannot be read", () =>
    Effect.gen(function* () {
      const closed = yield* Effect.scoped(listen(() => {}))
      const hosts = ["gone.example", `localhost:${closed}`, "empty.example", "localhost:80"]
      const { path } = yield* proxy(hosts, { localhost: ["127.0.0.1"], "empty.example": [] })
      const cases = [
        [tunnelTo("gone.example:443"), 502, "gone.example cannot be resolved (ENOTFOUND)"],
        [tunnelTo("empty.example:443"), 502, "empty.example has no address"],
        [tunnelTo(`localhost:${closed}`), 502, `localhost:${closed} cannot be reached (ECONNREFUSED)`],
        [`GET http://localhost:${closed}/ HTTP/1.1\r\nHost: x\r\n\r\n`, 502, "cannot be reached (ECONNREFUSED)"],
        [tunnelTo("a b"), 400, ""],
        [tunnelTo("localhost"), 400, "no host can be read"],
        ["GET /path HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "no host can be read"],
        ["GET https://gone.example/ HTTP/1.1\r\nHost: gone.example\r\n\r\n", 400, "no host can be read"],
        ["GET http://other.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 403, 'Add "other.example:80"'],
        ["nonsense\r\n\r\n", 400, ""]
      ] as const
      for (const [text, status, words] of cases) {
        const answer = yield* say(path, text)
        assert.strictEqual(answer.slice(0, 12), `HTTP/1.1 ${status}`, text)
        assert.include(answer, words)
      }
    })
  )

  live("survives clients and hosts that break off or talk nonsense", () =>
    Effect.gen(function* () {
      const breaking = yield* listen((socket) => socket.once("data", () => socket.resetAndDestroy()))
      const odd = yield* listen((socket) =>
        socket.once("data", () => socket.end("HTTP/1.1 200 a\x01b\r\nContent-Length: 1\r\n\r\nx"))
      )
      const short = yield* listen((socket) =>
        socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"))
      )
      const good = yield* serve((_, response) => response.end("good"))
      const { path } = yield* proxy(
        [breaking, odd, short, good].map((port) => `localhost:${port}`),
        { localhost: ["127.0.0.1"] }
      )
      const plain = (port: number) => `GET http://localhost:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
      for (const port of [breaking, odd, short]) {
        yield* say(path, plain(port))
        yield* say(path, `${tunnelTo(`localhost:${port}`)}early words`)
      }
      const leave = Effect.callback<void>((resume) => {
        const socket = connect(path, () => socket.write(tunnelTo(`localhost:${good}`), () => socket.destroy()))
        socket.on("error", () => {})
        socket.on("close", () => resume(Effect.void))
      })
      yield* Effect.all([leave, leave, leave])
      assert.match(yield* say(path, plain(good)), /^HTTP\/1\.1 200 OK\r\n[^]*good/)
    })
  )

  live("passes on a body and its answer, each while it comes", () =>
    Effect.gen(function* () {
      const port = yield* serve((incoming, response) => {
        response.flushHeaders()
        incoming.pipe(response)
      })
      const { path } = yield* proxy([`localhost:${port}`], { localhost: ["127.0.0.1"] })
      const heard = yield* Effect.callback<string>((resume) => {
        const options = { socketPath: path, method: "POST", path: `http://localhost:${port}/` }
        const outgoing = request(options, (answer) => {
          let text = ""
          outgoing.write("one ")
          answer.on("data", (bytes: Buffer) => {
            text += bytes.toString()
            // The second word is said when the first has come back.
            if (text === "one ") outgoing.end("two")
          })
          answer.on("end", () => resume(Effect.succeed(text)))
        })
        outgoing.flushHeaders()
      })
      assert.strictEqual(heard, "one two")
    })
  )

  live("ends every connection with its scope", () =>
    Effect.gen(function* () {
      const outside = yield* Deferred.make<void>()
      const inside = yield* Deferred.make<void>()
      const port = yield* listen((socket) => {
        socket.on("error", () => {})
        socket.on("close", () => Deferred.doneUnsafe(outside, Effect.void))
      })
      const scope = yield* Scope.make()
      const { path } = yield* Scope.provide(proxy([`localhost:${port}`], { localhost: ["127.0.0.1"] }), scope)
      yield* Effect.callback<void>((resume) => {
        const socket = connect(path, () => socket.write(tunnelTo(`localhost:${port}`)))
        socket.on("data", () => resume(Effect.void))
        socket.on("close", () => Deferred.doneUnsafe(inside, Effect.void))
      })
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.await(inside)
      yield* Deferred.await(outside)
    })
  )
})
